"""The listening socket: ours alone, and a plain error when it cannot be had."""

import os
import socket

import pytest
import trio

from adapters.web import listen as listening
from adapters.web.adapter import create
from adapters.web.listen import listen
from adapters.web.settings import WebSettings
from hermes.errors import ConfigError
from tests.adapters.fakehost import FakeHost
from tests.descriptors import descriptors


@pytest.fixture
async def socket_class() -> type:
    """The class of trio's sockets, which has no public name."""
    with trio.socket.socket() as sock:
        return type(sock)


async def test_a_taken_port_is_one_plain_error_that_names_the_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with trio.fail_after(20), pytest.raises(ConfigError) as caught:
            await create(WebSettings(port=port)).run(FakeHost())
    assert f"127.0.0.1:{port} is taken by another program: set platforms.web.extra.port" in str(caught.value)
    assert caught.value.key == "platforms.web.extra.port"


async def test_a_port_with_past_connections_on_it_can_be_had_again_at_once() -> None:
    first = await listen("127.0.0.1", 0)
    port = first.socket.getsockname()[1]
    async with await trio.open_tcp_stream("127.0.0.1", port) as client, await first.accept() as server:
        # Our side closes first, so that the past connection lingers on our port.
        await server.aclose()
        assert await client.receive_some() == b""
    await first.aclose()
    await (await listen("127.0.0.1", port)).aclose()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_the_descriptor_is_not_inherited_by_children(host: str) -> None:
    listener = await listen(host, 0)
    async with listener:
        assert not os.get_inheritable(listener.socket.fileno())


@pytest.mark.parametrize(
    ("error", "key"),
    [
        (PermissionError(13, "Permission denied"), "platforms.web.extra.port"),
        (OSError(99, "Cannot assign requested address"), "platforms.web.extra.host"),
    ],
)
async def test_another_failure_names_its_setting_and_leaves_no_socket(
    monkeypatch: pytest.MonkeyPatch, socket_class: type, error: OSError, key: str
) -> None:
    async def bind(*_: object) -> None:
        raise error

    monkeypatch.setattr(socket_class, "bind", bind)
    before = descriptors(collect=True)
    with pytest.raises(ConfigError) as caught:
        await listen("127.0.0.1", 0)
    assert caught.value.key == key
    assert descriptors() == before


async def test_a_name_that_is_no_address_is_named_by_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(listening.trio.socket, "getaddrinfo", unknown)
    with pytest.raises(ConfigError, match="nowhere") as caught:
        await listen("nowhere", 0)
    assert caught.value.key == "platforms.web.extra.host"


async def test_a_wait_that_is_cancelled_leaves_no_socket(monkeypatch: pytest.MonkeyPatch, socket_class: type) -> None:
    async def forever(*_: object) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(socket_class, "bind", forever)
    before = descriptors(collect=True)
    with trio.move_on_after(0.01):
        await listen("127.0.0.1", 0)
    assert descriptors() == before
