"""The ``process`` tool: what may be done with a command that was left running by ``terminal``.

Rules:

1. A session sees its own processes and no others.
2. What is written to a process is judged as a command would be, together with the line that it ends: a shell that runs
   in the background is no way around a person's approval.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from hermes.agent.ports import Background, BackgroundView, KeptOutput
from hermes.redact import Redactor
from hermes.tools.commands.approval import permission
from hermes.tools.commands.output import clean, cut_middle
from hermes.tools.contract import Effect, ToolContext, ToolOutcome, ToolResult
from hermes.tools.signature.define import tool

LONGEST_WAIT = 600.0
"""Seconds. What takes longer tells of its end by itself."""

_MOST_WRITTEN = 60_000
"""Characters: what a pipe holds, so that a process that does not read at once takes it all the same."""

_POLLED_LINES = 20
_POLLED_CHARACTERS = 4_000
_LOGGED_LINES = 200
_COMMAND_CHARACTERS = 200

_LOOKS = frozenset({"list", "poll", "log"})


def _effect(arguments: Mapping[str, object]) -> Effect:
    return Effect.READ_ONLY if arguments.get("action") in _LOOKS else Effect.EFFECTFUL


@tool(toolset="terminal", effect=Effect.EFFECTFUL, lesser_effect=_effect)
async def process(
    context: ToolContext,
    action: Literal["list", "poll", "log", "wait", "kill", "write", "submit", "close"],
    session_id: Annotated[str | None, "from terminal; for all but list"] = None,
    data: Annotated[str | None, "input; submit adds a newline"] = None,
    timeout: Annotated[int | None, "seconds to wait"] = None,
    offset: Annotated[int | None, "first line of log; leave out for the last ones"] = None,
    limit: Annotated[int, "lines of log"] = _LOGGED_LINES,
) -> ToolOutcome:
    """Look after background processes; close ends the input of one.

    Cancelled: a process that was to be ended is ended all the same. Raises ``Refused`` for one that is not there.
    """
    background = context.background
    if background is None:
        return ToolResult("Nothing can be left running here.", is_error=True)
    if action == "list":
        return ToolResult("\n".join(map(_line, background.listed())) or "There are no background processes.")
    if not session_id:
        return ToolResult(f"{action} needs session_id; list tells which there are.", is_error=True)
    match action:
        case "poll":
            return _polled(background, session_id, context.redactor)
        case "log":
            return _logged(background.output(session_id), context.redactor, offset, limit)
        case "wait":
            return await _waited(context, background, session_id, timeout)
        case "kill":
            return ToolResult(_line(await background.end(session_id)))
        case "close":
            await background.close_input(session_id)
            return ToolResult(f"The input of {session_id} has ended.")
        case "write" | "submit":
            return await _write(context, background, session_id, (data or "") + ("\n" if action == "submit" else ""))


def shorten(command: str) -> str:
    """A command as it is told: in one line, and not longer than that."""
    line = " ".join(command.split())
    return line if len(line) <= _COMMAND_CHARACTERS else line[:_COMMAND_CHARACTERS] + "..."


def _line(view: BackgroundView) -> str:
    state = view.ending or "running"
    return (
        f"{view.id} [{state}; {view.seconds:.0f} s; {view.total_bytes:,} bytes printed; pid {view.pid}]: {view.command}"
    )


def _polled(background: Background, session_id: str, redactor: Redactor) -> ToolResult:
    view = background.view(session_id)
    lines = _lines(background.output(session_id), redactor)
    return ToolResult("\n".join((_line(view), cut_middle("\n".join(lines[-_POLLED_LINES:]), _POLLED_CHARACTERS))))


def _lines(output: KeptOutput, redactor: Redactor) -> list[str]:
    text = redactor.redact(clean(output.text))
    return text.split("\n") if text else []


def _logged(output: KeptOutput, redactor: Redactor, offset: int | None, limit: int) -> ToolResult:
    if limit < 1 or (offset is not None and offset < 1):
        return ToolResult("Not read: offset and limit begin at 1.", is_error=True)
    lines = _lines(output, redactor)
    last = output.first + len(lines) - 1
    first = max(output.first, last - limit + 1 if offset is None else offset)
    shown = lines[first - output.first :][:limit]
    dropped = f"; lines before {output.first} were dropped" if output.first > 1 else ""
    if not shown:
        return ToolResult(
            f"[no lines from {first} on; the last is {last}{dropped}]" if last else "[nothing was printed]"
        )
    body = cut_middle("\n".join(shown))
    return ToolResult(f"{body}\n[lines {first}-{first + len(shown) - 1} of {last}{dropped}]")


async def _waited(context: ToolContext, background: Background, session_id: str, timeout: int | None) -> ToolResult:
    if timeout is not None and timeout < 1:
        return ToolResult("Not waited: the timeout is in seconds, 1 to 600.", is_error=True)
    seconds = min(context.timeout if timeout is None else float(timeout), LONGEST_WAIT)
    view = await background.wait(session_id, seconds)
    told = _polled(background, session_id, context.redactor)
    return told if view.ending else ToolResult(f"{told.content}\n[still running after {seconds:g} seconds]")


async def _write(context: ToolContext, background: Background, session_id: str, data: str) -> ToolOutcome:
    if not data or len(data) > _MOST_WRITTEN:
        return ToolResult(f"Not written: data has 1 to {_MOST_WRITTEN:,} characters.", is_error=True)
    note = ""
    # A key alone (Enter, Ctrl-C) says nothing that could be judged.
    if any(character.isprintable() and not character.isspace() for character in data):
        permitted = await permission(context, background.unfinished(session_id) + data, "")
        if not isinstance(permitted, str):
            return permitted
        note = permitted
    await background.write(session_id, data.encode())
    return ToolResult(f"{note}Written to {session_id}: {len(data):,} characters. poll shows what it says to that.")
