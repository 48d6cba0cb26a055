"""Fetches one page over HTTP: bounded in time, size and redirects, and only from where the guard lets it.

Rules:

1. Each hop is looked up and judged anew, and connected to by the address that was judged. The Host header and the name
   in the TLS handshake, whose certificate is checked, stay those of the URL.
2. No proxy, cookie, credential or certificate of this machine is used, and none in a URL is sent.
3. The time limit is for all of it: a server that drips a byte a second is left when it ends.
4. A body that is too long is cut, and says so; a type that cannot be read is not downloaded.
"""

import functools
import ssl
from collections.abc import Callable

import trio
from attrs import frozen

import hermes
from hermes.errors import Refused
from hermes.lean_httpx import httpx
from hermes.tools.web.guard import Guard
from hermes.tools.web.inflate import Body

# A page that takes longer is not worth the person's wait.
FETCH_SECONDS = 30.0
CONNECT_SECONDS = 8.0
# What browsers show as an error begins at 20; an article needs two.
MOST_REDIRECTS = 5
# Many pages have a megabyte of scripts before their first word. What is shown is far less.
MOST_BYTES = 2_000_000
MOST_URL_CHARACTERS = 4_000

_HEADERS = {
    "User-Agent": f"Hermes/{hermes.__version__} (personal agent)",
    "Accept": "text/html,application/xhtml+xml,text/markdown,text/plain,application/json;q=0.9,*/*;q=0.5",
    "Accept-Encoding": "gzip, deflate",
    "Accept-Language": "en, *;q=0.5",
}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FIRST_ERROR = 400
_MOST_CAUSES = 8


@frozen
class Fetched:
    """What a server answered."""

    url: str
    """Where it was in the end, after redirects."""
    media_type: str
    """Lower case, without parameters."""
    charset: str
    """As the header tells it; empty: it does not."""
    content: bytes
    whole: bool
    """False: it was cut at ``MOST_BYTES``."""


@frozen
class Fetcher:
    """Fetches pages. ``tls`` and ``transport`` stand in for the real ones in tests."""

    guard: Guard
    readable: Callable[[str], bool]
    """Whether a media type can be made into text."""
    tls: ssl.SSLContext | None = None
    transport: httpx.AsyncBaseTransport | None = None

    async def fetch(self, url: str) -> Fetched:
        """The page at ``url``. Raises ``Refused`` with the reason for whatever keeps it from being had."""
        with trio.move_on_after(FETCH_SECONDS):
            return await self._fetch(url)
        raise Refused(f"it did not arrive within {FETCH_SECONDS:g} seconds")

    async def _fetch(self, url: str) -> Fetched:
        tls = await authorities() if self.tls is None else self.tls
        timeout = httpx.Timeout(FETCH_SECONDS, connect=CONNECT_SECONDS)
        # Connections are not kept: they are told apart by address, and one address may serve several names.
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(
            verify=tls, timeout=timeout, limits=limits, transport=self.transport, trust_env=False
        ) as client:
            target = parsed(url)
            for _ in range(MOST_REDIRECTS + 1):
                answer = await self._hop(client, target)
                if isinstance(answer, Fetched):
                    return answer
                target = answer
        raise Refused(f"it redirected more than {MOST_REDIRECTS} times")

    async def _hop(self, client: httpx.AsyncClient, target: httpx.URL) -> Fetched | httpx.URL:
        """One request: the page, or where it leads to."""
        host = target.raw_host.decode("ascii")
        # The client knows sites by their addresses, and one address may serve several that are strangers to each other.
        client.cookies.clear()
        addresses = await self.guard.addresses(host, target.port or _default_port(target))
        try:
            response = await _send(client, target, host, addresses)
            try:
                return await self._read(response, target)
            finally:
                await response.aclose()
        except (httpx.HTTPError, UnicodeError) as error:
            # The client reads where a redirect leads before it is asked to, and lets a name that is none (xn--a) pass.
            raise Refused(f"{host} could not be read: {reason(error)}") from error

    async def _read(self, response: httpx.Response, target: httpx.URL) -> Fetched | httpx.URL:
        location = response.headers.get("location")
        if response.status_code in _REDIRECTS and location:
            return parsed(location, target)
        if response.status_code >= _FIRST_ERROR:
            raise Refused(f"{target.host} answered {response.status_code} {response.reason_phrase[:60]}".rstrip())
        media_type, charset = _content_type(response.headers.get("content-type", ""))
        if not self.readable(media_type):
            size = response.headers.get("content-length", "unknown")[:20]
            raise Refused(f"it is {media_type[:80]} ({size} bytes) and no text: download it with the terminal")
        body = await read_body(response, MOST_BYTES)
        return Fetched(str(target), media_type, charset, bytes(body.content), body.whole)


async def read_body(response: httpx.Response, limit: int) -> Body:
    """The body, at most ``limit`` bytes of it, inflated. Raises ``Refused`` for compression that cannot be undone."""
    body = Body(response.headers.get("content-encoding", ""), limit)
    # Left by cancellation: only that unwinds each of the generators that the client has nested in each other.
    with trio.CancelScope() as enough:
        async for piece in response.aiter_raw():
            if not enough.cancel_called and not body.feed(piece):
                enough.cancel()
    body.end()
    if body.problem:
        raise Refused(body.problem)
    return body


async def _send(client: httpx.AsyncClient, target: httpx.URL, host: str, addresses: tuple[str, ...]) -> httpx.Response:
    """The answer of the first address that can be connected to; its body is still to come."""
    failure: httpx.HTTPError | None = None
    for address in addresses:
        request = client.build_request(
            "GET",
            target.copy_with(host=address, fragment=None),
            headers={**_HEADERS, "Host": target.netloc.decode("ascii")},
            extensions={"sni_hostname": host},
        )
        try:
            return await client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            failure = error
    assert failure is not None, "the guard never gives an empty list"
    raise failure


def parsed(text: str, base: httpx.URL | None = None) -> httpx.URL:
    """An address that may be asked for, relative to ``base``. Raises ``Refused``."""
    if len(text) > MOST_URL_CHARACTERS:
        raise Refused(f"an address has at most {MOST_URL_CHARACTERS:,} characters")
    try:
        url = base.join(text.strip()) if base else httpx.URL(text.strip())
        # What cannot be written as ASCII cannot be asked for, and what cannot be read back (xn--a) is no name.
        url.raw_host.decode("ascii")
        host = url.host
    except (httpx.InvalidURL, ValueError) as error:
        raise Refused(f"{text[:200]!r} is no address: {error}") from error
    if url.scheme not in {"http", "https"} or not host:
        raise Refused(f"{text[:200]!r} is no address of the web: it has to begin with https:// or http://")
    if url.port is not None and not 0 < url.port < 1 << 16:
        raise Refused(f"{text[:200]!r} is no address: there is no port {url.port}")
    if url.userinfo:
        raise Refused("an address with a user name or password is not fetched")
    return url


def _default_port(url: httpx.URL) -> int:
    return 443 if url.scheme == "https" else 80


def _content_type(header: str) -> tuple[str, str]:
    media_type, _, parameters = header.partition(";")
    charset = next(
        (
            value.strip(" \"'")
            for name, _, value in (part.partition("=") for part in parameters.split(";"))
            if name.strip().lower() == "charset"
        ),
        "",
    )
    return media_type.strip().lower() or "text/html", charset[:40]


def reason(error: Exception) -> str:
    """What happened, in the words of whoever knew it."""
    if isinstance(error, httpx.TimeoutException):
        return "it did not answer in time"
    # The client's own errors often say nothing, and carry what happened inside.
    causes: list[BaseException] = [error]
    while len(causes) < _MOST_CAUSES and (inner := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(inner)
    return next((str(cause)[:200] for cause in causes if str(cause)), type(error).__name__)


async def authorities() -> ssl.SSLContext:
    """Whose certificates are trusted: those that browsers trust."""
    return await trio.to_thread.run_sync(_public_authorities)


@functools.cache
def _public_authorities() -> ssl.SSLContext:
    """Read once: it takes longer than a request."""
    return httpx.create_ssl_context(trust_env=False)
