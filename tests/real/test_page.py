"""The page in a real browser: what a person sees and does."""

import json

import pytest
import trio
from attrs import evolve

from adapters.web.adapter import WebAdapter, create
from adapters.web.chats import session_key
from adapters.web.settings import WebSettings
from hermes.errors import Refused, StoreFull
from hermes.events import DraftState, Inbound, InboundKind, OutboundKind, Source
from tests.adapters.fakehost import FakeHost, draft, outbound, worker
from tests.real.browser import Page
from tests.real.conftest import online
from tests.real.pages import complaints

pytestmark = [pytest.mark.real, pytest.mark.browser]

SOURCE = Source("web", "local", "main", user_id="owner")
SESSION = session_key("main")


async def shows(page: Page, selector: str, text: str) -> None:
    """Wait until the last element that matches shows exactly this text."""
    found = f"[...document.querySelectorAll({json.dumps(selector)})].at(-1)?.innerText.trim()"
    await page.wait_for(f"{found} === {json.dumps(text)}")


async def received(host: FakeHost, how_many: int = 1) -> list[Inbound]:
    with trio.fail_after(30):
        return await host.received(how_many)


async def test_a_message_is_sent_and_its_answer_streams_in(page: Page, adapter: WebAdapter, host: FakeHost) -> None:
    await page.goto(adapter.address)
    await online(page)
    await page.wait_for_element("#welcome")
    await page.type("#text", "How are you?")
    await page.press("Enter")
    (event,) = await received(host)
    assert (event.text, event.kind, event.session_key) == ("How are you?", InboundKind.MESSAGE, SESSION)
    await shows(page, "#log .user .bubble", "How are you?")
    assert not await page.eval("document.querySelector('#welcome').checkVisibility()")
    assert await page.eval("document.querySelector('#text').value") == ""

    await adapter.show_draft(draft(SOURCE, SESSION, "", state=DraftState.THINKING))
    await shows(page, "#draft .draft-state", "Thinking")
    await page.wait_for_element("#stop")
    await adapter.show_draft(draft(SOURCE, SESSION, "", state=DraftState.TOOL, tool="terminal: uptime"))
    await shows(page, "#draft .tool", "terminal uptime")
    for text in ("I am", "I am \U0001f642 **ver", "I am \U0001f642 **very** well"):
        await adapter.show_draft(draft(SOURCE, SESSION, text))
    await shows(page, "#draft .markdown", "I am \U0001f642 very well")

    await host.say(adapter, outbound(SOURCE, SESSION, "I am \U0001f642 **very** well.", turn_id="turn-1"))
    await shows(page, "#log .answer", "I am \U0001f642 very well.")
    await page.wait_for("!document.querySelector('#draft').checkVisibility()")
    await page.wait_for("!document.querySelector('#stop').checkVisibility()")
    assert await page.eval("document.querySelectorAll('#log .answer').length") == 1
    assert "very" in await page.wait_for("document.querySelector('#announce').textContent")
    assert await complaints(page) == []


async def test_a_turn_can_be_stopped(page: Page, adapter: WebAdapter, host: FakeHost) -> None:
    await page.goto(adapter.address)
    await online(page)
    await adapter.show_draft(draft(SOURCE, SESSION, "On and on"))
    await page.click("#stop")
    (event,) = await received(host)
    assert event.text == "/stop"
    await adapter.show_draft(draft(SOURCE, SESSION, "On and on", state=DraftState.ENDED))
    await page.wait_for("!document.querySelector('#draft').checkVisibility()")


async def test_a_dangerous_command_is_shown_exactly_and_approved_once(
    page: Page, adapter: WebAdapter, host: FakeHost
) -> None:
    command = 'rm -rf "./a b" && echo `id` <b>*bold*</b> $(x)  # \u00e9'
    await page.goto(adapter.address)
    await online(page)
    question = outbound(SOURCE, SESSION, f"This needs your word:\n\n````\n{command}\n````", kind=OutboundKind.ASK)
    question = evolve(question, ask_id="ask-1", choices=("once", "session", "always", "deny"), turn_id="turn-1")
    await adapter.show_draft(draft(SOURCE, SESSION, "", state=DraftState.WAITING))
    await host.say(adapter, question)
    await page.wait_for_element(".ask .choices button")
    assert await page.eval("document.querySelector('.ask pre code').textContent") == command
    labels = await page.eval("[...document.querySelectorAll('.ask .choices button')].map((b) => b.textContent)")
    assert labels == ["Allow once", "Allow in this chat", "Always allow", "Deny"]

    await page.click(".ask [data-choice=once]")
    (event,) = await received(host)
    assert (event.kind, event.ask_id, event.text) == (InboundKind.ANSWER, "ask-1", "once")
    settled = "[...document.querySelectorAll('.ask .choices button')].every((button) => button.disabled)"
    await page.wait_for(settled)
    await page.goto(adapter.address + "?again")
    await online(page)
    await page.wait_for(settled + " && document.querySelector('.ask')")
    assert len(host.events) == 1


async def test_a_question_that_ended_elsewhere_is_settled_here(page: Page, adapter: WebAdapter, host: FakeHost) -> None:
    await page.goto(adapter.address)
    await online(page)
    ask = outbound(SOURCE, SESSION, "May I?", kind=OutboundKind.ASK, ask_id="ask-1", choices=("once", "deny"))
    await host.say(adapter, evolve(ask, turn_id="turn-1"))
    await page.wait_for_element(".ask [data-choice=once]:enabled")
    host.settle_ask(SESSION, "ask-1", "expired")
    await adapter.show_draft(draft(SOURCE, SESSION, "", state=DraftState.THINKING))
    await shows(page, ".ask .state", "Nobody answered in time")
    assert await page.eval("document.querySelector('.ask [data-choice=once]').disabled")


async def test_a_question_without_choices_takes_a_line(page: Page, adapter: WebAdapter, host: FakeHost) -> None:
    await page.goto(adapter.address)
    await online(page)
    await host.say(adapter, outbound(SOURCE, SESSION, "Which one?", kind=OutboundKind.ASK, ask_id="ask-2"))
    await page.type(".ask input", "the blue one")
    await page.press("Enter")
    (event,) = await received(host)
    assert (event.kind, event.ask_id, event.text) == (InboundKind.ANSWER, "ask-2", "the blue one")


async def test_a_message_that_was_not_acknowledged_is_sent_again_after_a_restart(page: Page, host: FakeHost) -> None:
    host.gate = trio.Event()
    first = create(WebSettings(port=0))
    async with trio.open_nursery() as nursery:
        await nursery.start(first.run, host)
        address, port = first.address, first.port
        assert port is not None
        await page.goto(address)
        await online(page)
        await page.type("#text", "Do not lose me")
        await page.press("Enter")
        await shows(page, "#pending .note", "Sending\u2026")
        with trio.fail_after(30):
            await host.called()
        nursery.cancel_scope.cancel()
    await page.wait_for("document.querySelector('#link').dataset.state === 'offline'")
    await shows(page, "#pending .note", "Kept here until Hermes is back")
    await page.type("#text", "Nor me")
    await page.press("Enter")
    assert host.events == []
    host.gate = None
    async with trio.open_nursery() as nursery:
        await nursery.start(create(WebSettings(port=port)).run, host)
        events = await received(host, 2)
        await online(page)
        await page.wait_for(
            "document.querySelectorAll('#log .user').length === 2 && !document.querySelector('#pending li')"
        )
        nursery.cancel_scope.cancel()
    assert [event.text for event in events] == ["Do not lose me", "Nor me"]
    assert await page.eval("Object.keys(localStorage).filter((name) => name.startsWith('hermes.outbox')).length") == 0


async def test_what_the_gateway_cannot_take_is_kept_and_told(page: Page, adapter: WebAdapter, host: FakeHost) -> None:
    host.failures.extend([StoreFull("no space left"), Refused("it is too large")])
    await page.goto(adapter.address)
    await online(page)
    await page.type("#text", "First")
    await page.press("Enter")
    await shows(page, "#pending .note", "Not sent yet: the disk is full: nothing was kept. Trying again.")
    await page.wait_for("document.querySelector('#pending .failed .note')?.innerText.includes('it is too large')")
    await page.click("#pending .failed button")
    await page.wait_for("document.querySelector('#text').value === 'First' && !document.querySelector('#pending li')")
    assert host.events == []


async def test_a_button_that_is_being_pressed_stays_while_an_answer_streams_in(
    page: Page, adapter: WebAdapter, host: FakeHost
) -> None:
    host.failures.append(Refused("it is too large"))
    await page.goto(adapter.address)
    await online(page)
    await page.type("#text", "First")
    await page.press("Enter")
    await adapter.show_draft(draft(SOURCE, SESSION, "On"))
    await shows(page, "#draft .markdown", "On")
    async with page.holding("#pending .failed button"):
        await adapter.show_draft(draft(SOURCE, SESSION, "On and on"))
        await shows(page, "#draft .markdown", "On and on")
    await page.wait_for("document.querySelector('#text').value === 'First' && !document.querySelector('#pending li')")


async def test_what_is_too_long_is_told_and_can_be_taken_back(page: Page, adapter: WebAdapter, host: FakeHost) -> None:
    await page.goto(adapter.address)
    await online(page)
    await page.eval("document.querySelector('#text').value = 'x'.repeat(3_000_000)")
    await page.type("#text", "y")
    await page.press("Enter")
    await page.wait_for("document.querySelector('#pending .failed .note')?.innerText.includes('too long')")
    await page.type("#text", "short")
    await page.press("Enter")
    assert [event.text for event in await received(host)] == ["short"]
    await page.click("#pending .failed button")
    await page.wait_for("document.querySelector('#text').value.length === 3_000_001")


async def test_an_answer_that_is_not_taken_leaves_its_question_open(
    page: Page, adapter: WebAdapter, host: FakeHost
) -> None:
    await page.goto(adapter.address)
    await online(page)
    ask = outbound(SOURCE, SESSION, "May I?", kind=OutboundKind.ASK, ask_id="ask-1", choices=("once", "deny"))
    await host.say(adapter, ask)
    host.failures.append(Refused("not now"))
    await page.click(".ask [data-choice=once]")
    await page.wait_for("document.querySelector('#announce').textContent.includes('not now')")
    await page.click(".ask [data-choice=deny]:enabled")
    (event,) = await received(host)
    assert event.text == "deny"


async def test_every_window_shows_the_same(page: Page, adapter: WebAdapter, host: FakeHost) -> None:
    other = await page.browser.open()
    for window in (page, other):
        await window.goto(adapter.address)
        await online(window)
    await page.type("#text", "Seen by both")
    await page.press("Enter")
    await shows(other, "#log .user .bubble", "Seen by both")
    await host.say(adapter, outbound(SOURCE, SESSION, "Answered to both"))
    for window in (page, other):
        await shows(window, "#log .answer", "Answered to both")


async def test_chats_are_apart_and_listed(page: Page, adapter: WebAdapter, host: FakeHost) -> None:
    await page.viewport(1200, 800)
    await page.goto(adapter.address)
    await online(page)
    await page.type("#text", "In the first")
    await page.press("Enter")
    await shows(page, "#log .user .bubble", "In the first")
    await page.click("#new")
    await page.wait_for("!document.querySelector('#log li')")
    await page.wait_for_element("#welcome")
    await page.type("#text", "In the second")
    await page.press("Enter")
    await shows(page, "#log .user .bubble", "In the second")
    assert len({event.session_key for event in host.events}) == 2
    titles = await page.eval("[...document.querySelectorAll('#chat-list a')].map((link) => link.textContent)")
    assert sorted(titles) == ["In the first", "In the second"]
    await page.click("#chat-list a[href='#main']")
    await shows(page, "#log .user .bubble", "In the first")


async def test_commands_are_completed_by_the_keyboard(page: Page, adapter: WebAdapter, host: FakeHost) -> None:
    await page.goto(adapter.address)
    await online(page)
    await page.type("#text", "/st")
    await page.wait_for("document.querySelectorAll('#commands li').length === 2")
    await page.press("ArrowDown")
    await page.press("Tab")
    assert await page.eval("document.querySelector('#text').value") == "/stop "
    assert not await page.eval("document.querySelector('#commands').checkVisibility()")
    await page.press("Enter", shift=True)
    assert host.events == []
    await page.press("Enter")
    (event,) = await received(host)
    assert event.text == "/stop"


async def test_the_tree_shows_an_actor_that_is_restarted(page: Page, adapter: WebAdapter, host: FakeHost) -> None:
    def tree(restarts: int) -> None:
        host.tree = worker("root", children=(worker("store"), worker("delivery", restarts=restarts)))

    tree(0)
    await page.goto(adapter.address)
    await online(page)
    await page.click("#inside-button")
    await page.wait_for_element(".node[data-path='/root/delivery']")
    tree(1)
    await page.wait_for_element(".node[data-path='/root/delivery'].restarted")
    assert "1 restart" in await page.text(".node[data-path='/root/delivery']")
    assert not await page.eval("document.querySelector(\".node[data-path='/root/store']\").matches('.restarted')")
    await page.press("Escape")
    await page.wait_for("!document.querySelector('#inside').checkVisibility()")


async def test_a_locked_page_opens_with_its_key_alone(page: Page, host: FakeHost) -> None:
    made = create(WebSettings(port=0, key="sesame", require_key=True))
    async with trio.open_nursery() as nursery:
        await nursery.start(made.run, host)
        await page.goto(made.address)
        await page.type("#key", "wrong")
        await page.press("Enter")
        await shows(page, "#login-wrong", "That is not the key.")
        await page.eval("document.querySelector('#key').value = ''")
        await page.type("#key", "sesame")
        await page.press("Enter")
        await online(page)
        assert await page.eval("document.cookie") == ""
        await page.goto(made.address + "?again")
        await online(page)
        nursery.cancel_scope.cancel()


async def test_a_reader_at_the_end_stays_there_and_one_who_scrolled_up_is_left_alone(
    page: Page, adapter: WebAdapter, host: FakeHost
) -> None:
    await page.viewport(1200, 600)
    host.remember(SESSION, *(host.entry("user", f"line {number}", key=f"k{number}") for number in range(40)))
    await page.goto(adapter.address)
    await online(page)
    at_end = (
        "[document.querySelector('#scroll')].every((box) => box.scrollHeight - box.scrollTop - box.clientHeight < 2)"
    )
    await page.wait_for(f"document.querySelectorAll('#log .bubble').length === 40 && {at_end}")
    await host.say(adapter, outbound(SOURCE, SESSION, "new"))
    await page.wait_for(f"document.querySelector('#log .answer') && {at_end}")
    await page.viewport(900, 400)
    await page.wait_for(f"innerHeight === 400 && {at_end}")
    await page.eval("document.querySelector('#scroll').scrollTop = 100")
    await page.wait_for_element("#to-end")
    await host.say(adapter, outbound(SOURCE, SESSION, "newer"))
    await page.wait_for("document.querySelectorAll('#log .answer').length === 2")
    assert await page.eval("document.querySelector('#scroll').scrollTop") == 100
    await page.click("#to-end")
    await page.wait_for(f"{at_end} && !document.querySelector('#to-end').checkVisibility()")


async def test_earlier_messages_are_fetched_above(page: Page, adapter: WebAdapter, host: FakeHost) -> None:
    host.remember(SESSION, *(host.entry("user", f"line {number}", key=f"k{number}") for number in range(130)))
    await page.goto(adapter.address)
    await online(page)
    await shows(page, "#log .bubble", "line 129")
    await page.eval("document.querySelector('#scroll').scrollTop = 0")
    await page.click("#older")
    await page.wait_for("document.querySelectorAll('#log .bubble').length === 130")
    assert await page.text("#log .bubble") == "line 0"
    assert not await page.eval("document.querySelector('#older').checkVisibility()")
