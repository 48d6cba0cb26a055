"""One provider over HTTP: streams of events.

1. Nothing is opened before the first stream. ``aclose`` ends what is idle at once and the rest with its stream, and the
   next stream opens anew: so whoever owns one may end and begin again without ending a turn (hermes/models/clients.py).
2. Each wait is bounded: for a connection, for the first byte, for the next byte, and for the next event, since some
   servers send comments for ever.
3. A stream that is left early, by an error or by cancellation, closes its connection. One that was read to its end
   leaves it to the next.
4. What goes wrong is an error of the tree that names the provider (hermes/models/failures.py).
"""

import ipaddress
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import trio
from attrs import frozen

import hermes
from hermes.errors import ConfigError, HermesError, RemoteProtocolError, TransientError
from hermes.lean_httpx import httpx
from hermes.models.clients import Clients
from hermes.models.failures import Speaker, refusal, web_page
from hermes.models.wires.sse import MAX_EVENT_BYTES, SseEvent, SseReader

if TYPE_CHECKING:
    import ssl

OK = 200

# Bytes that are read of an answer that is no stream of events: an error says what it has to say in far less.
MAX_ERROR_BYTES = 64 * 1024

# Seconds for the rest of a stream whose last event has come, so that its connection can serve again.
REST_WITHIN = 0.5

_USER_AGENT = f"hermes-agent/{hermes.__version__}"

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@frozen
class Timing:
    """Seconds."""

    connect: float = 15.0
    """A network that works connects in less; a dead address should not take longer than a person waits."""
    first_byte: float = 300.0
    """A model that thinks in silence, or reads a long prompt, takes minutes."""
    idle: float = 120.0
    """Between two pieces of a stream that has begun."""
    event: float = 600.0
    """Between two events, however many comments come."""
    write: float = 60.0
    whole: float = 7200.0
    """For one answer: some send signs of life as events, so no other bound ends a stream that goes nowhere."""


# A model of one's own may read a long prompt for half an hour, and nobody pays for its time.
OWN_TIMING = Timing(first_byte=1800.0)


def is_own(host: str) -> bool:
    """Whether a host is of this machine or its own network."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".lan", ".internal"))


class Events:
    """The events of one stream. Not a generator, so that it can be left anywhere without a trace."""

    def __init__(self, body: "_Body", *, whole: bool) -> None:
        self._body = body
        self._whole = whole
        self._reader = SseReader()
        self._ended = False

    async def next(self) -> Sequence[SseEvent]:
        """The next events, all that came together; none at the end of the stream.

        Raises ``TransientError`` and ``RemoteProtocolError``.
        """
        while not self._ended:
            if self._whole:
                self._ended = True
                return (SseEvent("", (await self._body.rest(MAX_EVENT_BYTES)).decode("utf-8", "replace")),)
            piece = await self._body.read()
            self._ended = not piece
            events = self._reader.feed(piece) if piece else self._reader.end()
            # Some servers keep a connection alive with events that hold nothing.
            if events := [event for event in events if event.data.strip()]:
                self._body.progress()
                return events
        return ()


class Http:
    """The way to one provider. ``base_url`` without a slash at its end."""

    def __init__(
        self,
        speaker: Speaker,
        base_url: str,
        headers: Mapping[str, str] = MappingProxyType({}),
        timing: Timing | None = None,
    ) -> None:
        self._speaker = speaker
        self.base_url = base_url
        host = urlsplit(base_url).hostname or ""
        self._local = host in LOOPBACK
        self._timing = timing or (OWN_TIMING if is_own(host) else Timing())
        usual = {"accept": "text/event-stream", "content-type": "application/json", "user-agent": _USER_AGENT}
        self._headers = {**usual, **headers}
        self._clients = Clients(self._client)
        self._context: ssl.SSLContext | None = None

    @asynccontextmanager
    async def stream(self, path: str, body: bytes) -> AsyncGenerator[Events]:
        """Post ``body`` and read the answer as events. Raises what hermes/models/failures.py makes of a refusal."""
        async with self._clients.lent() as client, self._response(client, path, body) as (response, content):
            yield await self._events(response, content)

    async def aclose(self) -> None:
        """See rule 1."""
        await self._clients.aclose()

    def _client(self, limits: httpx.Limits) -> httpx.AsyncClient:
        timing = self._timing
        try:
            # Certificates are read once, 20 ms, and for those who need them.
            self._context = self._context or httpx.create_ssl_context(verify=not self.base_url.startswith("http://"))
            return httpx.AsyncClient(
                headers=self._headers,
                # First byte and idle are ours: httpx knows one bound for both.
                timeout=httpx.Timeout(None, connect=timing.connect, write=timing.write),
                limits=limits,
                # A proxy of the environment has no way to this machine.
                trust_env=not self._local,
                verify=self._context,
            )
        except (ValueError, OSError, ImportError) as error:
            raise ConfigError(f"HTTP cannot be set up (proxy or certificates of the environment): {error}") from error

    @asynccontextmanager
    async def _response(
        self, client: httpx.AsyncClient, path: str, body: bytes
    ) -> "AsyncGenerator[tuple[httpx.Response, _Body]]":
        deadline = trio.current_time() + self._timing.first_byte
        try:
            request = client.build_request("POST", self.base_url + path, content=body)
        except (httpx.InvalidURL, UnicodeError) as error:
            raise ConfigError(f"model.base_url is no address: {error}", key="model.base_url") from error
        response: httpx.Response | None = None
        with trio.move_on_at(deadline):
            response = await self._send(client, request)
        if response is None:
            raise self._late(self._timing.first_byte, "an answer")
        content = _Body(self, response, deadline)
        patience = 0.0
        try:
            yield response, content
            patience = REST_WITHIN
        finally:
            await content.leave(patience)
            await response.aclose()
            # Response and stream name each other: each call would be left to the collector.
            response.stream = httpx.ByteStream(b"")

    async def _send(self, client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
        try:
            return await client.send(request, stream=True)
        except (httpx.HTTPError, OSError, UnicodeError) as error:
            # The last is of httpx reading where a redirect leads, though it follows none.
            raise self.trouble(error) from error

    async def _events(self, response: httpx.Response, content: "_Body") -> Events:
        if response.status_code != OK:
            said = (await content.rest(MAX_ERROR_BYTES)).decode("utf-8", "replace")
            raise refusal(self._speaker, response.status_code, said, response.headers.get("retry-after", ""))
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind in {"text/html", "application/xhtml+xml"}:
            raise web_page(self._speaker)
        return Events(content, whole=kind == "application/json")

    def trouble(self, error: Exception) -> HermesError:
        """What failed below HTTP."""
        label = self._speaker.label
        match error:
            case httpx.ConnectTimeout():
                return self._late(self._timing.connect, "a connection")
            case httpx.ConnectError():
                return TransientError(f"no connection to {label}{self._speaker.quote(str(error))}")
            case httpx.UnsupportedProtocol():
                return ConfigError(
                    "model.base_url is no address: it begins with http:// or https://", key="model.base_url"
                )
            case httpx.DecodingError():
                return RemoteProtocolError(f"{label} sent bytes that cannot be decoded")
            case _:
                return TransientError(f"the connection to {label} was lost{self._speaker.quote(str(error))}")

    def late(self, *, begun: bool) -> HermesError:
        """Nothing came within the bound of its wait."""
        return self._late(self._timing.idle if begun else self._timing.first_byte, "the rest" if begun else "an answer")

    @property
    def timing(self) -> Timing:
        return self._timing

    def _late(self, seconds: float, what: str) -> TransientError:
        return TransientError(f"{self._speaker.label} did not send {what} within {seconds:g} s")


class _Body:
    """The bytes of one answer, each wait bounded."""

    def __init__(self, http: Http, response: httpx.Response, first_byte: float) -> None:
        self._http = http
        self._pieces: AsyncIterator[bytes] = response.aiter_bytes()
        self._deadline = first_byte
        self._progress = first_byte
        self._end = trio.current_time() + http.timing.whole
        self._begun = False
        self._over = False

    async def read(self) -> bytes:
        """The next piece; empty at the end. Raises ``TransientError`` when it is late or the connection is lost."""
        with trio.move_on_at(min(self._deadline, self._progress, self._end)):
            piece = await self._next()
            now = trio.current_time()
            self._deadline = now + self._http.timing.idle
            if not self._begun:
                self._begun = True
                self._progress = now + self._http.timing.event
            return piece
        self._over = True
        raise self._http.late(begun=self._begun)

    async def rest(self, limit: int) -> bytes:
        """All that is left, at most ``limit`` bytes."""
        found = bytearray()
        while len(found) < limit and (piece := await self.read()):
            found += piece
        return bytes(found[:limit])

    def progress(self) -> None:
        """An event came."""
        self._progress = trio.current_time() + self._http.timing.event

    async def leave(self, patience: float) -> None:
        """Leave the stream where it is, after at most ``patience`` seconds for its end.

        httpx reads through a chain of generators. Closing the outer one leaves those inside to the garbage collector;
        so they are run on until they end, or stop at a wait that is cancelled, which unwinds all of them.
        """
        try:
            with trio.move_on_after(patience):
                while not self._over:
                    await self._next()
        except HermesError:
            self._over = True

    async def _next(self) -> bytes:
        try:
            piece = await anext(self._pieces, b"")
        except (httpx.HTTPError, OSError) as error:
            self._over = True
            raise self._http.trouble(error) from error
        self._over = not piece
        return piece
