"""The contract's suite over the terminal.

Left out: what needs a platform that hands an event over twice or in pieces (a line is typed once, and its id is minted
here), and another chat on the same account (there is none).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
import trio
from attrs import define

from adapters.contract import Adapter
from adapters.terminal.adapter import TerminalAdapter
from adapters.terminal.chats import session_key, source, typed
from adapters.terminal.outgoing import Outgoing
from hermes.events import Source
from tests.adapters.fakehost import FakeHost
from tests.adapters.terminal.recording import RecordingView
from tests.contract.drivers import Driver, Platform
from tests.contract.told import Told

__all__ = [name for name in globals() if name.startswith("test_")]

SOURCE = source("s1")

_TOLD = {"accepted": Told.ACCEPTED, "delayed": Told.LATER, "refused": Told.NEVER}


@define(eq=False)
class TerminalDriver:
    """The person at the terminal."""

    adapter: TerminalAdapter
    view: RecordingView
    source: Source = SOURCE
    session: str = session_key("s1")
    _read: int = 0

    async def deliver(self, event_id: str, text: str) -> None:
        assert self.adapter.outgoing.put(typed("s1", text, event_id=event_id, now=0.0))

    async def told(self) -> Told:
        def news() -> list[Told]:
            return [_TOLD[what] for what, _ in self.view.log.items if what in _TOLD]

        await self.view.log.until(lambda _: len(news()) > self._read)
        self._read += 1
        return news()[self._read - 1]

    async def settle(self) -> None:
        await trio.testing.wait_all_tasks_blocked()

    async def deliver_garbage(self) -> None:
        """A person types only what can be read."""

    async def shown(self) -> list[str]:
        return [text for what, text in self.view.log.items if what == "show"]

    def shows(self, text: str) -> str:
        return text

    def event_id(self, name: str) -> str:
        return name


@asynccontextmanager
async def _connect(adapter: Adapter) -> AsyncIterator[Driver]:
    terminal = cast(TerminalAdapter, adapter)
    view = cast(RecordingView, terminal.view)
    yield TerminalDriver(terminal, view, read=sum(what in _TOLD for what, _ in view.log.items))


@pytest.fixture
def platform() -> Platform:
    return Platform(make=lambda: TerminalAdapter("s1", RecordingView(), Outgoing()), connect=_connect)


@pytest.fixture
def adapter(platform: Platform) -> Adapter:
    return platform.make()


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()
