"""How the fake Bot API hands updates over by webhook, as its public documents say: one in a request, with the secret in
its header, again and again until it is answered by 2xx.

As Telegram's own server does, it sends the updates of one chat one after the other: what failed holds back the rest.
"""

import json
from typing import Any, Protocol
from urllib.parse import urlsplit

import trio
from attrs import define, field

from tests.adapters.telegram.http import Connection

AGAIN = 0.05
"""Seconds between two tries; Telegram's grow from one second to minutes."""

ANSWER_WITHIN = 30.0
"""Seconds for an answer to one; a request that gets none is repeated."""


class Server(Protocol):
    """The fake, as this needs it."""

    webhook: str
    webhook_asked: dict[str, Any]
    webhook_error: str
    confirmed: set[int]
    handed_out: set[int]
    left: set[int]
    held_back: set[int] | None
    pending: list[Any]

    def ready(self) -> list[Any]: ...

    def note(self) -> None: ...

    async def change(self) -> None: ...


@define(eq=False)
class Pushing:
    """Of one server."""

    _api: Server
    _busy: set[str] = field(factory=set[str])
    """Chats of which one is under way."""

    async def run(self) -> None:
        """Until cancelled. A webhook that is elsewhere than on this machine gets nothing."""
        async with trio.open_nursery() as nursery:
            while True:
                if self._api.webhook.startswith("http://127.0.0.1:"):
                    for update in self._api.ready():
                        if (chat := _chat(update)) not in self._busy:
                            self._busy.add(chat)
                            nursery.start_soon(self._hand_over, chat, update)
                await self._api.change()

    async def _hand_over(self, chat: str, update: Any) -> None:
        api, number = self._api, _number(update)
        mine = {number} if number is not None else set[int]()
        api.handed_out |= mine
        if api.held_back is not None:
            api.held_back |= mine
        api.note()
        url, secret = api.webhook, api.webhook_asked.get("secret_token", "")
        status = await self._post(url, secret, json.dumps(update).encode())
        if 200 <= status < 300:
            api.pending = [other for other in api.pending if other is not update]
            api.confirmed |= mine
        else:
            api.webhook_error = f"Wrong response from the webhook: {status}" if status else "Connection refused"
            api.left |= mine & api.handed_out
            api.note()
            await trio.sleep(AGAIN)
        self._busy.discard(chat)
        api.note()

    async def _post(self, url: str, secret: str, body: bytes) -> int:
        """The status of the answer; 0 when there is none."""
        with trio.move_on_after(ANSWER_WITHIN):
            try:
                return await post(url, body, {"X-Telegram-Bot-Api-Secret-Token": secret})
            except (OSError, trio.BrokenResourceError, trio.ClosedResourceError, AssertionError):
                await trio.lowlevel.checkpoint()
        return 0


async def post(url: str, body: bytes, headers: dict[str, str], method: str = "POST") -> int:
    """One request on a connection of its own; the status of its answer."""
    address = urlsplit(url)
    assert address.hostname
    async with await trio.open_tcp_stream(address.hostname, address.port or 80) as stream:
        lines = [
            f"{method} {address.path or '/'} HTTP/1.1",
            f"Host: {address.netloc}",
            "Content-Type: application/json",
            "Connection: close",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        await stream.send_all("\r\n".join([*lines, "", ""]).encode() + body)
        return await Connection(stream).status()


def _number(update: Any) -> int | None:
    found = update.get("update_id") if isinstance(update, dict) else None
    return found if isinstance(found, int) else None


def _chat(update: Any) -> str:
    """What is handed over one after the other."""
    kinds = update.values() if isinstance(update, dict) else ()
    for kind in kinds:
        message = kind.get("message", kind) if isinstance(kind, dict) else {}
        if isinstance(message, dict) and isinstance(message.get("chat"), dict):
            return str(message["chat"].get("id"))
    return f"update {id(update)}"
