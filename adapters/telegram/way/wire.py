"""Our transport as python-telegram-bot's ``BaseRequest``, the seam that it leaves for one.

Rules:

1. What is raised says whether a request may have been carried out (lost.py). A 5xx is ``Lost``: who sent it does not
   say how far the request came. So is an error in other words than the Bot API's: a firewall, a hotel's network or a
   web server between told it, and it says nothing of the chat or the token; and an answer that is not of the shape of
   its method's (shapes.py).
2. No error holds an address: the token is part of it. Texts of the libraries below are not passed on for that reason.
3. Of a message that was sent nothing is read but its number and its chat. What it quotes is somebody's, and the library
   may not be able to read it.
4. ``renew`` gives up the connections of a network that may be gone. Requests under way end on the old ones.

``initialize`` and ``shutdown`` of the library are asyncio's and are never called.
"""

import json
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any, cast
from urllib.parse import urlsplit

from attrs import field, frozen
from telegram.request import BaseRequest, RequestData

from adapters.telegram.way.fallback import Fallback
from adapters.telegram.way.lost import Flooded, Lost
from adapters.telegram.way.shapes import fits
from adapters.telegram.way.transport import Header, Request, Transport
from adapters.telegram.way.ways import way
from hermes.lean_httpx import httpx

# Seconds without a byte of the answer to a call. Telegram answers most in less than one.
READ_WITHIN = 20.0

_JSON = (b"Content-Type", b"application/json")
_ERROR = 400
_TOO_LARGE = 413
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500

_READ_OF_A_MESSAGE = frozenset({"message_id", "date", "chat"})


@frozen
class Route:
    """How the server is reached."""

    base_url: str
    proxy: str = field(default="", repr=False)
    """The address of one; may hold a password."""
    fallback_ips: tuple[str, ...] = ()


class Wire(BaseRequest):
    """The connections of one kind: those of the long poll, or those of everything else."""

    def __init__(self, route: Route, *, read_within: float = READ_WITHIN) -> None:
        self._route = route
        self._read_within = read_within
        self._transport = self._made()

    @property
    def read_timeout(self) -> float:
        return self._read_within

    async def initialize(self) -> None:
        """Nothing: connections are made when they are needed."""

    async def shutdown(self) -> None:
        await self.renew()

    async def renew(self) -> None:
        """See rule 4."""
        old, self._transport = self._transport, self._made()
        await old.aclose()

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """As the library's, which logs what it cannot read. Raises ``Lost``: it is no answer of the Bot API."""
        try:
            said: Any = json.loads(payload.decode(errors="replace"))
        except (ValueError, RecursionError):
            said = None
        answer = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
        if answer.keys().isdisjoint({"result", "description"}) or not _explains_itself(answer):
            raise Lost("the server's answer cannot be read")
        return _lean(answer)

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
        request = Request(method, url, *_encoded(request_data))
        status, content = _checked(*await self._transport.request(request, read_within=within))
        # A file is fetched by GET, and is no word of the Bot API.
        if status < _ERROR and method == "POST":
            _check_result(url, content)
        return status, content

    def _made(self) -> Transport:
        return Transport(way(self._route.proxy), httpx.create_ssl_context, Fallback(self._route.fallback_ips))


def _encoded(data: RequestData | None) -> tuple[list[Header], list[bytes]]:
    if data is None:
        return [], []
    if not data.contains_files:
        return [_JSON], [data.json_payload]
    form = httpx.Request("POST", "http://form", data=data.json_parameters, files=data.multipart_data)
    # A file is one of the pieces as it is: it is not copied into the form.
    return [(b"Content-Type", form.headers["content-type"].encode())], list(cast(Iterable[bytes], form.stream))


def _lean(answer: dict[str, Any]) -> dict[str, Any]:
    """See rule 3."""
    result = answer.get("result")
    if not isinstance(result, dict) or "message_id" not in result:
        return answer
    sent = cast("dict[str, Any]", result)
    return {**answer, "result": {name: sent[name] for name in _READ_OF_A_MESSAGE & sent.keys()}}


def _checked(status: int, content: bytes) -> tuple[int, bytes]:
    """What python-telegram-bot is to read. Raises what it would read wrongly."""
    if status >= _SERVER_ERROR:
        raise Lost(f"the server failed ({status})")
    if status == _TOO_MANY_REQUESTS:
        raise Flooded("too many requests", _retry_after(content))
    if status >= _ERROR and status != _TOO_LARGE:
        # Raises what is no word of the Bot API. What is too large is so for whoever says it.
        Wire.parse_json_payload(content)
    return status, content


def _explains_itself(answer: dict[str, Any]) -> bool:
    """Whether an error, if it is one, is told as the Bot API does."""
    return isinstance(answer.get("description", ""), str) and isinstance(answer.get("parameters") or {}, dict)


def _check_result(url: str, content: bytes) -> None:
    """Raises ``Lost`` for what the library would break on."""
    answer = Wire.parse_json_payload(content)
    if not fits(urlsplit(url).path.rpartition("/")[2], answer):
        raise Lost("the server's answer is none to what it was asked")


def _retry_after(content: bytes) -> float:
    try:
        said: Any = json.loads(content)
        parameters = cast(Mapping[str, Any], said["parameters"])
        seconds = float(parameters["retry_after"])
    except (ValueError, TypeError, KeyError, OverflowError):
        return 1.0
    return max(0.0, seconds) if isfinite(seconds) else 1.0
