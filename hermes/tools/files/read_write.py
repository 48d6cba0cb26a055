"""The ``file`` tools: ``read_file`` and ``write_file`` here, ``patch`` and ``search_files`` in their own modules.

Rules:

1. What is read passes the redactor: a secret stands there as ``[redacted]``, line numbers stay true.
2. So text that was read cannot blindly be written back: ``write_file`` refuses content that holds more of these marks
   than the file does, since it would put a mark in place of a secret.
3. What may be touched at all: hermes/tools/files/guard.py.
4. A file that somebody changed after the session read it is not written over: hermes/tools/files/stamps.py. Content
   that stands there already is a success, so that a write that was repeated after a crash is no conflict.
"""

import os
from functools import partial
from pathlib import Path
from typing import Annotated

import trio
from attrs import frozen

from hermes.tools.contract import Effect, ToolContext, ToolOutcome, ToolResult
from hermes.tools.files.guard import MOST_WRITTEN, NO_PATH, refuse_marks, refuse_protected, refuse_secret
from hermes.tools.files.kind import Encoding
from hermes.tools.files.place import READERS, WRITERS, locate
from hermes.tools.files.replace import Replaced, replace_file
from hermes.tools.files.roots import place_of
from hermes.tools.files.stamps import Seen, Stamp
from hermes.tools.files.window import LONGEST_LINE, Window, open_regular, read_window
from hermes.tools.patch.tool import patch
from hermes.tools.search.tool import search_files
from hermes.tools.signature.define import tool

# A disk that does not answer is told to the model, and does not hold its turn.
_READ_SECONDS = 60.0
_MOST_LINES = 5_000


@tool(toolset="file", effect=Effect.READ_ONLY)
async def read_file(
    context: ToolContext, path: str, offset: Annotated[int, "first line"] = 1, limit: Annotated[int, "lines"] = 500
) -> ToolOutcome:
    """Read a text file with line numbers. Secrets show as [redacted].

    At most 50 KB and 5,000 lines are returned, a line is cut at 2,000 characters. Cancelled: a thread that waits for
    the disk is left behind.
    """
    if not path or "\0" in path:
        return ToolResult(NO_PATH, is_error=True)
    if offset < 1 or limit < 1:
        return ToolResult("Not read: offset and limit begin at 1.", is_error=True)
    located = locate(context, path)
    with trio.move_on_after(_READ_SECONDS):
        read = partial(_read, context, located, offset, min(limit, _MOST_LINES))
        found = await trio.to_thread.run_sync(read, abandon_on_cancel=True, limiter=READERS)
        await Seen(context.session_id, context.state).keep(found.real, found.window.stamp)
        return ToolResult(_shown(context, found.window))
    return ToolResult(f"{located} could not be read within {_READ_SECONDS:g} seconds.", is_error=True)


@tool(toolset="file", effect=Effect.EFFECTFUL)
async def write_file(context: ToolContext, path: str, content: str) -> ToolOutcome:
    """Write a file, replacing it whole; makes missing folders.

    Cancelled: the write that has begun is finished first.
    """
    if not path or "\0" in path:
        return ToolResult(NO_PATH, is_error=True)
    if path.endswith("/"):
        return ToolResult("Not written: the path names a folder.", is_error=True)
    if len(content) > MOST_WRITTEN:
        return ToolResult(f"Not written: longer than {MOST_WRITTEN:,} characters.", is_error=True)
    located, seen = locate(context, path), Seen(context.session_id, context.state)
    real = await trio.to_thread.run_sync(_real, located, limiter=WRITERS)
    write = partial(_write, context, located, content, await seen.stamp(real))
    written = await trio.to_thread.run_sync(write, limiter=WRITERS)
    await seen.keep(written.replaced.path, written.replaced.stamp)
    return ToolResult(written.told(content))


@frozen
class _Read:
    real: Path
    window: Window


@frozen
class _Written:
    replaced: Replaced
    unchanged: bool
    encoding: Encoding
    """Of the content that was there."""

    def told(self, content: str) -> str:
        verb = "Unchanged" if self.unchanged else "Created" if self.replaced.created else "Replaced"
        lines = content.count("\n") + (not content.endswith("\n") and bool(content))
        told = f"{verb} {self.replaced.path}: {lines:,} lines, {len(content.encode()):,} bytes."
        return told if self.encoding is Encoding.UTF8 else f"{told} It was UTF-16 before, and is UTF-8 now."


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _read(context: ToolContext, path: Path, first: int, count: int) -> _Read:
    judge = partial(refuse_secret, place=place_of(context))
    judge(path)
    return _Read(_real(path), read_window(path, first, count, judge))


def _write(context: ToolContext, path: Path, content: str, seen: Stamp | None) -> _Written:
    judge = partial(refuse_protected, place=place_of(context))
    judge(path)
    data = content.encode()
    refuse_marks(path, data)
    before = _beginning(path, len(data) + 1)
    if before == data:
        return _Written(Replaced(_real(path), created=False, stamp=Stamp.of(path.stat())), True, Encoding.UTF8)
    encoding = next((each for each in Encoding if each.mark and before.startswith(each.mark)), Encoding.UTF8)
    return _Written(replace_file(path, data, seen, judge), False, encoding)


def _beginning(path: Path, size: int) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read(size) or b""
    except FileNotFoundError:
        return b""


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
    if window.encoding is not Encoding.UTF8:
        notes.append("[the file is UTF-16]")
    if window.damaged:
        notes.append("[bytes that are no UTF-8 show as \ufffd]")
    return notes


TOOLS = (read_file, write_file, patch, search_files)
