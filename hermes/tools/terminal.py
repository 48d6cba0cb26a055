"""The ``terminal`` tool: one shell command, run to its end."""

import shutil
from functools import lru_cache
from typing import Annotated

from hermes.agent.ports import CommandOutput
from hermes.tools.approval import permission
from hermes.tools.contract import Effect, ToolContext, ToolOutcome, ToolResult
from hermes.tools.define import tool
from hermes.tools.output import OUTPUT_CHARACTERS, presentable
from hermes.tools.place import is_folder, locate

LONGEST_TIMEOUT = 600.0
"""Seconds. A person waits for the answer; what takes longer belongs into the background."""

# Colours are taken out and the middle is cut afterwards, so that more than the bound has to come in.
_CAPTURED_BYTES = 4 * OUTPUT_CHARACTERS


@tool(toolset="terminal", effect=Effect.EFFECTFUL)
async def terminal(
    context: ToolContext,
    command: str,
    timeout: Annotated[int | None, "seconds, at most 600"] = None,
    workdir: Annotated[str | None, "folder to run in"] = None,
) -> ToolOutcome:
    """Run a shell command; returns its output and exit code. No input can be given to it.

    Dangerous commands are asked of a person first. Cancelled: the command and all that it started are ended. Raises
    ``SpawnError`` when it cannot be started.
    """
    if "\0" in command or not command.strip():
        return ToolResult("Not run: a command needs text without NUL characters.", is_error=True)
    if timeout is not None and timeout < 1:
        return ToolResult("Not run: the timeout is in seconds, 1 to 600.", is_error=True)
    directory = locate(context, workdir or ".")
    if not await is_folder(directory):
        return ToolResult(f"Not run: {directory} is not a folder.", is_error=True)
    permitted = await permission(context, command, str(directory))
    if not isinstance(permitted, str):
        return permitted
    seconds = min(context.timeout if timeout is None else float(timeout), LONGEST_TIMEOUT)
    output = await context.processes.run(
        (_shell(context.environment.get("PATH", "")), "-c", command),
        cwd=directory,
        environment=context.environment,
        timeout=seconds,
        limit=_CAPTURED_BYTES,
    )
    return _result(context, permitted, output, seconds)


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


TOOLS = (terminal,)
