"""The page in a real browser: what is being written in the box, by chat."""

import json

import pytest

from adapters.web.adapter import WebAdapter
from tests.adapters.fakehost import FakeHost
from tests.real.browser import Page
from tests.real.conftest import online
from tests.real.pages import complaints
from tests.real.test_page import SESSION, received

pytestmark = [pytest.mark.real, pytest.mark.browser]

BOX = "document.querySelector('#text').value"


async def turn_to(page: Page, chat: str) -> None:
    """Show another chat, as its row in the list does."""
    await page.eval(f"void (location.hash = {json.dumps(chat)})")
    await page.wait_for("document.querySelector('#announce').textContent.startsWith('Chat: ')")


async def test_what_is_being_written_stays_in_its_chat_and_outlives_a_reload(
    page: Page, adapter: WebAdapter, host: FakeHost
) -> None:
    await page.goto(f"{adapter.address}#main")
    await online(page)
    await page.type("#text", "For the first")
    await turn_to(page, "elsewhere")
    await page.wait_for(f"{BOX} === ''")
    assert await page.eval("document.querySelector('#send').disabled")
    await page.type("#text", "/he")
    await turn_to(page, "main")
    await page.wait_for(f"{BOX} === 'For the first'")
    await page.call("Page.reload")
    await page.wait_for(f"{BOX} === 'For the first' && document.activeElement.id === 'text'")
    await online(page)
    await page.press("Enter")
    (event,) = await received(host)
    assert (event.text, event.session_key) == ("For the first", SESSION)
    await turn_to(page, "elsewhere")
    await page.wait_for(f"{BOX} === '/he'")
    assert not await page.eval("document.querySelector('#commands').checkVisibility()")
    await turn_to(page, "main")
    await page.wait_for(f"{BOX} === ''")
    assert await page.eval("Object.keys(sessionStorage)") == ["hermes.writing.elsewhere"]
    assert await complaints(page) == []


@pytest.mark.parametrize(
    "storage",
    [
        "Object.defineProperty(window, 'sessionStorage', {get() { throw new DOMException('no', 'SecurityError'); }})",
        "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }",
        "sessionStorage.setItem('hermes.writing.main', 'null'); sessionStorage.setItem('hermes.writing.x', '{');",
    ],
)
async def test_what_is_being_written_is_kept_apart_where_it_cannot_be_stored(
    page: Page, adapter: WebAdapter, host: FakeHost, storage: str
) -> None:
    await page.call("Page.addScriptToEvaluateOnNewDocument", source=storage)
    await page.goto(f"{adapter.address}#main")
    await online(page)
    assert await page.eval(BOX) == ""
    await page.type("#text", "For the first")
    await turn_to(page, "elsewhere")
    await page.wait_for(f"{BOX} === ''")
    await turn_to(page, "main")
    await page.wait_for(f"{BOX} === 'For the first'")
    await page.press("Enter")
    (event,) = await received(host)
    assert event.text == "For the first"
    assert await complaints(page) == []


async def test_what_is_being_written_is_bounded(page: Page, adapter: WebAdapter) -> None:
    await page.goto(adapter.address)
    await online(page)
    kept = """(async () => {
      const { Writing } = await import('/page/writing.js');
      const writing = new Writing();
      writing.put('long', 'x'.repeat(300 * 1024));
      writing.put('long', 'x'.repeat(300 * 1024 + 1));
      const stored = sessionStorage.getItem('hermes.writing.long');
      for (let number = 0; number < 51; number += 1) writing.put(`chat-${number}`, 'x');
      writing.put('chat-1', 'y');
      writing.put('last', 'x');
      const again = new Writing();
      return [stored, Object.keys(sessionStorage).length, again.of('chat-1'), again.of('chat-2'), writing.of('chat-2')];
    })()"""
    assert await page.eval(kept) == [None, 50, "y", "", ""]


async def test_the_enter_that_ends_a_composition_sends_nothing(page: Page, adapter: WebAdapter, host: FakeHost) -> None:
    """Safari tells that key after the composition has ended, by the code 229 alone (UI Events, section 7.3.1)."""
    await page.goto(adapter.address)
    await online(page)
    await page.type("#text", "\u65e5\u672c")
    await page.eval(
        "document.querySelector('#text').dispatchEvent(new KeyboardEvent('keydown', "
        "{key: 'Enter', keyCode: 229, bubbles: true, cancelable: true}))"
    )
    assert await page.eval("document.querySelector('#text').value") == "\u65e5\u672c"
    await page.press("Enter")
    (event,) = await received(host)
    assert event.text == "\u65e5\u672c"
