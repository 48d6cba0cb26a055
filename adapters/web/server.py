"""Hypercorn for one listening socket, with an end that is bounded.

Hypercorn's trio worker speaks HTTP and websockets on each connection; accepting connections is done here, because the
worker's own loop (hypercorn 0.18, hypercorn/trio/run.py and tcp_server.py)

1. makes the listening descriptor inheritable, so that children of this process would keep the port;
2. shields its writes from cancellation, so that one page that takes nothing would hold up the end of all for ever;
3. puts no bound on the number of connections;
4. goes on buffering a websocket message after it found it too large.

Cancelled: every connection is told (its own task does that), and what is still there after ``SHUTDOWN_GRACE`` is cut.
"""

import logging
import socket
import struct
from typing import TYPE_CHECKING, cast

import trio
from attrs import define, field, frozen
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.events import Closed, RawData
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState

from hermes.errors import fold

if TYPE_CHECKING:
    from hypercorn.events import Event
    from hypercorn.typing import ASGIFramework
    from starlette.types import ASGIApp, Scope

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 256
"""Connections at one time: some dozens of pages, each with a few for its files. One more is closed at once."""

MAX_MESSAGE = 2 * 1024 * 1024
"""Characters of one websocket message. Larger than any frame of ours, so that a page which pastes too much is told so
by an error it can show; what is larger still is no page, and is closed with 1009."""

SHUTDOWN_GRACE = 2.0
"""Seconds for the connections to end by themselves."""

TRANSPORT = "transport"
"""Under this name the state of each request holds its ``Transport``."""

_TOO_BIG = b"\x88\x02\x03\xf1"
"""The close frame with code 1009 (RFC 6455 sections 5.5.1 and 7.4.1), as hypercorn sends it."""

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of 0 s: closing drops what the other side has not taken."""


@frozen
class Transport:
    """The connection below a request."""

    _stream: trio.SocketStream

    def cut(self) -> None:
        """End it at once; whatever waits for it wakes up with an error."""
        if self._stream.socket.fileno() != -1:
            self._stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._stream.socket.close()


def transport_of(scope: "Scope") -> Transport:
    """The connection below a request that was served here."""
    return cast(Transport, scope["state"][TRANSPORT])


class _Connection(TCPServer):
    async def protocol_send(self, event: "Event") -> None:
        await super().protocol_send(event)
        if isinstance(event, RawData) and event.data == _TOO_BIG:
            await super().protocol_send(Closed())


def _quiet_config() -> Config:
    config = Config()
    config.errorlog = log
    config.include_server_header = False
    config.websocket_max_message_size = MAX_MESSAGE
    return config


@define(eq=False)
class _Connections:
    _app: ASGIWrapper
    _config: Config = field(factory=_quiet_config)
    _context: WorkerContext = field(factory=lambda: WorkerContext(None))
    _open: set[Transport] = field(factory=set[Transport])
    _empty: trio.Event = field(factory=trio.Event)

    async def handle(self, stream: trio.SocketStream) -> None:
        """Serve one connection to its end. Its faults end here."""
        if len(self._open) >= MAX_CONNECTIONS:
            return
        transport = Transport(stream)
        self._open.add(transport)
        try:
            state = ConnectionState({TRANSPORT: transport})
            # The worker tells a stream without TLS by what it lacks; its annotation knows only the other.
            speaking = cast("trio.SSLStream[trio.SocketStream]", stream)
            await _Connection(self._app, self._config, self._context, state, speaking).run()
        except BaseExceptionGroup as group:
            failed, ended = group.split(Exception)
            if failed is not None:
                _report(fold(failed))
            if ended is not None:
                raise ended from None
        except Exception as error:
            _report(error)
        finally:
            self._open.discard(transport)
            self._note_if_empty()

    async def cut_when_cancelled(self) -> None:
        """Wait to be cancelled; then bound what the connections still do."""
        try:
            await trio.sleep_forever()
        finally:
            self._note_if_empty()
            with trio.move_on_after(SHUTDOWN_GRACE, shield=True):
                await self._empty.wait()
            for transport in tuple(self._open):
                transport.cut()

    def _note_if_empty(self) -> None:
        if not self._open:
            self._empty.set()
        elif self._empty.is_set():
            self._empty = trio.Event()


def _report(error: Exception) -> None:
    """The other side went away in the middle of something, or a bug: neither concerns the other connections."""
    if isinstance(error, OSError | trio.BrokenResourceError | trio.ClosedResourceError):
        log.debug("a connection broke: %r", error)
    else:
        log.error("a connection failed: %r", error, exc_info=error)


async def serve(app: "ASGIApp", listener: trio.SocketListener) -> None:
    """Serve ``app`` on ``listener``, which is closed at the end, until cancelled.

    Raises ``OSError`` when no connection can be accepted any more.
    """
    # Starlette and hypercorn describe the same ASGI messages by different types.
    connections = _Connections(ASGIWrapper(cast("ASGIFramework", app)))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connections.cut_when_cancelled)
        await trio.serve_listeners(connections.handle, [listener])
