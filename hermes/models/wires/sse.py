"""Server-sent events, sans I/O: bytes in, events out (WHATWG HTML, section 9.2.6, without reconnection).

1. However the bytes are cut, the events are the same.
2. A line ends with LF, CR or CRLF; one BOM at the very beginning is left out; a line that begins with a colon is a
   comment and does no more than keep the connection alive; fields other than ``event`` and ``data`` mean nothing here.
3. An event without data is none. One that is not followed by a blank line before the end is taken by ``end`` if it has
   data, since servers exist that end so.
4. A line and an event are bounded: what is longer is ``RemoteProtocolError``.
"""

import re

from attrs import frozen

from hermes.errors import RemoteProtocolError

# One event of a model is a few words; one that holds a whole answer or a large tool call stays far below this.
MAX_EVENT_BYTES = 8 * 1024 * 1024

_LINE_END = re.compile(rb"\r\n|\r|\n")
_BOM = b"\xef\xbb\xbf"


@frozen
class SseEvent:
    name: str
    """Of the ``event`` field; empty: there was none."""
    data: str
    """The ``data`` lines, joined by newlines. Bytes that are no UTF-8 are replaced."""


class SseReader:
    """The state between two pieces of one stream."""

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._held = 0
        self._begun = False
        self._skip_newline = False
        self._name = ""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> list[SseEvent]:
        """The events that ``piece`` completes. Raises ``RemoteProtocolError`` beyond the bound."""
        if self._skip_newline and piece:
            self._skip_newline = False
            piece = piece.removeprefix(b"\n")
        events: list[SseEvent] = []
        start = 0
        for match in _LINE_END.finditer(piece):
            self._hold(piece[start : match.start()])
            self._line(b"".join(self._parts), events)
            self._parts.clear()
            self._held = 0
            start = match.end()
        # A CR at the very end may be half of a CRLF.
        self._skip_newline = piece.endswith(b"\r")
        self._hold(piece[start:])
        return events

    def end(self) -> list[SseEvent]:
        """The stream is over: what was left without its blank line."""
        events: list[SseEvent] = []
        self._line(b"".join(self._parts), events)
        self._parts.clear()
        self._held = 0
        self._dispatch(events)
        return events

    def _hold(self, rest: bytes) -> None:
        if rest:
            self._parts.append(rest)
            self._held += len(rest)
            self._check(self._held)

    def _line(self, line: bytes, events: list[SseEvent]) -> None:
        if not self._begun:
            self._begun = True
            line = line.removeprefix(_BOM)
        if not line:
            self._dispatch(events)
            return
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
            self._size += len(value) + 1
            self._check(self._size)
        elif name == b"event":
            self._name = value.removeprefix(b" ").decode("utf-8", "replace")

    def _dispatch(self, events: list[SseEvent]) -> None:
        if self._data:
            events.append(SseEvent(self._name, b"\n".join(self._data).decode("utf-8", "replace")))
        self._name = ""
        self._data = []
        self._size = 0

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise RemoteProtocolError(f"one event of the stream is longer than {self._limit:,} bytes")
