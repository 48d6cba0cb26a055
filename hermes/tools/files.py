"""The ``file`` tools: ``read_file`` and ``write_file``.

Rules:

1. What is read passes the redactor: a secret stands there as ``[redacted]``, line numbers stay true.
2. So text that was read cannot blindly be written back: ``write_file`` refuses content that holds more of these marks
   than the file does, since it would put a mark in place of a secret.
3. Files with credentials are not read. They, the agent's own state and settings, SSH keys, what runs at log-in and the
   system's files are not written: the terminal can, and asks a person first.
"""

import os
from functools import partial
from pathlib import Path
from typing import Annotated

import trio

from hermes.errors import Refused
from hermes.redact import PLACEHOLDER
from hermes.tools.contract import Effect, ToolContext, ToolOutcome, ToolResult
from hermes.tools.danger.protected import Care, Place, Protected, protection
from hermes.tools.define import tool
from hermes.tools.file_replace import Replaced, replace_file
from hermes.tools.file_window import LONGEST_LINE, Window, open_regular, read_window
from hermes.tools.place import READERS, WRITERS, locate

MOST_WRITTEN = 5_000_000
"""Characters. A model that writes more has lost its way."""

# A disk that does not answer is told to the model, and does not hold its turn.
_READ_SECONDS = 60.0
_MOST_LINES = 5_000
_NUL = "Not possible: a path has no NUL characters, and is not empty."

_REASONS = {
    Care.ACCOUNTS: "accounts of this machine",
    Care.KERNEL: "files of the kernel",
    Care.SYSTEM: "files of the system",
    Care.HERMES: "the agent's own state and settings",
    Care.SSH: "SSH keys and settings",
    Care.STARTUP: "what runs at log-in",
    Care.SECRETS: "files with credentials",
}


@tool(toolset="file", effect=Effect.READ_ONLY)
async def read_file(
    context: ToolContext, path: str, offset: Annotated[int, "first line"] = 1, limit: Annotated[int, "lines"] = 500
) -> ToolOutcome:
    """Read a text file with line numbers. Secrets show as [redacted].

    At most 50 KB and 5,000 lines are returned, a line is cut at 2,000 characters. Cancelled: a thread that waits for
    the disk is left behind.
    """
    if not path or "\0" in path:
        return ToolResult(_NUL, is_error=True)
    if offset < 1 or limit < 1:
        return ToolResult("Not read: offset and limit begin at 1.", is_error=True)
    located = locate(context, path)
    with trio.move_on_after(_READ_SECONDS):
        read = partial(_read, located, _place(context), offset, min(limit, _MOST_LINES))
        window = await trio.to_thread.run_sync(read, abandon_on_cancel=True, limiter=READERS)
        return ToolResult(_shown(context, window))
    return ToolResult(f"{located} could not be read within {_READ_SECONDS:g} seconds.", is_error=True)


@tool(toolset="file", effect=Effect.IDEMPOTENT)
async def write_file(context: ToolContext, path: str, content: str) -> ToolOutcome:
    """Write a file, replacing it whole; makes missing folders.

    Cancelled: the write that has begun is finished first.
    """
    if not path or "\0" in path:
        return ToolResult(_NUL, is_error=True)
    if path.endswith("/"):
        return ToolResult("Not written: the path names a folder.", is_error=True)
    if len(content) > MOST_WRITTEN:
        return ToolResult(f"Not written: longer than {MOST_WRITTEN:,} characters.", is_error=True)
    write = partial(_write, locate(context, path), _place(context), content)
    replaced = await trio.to_thread.run_sync(write, limiter=WRITERS)
    verb = "Created" if replaced.created else "Replaced"
    lines = content.count("\n") + (not content.endswith("\n") and bool(content))
    return ToolResult(f"{verb} {replaced.path}: {lines:,} lines, {len(content.encode()):,} bytes.")


def _place(context: ToolContext) -> Place:
    hermes_home = "" if context.hermes_home is None else os.path.realpath(context.hermes_home)
    return Place(hermes_home=hermes_home, user_home=os.path.realpath(context.environment.get("HOME") or "/"))


def _protection(path: Path, place: Place) -> Protected | None:
    """What protects a path, as it is written or behind its symbolic links."""
    return protection(os.path.realpath(path), place) or protection(os.path.normpath(path), place)


def _read(path: Path, place: Place, first: int, count: int) -> Window:
    entry = _protection(path, place)
    if entry is not None and entry.secret:
        raise Refused(f"{path} holds credentials and is not read")
    return read_window(path, first, count)


def _write(path: Path, place: Place, content: str) -> Replaced:
    entry = _protection(path, place)
    if entry is not None:
        reason = _REASONS[entry.care]
        raise Refused(f"{path} belongs to {reason}; if it must be changed, use the terminal, which asks a person")
    data = content.encode()
    if PLACEHOLDER in content:
        _refuse_marks(path, data)
    return replace_file(path, data)


def _refuse_marks(path: Path, content: bytes) -> None:
    mark = PLACEHOLDER.encode()
    try:
        with open_regular(path) as file:
            present = file.read(MOST_WRITTEN).count(mark)
    except FileNotFoundError:
        return
    if content.count(mark) > present:
        raise Refused(
            f"{path} has a secret where the content has {PLACEHOLDER}, and it would be lost: "
            "change only the lines that need it, with sed in the terminal"
        )


def _shown(context: ToolContext, window: Window) -> str:
    """The window as text, redacted together with the lines before it, numbered after that."""
    text = "\n".join((*window.before, *window.lines))
    lines = context.redactor.redact(text).split("\n")[len(window.before) :]
    numbered = [f"{number}\t{_cut(line)}" for number, line in enumerate(lines, window.first)] if window.lines else []
    return "\n".join((*numbered, *_notes(window)))


def _cut(line: str) -> str:
    return line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + " [... line cut]"


def _notes(window: Window) -> list[str]:
    notes: list[str] = []
    if not window.lines:
        notes.append("[the file is empty]")
    if window.more:
        following = window.first + len(window.lines)
        notes.append(f"[the file goes on: {window.size:,} bytes in all; continue with offset={following}]")
    if window.carriage_returns:
        notes.append("[lines end with CR LF]")
    return notes


TOOLS = (read_file, write_file)
