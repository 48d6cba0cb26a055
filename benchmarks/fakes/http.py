"""HTTP/1.1 on the loopback interface, as cheap as Python makes it: callbacks on asyncio's protocols, no task a request.

The fakes share two cores with what they measure, so what they cost is taken from it. Rules:

1. A request has a ``content-length`` or no body; a chunked one is refused with 411. One answer at a time on a
   connection: what a client sends ahead waits.
2. A handler answers at once or keeps the ``Exchange`` and answers later, from a timer; it never blocks.
3. A client that is gone is no error: what is written to it is dropped, and ``on_gone`` tells whoever waits.
"""

import asyncio
import json
from collections.abc import Callable
from typing import cast
from urllib.parse import unquote

from attrs import define, field, frozen

# Bytes of one request: the largest of a benchmark is a prompt of some 100 KB.
MAX_BODY = 16 * 1024 * 1024
MAX_HEAD = 64 * 1024

_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    409: "Conflict",
    411: "Length Required",
    429: "Too Many Requests",
    502: "Bad Gateway",
    503: "Service Unavailable",
}


@frozen
class Request:
    """One request, read to its end."""

    method: str
    path: str
    """Decoded, without the query."""
    query: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes


@define(eq=False)
class Exchange:
    """One request and the way to answer it, once."""

    request: Request
    _connection: "_Connection"
    on_gone: Callable[[], None] = field(default=lambda: None)
    """Called when the client leaves before the answer is complete."""

    def answer(self, body: bytes, status: int = 200, content_type: str = "application/json") -> None:
        """The whole answer."""
        self._connection.write(_head(status, content_type, f"content-length: {len(body)}") + body)
        self._connection.done()

    def answer_json(self, value: object, status: int = 200) -> None:
        self.answer(json.dumps(value, separators=(",", ":")).encode(), status)

    def stream(self, pieces: list[bytes], content_type: str = "text/event-stream") -> None:
        """The whole answer, each of ``pieces`` as a chunk of its own."""
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        self._connection.write(_head(200, content_type, "transfer-encoding: chunked") + chunks + b"0\r\n\r\n")
        self._connection.done()

    def begin(self, content_type: str = "text/event-stream") -> None:
        """The head of an answer whose chunks follow by ``send``, and end with ``end``."""
        self._connection.write(_head(200, content_type, "transfer-encoding: chunked"))

    def send(self, piece: bytes) -> None:
        self._connection.write(b"%x\r\n%b\r\n" % (len(piece), piece))

    def end(self) -> None:
        self._connection.write(b"0\r\n\r\n")
        self._connection.done()

    def cut(self) -> None:
        """Close the connection, whatever of the answer is written."""
        self.on_gone = lambda: None
        self._connection.close()


Handler = Callable[[Exchange], None]


def _head(status: int, content_type: str, length: str) -> bytes:
    return f"HTTP/1.1 {status} {_REASONS.get(status, '')}\r\ncontent-type: {content_type}\r\n{length}\r\n\r\n".encode()


class _Connection(asyncio.Protocol):
    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._current: Exchange | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._current is not None:
            self._current.on_gone()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._current is None:
            self._next()

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def done(self) -> None:
        """The answer is complete: on to the next request, if its bytes are there."""
        self._current = None
        if self._buffer:
            self._next()

    def _next(self) -> None:
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            if len(head) > MAX_HEAD:
                self._refuse(400)
            return
        method, target, headers = _read_head(head)
        length = int(headers.get("content-length", "0"))
        if "transfer-encoding" in headers:
            self._refuse(411)
        elif length > MAX_BODY:
            self._refuse(400)
        elif len(rest) < length:
            self._continue(headers)
        else:
            self._buffer = rest[length:]
            path, _, query = target.partition("?")
            self._current = Exchange(Request(method, unquote(path), query, headers, rest[:length]), self)
            self._handler(self._current)

    def _continue(self, headers: dict[str, str]) -> None:
        if headers.get("expect", "").lower() == "100-continue":
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _refuse(self, status: int) -> None:
        self._buffer = b""
        self.write(_head(status, "text/plain", "content-length: 0"))
        self.close()


def _read_head(head: bytes) -> tuple[str, str, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, *_ = (*first.split(" "), "", "")
    pairs = (line.partition(":") for line in lines)
    return method, target, {name.strip().lower(): value.strip() for name, _, value in pairs}


async def serve(handler: Handler, port: int) -> asyncio.Server:
    """Listen on 127.0.0.1; port 0 is any free one. Raises ``OSError`` when the port is taken."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: _Connection(handler), "127.0.0.1", port, backlog=1024)


def port_of(server: asyncio.Server) -> int:
    """Where it listens."""
    return int(server.sockets[0].getsockname()[1])
