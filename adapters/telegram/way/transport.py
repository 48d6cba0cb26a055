"""Requests over HTTP/1.1, one at a time on each of a few connections that are kept for the next.

Rules:

1. ``NotSent`` until the first byte of a request may have left, ``Lost`` from then on: what became of it is unknown.
2. Each wait is bounded, and so is the whole, or a server that drips would hold it for ever.
3. What is sent is held by who asks, and not a second time here.
4. A connection on which anything went wrong, a cancellation too, is closed and never used again. What the kernel still
   held of its request is not sent any more: it would come after whatever is asked next.
5. A connection that was idle is looked at before it is used: one that the server has closed meanwhile is readable.

h11 speaks the protocol, trio the rest. httpcore, which does the same, takes three times as long for a request, and with
50 connections five times, since it looks at each of them for every request.
"""

import ssl
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from urllib.parse import urlsplit

import h11
import trio
from attrs import define, field, frozen

from adapters.telegram.way.fallback import Fallback
from adapters.telegram.way.lost import Lost, NotSent
from adapters.telegram.way.ways import Straight, Way

# Seconds for a connection: a network that is back answers in well under one.
CONNECT_WITHIN = 5.0

# Seconds for the server to take the whole of a request: a file of 50 MB at a slow line's pace.
WRITE_WITHIN = 300.0

# Connections that are kept idle: what delivery sends at most, since a TLS handshake costs more than all else of a call.
KEPT_CONNECTIONS = 64

# Seconds that one is kept: a server closes it after a minute, and one that it closes in the moment in which it is used
# again leaves a message whose fate is unknown.
KEPT_FOR = 20.0

# Connections at once: what delivery sends at most (64), and what is shown beside it.
MAX_CONNECTIONS = 100

# Bytes of one answer: a hundred updates of the largest kind are a twentieth of it.
MAX_ANSWER = 64 * 1024 * 1024

_PIECE = 65_536

# struct linger of socket(7): on, for no seconds.
_AT_ONCE = struct.pack("ii", 1, 0)

Header = tuple[bytes, bytes]


@frozen
class Request:
    method: str
    url: str
    headers: Sequence[Header] = ()
    content: Sequence[bytes] = ()
    """In pieces."""


@define(eq=False)
class _Connection:
    stream: trio.SocketStream | trio.SSLStream[trio.SocketStream]
    socket: trio.socket.SocketType
    http: h11.Connection = field(factory=lambda: h11.Connection(h11.CLIENT))
    idle_since: float = 0.0

    def drop_what_waits(self) -> None:
        """Closing it becomes a reset."""
        with suppress(OSError):
            self.socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, _AT_ONCE)

    def is_usable(self) -> bool:
        return trio.current_time() < self.idle_since + KEPT_FOR and not self.socket.is_readable()


@define(eq=False)
class Transport:
    """The connections to one server."""

    _way: Way = field(factory=Straight)
    _make_context: Callable[[], ssl.SSLContext] = ssl.create_default_context
    _fallback: Fallback = field(factory=Fallback)
    _context: ssl.SSLContext | None = None
    _idle: list[_Connection] = field(factory=list[_Connection])
    _places: trio.CapacityLimiter = field(factory=lambda: trio.CapacityLimiter(MAX_CONNECTIONS))
    _closed: bool = False

    async def request(self, request: Request, *, read_within: float) -> tuple[int, bytes]:
        """Status and content of the answer. ``read_within``: seconds without a byte of it. See the rules."""
        async with self._places:
            connection = await self._connection(request.url)
            try:
                answer = await _exchange(connection, request, read_within)
            except BaseException:
                connection.drop_what_waits()
                await trio.aclose_forcefully(connection.stream)
                raise
            await self._keep(connection)
            return answer

    async def aclose(self) -> None:
        """Close what is idle, at once and also when cancelled; what is in use is closed when it comes back."""
        self._closed = True
        with trio.CancelScope(shield=True):
            while self._idle:
                await trio.aclose_forcefully(self._idle.pop().stream)

    async def _connection(self, url: str) -> _Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable():
                return connection
            await trio.aclose_forcefully(connection.stream)
        with trio.move_on_after(CONNECT_WITHIN):
            try:
                return await self._connect(url)
            except (OSError, trio.BrokenResourceError, ValueError) as error:
                raise NotSent(f"no connection to the server ({type(error).__name__})") from None
        raise NotSent(f"no connection to the server within {CONNECT_WITHIN:g} s")

    async def _connect(self, url: str) -> _Connection:
        address = urlsplit(url)
        secure = address.scheme == "https"
        host, port = address.hostname or "", address.port or (443 if secure else 80)

        async def connect(target: str) -> _Connection:
            stream = await self._way.open(target, port)
            try:
                return await self._secured(stream, host) if secure else _Connection(stream, stream.socket)
            except BaseException:
                await trio.aclose_forcefully(stream)
                raise

        return await self._fallback.reach(host, connect)

    async def _secured(self, stream: trio.SocketStream, host: str) -> _Connection:
        self._context = self._context or self._make_context()
        secured = trio.SSLStream(stream, self._context, server_hostname=host, https_compatible=True)
        await secured.do_handshake()
        return _Connection(secured, stream.socket)

    async def _keep(self, connection: _Connection) -> None:
        # Few calls take the newest again and again: what a burst left below them is looked at here, oldest first.
        while self._idle and not self._idle[0].is_usable():
            await trio.aclose_forcefully(self._idle.pop(0).stream)
        reusable = connection.http.our_state is connection.http.their_state is h11.DONE
        if self._closed or not reusable or len(self._idle) >= KEPT_CONNECTIONS:
            await trio.aclose_forcefully(connection.stream)
            return
        connection.http.start_next_cycle()
        connection.idle_since = trio.current_time()
        self._idle.append(connection)


async def _exchange(connection: _Connection, request: Request, read_within: float) -> tuple[int, bytes]:
    whole = trio.current_time() + WRITE_WITHIN + 4 * read_within
    with trio.CancelScope(deadline=trio.current_time() + WRITE_WITHIN) as scope:
        try:
            for piece in _written(connection.http, request):
                await connection.stream.send_all(piece)
            return await _answer(connection, scope, read_within, whole)
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError, h11.RemoteProtocolError) as error:
            raise Lost(f"the server did not answer ({type(error).__name__})") from None
    raise Lost("the server did not answer in time")


def _written(http: h11.Connection, request: Request) -> Iterator[bytes]:
    """What is small is one write, and one packet."""
    address = urlsplit(request.url)
    target = (address.path or "/") + (f"?{address.query}" if address.query else "")
    headers = [(b"Host", address.netloc.rpartition("@")[2].encode()), *request.headers]
    if request.content or request.method == "POST":
        headers.append((b"Content-Length", b"%d" % sum(map(len, request.content))))
    waiting = http.send(h11.Request(method=request.method, target=target, headers=headers)) or b""
    for piece in _small(request.content):
        data = http.send(h11.Data(data=piece)) or b""
        if len(waiting) + len(data) > _PIECE:
            yield waiting
            waiting = b""
        waiting += data
    yield waiting + (http.send(h11.EndOfMessage()) or b"")


def _small(content: Sequence[bytes]) -> Iterator[bytes]:
    for piece in content:
        for start in range(0, len(piece), _PIECE):
            yield piece[start : start + _PIECE]


async def _answer(
    connection: _Connection, scope: trio.CancelScope, read_within: float, whole: float
) -> tuple[int, bytes]:
    http, status, content = connection.http, 0, bytearray()
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            scope.deadline = min(trio.current_time() + read_within, whole)
            http.receive_data(bytes(await connection.stream.receive_some(_PIECE)))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            content += event.data
            if len(content) > MAX_ANSWER:
                raise Lost("the server's answer has no end")
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            return status, bytes(content)
