"""A provider of models on the loopback interface that does as each test says, real HTTP/1.1 included."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio
from attrs import define, field, frozen

# Seconds for anything that a test waits for, on a machine that is busy with others.
WITHIN = 30.0


@frozen
class Request:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    raw: bytes


@define
class Line:
    """The server's end of one connection."""

    stream: trio.SocketStream
    buffer: bytearray = field(factory=bytearray)

    async def head(self, status: int = 200, kind: str = "text/event-stream", **headers: str) -> None:
        """Begin an answer whose length is not known."""
        lines = [f"HTTP/1.1 {status} X", f"content-type: {kind}", "transfer-encoding: chunked"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.stream.send_all(("\r\n".join(lines) + "\r\n\r\n").encode())

    async def send(self, piece: bytes | str) -> None:
        piece = piece.encode() if isinstance(piece, str) else piece
        await self.stream.send_all(b"%x\r\n%b\r\n" % (len(piece), piece))

    async def end(self) -> None:
        await self.stream.send_all(b"0\r\n\r\n")

    async def cut(self) -> None:
        await self.stream.aclose()

    async def until_closed(self) -> None:
        while await self.stream.receive_some():
            pass

    async def request(self) -> Request | None:
        while b"\r\n\r\n" not in self.buffer:
            if not (piece := await self.stream.receive_some()):
                return None
            self.buffer += piece
        head, _, rest = bytes(self.buffer).partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        while len(rest) < length:
            rest += await self.stream.receive_some()
        self.buffer = bytearray(rest[length:])
        return Request(first.split()[1], headers, json.loads(rest[:length]), rest[:length])


Answer = Callable[[Line], Awaitable[None]]


@define(eq=False)
class Provider:
    """What was asked, and what comes back: the answers in turn, the last one for ever."""

    port: int
    answers: list[Answer]
    requests: list[Request] = field(factory=list[Request])
    connections: int = 0
    open_connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def until_closed(self) -> None:
        with trio.fail_after(WITHIN):
            while self.open_connections:
                await trio.sleep(0.01)

    async def until_asked(self, times: int) -> None:
        with trio.fail_after(WITHIN):
            while len(self.requests) < times:
                await trio.sleep(0.01)

    async def serve(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        self.open_connections += 1
        line = Line(stream)
        try:
            while request := await line.request():
                self.requests.append(request)
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                await answer(line)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            self.open_connections -= 1
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                await stream.aclose()


@asynccontextmanager
async def serving(*answers: Answer) -> AsyncIterator[Provider]:
    """A provider that is gone when the block ends."""
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        provider = Provider(listener.socket.getsockname()[1], list(answers))
        nursery.start_soon(trio.serve_listeners, provider.serve, [listener])
        yield provider
        nursery.cancel_scope.cancel()


def event(data: object, name: str = "") -> str:
    """One event, as a provider writes it."""
    text = data if isinstance(data, str) else json.dumps(data)
    return (f"event: {name}\n" if name else "") + f"data: {text}\n\n"


def stream(*pieces: str | bytes, pause: float = 0.0) -> Answer:
    """A stream that ends well."""

    async def answer(line: Line) -> None:
        await line.head()
        for piece in pieces:
            await line.send(piece)
            if pause:
                await trio.sleep(pause)
        await line.end()

    return answer


def chat(*chunks: object) -> Answer:
    """A stream of chat completions."""
    return stream(*(event(chunk) for chunk in (*chunks, "[DONE]")))


def said(text: str, **delta: object) -> dict[str, object]:
    """A chunk with a piece of text."""
    return {"choices": [{"index": 0, "delta": {"content": text, **delta}, "finish_reason": None}]}


def finished(reason: str = "stop") -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}


def refusing(status: int, body: object = "", kind: str = "application/json", **headers: str) -> Answer:
    async def answer(line: Line) -> None:
        await line.head(status, kind, **headers)
        if text := body if isinstance(body, str) else json.dumps(body):
            await line.send(text)
        await line.end()

    return answer


def cut_after(*pieces: str) -> Answer:
    """A stream whose connection is lost in the middle."""

    async def answer(line: Line) -> None:
        await line.head()
        for piece in pieces:
            await line.send(piece)
        await line.cut()

    return answer


def silent_after(*pieces: str, head: bool = True) -> Answer:
    """A stream that goes on for ever without a word."""

    async def answer(line: Line) -> None:
        if head:
            await line.head()
        for piece in pieces:
            await line.send(piece)
        await line.until_closed()

    return answer


def endless(piece: str, pause: float = 0.01) -> Answer:
    async def answer(line: Line) -> None:
        await line.head()
        while True:
            await line.send(piece)
            await trio.sleep(pause)

    return answer
