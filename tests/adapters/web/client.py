"""Two clients of the page's wire: one that behaves as the page does, and one that does not."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import httpx
import trio
from attrs import define, field
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Request, TextMessage

from adapters.web.adapter import WebAdapter

Frame = dict[str, Any]

FRAME_LIMIT = 16 * 1024 * 1024


@define(eq=False)
class PageClient:
    """One open page."""

    socket: WebSocketConnection
    chat: str
    _ids: "count[int]" = field(factory=count)

    async def put(self, type_: str, **fields: Any) -> None:
        """Send one frame."""
        await self.put_raw(json.dumps({"type": type_, **fields}))

    async def put_raw(self, message: str | bytes) -> None:
        with trio.fail_after(20):
            await self.socket.send_message(message)

    async def take(self, *types: str) -> Frame:
        """The next frame, of one of ``types`` if any are named: others are skipped."""
        with trio.fail_after(20):
            while True:
                frame: Frame = json.loads(await self.socket.get_message())
                if not types or frame["type"] in types:
                    return frame

    async def hello(self, chat: str | None = None) -> Frame:
        """Show a chat; returns its snapshot."""
        self.chat = chat or self.chat
        await self.put("hello", chat=self.chat)
        return await self.take("snapshot")

    async def say(self, text: str, event_id: str) -> Frame:
        """Send a message; returns what became of it."""
        await self.put("send", chat=self.chat, id=event_id, text=text)
        return await self.take("accepted", "refused", "error")

    async def sync(self) -> None:
        """Wait until the gateway has read what was sent before."""
        number = next(self._ids)
        await self.put("ping", n=number)
        while (await self.take("pong"))["n"] != number:
            pass

    async def closed(self) -> tuple[int, str]:
        """Wait for the gateway to close; its code and reason. 1006: it closed without a word."""
        with trio.fail_after(20):
            try:
                while True:
                    await self.socket.get_message()
            except ConnectionClosed as error:
                return (error.reason.code, error.reason.reason or "") if error.reason else (1006, "")


@asynccontextmanager
async def open_page(
    adapter: WebAdapter, chat: str = "main", *, headers: list[tuple[bytes, bytes]] | None = None
) -> AsyncIterator[PageClient]:
    """A page that says nothing yet."""
    assert adapter.port is not None
    with trio.fail_after(20):
        stream = await trio.open_tcp_stream("127.0.0.1", adapter.port)
    # The library leaves the stream open when the other side closed first: here it is ours.
    async with stream, trio.open_nursery() as nursery:
        with trio.fail_after(20):
            socket = await wrap_client_stream(
                nursery, stream, f"127.0.0.1:{adapter.port}", "/ws", extra_headers=headers, max_message_size=FRAME_LIMIT
            )
        try:
            yield PageClient(socket, chat)
        finally:
            with trio.move_on_after(20, shield=True):
                await socket.aclose()
            nursery.cancel_scope.cancel()


async def handshake_status(adapter: WebAdapter, headers: list[tuple[bytes, bytes]] | None = None) -> int:
    """The HTTP status by which a websocket is answered: 101 when it is taken (it is left at once)."""
    upgrade = [
        (b"connection", b"upgrade"),
        (b"upgrade", b"websocket"),
        (b"sec-websocket-version", b"13"),
        (b"sec-websocket-key", b"MDEyMzQ1Njc4OWFiY2RlZg=="),
    ]
    async with (
        httpx.AsyncClient(timeout=20, trust_env=False) as client,
        client.stream("GET", f"{adapter.address}ws", headers=upgrade + (headers or [])) as answer,
    ):
        return answer.status_code


@define(eq=False)
class RawPage:
    """A websocket whose bytes a test sends itself, and that reads only when told to."""

    stream: trio.SocketStream
    _protocol: WSConnection

    async def put(self, type_: str, **fields: Any) -> None:
        await self.put_bytes(self._protocol.send(TextMessage(json.dumps({"type": type_, **fields}))))

    async def put_bytes(self, data: bytes) -> None:
        with trio.fail_after(20):
            await self.stream.send_all(data)

    async def put_text(self, payload: bytes) -> None:
        """A text frame with exactly these bytes, valid or not, masked by zeros (RFC 6455 section 5.2)."""
        assert len(payload) < 126
        await self.put_bytes(bytes([0x81, 0x80 | len(payload)]) + bytes(4) + payload)

    async def drain(self) -> bytes:
        """Everything until the gateway ends the connection."""
        data = b""
        with trio.fail_after(20):
            try:
                while chunk := await self.stream.receive_some():
                    data = (data + chunk)[-FRAME_LIMIT:]
            except trio.BrokenResourceError:
                pass
        return data


@asynccontextmanager
async def open_raw_page(adapter: WebAdapter, *, receive_buffer: int = 4096) -> AsyncIterator[RawPage]:
    """A connection after its handshake; its kernel buffer is small, so that it is full soon."""
    assert adapter.port is not None
    sock = trio.socket.socket()
    sock.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, receive_buffer)
    with trio.fail_after(20):
        await sock.connect(("127.0.0.1", adapter.port))
    async with trio.SocketStream(sock) as stream:
        protocol = WSConnection(ConnectionType.CLIENT)
        page = RawPage(stream, protocol)
        await page.put_bytes(protocol.send(Request(host=f"127.0.0.1:{adapter.port}", target="/ws")))
        with trio.fail_after(20):
            while True:
                protocol.receive_data(bytes(await stream.receive_some()))
                if any(isinstance(event, AcceptConnection) for event in protocol.events()):
                    break
        yield page
