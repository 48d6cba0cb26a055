"""An adapter over the fake Bot API, running or not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio
from attrs import define

from adapters.contract import Receipt
from adapters.telegram.adapter import TelegramAdapter, create
from hermes.errors import fold
from hermes.events import Source
from tests.adapters.fakehost import FakeHost, outbound
from tests.adapters.telegram.botapi import OWNER, WITHIN, BotApi, serving
from tests.contract.telegram import CACHE, settings

SOURCE = Source("telegram", "bot110201543", str(OWNER), user_id=str(OWNER))
SESSION = f"agent:main:telegram:dm:{OWNER}"


@define(eq=False)
class Scene:
    api: BotApi
    adapter: TelegramAdapter
    host: FakeHost

    async def send(self, text: str, **more: Any) -> Receipt:
        return await self.adapter.send(outbound(SOURCE, SESSION, text, **more))

    async def run(self) -> Exception:
        """Run the adapter until it fails; what its supervisor would see."""
        try:
            with trio.fail_after(WITHIN):
                await self.adapter.run(self.host)
        except Exception as error:
            return fold(error)
        raise AssertionError("it ended")


@asynccontextmanager
async def scene(**changes: Any) -> AsyncIterator[Scene]:
    """A server and an adapter that does not run."""
    async with serving() as api:
        adapter = create(settings(api, **changes), CACHE, [("new", "begin anew")])
        try:
            yield Scene(api, adapter, FakeHost())
        finally:
            await adapter._calls.renew()


@asynccontextmanager
async def running(**changes: Any) -> AsyncIterator[Scene]:
    async with scene(**changes) as made, trio.open_nursery() as nursery:
        with trio.fail_after(WITHIN):
            await nursery.start(made.adapter.run, made.host)
        yield made
        nursery.cancel_scope.cancel()
