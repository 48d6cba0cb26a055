"""The page as an adapter: what is particular to it beyond the contract suite."""

import errno

import pytest
import trio

from adapters.web import adapter as page_adapter
from adapters.web import server
from adapters.web.adapter import MESSAGE_LENGTH, WebAdapter, create
from adapters.web.settings import WebSettings
from hermes.errors import ConfigError, TransientError
from hermes.events import Source
from tests.adapters.fakehost import FakeHost, outbound
from tests.adapters.web.client import open_page


async def test_the_address_is_what_one_types_into_a_browser(adapter: WebAdapter) -> None:
    assert adapter.address == f"http://127.0.0.1:{adapter.port}/"
    assert create(WebSettings()).address == "http://127.0.0.1:8642/"
    assert create(WebSettings(host="::1")).address == "http://[::1]:8642/"
    assert create(WebSettings(host="0.0.0.0", key="k")).address == "http://127.0.0.1:8642/"


async def test_a_page_on_the_other_loopback_address_answers_itself(host: FakeHost) -> None:
    made = create(WebSettings(host="::1", port=0))
    async with trio.open_nursery() as nursery:
        await nursery.start(made.run, host)
        await made.probe()
        nursery.cancel_scope.cancel()


async def test_a_taken_port_is_told_with_what_sets_it(adapter: WebAdapter, host: FakeHost) -> None:
    assert adapter.port is not None
    other = create(WebSettings(port=adapter.port, port_key="API_SERVER_PORT"))
    with pytest.raises(ConfigError, match="taken by another program: set API_SERVER_PORT to a free port"):
        await other.run(host)


async def test_a_repetition_is_marked(adapter: WebAdapter, source: Source, session: str) -> None:
    async with open_page(adapter) as page:
        await page.hello()
        await adapter.send(outbound(source, session, "once"))
        await adapter.send(outbound(source, session, "again"), marked=True)
        assert [(await page.take("message"))["marked"] for _ in range(2)] == [False, True]


async def test_an_edit_takes_the_place_of_the_message_with_that_id(
    adapter: WebAdapter, source: Source, session: str
) -> None:
    async with open_page(adapter) as page:
        await page.hello()
        receipt = await adapter.edit(outbound(source, session, "better", key="new"), "key-of-the-first")
        assert receipt.message_id == "key-of-the-first"
        assert (await page.take("message"))["entry"]["key"] == "key-of-the-first"


async def test_the_longest_message_arrives_whole(adapter: WebAdapter, source: Source, session: str) -> None:
    async with open_page(adapter) as page:
        await page.hello()
        await adapter.send(outbound(source, session, "\u20ac" * MESSAGE_LENGTH))
        assert (await page.take("message"))["entry"]["text"] == "\u20ac" * MESSAGE_LENGTH


async def test_a_probe_of_a_port_where_something_else_answers_fails(
    monkeypatch: pytest.MonkeyPatch, adapter: WebAdapter
) -> None:
    async def another(_: str, __: int) -> bytes:
        return b"SSH-2.0-OpenSSH"

    monkeypatch.setattr(page_adapter, "_ask_health", another)
    with pytest.raises(TransientError, match="SSH"):
        await adapter.probe()


async def test_a_probe_that_nobody_answers_is_bounded(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.abc.Clock
) -> None:
    async def deaf(_: str, __: int) -> bytes:
        await trio.sleep_forever()
        raise AssertionError

    made = create(WebSettings())
    monkeypatch.setattr(made, "_port", 1)
    monkeypatch.setattr(page_adapter, "_ask_health", deaf)
    with pytest.raises(TransientError, match="within 5 s"):
        await made.probe()


async def test_a_listener_that_breaks_is_the_worlds_fault(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")

    made = create(WebSettings(port=0))
    monkeypatch.setattr(server, "serve", broken)
    with pytest.raises(TransientError, match="Bad file descriptor"):
        await made.run(host)
    assert made.port is None


async def test_a_probe_of_a_port_that_nobody_listens_on_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    with trio.socket.socket() as free:
        await free.bind(("127.0.0.1", 0))
        made = create(WebSettings())
        monkeypatch.setattr(made, "_port", free.getsockname()[1])
        with pytest.raises(TransientError, match="cannot be reached"):
            await made.probe()
