"""Buttons: what is pressed answers its question, once, and Telegram is told so."""

from typing import Any

import pytest
from attrs import evolve

from adapters.telegram.outgoing.message import label
from hermes.events import OutboundKind
from tests.adapters.fakehost import outbound
from tests.adapters.telegram.botapi import OWNER, BotApi
from tests.adapters.telegram.faults import refusing
from tests.adapters.telegram.scenes import SESSION, SOURCE, running, scene
from tests.contract.telegram import settings


async def test_a_question_has_a_button_for_each_choice() -> None:
    async with running() as it:
        ask = outbound(SOURCE, SESSION, "May I?", kind=OutboundKind.ASK, ask_id="ab12", choices=("once", "deny"))
        await it.host.say(it.adapter, ask)
        it.api.press(OWNER, "deny")
        (event,) = await it.host.received()
        assert (event.ask_id, event.text, event.session_key) == ("ab12", "deny", SESSION)
        await it.api.until(lambda: it.api.pressed and not it.api.by_bot()[0]["reply_markup"])
        assert list(it.api.pressed.values()) == ["deny"]


async def test_choices_that_are_longer_than_a_button_are_listed_too() -> None:
    choices = tuple(f"Take the way along the river and over the bridge of {name}" for name in ("Buda", "*Pest*"))
    async with running() as it:
        ask = outbound(SOURCE, SESSION, "Which **one**?", kind=OutboundKind.ASK, ask_id="ab12", choices=choices)
        await it.host.say(it.adapter, ask)
        assert it.api.said() == [f"Which one?\n\n1. {choices[0]}\n2. {choices[1]}"]
        it.api.press(OWNER, label(f"2. {choices[1]}"))
        (event,) = await it.host.received()
        assert event.text == choices[1]


async def test_a_question_with_no_room_for_its_choices_is_asked_without_the_list() -> None:
    async with scene() as it:
        text = "?" * it.adapter.limits.message_length
        choices = ("once", "\U0001f600" * 60)
        await it.send(text, kind=OutboundKind.ASK, ask_id="ab12", choices=choices)
        assert it.api.said() == [text]


async def test_a_second_press_is_told_so_without_a_message() -> None:
    async with running() as it:
        ask = outbound(SOURCE, SESSION, "May I?", kind=OutboundKind.ASK, ask_id="ab12", choices=("once", "deny"))
        await it.host.say(it.adapter, ask)
        it.host.settle_ask(SESSION, "ab12", "answered")
        it.api.press(OWNER, "once")
        await it.api.until(lambda: it.api.pressed)
        assert "answered already" in next(iter(it.api.pressed.values()))
        assert it.host.events == []


async def test_a_press_that_waited_too_long_to_be_acknowledged_takes_the_buttons_away() -> None:
    """As one that came while the gateway was down."""
    async with running() as it:
        ask = outbound(SOURCE, SESSION, "May I?", kind=OutboundKind.ASK, ask_id="ab12", choices=("once", "deny"))
        await it.host.say(it.adapter, ask)
        it.api.fail("answerCallbackQuery", refusing(400, "Bad Request: query is too old and response timeout expired"))
        it.api.press(OWNER, "deny")
        await it.host.received()
        await it.api.until(lambda: not it.api.by_bot()[0]["reply_markup"])


@pytest.mark.parametrize(("data", "user"), [("ab12:0", OWNER), ("ab12:0", 5), ("of-old", OWNER)])
@pytest.mark.parametrize("change", [{}, {"date": 0}, {"dice": {"sides": 20}}])
async def test_a_press_that_answers_nothing_is_acknowledged(change: dict[str, Any], data: str, user: int) -> None:
    """Until it is, the button shows that it is waited for."""
    async with running() as it:
        message = it.api.message("May I?") | change
        it.api.push(callback_query=it.api._query(message, data, user))
        await it.api.until(lambda: it.api.pressed)
        assert "long over" in next(iter(it.api.pressed.values()))


async def test_in_a_group_only_who_was_asked_can_answer() -> None:
    access = settings(BotApi()).access
    others = evolve(access, users=evolve(access.users, ids=access.users.ids | {"5"}))
    async with running(access=others) as it:
        source = evolve(SOURCE, chat_id="-5")
        ask = outbound(
            source, "agent:main:telegram:group:-5:5", "May I?", kind=OutboundKind.ASK, ask_id="ab12", choices=("once",)
        )
        await it.host.say(it.adapter, ask)
        it.api.press(-5, "once", OWNER)
        await it.api.until(lambda: it.api.pressed)
        assert it.host.events == []
        it.api.press(-5, "once", 5)
        await it.host.received()
