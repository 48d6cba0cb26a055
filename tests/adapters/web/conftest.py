"""A page that listens on a free port of this machine, over the fake host."""

from collections.abc import AsyncIterator

import pytest
import trio

from adapters.web.adapter import WebAdapter, create
from adapters.web.chats import session_key
from adapters.web.settings import CommandHelp, WebSettings
from hermes.events import Source
from tests.adapters.fakehost import FakeHost

KEY = "sesame-open"


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest.fixture
def source() -> Source:
    return Source("web", "local", "main", user_id="owner")


@pytest.fixture
def session() -> str:
    return session_key("main")


@pytest.fixture
async def adapter(host: FakeHost) -> AsyncIterator[WebAdapter]:
    """A running page that asks for no key."""
    made = create(
        WebSettings(port=0, commands=lambda: [CommandHelp("stop", "Stop the turn"), CommandHelp("help", "Help")])
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(made.run, host)
        yield made
        nursery.cancel_scope.cancel()


@pytest.fixture
async def locked(host: FakeHost) -> AsyncIterator[WebAdapter]:
    """A running page that asks for ``KEY``."""
    made = create(WebSettings(port=0, key=KEY, require_key=True))
    async with trio.open_nursery() as nursery:
        await nursery.start(made.run, host)
        yield made
        nursery.cancel_scope.cancel()
