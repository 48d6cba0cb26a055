"""The page in a real browser: what it must not lose or mix up, whatever happens around it."""

import json
from itertools import count

import pytest
import trio
from attrs import evolve

from adapters.web.adapter import WebAdapter
from adapters.web.chats import session_key
from hermes.events import DraftState, OutboundKind, Source
from tests.adapters.fakehost import FakeHost, draft, outbound
from tests.real.browser import WAIT, Page
from tests.real.conftest import online
from tests.real.pages import complaints
from tests.real.test_page import received, shows

pytestmark = [pytest.mark.real, pytest.mark.browser]

SOURCE = Source("web", "local", "main", user_id="owner")
SESSION = session_key("main")
BUBBLES = "[...document.querySelectorAll('#log .bubble')].map((bubble) => bubble.textContent)"
TITLES = "[...document.querySelectorAll('#chat-list a')].map((link) => link.textContent)"


async def send(page: Page, text: str) -> None:
    await page.type("#text", text)
    await page.press("Enter")


async def come_back(page: Page) -> None:
    """The connection is lost and found again."""
    await page.eval("window.dispatchEvent(new Event('online'))")
    await online(page)


async def test_a_window_stays_in_its_chat_whatever_is_said_in_another(
    page: Page, adapter: WebAdapter, host: FakeHost
) -> None:
    other = await page.browser.open()
    await page.goto(adapter.address)
    await online(page)
    await send(page, "In the first")
    await shows(page, "#log .user .bubble", "In the first")
    await other.goto(f"{adapter.address}#elsewhere")
    await online(other)
    await send(other, "In the second")
    await received(host, 2)
    await page.wait_for(f"{TITLES}.includes('In the second')")
    await send(page, "In the first again")
    first, second, third = await received(host, 3)
    assert first.session_key == third.session_key != second.session_key
    await shows(page, "#log .user .bubble", "In the first again")


async def test_the_way_to_the_message_box_leads_to_no_other_chat(
    page: Page, adapter: WebAdapter, host: FakeHost
) -> None:
    await page.goto(adapter.address)
    await online(page)
    await page.eval("document.querySelector('.skip').focus()")
    await page.press("Enter")
    await page.wait_for("document.activeElement.id === 'text'")
    await send(page, "Here")
    (event,) = await received(host)
    assert event.session_key == SESSION
