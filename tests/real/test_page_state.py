"""The page in a real browser: what it must not lose or mix up, whatever happens around it."""

import json
from itertools import count

import pytest
import trio
import trio.testing
from attrs import evolve

from actors.platform.drafts import DraftBoard, show_drafts
from adapters.web.adapter import WebAdapter, create
from adapters.web.chats import session_key
from adapters.web.hub import Hub
from adapters.web.peer import Peer
from adapters.web.settings import WebSettings
from hermes.events import Draft, DraftState, OutboundKind, Source
from hermes.redact import Redactor
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


async def test_what_was_said_while_a_page_was_away_leaves_no_hole(
    page: Page, adapter: WebAdapter, host: FakeHost
) -> None:
    numbers = count()

    def talk(how_many: int) -> None:
        said = [next(numbers) for _ in range(how_many)]
        host.remember(SESSION, *(host.entry("user", f"line {number}", key=f"k{number}") for number in said))

    talk(120)
    await page.goto(adapter.address)
    await online(page)
    await shows(page, "#log .bubble", "line 119")
    talk(130)
    await come_back(page)
    await shows(page, "#log .bubble", "line 249")
    while True:
        shown = [int(text.removeprefix("line ")) for text in await page.eval(BUBBLES)]
        assert shown == list(range(shown[0], 250))
        if shown[0] == 0:
            break
        await page.click("#older")
        await page.wait_for(f"{BUBBLES}[0] !== 'line {shown[0]}'")


async def test_earlier_messages_that_are_all_there_are_not_offered_again(
    page: Page, adapter: WebAdapter, host: FakeHost
) -> None:
    host.remember(SESSION, *(host.entry("user", f"line {number}", key=f"k{number}") for number in range(130)))
    await page.goto(adapter.address)
    await online(page)
    await page.click("#older")
    await page.wait_for(f"{BUBBLES}.length === 130")
    host.remember(SESSION, host.entry("user", "one more", key="k130"))
    await come_back(page)
    await shows(page, "#log .bubble", "one more")
    assert not await page.eval("document.querySelector('#older').checkVisibility()")


async def test_a_page_that_stays_open_for_weeks_does_not_grow_for_ever(page: Page, adapter: WebAdapter) -> None:
    await page.goto(adapter.address)
    await online(page)
    talk = """(async () => {
      const {Log} = await import('/page/log.js');
      const part = () => document.createElement('div');
      const list = part();
      const log = new Log({list, pending: part(), scroll: part()}, {connected: () => true});
      for (let id = 0; id < 2500; id += 50) {
        const entry = (index) => ({id: id + index + 1, key: `k${id + index}`, kind: 'user', text: '', at: 0});
        log.snapshot(Array.from({length: 100}, (_, index) => entry(index)));
      }
      return {shown: list.children.length, last: list.lastChild.dataset.key, full: log.full};
    })()"""
    assert await page.eval(talk) == {"shown": 2000, "last": "k2549", "full": True}


async def test_what_others_left_in_the_outbox_stops_nothing(page: Page, adapter: WebAdapter, host: FakeHost) -> None:
    await page.goto(adapter.address)
    await online(page)
    kept = {"frame": {"type": "send", "chat": "main", "id": "k9", "text": "Kept"}, "at": 1}
    left = ["no JSON", "null", "7", "{}", '{"frame": null}', '{"frame": {"type": "send"}}', json.dumps(kept)]
    for number, item in enumerate(left):
        await page.eval(f"localStorage.setItem('hermes.outbox.{number}', {json.dumps(item)})")
    chats = [{"id": "No chat!", "title": "Odd", "at": 9}, None, 7, {}, {"id": "main", "title": "Mine", "at": 1}]
    await page.eval(f"localStorage.setItem('hermes.chats', {json.dumps(json.dumps(chats))})")
    await page.goto(f"{adapter.address}?again")
    await online(page)
    (event,) = await received(host)
    assert event.text == "Kept"
    await shows(page, "#log .user .bubble", "Kept")
    assert await page.eval(TITLES) == ["Mine"]
    assert await complaints(page) == []


async def test_chats_stay_listed_where_nothing_can_be_stored(page: Page, adapter: WebAdapter, host: FakeHost) -> None:
    await page.viewport(1200, 800)
    await page.goto(adapter.address)
    await online(page)
    await page.eval("Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }")
    await send(page, "In the first")
    await shows(page, "#log .user .bubble", "In the first")
    await page.click("#new")
    await page.wait_for_element("#welcome")
    await send(page, "In the second")
    await shows(page, "#log .user .bubble", "In the second")
    assert sorted(await page.eval(TITLES)) == ["In the first", "In the second"]


async def test_an_answer_that_is_being_typed_outlives_a_new_drawing(
    page: Page, adapter: WebAdapter, host: FakeHost
) -> None:
    await page.goto(adapter.address)
    await online(page)
    ask = outbound(SOURCE, SESSION, "Which one?", kind=OutboundKind.ASK, ask_id="ask-1", turn_id="turn-1")
    await host.say(adapter, ask)
    await page.type(".ask input", "the blue")
    await host.say(adapter, outbound(SOURCE, SESSION, "By the way", kind=OutboundKind.NOTICE))
    await shows(page, "#log .notice .text", "By the way")
    host.remember(SESSION, host.entry("tool", "{}", key="call-1", tool="todo"))
    await come_back(page)
    await page.wait_for("document.querySelector('#log .tool')")
    assert await page.eval("document.querySelector('.ask input').value") == "the blue"
    await page.call("Input.insertText", text=" one")
    await page.press("Enter")
    (event,) = await received(host)
    assert event.text == "the blue one"


async def test_the_tools_of_one_turn_are_not_shown_in_the_next(page: Page, adapter: WebAdapter, host: FakeHost) -> None:
    await page.goto(adapter.address)
    await online(page)
    await adapter.show_draft(draft(SOURCE, SESSION, "", state=DraftState.TOOL, tool="terminal: first"))
    await shows(page, "#draft .tool", "terminal first")
    second = draft(SOURCE, SESSION, "", state=DraftState.TOOL, tool="terminal: second", turn_id="turn-2")
    await adapter.show_draft(second)
    await shows(page, "#draft .tool", "terminal second")
    assert await page.eval("document.querySelectorAll('#draft .tool').length") == 1


async def test_a_question_that_is_over_is_settled_while_the_answer_streams_in(
    page: Page, adapter: WebAdapter, host: FakeHost
) -> None:
    await page.goto(adapter.address)
    await online(page)
    ask = outbound(SOURCE, SESSION, "May I?", kind=OutboundKind.ASK, ask_id="ask-1", choices=("once", "deny"))
    await host.say(adapter, evolve(ask, turn_id="turn-1"))
    await page.wait_for_element(".ask [data-choice=once]:enabled")
    host.settle_ask(SESSION, "ask-1", "expired")
    with trio.fail_after(WAIT):
        for number in count():
            await adapter.show_draft(draft(SOURCE, SESSION, f"On and on {number}"))
            if await page.eval("document.querySelector('.ask [data-choice=once]').disabled"):
                break
            await trio.sleep(0.02)


async def test_a_turn_does_not_seem_to_think_for_ever_where_drafts_are_switched_off(
    page: Page, adapter: WebAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    show = Hub.show

    def breaks(hub: Hub, shown: Draft) -> None:
        if shown.text:
            raise RuntimeError("a bug in the view")
        show(hub, shown)

    monkeypatch.setattr(Hub, "show", breaks)
    board = DraftBoard()
    await page.goto(adapter.address)
    await online(page)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(show_drafts, adapter, board, Redactor())
        await trio.testing.wait_all_tasks_blocked()
        board.put(draft(SOURCE, SESSION, "", state=DraftState.THINKING))
        await shows(page, "#draft .draft-state", "Thinking")
        board.put(draft(evolve(SOURCE, chat_id="elsewhere"), "elsewhere", "On and on", turn_id="turn-2"))
        await page.wait_for("!document.querySelector('#draft').checkVisibility()")
        await page.wait_for("!document.querySelector('#stop').checkVisibility()")
        assert board.off
        nursery.cancel_scope.cancel()


async def test_an_answer_that_is_too_long_is_told_and_its_question_stays_open(
    page: Page, adapter: WebAdapter, host: FakeHost
) -> None:
    await page.goto(adapter.address)
    await online(page)
    await host.say(adapter, outbound(SOURCE, SESSION, "Which one?", kind=OutboundKind.ASK, ask_id="ask-1"))
    await page.wait_for_element(".ask input")
    await page.eval("document.querySelector('.ask input').value = 'x'.repeat(400_000)")
    await page.click(".ask .choices button")
    await page.wait_for("document.querySelector('#announce').textContent.includes('too long')")
    await page.type(".ask input", "short")
    await page.press("Enter")
    (event,) = await received(host)
    assert event.text.endswith("short")


async def test_the_messages_can_be_scrolled_by_the_keyboard_alone(
    page: Page, adapter: WebAdapter, host: FakeHost
) -> None:
    await page.viewport(1200, 500)
    host.remember(SESSION, *(host.entry("user", f"line {number}", key=f"k{number}") for number in range(40)))
    await page.goto(adapter.address)
    await online(page)
    await shows(page, "#log .bubble", "line 39")
    await page.eval("document.querySelector('#text').focus()")
    await page.press("Tab", shift=True)
    await page.press("PageUp")
    await page.wait_for_element("#to-end")


async def test_a_row_stays_where_it_is_when_the_one_above_it_changes(page: Page, adapter: WebAdapter) -> None:
    await page.goto(adapter.address)
    await online(page)
    focused = """(async () => {
      const {Rows} = await import('/page/rows.js');
      const list = document.body.appendChild(document.createElement('div'));
      const make = () => document.createElement('input');
      const rows = new Rows(list, {key: ([key]) => key, looks: ([, looks]) => looks, make});
      rows.draw([['above', 1], ['here', 1], ['below', 1]]);
      const here = list.children[1];
      here.focus();
      rows.draw([['new', 1], ['above', 2], ['here', 1]]);
      return document.activeElement === here && list.children[2] === here && list.children.length === 3;
    })()"""
    assert await page.eval(focused)


async def test_a_chat_can_be_chosen_while_another_window_writes(
    page: Page, adapter: WebAdapter, host: FakeHost
) -> None:
    await page.viewport(1200, 800)
    other = await page.browser.open()
    await page.goto(f"{adapter.address}#main")
    await online(page)
    await send(page, "In the first")
    await other.goto(f"{adapter.address}#elsewhere")
    await online(other)
    await send(other, "In the second")
    await page.wait_for(f"{TITLES}.length === 2")
    async with page.holding("#chat-list a[href='#main']"):
        await other.eval(
            "localStorage.setItem('hermes.chats', localStorage.getItem('hermes.chats').replace('second', 'third'))"
        )
        await page.wait_for(f"{TITLES}[0] === 'In the third'")
    assert await page.eval("window.__aimed.met")


async def test_the_list_of_chats_closes_on_a_phone_whichever_is_chosen(
    page: Page, adapter: WebAdapter, host: FakeHost
) -> None:
    await page.viewport(400, 800, mobile=True)
    await page.goto(adapter.address)
    await online(page)
    await send(page, "In the first")
    await shows(page, "#log .user .bubble", "In the first")
    await page.click("#menu")
    await page.click("#chat-list a[href='#main']")
    await page.wait_for("!document.querySelector('#chats').classList.contains('open')")
    await page.wait_for("!document.querySelector('#shade').checkVisibility()")


async def test_inside_nothing_is_said_to_be_well_while_nobody_can_say_so(page: Page, host: FakeHost) -> None:
    made = create(WebSettings(port=0))
    async with trio.open_nursery() as nursery:
        await nursery.start(made.run, host)
        port = made.port
        assert port is not None
        await page.goto(made.address)
        await online(page)
        await page.click("#inside-button")
        await shows(page, "#tree-summary", "All is well")
        nursery.cancel_scope.cancel()
    await shows(page, "#tree-summary", "Not connected: this is how it was")
    async with trio.open_nursery() as nursery:
        await nursery.start(create(WebSettings(port=port)).run, host)
        await shows(page, "#tree-summary", "All is well")
        nursery.cancel_scope.cancel()


async def test_a_locked_page_asks_for_its_key_until_it_has_it(page: Page, host: FakeHost) -> None:
    made = create(WebSettings(port=0, key="sesame", require_key=True))
    async with trio.open_nursery() as nursery:
        await nursery.start(made.run, host)
        await page.goto(made.address)
        for _ in range(4):
            await page.wait_for_element("#key")
            await page.press("Escape")
        await page.type("#key", "sesame")
        await page.press("Enter")
        await online(page)
        assert not await page.eval("document.querySelector('#login').open")
        nursery.cancel_scope.cancel()


async def test_another_user_of_the_machine_is_told_why_nothing_is_shown(
    page: Page, adapter: WebAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Peer, "is_ours", lambda _: False)
    await page.goto(adapter.address)
    await page.wait_for("document.querySelector('#refused').innerText.includes('API_SERVER_KEY')")
    monkeypatch.setattr(Peer, "is_ours", lambda _: True)
    await page.click("#link-now")
    await online(page)
    assert not await page.eval("document.querySelector('#refused').checkVisibility()")


async def test_who_answers_by_the_keyboard_goes_on_by_the_keyboard(
    page: Page, adapter: WebAdapter, host: FakeHost
) -> None:
    await page.goto(adapter.address)
    await online(page)
    ask = outbound(SOURCE, SESSION, "May I?", kind=OutboundKind.ASK, ask_id="ask-1", choices=("once", "deny"))
    await host.say(adapter, ask)
    await page.wait_for_element(".ask [data-choice=deny]:enabled")
    await page.eval("document.querySelector('.ask [data-choice=deny]').focus()")
    await page.press("Enter")
    await received(host)
    await page.wait_for("document.activeElement.id === 'text'")
    await page.call("Input.insertText", text="Not today")
    await page.press("Enter")
    assert (await received(host, 2))[1].text == "Not today"


async def test_on_a_touch_screen_a_chat_is_shown_without_a_keyboard_over_it(page: Page, adapter: WebAdapter) -> None:
    await page.viewport(400, 800, mobile=True)
    await page.call("Emulation.setTouchEmulationEnabled", enabled=True)
    await page.goto(adapter.address)
    await online(page)
    assert await page.eval("matchMedia('(pointer: coarse)').matches")
    await page.eval("document.querySelector('#new').click()")
    await page.wait_for("document.querySelector('#announce').textContent.includes('New chat')")
    assert await page.eval("document.activeElement.id") != "text"
