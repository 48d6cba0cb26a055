"""Connections that misbehave, and the end of all of them."""

from contextlib import AsyncExitStack, suppress

import pytest
import trio

from adapters.web import routes
from adapters.web import server as page_server
from adapters.web import socket as page_socket
from adapters.web.adapter import WebAdapter, create
from adapters.web.frames import QUEUE_CHARACTERS
from adapters.web.server import MAX_MESSAGE
from adapters.web.settings import WebSettings
from hermes.events import Source
from tests.adapters.fakehost import FakeHost, outbound
from tests.adapters.web.client import PageClient, RawPage, handshake_status, open_page, open_raw_page
from tests.descriptors import descriptors

LONG = "x" * 90_000


async def fill(adapter: WebAdapter, host: FakeHost, source: Source, session: str, reader: PageClient) -> None:
    """Say so much that a page which reads nothing is too far behind, while ``reader`` takes each message at once."""
    # Beyond the queue, the kernel's buffers take some megabytes.
    for _ in range(2 * QUEUE_CHARACTERS // len(LONG)):
        await host.say(adapter, outbound(source, session, LONG))
        assert len((await reader.take("message"))["entry"]["text"]) == len(LONG)


async def hello(page: RawPage) -> None:
    await page.put("hello", chat="main")
    with trio.fail_after(20):
        assert b"snapshot" in await page.stream.receive_some(4096)


async def test_a_page_that_takes_nothing_delays_nobody_and_is_told_to_start_again(
    adapter: WebAdapter, host: FakeHost, source: Source, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_socket, "CLOSE_GRACE", 60)
    async with open_page(adapter) as reader, open_raw_page(adapter) as slow:
        await reader.hello()
        await hello(slow)
        await fill(adapter, host, source, session, reader)
        taken = await slow.drain()
    assert b"\x03\xf5too slow: start again from a snapshot" in taken[-200:]


async def test_a_page_that_does_not_even_take_its_close_is_cut(
    adapter: WebAdapter, host: FakeHost, source: Source, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_socket, "CLOSE_GRACE", 0)
    monkeypatch.setattr(routes, "MAX_PAGES", 2)
    async with open_page(adapter) as reader, open_raw_page(adapter) as slow:
        await reader.hello()
        await hello(slow)
        assert await handshake_status(adapter) == 503
        await fill(adapter, host, source, session, reader)
        # Its place is free again although it reads nothing.
        with trio.fail_after(20):
            while await handshake_status(adapter) != 101:
                pass
        assert b"too slow" not in await slow.drain()


async def test_the_end_is_bounded_although_a_page_takes_nothing(
    host: FakeHost, source: Source, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_server, "SHUTDOWN_GRACE", 0.1)
    adapter = create(WebSettings(port=0))
    before = descriptors(collect=True)
    async with AsyncExitStack() as clients:
        async with trio.open_nursery() as nursery:
            await nursery.start(adapter.run, host)
            # It outlives the gateway, and so does not help it by going away.
            slow = await clients.enter_async_context(open_raw_page(adapter))
            await hello(slow)
            for _ in range(QUEUE_CHARACTERS // len(LONG)):
                await host.say(adapter, outbound(source, session, LONG))
            nursery.cancel_scope.cancel()
        assert adapter.port is None
        assert descriptors() == before + 1
    assert descriptors() == before


async def test_every_page_is_told_when_the_gateway_stops(host: FakeHost) -> None:
    adapter = create(WebSettings(port=0))
    async with trio.open_nursery() as clients, trio.open_nursery() as nursery:
        await nursery.start(adapter.run, host)
        opened: trio.MemorySendChannel[None]
        opened, both = trio.open_memory_channel(2)
        reasons: list[tuple[int, str]] = []

        async def client() -> None:
            async with open_page(adapter) as page:
                await page.hello()
                await opened.send(None)
                reasons.append(await page.closed())

        clients.start_soon(client)
        clients.start_soon(client)
        with trio.fail_after(20):
            await both.receive()
            await both.receive()
        nursery.cancel_scope.cancel()
    assert reasons == [(1001, "Hermes is stopping")] * 2


async def test_a_message_beyond_any_page_is_closed_and_not_collected(adapter: WebAdapter) -> None:
    async with open_page(adapter) as page:
        await page.put_raw("x" * (MAX_MESSAGE + 1))
        code, _ = await page.closed()
    assert code in {1009, 1006}
    async with open_page(adapter) as page:
        assert (await page.say("hi", "m1"))["type"] == "accepted"


async def send_for_ever(page: RawPage) -> None:
    """A text frame that goes on and on: fragments of 64 KB, none the last (RFC 6455 section 5.4)."""
    opcode = 0x01
    with trio.fail_after(60):
        while True:
            await page.stream.send_all(bytes([opcode, 0x80 | 127]) + (65536).to_bytes(8) + bytes(4) + b"x" * 65536)
            opcode = 0x00


async def test_an_endless_message_ends_its_connection(adapter: WebAdapter) -> None:
    async with open_raw_page(adapter) as page:
        with pytest.raises(trio.BrokenResourceError):
            await send_for_ever(page)


async def test_connections_are_bounded_and_their_places_come_free(
    adapter: WebAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_server, "MAX_CONNECTIONS", 1)
    assert adapter.port is not None
    async with open_page(adapter) as page:
        async with await trio.open_tcp_stream("127.0.0.1", adapter.port) as refused:
            await refused.send_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            with trio.fail_after(20), suppress(trio.BrokenResourceError):
                assert await refused.receive_some() == b""
        assert (await page.say("hi", "m1"))["type"] == "accepted"
    with trio.fail_after(20):
        while True:
            try:
                await adapter.probe()
            except Exception:
                await trio.sleep(0.01)
            else:
                break


@pytest.mark.parametrize(
    ("error", "logged"),
    [
        (ExceptionGroup("worker", [ZeroDivisionError("a bug")]), True),
        (ZeroDivisionError("a bug"), True),
        (ExceptionGroup("worker", [trio.BrokenResourceError()]), False),
        (ConnectionResetError("gone"), False),
    ],
)
async def test_a_fault_of_one_connection_ends_there_and_a_bug_is_logged(
    adapter: WebAdapter,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    logged: bool,
) -> None:
    async def fail(_: object) -> None:
        raise error

    assert adapter.port is not None
    with monkeypatch.context() as patch:
        patch.setattr(page_server.TCPServer, "run", fail)
        async with await trio.open_tcp_stream("127.0.0.1", adapter.port) as stream:
            with trio.fail_after(20):
                assert await stream.receive_some() == b""
    await adapter.probe()
    assert ("a bug" in caplog.text) is logged


async def test_a_bug_that_comes_together_with_the_end_is_logged_and_the_end_goes_on(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    began = trio.Event()

    async def fail(_: object) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            try:
                began.set()
                await trio.sleep_forever()
            finally:
                raise ZeroDivisionError("a bug")

    monkeypatch.setattr(page_server.TCPServer, "run", fail)
    adapter = create(WebSettings(port=0))
    async with trio.open_nursery() as nursery:
        await nursery.start(adapter.run, host)
        assert adapter.port is not None
        async with await trio.open_tcp_stream("127.0.0.1", adapter.port):
            with trio.fail_after(20):
                await began.wait()
            nursery.cancel_scope.cancel()
    assert "a bug" in caplog.text


@pytest.mark.parametrize("goes", [False, True])
async def test_a_page_that_falls_silent_or_goes_while_it_takes_nothing_leaves_its_place(
    adapter: WebAdapter, host: FakeHost, source: Source, session: str, monkeypatch: pytest.MonkeyPatch, goes: bool
) -> None:
    monkeypatch.setattr(page_socket, "CLOSE_GRACE", 0.05)
    monkeypatch.setattr(page_socket, "SILENCE_LIMIT", 60 if goes else 0.2)
    monkeypatch.setattr(routes, "MAX_PAGES", 1)
    async with open_raw_page(adapter) as stuck:
        await hello(stuck)
        # More than the kernel's buffers take, and less than the page's own queue.
        for _ in range(QUEUE_CHARACTERS // len(LONG) - 1):
            await host.say(adapter, outbound(source, session, LONG))
        if goes:
            await stuck.stream.send_eof()
        with trio.fail_after(20):
            while await handshake_status(adapter) != 101:
                await trio.lowlevel.checkpoint()
