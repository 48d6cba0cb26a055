"""A web server on the loopback interface that answers what a test wants, byte for byte."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial

import trio
from attrs import define, field

Stream = trio.abc.Stream
Answer = bytes | Callable[[Stream], Awaitable[None]]


def answer(body: bytes | str, kind: str = "text/html; charset=utf-8", status: str = "200 OK", *more: str) -> bytes:
    content = body.encode() if isinstance(body, str) else body
    head = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(content)}", *more]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + content


def redirect(location: str, status: str = "302 Found") -> bytes:
    return answer("", "text/html", status, f"Location: {location}")


def endless(kind: str = "text/plain", *more: str) -> bytes:
    """The head of an answer without an end."""
    return "\r\n".join(["HTTP/1.1 200 OK", f"Content-Type: {kind}", *more]).encode() + b"\r\n\r\n"


@define
class Site:
    """A running server; ``pages`` by path."""

    port: int
    secure: bool
    pages: dict[str, Answer] = field(factory=dict[str, Answer])
    heads: list[str] = field(factory=list[str])
    """The requests that came, without their bodies."""

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}{path}"

    async def serve(self, stream: Stream) -> None:
        with broken_off():
            async with stream:
                head = b""
                while b"\r\n\r\n" not in head:
                    piece = await stream.receive_some(4096)
                    if not piece:
                        return
                    head += piece
                self.heads.append(head.decode())
                page = self.pages.get(head.split()[1].decode(), answer("gone", status="404 Not Found"))
                if callable(page):
                    await page(stream)
                else:
                    await stream.send_all(page)


@contextmanager
def broken_off() -> Iterator[None]:
    """The other side may leave whenever it has enough."""
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        yield


@asynccontextmanager
async def serving(pages: dict[str, Answer] | None = None, tls: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    async with trio.open_nursery() as nursery:
        serve = trio.serve_tcp if tls is None else partial(trio.serve_ssl_over_tcp, ssl_context=tls)
        site = Site(0, tls is not None, pages or {})
        listeners = await nursery.start(partial(serve, site.serve, 0, host="127.0.0.1"))
        listener = listeners[0] if tls is None else listeners[0].transport_listener
        site.port = listener.socket.getsockname()[1]
        yield site
        nursery.cancel_scope.cancel()
