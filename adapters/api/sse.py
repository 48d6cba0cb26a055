"""Server-sent events to one reader, over ASGI.

Source: WHATWG HTML, "Server-sent events". Rules:

1. While there is nothing to say a comment goes out every ``KEEP_ALIVE`` seconds, so that what stands between does not
   take the silence for an end.
2. A reader that goes away ends the stream, and nothing else.
"""

import json
from collections.abc import Awaitable, Callable, Mapping

import trio
from attrs import define, field, frozen
from starlette.types import Receive, Scope, Send

KEEP_ALIVE = 15.0
"""Seconds: the shortest time-outs of what may stand between are 30 to 60."""

DONE = b"data: [DONE]\n\n"

_COMMENT = b": keep-alive\n\n"
_HEADERS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store", "x-accel-buffering": "no"}


def event(data: Mapping[str, object], name: str = "") -> bytes:
    """One event. JSON holds no line break, so it is one line."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


@define(eq=False)
class Latest:
    """The newest text of a run, for one reader: one that is behind skips. A ``Watcher``."""

    _text: str | None = None
    _over: bool = False
    _news: trio.Event = field(factory=trio.Event)

    def show(self, text: str) -> None:
        self._text = text
        self._news.set()

    def end(self) -> None:
        self._over = True
        self._news.set()

    async def take(self) -> str | None:
        """Wait for a text that was not taken yet, or for the end, which is None."""
        while self._text is None and not self._over:
            await self._news.wait()
            self._news = trio.Event()
        text, self._text = self._text, None
        return None if self._over else text


@define(eq=False)
class Reader:
    """The other end of a stream that has begun."""

    _send: Send

    async def write(self, piece: bytes, *, more: bool = True) -> None:
        """Returns once the piece left."""
        await self._send({"type": "http.response.body", "body": piece, "more_body": more})

    async def texts(self, latest: Latest, take: Callable[[str], Awaitable[None]]) -> None:
        """Hand each text to ``take`` until the run has ended, and keep the connection alive meanwhile."""
        while True:
            text: str | None = ""
            with trio.move_on_after(KEEP_ALIVE) as silence:
                text = await latest.take()
            if silence.cancelled_caught:
                await self.write(_COMMENT)
            elif text is None:
                return
            else:
                await take(text)


@frozen
class EventStream:
    """An ASGI response: ``tell`` writes what there is to say to the reader."""

    tell: Callable[[Reader], Awaitable[None]]
    headers: Mapping[str, str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name.encode(), value.encode()) for name, value in {**_HEADERS, **self.headers}.items()]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_until_gone, receive, nursery.cancel_scope)
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            reader = Reader(send)
            await self.tell(reader)
            await reader.write(b"", more=False)
            nursery.cancel_scope.cancel()


async def _until_gone(receive: Receive, stream: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.cancel()
