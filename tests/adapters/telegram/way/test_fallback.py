"""Telegram's server by its addresses: in what order on a clock of the tests, and with TLS on the wire."""

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
import trustme
from attrs import define, field

from adapters.telegram.way.fallback import HEAD_START, STAGGER, Fallback
from adapters.telegram.way.lost import NotSent
from adapters.telegram.way.transport import Request, Transport
from adapters.telegram.way.ways import Straight
from tests.adapters.telegram.botapi import WITHIN

NAME = "api.telegram.org"


@define(eq=False)
class Stream(trio.abc.AsyncResource):
    closed: bool = False

    async def aclose(self) -> None:
        self.closed = True
        await trio.lowlevel.checkpoint()


@define(eq=False)
class Opened:
    target: str
    stream: Stream = field(factory=Stream)


@define(eq=False)
class Network:
    """What becomes of a connection: it is there after so many seconds, or (negative) fails after so many."""

    after: dict[str, float]
    tried: list[tuple[str, float]] = field(factory=list[tuple[str, float]])
    opened: list[Opened] = field(factory=list[Opened])
    _began: float = field(factory=trio.current_time)

    async def connect(self, target: str) -> Opened:
        self.tried.append((target, round(trio.current_time() - self._began, 2)))
        seconds = self.after.get(target, float("inf"))
        await trio.sleep(abs(seconds))
        if seconds < 0:
            raise OSError(f"nobody at {target}")
        self.opened.append(Opened(target))
        return self.opened[-1]


async def test_a_name_that_works_is_all_that_is_tried(autojump_clock: trio.testing.MockClock) -> None:
    network = Network({NAME: 1.0})
    assert (await Fallback(["1.1.1.1"]).reach(NAME, network.connect)).target == NAME
    assert network.tried == [(NAME, 0.0)]


async def test_another_server_is_reached_by_its_name_alone(autojump_clock: trio.testing.MockClock) -> None:
    network = Network({"bots.example": -0.1, "1.1.1.1": 0.1})
    with pytest.raises(OSError, match=r"bots\.example"):
        await Fallback(["1.1.1.1"]).reach("bots.example", network.connect)


async def test_an_address_follows_at_once_where_the_name_fails(autojump_clock: trio.testing.MockClock) -> None:
    network = Network({NAME: -0.1, "1.1.1.1": -0.05, "2.2.2.2": 0.1})
    assert (await Fallback(["1.1.1.1", "2.2.2.2"]).reach(NAME, network.connect)).target == "2.2.2.2"
    assert network.tried == [(NAME, 0.0), ("1.1.1.1", 0.1), ("2.2.2.2", 0.15)]


async def test_a_name_that_leads_nowhere_is_waited_for_a_little(autojump_clock: trio.testing.MockClock) -> None:
    network = Network({"2.2.2.2": 0.1})
    assert (await Fallback(["1.1.1.1", "2.2.2.2"]).reach(NAME, network.connect)).target == "2.2.2.2"
    assert network.tried == [(NAME, 0.0), ("1.1.1.1", HEAD_START), ("2.2.2.2", HEAD_START + STAGGER)]


async def test_an_address_that_works_is_kept_until_it_does_not(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    fallback = Fallback(["1.1.1.1", "2.2.2.2"])
    await fallback.reach(NAME, Network({NAME: -0.1, "1.1.1.1": -0.1, "2.2.2.2": 0.1}).connect)
    again = Network({"2.2.2.2": 0.1})
    await fallback.reach(NAME, again.connect)
    assert again.tried == [("2.2.2.2", 0.0)]
    assert caplog.text.count("not reached by its name: 2.2.2.2") == 1
    gone = Network({"2.2.2.2": -0.1, NAME: -0.1, "1.1.1.1": 0.1})
    assert (await fallback.reach(NAME, gone.connect)).target == "1.1.1.1"
    assert [target for target, _ in gone.tried] == ["2.2.2.2", NAME, "1.1.1.1"]
    back = Network({"1.1.1.1": -0.1, NAME: 0.1})
    assert (await fallback.reach(NAME, back.connect)).target == NAME
    assert "by its name again" in caplog.text
    usual = Network({NAME: 0.1})
    await fallback.reach(NAME, usual.connect)
    assert usual.tried == [(NAME, 0.0)]


async def test_nothing_that_leads_there_is_an_error_and_changes_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    fallback = Fallback(["1.1.1.1"])
    with pytest.raises(OSError, match="nobody at"):
        await fallback.reach(NAME, Network({NAME: -0.1, "1.1.1.1": -0.1}).connect)
    assert (await fallback.reach(NAME, Network({NAME: 0.1}).connect)).target == NAME


async def test_of_two_that_come_through_together_one_is_closed(autojump_clock: trio.testing.MockClock) -> None:
    opened: list[Opened] = []
    both = trio.Event()

    async def connect(target: str) -> Opened:
        await both.wait()
        opened.append(Opened(target))
        return opened[-1]

    async def open_both() -> None:
        await trio.sleep(HEAD_START + STAGGER / 2)
        both.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(open_both)
        taken = await Fallback(["1.1.1.1"]).reach(NAME, connect)
    assert len(opened) == 2, "they did not meet"
    assert [each for each in opened if not each.stream.closed] == [taken]


async def test_cancelled_in_the_moment_of_success_it_leaves_nothing_open() -> None:
    opened: list[Opened] = []
    with trio.CancelScope() as scope:

        async def connect(target: str) -> Opened:
            opened.append(Opened(target))
            scope.cancel()
            return opened[-1]

        await Fallback(["1.1.1.1"]).reach(NAME, connect)
    assert scope.cancelled_caught
    assert [each.stream.closed for each in opened] == [True]


class Names(trio.abc.HostnameResolver):
    """``answer`` is where the name leads; empty: nowhere. Addresses mean themselves."""

    def __init__(self) -> None:
        self.answer = ""
        self.asked: list[str] = []

    async def getaddrinfo(self, host: object, port: object, *rest: int, **more: int) -> list[object]:
        assert isinstance(host, bytes)
        self.asked.append(host.decode())
        await trio.lowlevel.checkpoint()
        if not self.answer:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (self.answer, port))]

    async def getnameinfo(self, sockaddr: object, flags: int) -> tuple[str, str]:
        raise NotImplementedError


@pytest.fixture
async def names() -> AsyncIterator[Names]:
    names = Names()
    before = trio.socket.set_custom_hostname_resolver(names)
    yield names
    trio.socket.set_custom_hostname_resolver(before)


@define(eq=False)
class TlsServer:
    """A server on an address of the loopback network, with a certificate for ``name``."""

    authority: trustme.CA
    name: str
    asked_for: list[str | None] = field(factory=list[str | None])
    heads: list[bytes] = field(factory=list[bytes])

    @property
    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.authority.issue_cert(self.name).configure_cert(context)
        context.sni_callback = lambda _, name, __: self.asked_for.append(name)
        return context

    async def serve(self, stream: trio.SocketStream) -> None:
        secured = trio.SSLStream(stream, self.context, server_side=True)
        try:
            self.heads.append(bytes(await secured.receive_some()))
            await secured.send_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok")
        except trio.BrokenResourceError:
            pass
        await trio.aclose_forcefully(stream)


@asynccontextmanager
async def listening(server: TlsServer, host: str, port: int = 0) -> AsyncIterator[int]:
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(port, host=host)
        nursery.start_soon(trio.serve_listeners, server.serve, [listener])
        with trio.fail_after(WITHIN):
            yield listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


def transport(authority: trustme.CA, *addresses: str) -> Transport:
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    return Transport(Straight(), lambda: trusting, Fallback(addresses))


async def ask(transport: Transport, port: int) -> tuple[int, bytes]:
    return await transport.request(Request("GET", f"https://{NAME}:{port}/bot1:secret/getMe"), read_within=10.0)


async def test_a_name_that_does_not_resolve_is_reached_by_an_address_under_its_own_name(names: Names) -> None:
    authority = trustme.CA()
    server = TlsServer(authority, NAME)
    async with listening(server, "127.0.0.1") as port:
        asking = transport(authority, "127.0.0.1")
        assert await ask(asking, port) == (200, b"ok")
        assert await ask(asking, port) == (200, b"ok")
    assert server.asked_for == [NAME, NAME]
    assert all(f"Host: {NAME}:{port}\r\n".encode() in head for head in server.heads)
    assert names.asked == [NAME], "the address that worked is tried first"


async def test_a_name_whose_addresses_take_no_connection_is_reached_by_another(names: Names) -> None:
    authority = trustme.CA()
    names.answer = "127.0.0.2"
    async with listening(TlsServer(authority, NAME), "127.0.0.3") as port:
        assert await ask(transport(authority, "127.0.0.4", "127.0.0.3"), port) == (200, b"ok")


async def test_a_server_with_another_certificate_gets_no_request(names: Names) -> None:
    authority = trustme.CA()
    another, stranger = TlsServer(authority, "example.org"), TlsServer(trustme.CA(), NAME)
    right = TlsServer(authority, NAME)
    names.answer = "127.0.0.2"
    async with (
        listening(another, "127.0.0.2") as port,
        listening(stranger, "127.0.0.3", port),
    ):
        with pytest.raises(NotSent) as caught:
            await ask(transport(authority, "127.0.0.3"), port)
        assert "secret" not in str(caught.value)
        async with listening(right, "127.0.0.4", port):
            assert await ask(transport(authority, "127.0.0.3", "127.0.0.4"), port) == (200, b"ok")
    assert another.heads == stranger.heads == []
    assert len(right.heads) == 1
