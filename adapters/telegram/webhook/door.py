"""The requests by which Telegram hands updates over: one each, answered once the update is dealt with.

Rules:

1. 200 means that the update is in the inbox, or that a rule dropped it. What the inbox cannot take just now is answered
   by 503, and Telegram sends it again. It sends the updates of one chat one after the other, so they keep their order.
2. Nothing is read of a request that does not carry the secret. Secrets are compared in a time that tells nothing.
3. A request is bounded in size and time, and so is the number of those in hand.
"""

import hmac
import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, cast

import trio
from attrs import define, field

from adapters.telegram.incoming.events import update_id
from adapters.telegram.incoming.intake import Intake
from adapters.telegram.webhook.settings import Webhook

SECRET_HEADER = b"x-telegram-bot-api-secret-token"

MAX_BODY = 1024 * 1024
"""Bytes of an update: the largest that can be sent, a long text full of entities, has a tenth of it."""

BODY_WITHIN = 20.0
"""Seconds for the whole of a request to arrive: Telegram sends it at once."""

MOST_AT_A_TIME = 40
"""Requests in hand, and connections that Telegram is told to make at most: 40 MB, should all be as large as may be."""

AGAIN_AFTER = 2
"""Seconds after which Telegram is to send again what could not be taken. Left to itself it lets its pauses grow."""

_Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[_Message]]
Send = Callable[[_Message], Awaitable[None]]

log = logging.getLogger(__name__)


@define(eq=False)
class WebhookDoor:
    """An application of ASGI."""

    _settings: Webhook
    _intake: Intake
    _heard: Callable[[], None]
    """Called for each request that is Telegram's."""
    _in_hand: int = field(default=0, init=False)

    async def __call__(self, scope: _Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        status = self._refusal(scope)
        if status is None:
            status = await self._bounded(receive)
        headers = [(b"content-length", b"0")]
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            headers.append((b"retry-after", b"%d" % AGAIN_AFTER))
        await send({"type": "http.response.start", "status": int(status), "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _refusal(self, scope: _Message) -> HTTPStatus | None:
        """Why a request is not looked at further."""
        if scope["path"] != self._settings.path:
            return HTTPStatus.NOT_FOUND
        if scope["method"] != "POST":
            return HTTPStatus.METHOD_NOT_ALLOWED
        headers = cast("list[tuple[bytes, bytes]]", scope["headers"])
        told = next((value for name, value in headers if name.lower() == SECRET_HEADER), b"")
        if not hmac.compare_digest(told, self._settings.secret.encode()):
            return HTTPStatus.FORBIDDEN
        self._heard()
        return HTTPStatus.SERVICE_UNAVAILABLE if self._in_hand >= MOST_AT_A_TIME else None

    async def _bounded(self, receive: Receive) -> HTTPStatus:
        self._in_hand += 1
        try:
            return await self._dealt_with(receive)
        finally:
            self._in_hand -= 1

    async def _dealt_with(self, receive: Receive) -> HTTPStatus:
        body: bytes | None = None
        with trio.move_on_after(BODY_WITHIN):
            body = await _body(receive)
        if body is None:
            log.warning("a request to the webhook is cut short, or holds more than %d bytes", MAX_BODY)
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        raw = _read(body)
        number = update_id(raw)
        if number is None:
            log.warning("a request to the webhook holds no update: it is passed over")
            return HTTPStatus.OK
        event = self._intake.read(number, raw)
        if event is None or await self._intake.take(number, event):
            return HTTPStatus.OK
        return HTTPStatus.SERVICE_UNAVAILABLE


async def _body(receive: Receive) -> bytes | None:
    """The whole of it; None when it is too long, or its sender has gone."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _read(body: bytes) -> object:
    try:
        return cast(object, json.loads(body))
    except (ValueError, RecursionError):
        return None
