"""Requests on the wire: connections that are kept, that break, that go through a proxy or TLS."""

import hashlib
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
import trio
import trustme

from adapters.telegram.way.lost import Lost, NotSent
from adapters.telegram.way.transport import KEPT_FOR, Request, Transport
from adapters.telegram.way.ways import Straight, way

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

Serve = Callable[[trio.abc.Stream], Awaitable[None]]


@asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[int]:
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        with trio.fail_after(30):
            yield listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


def answering(*answers: bytes) -> Serve:
    """Each request on a connection gets the next answer; after the last it is closed."""

    async def serve(stream: trio.abc.Stream) -> None:
        for answer in answers:
            if not await stream.receive_some():
                break
            await stream.send_all(answer)
        await stream.aclose()

    return serve


async def ask(transport: Transport, port: int, *, scheme: str = "http", within: float = 20.0) -> tuple[int, bytes]:
    request = Request("POST", f"{scheme}://127.0.0.1:{port}/bot1:secret/getMe", content=(b"{}",))
    return await transport.request(request, read_within=within)


async def test_a_connection_is_kept_for_the_next_request() -> None:
    opened = []

    async def serve(stream: trio.abc.Stream) -> None:
        opened.append(stream)
        await answering(OK, OK, OK)(stream)

    transport = Transport()
    async with server(serve) as port:
        for _ in range(3):
            assert await ask(transport, port) == (200, b"ok")
        await transport.aclose()
    assert len(opened) == 1


async def test_what_a_burst_left_is_closed_while_few_calls_are_made() -> None:
    transport = Transport()
    async with server(answering(OK, OK)) as port:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, transport, port)
            nursery.start_soon(ask, transport, port)
        oldest, newest = transport._idle
        oldest.idle_since -= KEPT_FOR
        assert await ask(transport, port) == (200, b"ok")
        assert transport._idle == [newest]
        assert oldest.socket.fileno() == -1
        await transport.aclose()


async def test_a_connection_that_the_server_closed_meanwhile_is_not_used_again() -> None:
    transport = Transport()
    async with server(answering(OK)) as port:
        for _ in range(3):
            assert await ask(transport, port) == (200, b"ok")
            await trio.testing.wait_all_tasks_blocked(0.02)
        await transport.aclose()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
    ],
)
async def test_answers_of_every_form_are_read(answer: bytes) -> None:
    transport = Transport()
    async with server(answering(answer)) as port:
        assert await ask(transport, port) == (200, b"ok")
        await transport.aclose()


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200", OK[:-1], b"\xff\xfe\r\n\r\n"])
async def test_half_an_answer_is_none(answer: bytes) -> None:
    transport = Transport()
    async with server(answering(answer)) as port:
        with pytest.raises(Lost) as caught:
            await ask(transport, port)
    assert "secret" not in str(caught.value)
    assert transport._idle == []


@pytest.mark.parametrize("beginning", [b"", OK[:20]])
async def test_a_server_that_says_nothing_is_given_up(beginning: bytes) -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(beginning or b"H")
        await trio.sleep_forever()

    transport = Transport()
    async with server(serve) as port:
        with pytest.raises(Lost):
            await ask(transport, port, within=0.1)


async def test_a_cancelled_request_leaves_no_connection() -> None:
    closed = trio.Event()

    async def serve(stream: trio.abc.Stream) -> None:
        with suppress(trio.BrokenResourceError):
            while await stream.receive_some():
                pass
        closed.set()

    transport = Transport()
    async with server(serve) as port:
        with trio.move_on_after(0.1):
            await ask(transport, port)
        await closed.wait()


async def test_what_has_not_left_yet_of_a_cancelled_request_never_does() -> None:
    """It would come after whatever is asked next, and take it back."""
    given_up, reset = trio.Event(), trio.Event()

    async def serve(stream: trio.abc.Stream) -> None:
        await given_up.wait()
        try:
            while await stream.receive_some():
                pass
        except trio.BrokenResourceError:
            reset.set()

    transport = Transport()
    async with server(serve) as port:
        with trio.move_on_after(0.2):
            content = [bytes(1_000_000)] * 20
            await transport.request(Request("POST", f"http://127.0.0.1:{port}/edit", content=content), read_within=20.0)
        given_up.set()
        with trio.fail_after(10):
            await reset.wait()


async def test_a_large_content_arrives_whole_and_is_not_held_a_second_time() -> None:
    content = (b"before;", bytes(range(256)) * 32_768, b";after")
    arrived = hashlib.sha256()
    whole = sum(map(len, content))

    async def serve(stream: trio.abc.Stream) -> None:
        head, body = b"", 0
        while b"\r\n\r\n" not in head:
            head += await stream.receive_some()
        head, _, rest = head.partition(b"\r\n\r\n")
        assert b"Content-Length: %d" % whole in head
        while rest:
            body += len(rest)
            arrived.update(rest)
            rest = await stream.receive_some() if body < whole else b""
        await stream.send_all(OK)

    transport = Transport()
    async with server(serve) as port:
        request = Request("POST", f"http://127.0.0.1:{port}/bot1:secret/sendDocument", content=content)
        tracemalloc.start()
        try:
            assert await transport.request(request, read_within=20.0) == (200, b"ok")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        await transport.aclose()
    assert arrived.digest() == hashlib.sha256(b"".join(content)).digest()
    assert peak < whole / 4


async def test_nobody_there_is_not_sent() -> None:
    with pytest.raises(NotSent):
        await ask(Transport(), 1)


async def test_a_name_that_means_nothing_is_not_sent() -> None:
    request = Request("POST", "http://no-such-host.invalid/bot1:secret/getMe")
    with pytest.raises(NotSent) as caught, trio.fail_after(30):
        await Transport().request(request, read_within=5.0)
    assert "secret" not in str(caught.value)


async def test_the_way_can_lead_through_a_proxy() -> None:
    asked: list[bytes] = []

    async def proxy(stream: trio.abc.Stream) -> None:
        asked.append(await stream.receive_some())
        await stream.send_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await answering(OK)(stream)

    async with server(proxy) as port:
        transport = Transport(way(f"http://ada:p%40ss@127.0.0.1:{port}"))
        assert await ask(transport, 9) == (200, b"ok")
        await transport.aclose()
    assert asked[0].startswith(b"CONNECT 127.0.0.1:9 HTTP/1.1\r\n")
    assert b"Basic YWRhOnBAc3M=" in asked[0]


async def test_a_proxy_that_refuses_is_not_sent() -> None:
    async with server(answering(b"HTTP/1.1 407 Who are you\r\ncontent-length: 0\r\n\r\n")) as port:
        with pytest.raises(NotSent, match="407"):
            await ask(Transport(way(f"http://127.0.0.1:{port}")), 9)


async def test_tls_is_spoken_and_a_certificate_of_another_is_not_taken() -> None:
    authority = trustme.CA()
    serving, trusting = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(serving)
    authority.configure_trust(trusting)

    async def serve(stream: trio.SocketStream) -> None:
        secured = trio.SSLStream(stream, serving, server_side=True)
        try:
            await answering(OK, OK)(secured)
        except trio.BrokenResourceError:
            await trio.aclose_forcefully(stream)

    async with server(serve) as port:
        transport = Transport(Straight(), lambda: trusting)
        for _ in range(2):
            assert await ask(transport, port, scheme="https") == (200, b"ok")
        await transport.aclose()
        with pytest.raises(NotSent):
            await ask(Transport(), port, scheme="https")
