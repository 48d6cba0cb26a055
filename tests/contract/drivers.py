"""The other side of each adapter, as the contract suite needs it.

An adapter joins the suite by a driver here: how its platform hands over an event, and what that platform then knows.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, Protocol

import trio
from attrs import define, field, frozen

from adapters.contract import Adapter
from adapters.registry import factory
from adapters.telegram.webhook.settings import Webhook
from adapters.web.adapter import WebAdapter
from adapters.web.chats import session_key
from adapters.web.settings import WebSettings
from hermes.events import Source
from tests.adapters.fakehost import FakeHost
from tests.adapters.web.client import PageClient, open_page
from tests.contract.telegram import TelegramWorld, webhook
from tests.contract.told import Told


class Driver(Protocol):
    """One chat on one connection to the platform."""

    source: Source
    session: str

    async def deliver(self, event_id: str, text: str) -> None:
        """The platform hands over a message."""
        ...

    async def told(self) -> Told:
        """Wait for what the platform is told next."""
        ...

    async def settle(self) -> None:
        """Wait until the adapter has seen all that was handed over, whether or not it is done with it."""
        ...

    async def deliver_garbage(self) -> None:
        """The platform hands over something that nobody can read."""
        ...

    async def shown(self) -> list[str]:
        """The texts of the chat, to somebody who opens it anew."""
        ...

    def shows(self, text: str) -> str:
        """How the platform shows a text in markdown."""
        ...

    def event_id(self, name: str) -> str:
        """The platform's own id of what was delivered as ``name``."""
        ...


@define(eq=False)
class WebDriver:
    _page: PageClient
    source: Source = field(factory=lambda: Source("web", "local", "main", user_id="owner"))
    session: str = session_key("main")

    async def deliver(self, event_id: str, text: str) -> None:
        await self._page.put("send", chat="main", id=event_id, text=text)

    async def told(self) -> Told:
        frame = await self._page.take("accepted", "refused")
        if frame["type"] == "accepted":
            return Told.DUPLICATE if frame["duplicate"] else Told.ACCEPTED
        return Told.LATER if frame["retry"] else Told.NEVER

    async def settle(self) -> None:
        await self._page.put("ping", n=0)
        assert (await self._page.take())["type"] == "pong", "something else was told first"

    async def deliver_garbage(self) -> None:
        await self._page.put_raw("\x00 {nonsense")
        await self._page.put_raw(b"\xff\xfe")
        await self._page.put("send", chat="main")
        for _ in range(3):
            assert (await self._page.take())["type"] == "error"

    async def shown(self) -> list[str]:
        return [entry["text"] for entry in (await self._page.hello())["entries"]]

    def shows(self, text: str) -> str:
        return text

    def event_id(self, name: str) -> str:
        return name


@frozen
class Platform:
    """One world: how an adapter in it is made, how one connects to it while it runs, and what runs around it."""

    make: Callable[[], Adapter]
    connect: Callable[[Any], AbstractAsyncContextManager[Driver]]
    serve: Callable[[], AbstractAsyncContextManager[object]] = nullcontext


@asynccontextmanager
async def _web(adapter: WebAdapter) -> AsyncIterator[WebDriver]:
    async with open_page(adapter) as page:
        yield WebDriver(page)


def _telegram(hook: Webhook | None = None) -> Platform:
    world = TelegramWorld(hook)
    return Platform(make=world.make, connect=world.connect, serve=world.serve)


# Each begins with the platform's name.
PLATFORMS: dict[str, Callable[[], Platform]] = {
    "telegram": _telegram,
    "telegram by webhook": lambda: _telegram(webhook()),
    "web": lambda: Platform(make=lambda: factory("web")(WebSettings(port=0)), connect=_web),
}


@asynccontextmanager
async def running(platform: Platform, adapter: Adapter, host: FakeHost) -> AsyncIterator[trio.CancelScope]:
    """The adapter at work; gives the scope whose cancellation stops it."""
    async with platform.serve(), trio.open_nursery() as nursery:
        with trio.fail_after(20):
            await nursery.start(adapter.run, host)
        yield nursery.cancel_scope
        nursery.cancel_scope.cancel()
