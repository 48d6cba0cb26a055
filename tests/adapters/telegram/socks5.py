"""A SOCKS5 proxy on the loopback interface (RFC 1928, RFC 1929), which misbehaves where a test says so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum

import trio
from attrs import define, field

from tests.adapters.telegram.botapi import WITHIN


class Step(StrEnum):
    """What the proxy is about to answer."""

    METHOD = "method"
    LOGIN = "login"
    CONNECT = "connect"


class Fault(StrEnum):
    CLOSE = "close"
    HANG = "hang"
    BABBLE = "babble"


@define(eq=False)
class SocksServer:
    """Relays to wherever it is asked to, by address or by a name that ``names`` holds."""

    login: tuple[bytes, bytes] | None = None
    names: dict[str, str] = field(factory=dict[str, str])
    faults: dict[Step, Fault] = field(factory=dict[Step, Fault])
    refusal: bytes = b""
    """What follows the version in the answer to CONNECT, in place of the way."""
    method: bytes = b""
    """The method it picks, whatever was offered."""
    drips: bool = False
    """It sends each byte by itself."""
    bound_to: bytes = b"\x01\x7f\x00\x00\x01\x00\x00"
    asked: list[tuple[str, int]] = field(factory=list[tuple[str, int]])
    port: int = 0
    connections: int = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def serve(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        try:
            await self._talk(_Talk(stream, self))
        except (_Gone, trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            self.connections -= 1
            await trio.aclose_forcefully(stream)

    async def _talk(self, talk: "_Talk") -> None:
        _, count = await talk.read(2)
        methods = await talk.read(count)
        wanted = self.method or (b"\x02" if self.login else b"\x00")
        chosen = wanted if self.method or wanted in methods else b"\xff"
        await talk.say(Step.METHOD, b"\x05" + chosen)
        if chosen == b"\x02":
            known = await talk.logged_in() == self.login
            await talk.say(Step.LOGIN, b"\x01\x00" if known else b"\x01\x01")
        host, port = await talk.wanted()
        self.asked.append((host, port))
        if self.refusal:
            await talk.say(Step.CONNECT, b"\x05" + self.refusal)
            return
        async with await trio.open_tcp_stream(self.names.get(host, host), port) as beyond:
            await talk.say(Step.CONNECT, b"\x05\x00\x00" + self.bound_to)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_copy, talk.stream, beyond, nursery.cancel_scope)
                nursery.start_soon(_copy, beyond, talk.stream, nursery.cancel_scope)


class _Gone(Exception):
    """The other side closed in the middle."""


@define(eq=False)
class _Talk:
    stream: trio.SocketStream
    _server: SocksServer

    async def read(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            piece = await self.stream.receive_some(count - len(found))
            if not piece:
                raise _Gone
            found += piece
        return found

    async def logged_in(self) -> tuple[bytes, bytes]:
        _, count = await self.read(2)
        name = await self.read(count)
        return name, await self.read((await self.read(1))[0])

    async def wanted(self) -> tuple[str, int]:
        version, command, _, kind = await self.read(4)
        assert (version, command) == (5, 1)
        if kind == 3:
            host = (await self.read((await self.read(1))[0])).decode()
        else:
            host = ".".join(str(byte) for byte in await self.read(4))
        return host, int.from_bytes(await self.read(2), "big")

    async def say(self, step: Step, answer: bytes) -> None:
        match self._server.faults.get(step):
            case Fault.CLOSE:
                await self.stream.send_all(answer[:1])
                raise _Gone
            case Fault.HANG:
                await self.stream.receive_some()
                raise _Gone
            case Fault.BABBLE:
                await self.stream.send_all(b"HTTP/1.1 400 What?\r\n\r\n")
            case None if self._server.drips:
                for byte in answer:
                    await self.stream.send_all(bytes([byte]))
                    await trio.testing.wait_all_tasks_blocked(0.001)
            case None:
                await self.stream.send_all(answer)


async def _copy(source: trio.SocketStream, sink: trio.SocketStream, scope: trio.CancelScope) -> None:
    try:
        async for piece in source:
            await sink.send_all(piece)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass
    scope.cancel()


@asynccontextmanager
async def proxying(proxy: SocksServer) -> AsyncIterator[SocksServer]:
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        proxy.port = listener.socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, proxy.serve, [listener])
        with trio.fail_after(WITHIN):
            yield proxy
        nursery.cancel_scope.cancel()
