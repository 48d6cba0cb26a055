"""Fetching: what is asked for and where, and what a server that means harm can reach."""

import gzip
import ssl
from collections.abc import Awaitable, Callable

import httpx
import pytest
import trio
import trustme
from attrs import evolve

from hermes.errors import Refused
from hermes.tools.web.fetch import MOST_BYTES, MOST_REDIRECTS, Fetched, Fetcher
from hermes.tools.web.guard import Guard
from hermes.tools.web.page import readable
from tests.hermes.tools.web.site import Stream, answer, endless, redirect, serving
from tests.hermes.tools.web.test_guard import finding

HERE = Guard.allowing(["127.0.0.1"])


async def fetch(url: str, fetcher: Fetcher | None = None) -> Fetched:
    with trio.fail_after(60):
        return await (fetcher or Fetcher(HERE, readable)).fetch(url)


async def refusal(url: str, fetcher: Fetcher | None = None) -> str:
    with pytest.raises(Refused) as caught:
        await fetch(url, fetcher)
    return str(caught.value)


async def test_a_page_is_fetched_with_its_type_and_nothing_of_this_machine_is_told() -> None:
    async with serving({"/a?b=1": answer("hello", "Text/HTML; Charset=ISO-8859-1")}) as site:
        fetched = await fetch(site.url("/a?b=1#part"))
    assert fetched == Fetched(site.url("/a?b=1#part"), "text/html", "ISO-8859-1", b"hello", True)
    (head,) = site.heads
    assert head.startswith("GET /a?b=1 HTTP/1.1\r\n")
    assert f"\r\nHost: 127.0.0.1:{site.port}\r\n" in head
    assert "cookie" not in head.lower()
    assert "authorization" not in head.lower()


async def test_the_loopback_interface_is_refused_unless_it_was_allowed() -> None:
    async with serving({"/": answer("secret")}) as site:
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
            assert "not on the public internet" in await refusal(site.url("/", host), Fetcher(Guard(), readable))
    assert site.heads == []


async def test_the_name_of_the_page_stands_in_the_request_and_its_address_in_the_connection() -> None:
    names = finding("127.0.0.1")
    guard = Guard.allowing(["site.test"], names)
    async with serving({"/": answer("hello")}) as site:
        fetched = await fetch(site.url("/", "Site.Test"), Fetcher(guard, readable))
    assert fetched.content == b"hello"
    assert names.asked == ["site.test"]
    assert f"\r\nHost: site.test:{site.port}\r\n" in site.heads[0]


def _tls() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority = trustme.CA()
    authority.issue_cert("site.test").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client


async def test_the_certificate_is_checked_against_the_name_of_the_page() -> None:
    server, client = _tls()
    guard = Guard.allowing(["site.test", "other.test"], finding("127.0.0.1"))
    fetcher = Fetcher(guard, readable, tls=client)
    names: list[str | None] = []
    server.sni_callback = lambda _socket, name, _context: names.append(name)
    async with serving({"/": answer("hello")}, server) as site:
        assert (await fetch(site.url("/", "site.test"), fetcher)).content == b"hello"
        assert "certificate" in (await refusal(site.url("/", "other.test"), fetcher)).lower()
        assert "certificate" in (await refusal(site.url("/", "site.test"), evolve(fetcher, tls=None))).lower()
    assert names[:2] == ["site.test", "other.test"]


async def test_a_name_whose_address_changes_between_two_looks_wins_nothing() -> None:
    asked: list[httpx.Request] = []

    async def record(request: httpx.Request) -> httpx.Response:
        await trio.lowlevel.checkpoint()
        asked.append(request)
        return httpx.Response(302, headers={"location": "/next"})

    names = finding("93.184.215.14", "127.0.0.1")
    fetcher = Fetcher(Guard(resolve=names), readable, transport=httpx.MockTransport(record))
    assert "rebind.test is at 127.0.0.1" in await refusal("https://rebind.test/", fetcher)
    (request,) = asked
    assert (request.url.host, request.headers["host"]) == ("93.184.215.14", "rebind.test")
    assert request.extensions["sni_hostname"] == "rebind.test"
    assert names.asked == ["rebind.test", "rebind.test"], "once for each hop"


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("http://169.254.169.254/latest/meta-data/", "169.254.169.254, which is not on the public internet"),
        ("http://[fd00:ec2::254]/", "not on the public internet"),
        ("http://2852039166/", "number in disguise"),
        ("//10.0.0.1/", "not on the public internet"),
        ("file:///etc/passwd", "is no address of the web"),
        ("gopher://127.0.0.1/", "is no address of the web"),
        ("http://user:password@127.0.0.1/", "user name or password"),
        ("http://127.0.0.1:99999999/", "is no address"),
        ("http://xn--a/", "U+0080"),
        ("//xn--0.test/x", "127.0.0.1 could not be read"),
        ("http://" + "a" * 5000, "at most 4,000 characters"),
    ],
)
async def test_a_redirect_leads_nowhere_that_could_not_be_asked_for_itself(location: str, said: str) -> None:
    async with serving({"/": redirect(location)}) as site:
        assert said in await refusal(site.url("/"))
        assert len(site.heads) == 1
    assert said in await refusal(location) or location.startswith("//")


async def test_a_name_that_is_none_is_told() -> None:
    assert "is no address" in await refusal("http://xn--a/")


async def test_what_one_site_leaves_behind_is_not_shown_to_the_next() -> None:
    leaves = answer("", "text/html", "302 Found", "Location: /next", "Set-Cookie: who=you; Path=/")
    async with serving({"/": leaves, "/next": answer("there")}) as site:
        assert (await fetch(site.url("/"))).content == b"there"
    assert "cookie" not in site.heads[1].lower()


async def test_redirects_are_followed_to_a_bound() -> None:
    pages = {f"/{number}": redirect(f"{number + 1}", "308 Permanent Redirect") for number in range(MOST_REDIRECTS)}
    async with serving({**pages, f"/{MOST_REDIRECTS}": answer("there"), "/loop": redirect("/loop")}) as site:
        fetched = await fetch(site.url("/0"))
        assert (fetched.url, fetched.content) == (site.url(f"/{MOST_REDIRECTS}"), b"there")
        assert await refusal(site.url("/loop")) == f"it redirected more than {MOST_REDIRECTS} times"


async def _page_without_end(stream: Stream) -> None:
    await stream.send_all(endless())
    while True:
        await stream.send_all(b"more and more " * 1000)


async def _bomb(stream: Stream) -> None:
    await stream.send_all(endless("text/plain", "Content-Encoding: gzip") + gzip.compress(bytes(300_000_000)))


async def _nothing_for_ever(stream: Stream) -> None:
    """An endless gzip stream of empty blocks."""
    await stream.send_all(endless("text/plain", "Content-Encoding: gzip") + gzip.compress(b"")[:10])
    while True:
        await stream.send_all(b"\x00\x00\x00\xff\xff" * 1000)


@pytest.mark.parametrize("page", [_page_without_end, _bomb, _nothing_for_ever])
async def test_a_page_that_never_ends_is_cut(page: Callable[[Stream], Awaitable[None]]) -> None:
    async with serving({"/": page}) as site:
        fetched = await fetch(site.url("/"))
    assert not fetched.whole
    assert len(fetched.content) <= MOST_BYTES


async def _drip(stream: Stream) -> None:
    await stream.send_all(endless())
    while True:
        await trio.sleep(1)
        await stream.send_all(b"x")


async def _drip_head(stream: Stream) -> None:
    await stream.send_all(b"HTTP/1.1 200 OK\r\n")
    while True:
        await trio.sleep(1)
        await stream.send_all(b"X-More: x\r\n")


async def _silence(stream: Stream) -> None:
    await trio.sleep_forever()


@pytest.mark.parametrize("page", [_drip, _drip_head, _silence])
async def test_a_server_that_drips_is_left_in_time(
    page: Callable[[Stream], Awaitable[None]], autojump_clock: trio.testing.MockClock
) -> None:
    # Real sockets need real time between two jumps of the clock.
    autojump_clock.autojump_threshold = 0.05
    async with serving({"/": page}) as site:
        with pytest.raises(Refused, match=r"did not arrive within 30 seconds|did not answer in time"):
            await Fetcher(HERE, readable).fetch(site.url("/"))


async def _endless_head(stream: Stream) -> None:
    await stream.send_all(b"HTTP/1.1 200 OK\r\n")
    while True:
        await stream.send_all(b"X-More: " + b"x" * 5000 + b"\r\n")


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (_endless_head, "could not be read"),
        (b"\x00\x01 this is no HTTP\r\n\r\n", "could not be read"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", "could not be read"),
        (answer("", status="404 Not Found"), "127.0.0.1 answered 404 Not Found"),
        (answer("", status="500 "), "127.0.0.1 answered 500"),
        (answer(b"%PDF-1.7", "application/pdf"), "it is application/pdf (8 bytes) and no text: download it"),
        (answer(b"\x89PNG", "image/png"), "it is image/png (4 bytes) and no text"),
        (answer(b"x", "text/plain", "200 OK", "Content-Encoding: br"), "not asked for"),
        (answer(b"plain words", "text/plain", "200 OK", "Content-Encoding: gzip"), "is broken"),
    ],
)
async def test_what_cannot_be_read_is_told_in_a_sentence(
    page: bytes | Callable[[Stream], Awaitable[None]], said: str
) -> None:
    async with serving({"/": page}) as site:
        assert said in await refusal(site.url("/"))


async def test_a_server_that_is_not_there_is_told_and_its_other_address_is_tried() -> None:
    async with serving({"/": answer("hello")}) as site:
        guard = Guard.allowing(["site.test"], finding(["127.0.0.2", "127.0.0.1"]))
        assert (await fetch(site.url("/", "site.test"), Fetcher(guard, readable))).content == b"hello"
        free = site.url("/")
    assert "could not be read" in await refusal(free)


async def test_what_the_environment_says_of_proxies_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving({"/": answer("hello")}) as site:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        assert (await fetch(site.url("/"))).content == b"hello"


async def test_cancelling_closes_the_connection() -> None:
    closed = trio.Event()

    async def waits(stream: Stream) -> None:
        await stream.receive_some(1)
        closed.set()

    async with serving({"/": waits}) as site:
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(Fetcher(HERE, readable).fetch, site.url("/"))
                while not site.heads:
                    await trio.sleep(0.01)
                nursery.cancel_scope.cancel()
            await closed.wait()
