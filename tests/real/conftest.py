"""The page over the fake host, in a real browser."""

from collections.abc import AsyncIterator

import pytest
import trio

from adapters.web.adapter import WebAdapter, create
from adapters.web.settings import CommandHelp, WebSettings
from tests.adapters.fakehost import FakeHost
from tests.real.browser import Page, chromium, find_chromium

COMMANDS = (
    CommandHelp("help", "What the commands do"),
    CommandHelp("new", "Begin a new session"),
    CommandHelp("status", "What is running"),
    CommandHelp("stop", "Stop the turn that runs"),
)


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest.fixture
async def adapter(host: FakeHost) -> AsyncIterator[WebAdapter]:
    made = create(WebSettings(port=0, commands=lambda: COMMANDS))
    async with trio.open_nursery() as nursery:
        await nursery.start(made.run, host)
        yield made
        nursery.cancel_scope.cancel()


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """An empty tab of a browser of its own."""
    if find_chromium() is None:
        pytest.skip("chromium is not installed")
    async with chromium() as opened:
        yield opened


async def online(page: Page) -> None:
    """Wait until the page says that it is connected, and has drawn its chat."""
    await page.wait_for("document.querySelector('#link').dataset.state === 'online'")
