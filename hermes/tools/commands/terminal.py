"""The ``terminal`` tool: one shell command, run to its end or left running in the background.

What is left running is looked after by the ``process`` tool (hermes/tools/commands/process.py).
"""

import shutil
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from hermes.agent.ports import BackgroundCommand, BackgroundView, CommandOutput
from hermes.tools.commands.approval import permission
from hermes.tools.commands.confine import confine
from hermes.tools.commands.output import OUTPUT_CHARACTERS, presentable
from hermes.tools.commands.process import process, shorten
from hermes.tools.contract import Effect, ToolContext, ToolOutcome, ToolResult
from hermes.tools.danger.normalise import show_hidden
from hermes.tools.files.place import is_folder, locate
from hermes.tools.signature.define import tool

LONGEST_TIMEOUT = 600.0
"""Seconds. A person waits for the answer; what takes longer belongs into the background."""

# Colours are taken out and the middle is cut afterwards, so that more than the bound has to come in.
_CAPTURED_BYTES = 4 * OUTPUT_CHARACTERS

# Each is told at most once, as a turn of its own.
_MOST_PATTERNS = 10
_PATTERN_CHARACTERS = 200


@tool(toolset="terminal", effect=Effect.EFFECTFUL)
async def terminal(
    context: ToolContext,
    command: str,
    background: Annotated[bool, "leave it running; see process"] = False,
    timeout: Annotated[int | None, "seconds, at most 600"] = None,
    workdir: Annotated[str | None, "folder to run in"] = None,
    pty: Annotated[bool, "background only"] = False,
    notify_on_complete: Annotated[bool, "background: tell you when it ends"] = False,
    watch_patterns: Annotated[list[str] | None, "background: tell you when one of these texts is printed"] = None,
) -> ToolOutcome:
    """Run a shell command; returns its output and exit code. In the foreground it gets no input.

    Dangerous commands are asked of a person first. Cancelled: the command and all that it started are ended, unless it
    runs in the background. Raises ``SpawnError`` when it cannot be started, and as ``confine`` does.
    """
    patterns = tuple(dict.fromkeys(watch_patterns or ()))
    problem = _problem(command, timeout) or _background_problem(
        context, patterns, wanted=background, needed=pty or notify_on_complete or bool(patterns)
    )
    if problem:
        return ToolResult(f"Not run: {problem}.", is_error=True)
    directory = locate(context, workdir or ".")
    if not await is_folder(directory):
        return ToolResult(f"Not run: {directory} is not a folder.", is_error=True)
    # Before anybody is asked: a sandbox that cannot be had is no question.
    argv = await confine(context, (_shell(context.environment.get("PATH", "")), "-c", command), directory)
    permitted = await permission(context, command, str(directory))
    if not isinstance(permitted, str):
        return permitted
    if background and context.background is not None:
        shown = shorten(context.redactor.redact(show_hidden(command)))
        left = BackgroundCommand(argv, shown, directory, context.environment, pty, notify_on_complete, patterns)
        return _started(permitted, await context.background.start(left), left)
    return await _run(context, permitted, argv, directory, timeout)


def _problem(command: str, timeout: int | None) -> str:
    if "\0" in command or not command.strip():
        return "a command needs text without NUL characters"
    if timeout is not None and timeout < 1:
        return "the timeout is in seconds, 1 to 600"
    return ""


def _background_problem(context: ToolContext, patterns: tuple[str, ...], *, wanted: bool, needed: bool) -> str:
    if needed and not wanted:
        return "pty, notify_on_complete and watch_patterns need background=true"
    if wanted and context.background is None:
        return "nothing can be left running here"
    if len(patterns) > _MOST_PATTERNS or not all(0 < len(pattern) <= _PATTERN_CHARACTERS for pattern in patterns):
        return f"watch_patterns are at most {_MOST_PATTERNS} texts of 1 to {_PATTERN_CHARACTERS} characters"
    return ""


def _started(note: str, view: BackgroundView, command: BackgroundCommand) -> ToolResult:
    told = "you are told when it ends" if command.notify else "look at it with the process tool"
    return ToolResult(f"{note}Started in the background: session_id {view.id}, pid {view.pid}; {told}.")


async def _run(
    context: ToolContext, note: str, argv: tuple[str, ...], directory: Path, timeout: int | None
) -> ToolResult:
    seconds = min(context.timeout if timeout is None else float(timeout), LONGEST_TIMEOUT)
    output = await context.processes.run(
        argv,
        cwd=directory,
        environment=context.environment,
        timeout=seconds,
        limit=_CAPTURED_BYTES,
    )
    return _result(context, note, output, seconds)


@lru_cache(maxsize=8)
def _shell(path: str) -> str:
    """bash where there is one: models write for it."""
    return shutil.which("bash", path=path or None) or "sh"


def _result(context: ToolContext, note: str, output: CommandOutput, seconds: float) -> ToolResult:
    text = presentable(output.output, context.redactor) or "(no output)"
    return ToolResult(f"{note}{text}\n[{_ending(output, seconds)}]", is_error=output.timed_out)


def _ending(output: CommandOutput, seconds: float) -> str:
    total = f"; {output.total_bytes:,} bytes were printed" if output.truncated else ""
    if output.timed_out:
        return f"ended after {seconds:g} seconds without finishing; above is what it printed until then{total}"
    if output.code is None:
        return f"ended by signal {output.signal}{total}"
    return f"exit code {output.code}{total}"


TOOLS = (terminal, process)
