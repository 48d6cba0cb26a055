"""HTTP to the Bot API, as the seam that python-telegram-bot leaves for it (``BaseRequest``).

Rules:

1. What is raised says whether a request may have been carried out: ``NotSent`` never left this machine, ``Lost`` left
   it and has no usable answer. A 5xx is ``Lost``: who sent it does not say how far the request came.
2. No error holds an address: the token is part of it. Texts of the libraries below are not passed on for that reason.
3. Each wait has a bound: a black hole looks like a slow server until then.
4. ``renew`` gives up the connections of a network that may be gone. Requests under way end on the old ones.

httpcore is used as it is, without httpx around it: that takes 0.35 ms of 1.2 ms off each call. ``initialize`` and
``shutdown`` of the library are asyncio's and are never called.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast
from urllib.parse import urlsplit

import trio
from attrs import define, field, frozen

from hermes.models.lean_httpx import httpx  # isort: skip  it keeps httpx small, which the library below imports

import httpcore
from telegram.error import TelegramError
from telegram.request import BaseRequest, RequestData

JSON = b"application/json"

# Seconds for a connection: a network that is back answers in well under one.
CONNECT_WITHIN = 5.0

# Seconds for the server to take what is sent to it, by piece.
WRITE_WITHIN = 20.0

# Seconds without a byte of the answer to a call. Telegram answers most in less than one.
READ_WITHIN = 20.0

# Idle connections that are kept, and for how long: a server closes them after a minute, and one that is closed in the
# moment in which it is used again leaves a message whose fate is unknown.
KEPT_CONNECTIONS = 20
KEPT_FOR = 20.0

# Connections at once: what delivery sends at most (64), and what is shown beside it.
MAX_CONNECTIONS = 100

# Bytes of one answer: a hundred updates of the largest kind are a twentieth of it.
MAX_ANSWER = 64 * 1024 * 1024

# Seconds for connections to be closed in good order.
CLOSE_WITHIN = 2.0

_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500


class NotSent(TelegramError):
    """The request certainly did not arrive."""


class Lost(TelegramError):
    """The request left, and nobody knows what became of it."""


class Flooded(TelegramError):
    """429: the server asks for a pause."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


@frozen
class Route:
    """How the server is reached."""

    base_url: str
    proxy: str = field(default="", repr=False)
    """An HTTP proxy's address; may hold a password."""


@define
class _Pool:
    connections: httpcore.AsyncConnectionPool
    requests: int = 0
    retired: bool = False


class Wire(BaseRequest):
    """The connections of one kind: those of the long poll, or those of everything else."""

    def __init__(self, route: Route, *, read_within: float = READ_WITHIN) -> None:
        self._route = route
        self._read_within = read_within
        self._pool: _Pool | None = None

    @property
    def read_timeout(self) -> float:
        return self._read_within

    async def initialize(self) -> None:
        """Nothing: connections are made when they are needed."""

    async def shutdown(self) -> None:
        await self.renew()

    async def renew(self) -> None:
        """See rule 4. Takes at most ``CLOSE_WITHIN`` seconds, also when cancelled."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.retired = True
            await _close_unused(pool)

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """As the library's, which logs what it cannot read. Raises ``Lost``: it is no answer of the Bot API."""
        try:
            said: Any = json.loads(payload.decode(errors="replace"))
        except (ValueError, RecursionError):
            said = None
        answer = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
        if answer.keys().isdisjoint({"result", "description"}):
            raise Lost("the server's answer cannot be read")
        return answer

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: object = BaseRequest.DEFAULT_NONE,
        write_timeout: object = BaseRequest.DEFAULT_NONE,
        connect_timeout: object = BaseRequest.DEFAULT_NONE,
        pool_timeout: object = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """One request and its whole answer; see the rules. Cancelled: its outcome is unknown."""
        within = float(read_timeout) if isinstance(read_timeout, int | float) else self._read_within
        headers, content = _encoded(request_data)
        pool = self._pool = self._pool or _Pool(self._connections())
        pool.requests += 1
        try:
            request = httpcore.Request(
                method,
                url,
                headers=[(b"Host", urlsplit(url).netloc.rpartition("@")[2].encode()), *headers],
                content=content,
                extensions={"timeout": _timeout(within)},
            )
            return await self._exchange(pool, request, within)
        finally:
            pool.requests -= 1
            await _close_unused(pool)

    def _connections(self) -> httpcore.AsyncConnectionPool:
        secure = self._route.base_url.startswith("https://") or self._route.proxy.startswith("https://")
        context = httpx.create_ssl_context() if secure else None
        return httpcore.AsyncConnectionPool(
            ssl_context=context,
            proxy=httpcore.Proxy(self._route.proxy) if self._route.proxy else None,
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=KEPT_CONNECTIONS,
            keepalive_expiry=KEPT_FOR,
        )

    async def _exchange(self, pool: _Pool, request: httpcore.Request, within: float) -> tuple[int, bytes]:
        # httpcore bounds each read; a server that drips would hold the whole for ever.
        with trio.move_on_after(CONNECT_WITHIN + WRITE_WITHIN + 2 * within):
            return await self._answer(pool, request)
        raise Lost("the server did not end its answer")

    async def _answer(self, pool: _Pool, request: httpcore.Request) -> tuple[int, bytes]:
        try:
            response = await pool.connections.handle_async_request(request)
            try:
                content = await _read(response)
            finally:
                await _closed(response)
        except (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout, httpcore.ProxyError) as error:
            raise NotSent(f"no connection to the server ({_kind(error)})") from None
        except httpcore.UnsupportedProtocol:
            raise NotSent("its address does not begin with http:// or https://") from None
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            raise Lost(f"the server did not answer ({_kind(error)})") from None
        except OSError as error:
            raise NotSent(f"no connection to the server ({error.strerror or _kind(error)})") from None
        return _checked(response.status, content)


def _encoded(data: RequestData | None) -> tuple[list[tuple[bytes, bytes]], bytes]:
    if data is None:
        return [], b""
    if not data.contains_files:
        content = data.json_payload
        return [(b"Content-Type", JSON), (b"Content-Length", b"%d" % len(content))], content
    form = httpx.Request("POST", "http://form", data=data.json_parameters, files=data.multipart_data)
    content = form.read()
    return [
        (b"Content-Type", form.headers["content-type"].encode()),
        (b"Content-Length", b"%d" % len(content)),
    ], content


def _timeout(read: float) -> dict[str, float]:
    return {"connect": CONNECT_WITHIN, "pool": read, "write": WRITE_WITHIN, "read": read}


async def _read(response: httpcore.Response) -> bytes:
    pieces = bytearray()
    async for piece in response.aiter_stream():
        pieces += piece
        if len(pieces) > MAX_ANSWER:
            raise Lost("the server's answer has no end")
    return bytes(pieces)


async def _closed(response: httpcore.Response) -> None:
    with trio.CancelScope(shield=True, deadline=trio.current_time() + CLOSE_WITHIN), suppress(OSError):
        await response.aclose()


async def _close_unused(pool: _Pool) -> None:
    if pool.retired and not pool.requests:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + CLOSE_WITHIN):
            await pool.connections.aclose()


def _kind(error: Exception) -> str:
    """What went wrong, without the library's text."""
    return type(error).__name__


def _checked(status: int, content: bytes) -> tuple[int, bytes]:
    """What python-telegram-bot is to read. Raises what it would read wrongly."""
    if status >= _SERVER_ERROR:
        raise Lost(f"the server failed ({status})")
    if status == _TOO_MANY_REQUESTS:
        raise Flooded("too many requests", _retry_after(content))
    return status, content


def _retry_after(content: bytes) -> float:
    try:
        said: Any = json.loads(content)
        parameters = cast(Mapping[str, Any], said["parameters"])
        return max(0.0, float(parameters["retry_after"]))
    except (ValueError, TypeError, KeyError):
        return 1.0
