"""Telegram's side of the contract suite: the fake Bot API, and what a confirmed offset tells."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio
import trio.testing
from attrs import define, field

from adapters.registry import factory
from adapters.telegram.adapter import TelegramAdapter
from adapters.telegram.settings import Access, Ids, TelegramSettings
from adapters.telegram.webhook.settings import Webhook
from hermes.events import Source
from hermes.sendable import Sendable
from hermes.tools.danger.protected import Place
from tests.adapters.telegram.botapi import OWNER, BotApi, serving
from tests.contract.told import Told
from tests.kill.process import free_port

CACHE = Path("/nowhere/cache")
"""Nobody sends the bot a file."""

SENDABLE = Sendable((Path(tempfile.gettempdir()),), Place())


@define(eq=False)
class TelegramWorld:
    """One server, over however many runs of adapters."""

    webhook: Webhook | None = None
    """None: it is polled."""
    api: BotApi = field(factory=lambda: BotApi(port=free_port(), held_back=set()))
    numbers: dict[str, int] = field(factory=dict[str, int])
    """The number of the update by the name under which it was delivered."""
    accepted: set[str] = field(factory=set[str])

    def make(self) -> TelegramAdapter:
        return factory("telegram")(settings(self.api, webhook=self.webhook), CACHE, (), SENDABLE)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[BotApi]:
        async with serving(self.api):
            yield self.api

    @asynccontextmanager
    async def connect(self, adapter: TelegramAdapter) -> AsyncIterator["TelegramDriver"]:
        yield TelegramDriver(self, adapter.account)


def settings(api: BotApi, **changes: object) -> TelegramSettings:
    return TelegramSettings(
        token=api.token,
        bot_id=str(api.bot_id),
        base_url=api.base_url,
        base_file_url=api.base_file_url,
        **{"access": Access(users=Ids(frozenset({str(OWNER)}))), **changes},
    )


def webhook() -> Webhook:
    """One on this machine, without TLS between."""
    port = free_port()
    return Webhook(f"http://127.0.0.1:{port}/telegram", "a-secret_1", port=port)


@define(eq=False)
class TelegramDriver:
    _world: TelegramWorld
    _account: str
    session: str = f"agent:main:telegram:dm:{OWNER}"
    _untold: list[str] = field(factory=list[str])

    @property
    def source(self) -> Source:
        return Source("telegram", self._account, str(OWNER), user_id=str(OWNER))

    async def deliver(self, event_id: str, text: str) -> None:
        api, numbers = self._world.api, self._world.numbers
        self._untold.append(event_id)
        if event_id not in numbers:
            numbers[event_id] = api.say(text)
            return
        # Once more: a server that has lost what was confirmed, or hands out again what was not.
        api.hand_out_again(numbers[event_id], text)

    async def told(self) -> Told:
        api, name = self._world.api, self._untold.pop(0)
        number = self._world.numbers[name]
        await api.until(lambda: number in api.confirmed or number in api.left or not api.serving)
        if number in api.confirmed:
            return await self._confirmed(name)
        if not api.serving:
            raise ConnectionError("the adapter is gone")
        api.left.discard(number)
        return Told.LATER

    async def _confirmed(self, name: str) -> Told:
        api = self._world.api
        if name in self._world.accepted:
            return Told.DUPLICATE
        # What a chat is told of a message that is not taken goes its own way, beside the poll.
        await trio.testing.wait_all_tasks_blocked(0.05)
        if api.of("sendMessage"):
            api.calls.clear()
            return Told.NEVER
        self._world.accepted.add(name)
        return Told.ACCEPTED

    async def settle(self) -> None:
        api = self._world.api
        await api.until(lambda: not api.polled and api.handed_out - api.confirmed)

    async def deliver_garbage(self) -> None:
        api = self._world.api
        api.push_raw({"nonsense": True})
        api.push_raw("nonsense")
        api.push(message={"text": "no chat"})
        api.push(message="text")
        api.push(something_new={"text": "hi"})

    async def shown(self) -> list[str]:
        return self._world.api.said()

    def shows(self, text: str) -> str:
        return _SHOWN.get(text, text)

    def event_id(self, name: str) -> str:
        return str(self._world.numbers[name])


_SHOWN = {
    "**two** <b>&amp;</b>": "two <b>&amp;</b>",
    "three\n\n```\nrm -rf /\n```": "three\n\nrm -rf /",
    "\U0001f600 \u202e \x00": "\U0001f600 \u202e",
}
