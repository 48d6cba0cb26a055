"""What arrives beside a turn or between two: what is done at once, what waits, and what comes too late."""

from pathlib import Path

import pytest
import trio

from hermes.agent.turn import MAX_STEERED
from hermes.config.schema import Agent, BusyInput, Display
from hermes.events import InboundKind, OutboundKind
from hermes.store.rows import Lease
from hermes.store.store import SqliteStore
from tests.actors.house import house, settings
from tests.actors.scripted import silently


async def test_a_second_stop_that_waits_behind_the_first_finds_nothing_to_stop(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("0", "say awake")
        await gateway.chat.answer("0")
        await silently(gateway, "1", "count to 5000 slowly")
        await silently(gateway, "2", "/stop", InboundKind.COMMAND)
        await silently(gateway, "3", "/stop", InboundKind.COMMAND)
        await gateway.chat.say("0", "a nudge, and nothing else")
        assert await gateway.chat.answer("2") == "Stopped."
        assert await gateway.chat.answer("3") == "Nothing is running."


async def test_an_answer_to_a_question_whose_turn_is_over_is_told_that_it_came_too_late(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", f"run echo made > {tmp_path}/made.txt")
        ask = await gateway.chat.question()
        await gateway.chat.press(ask, "deny")
        await gateway.chat.answer("1")
        await gateway.until(lambda: gateway.children()["conversations/session:c"].detail == "")
        await gateway.chat.press(ask, "once")
        assert "answered already" in await gateway.chat.answer(f"press:{ask.ask_id}:once")
    assert not (tmp_path / "made.txt").exists()


async def test_a_new_session_that_is_asked_for_beside_a_turn_begins_after_its_end(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "count to 15 slowly")
        await gateway.chat.draft(lambda draft: "2" in draft.text)
        await gateway.chat.say("2", "/new")
        assert "new session" in await gateway.chat.answer("2")
        kinds = [message.kind for message in gateway.chat.seen]
        assert (await gateway.chat.answer("1")).endswith("15")
        assert kinds == [OutboundKind.ANSWER, OutboundKind.NOTICE]
        await gateway.chat.say("3", "say fresh")
        await gateway.chat.answer("3")
        session = await gateway.tree.base.store.current("session:c")
    assert session is not None
    assert session.message_count == 2, "the first message and its answer stand in the session before"


async def test_a_message_behind_a_new_session_is_not_steered_into_the_turn_before_it(tmp_path: Path) -> None:
    async with house(tmp_path, settings=settings(display=Display(busy_input_mode=BusyInput.STEER))) as gateway:
        await gateway.chat.say("1", "count to 15 slowly")
        await gateway.chat.draft(lambda draft: "2" in draft.text)
        await gateway.chat.say("2", "/new")
        await gateway.chat.say("3", "say fresh")
        assert await gateway.chat.answer("3") == "fresh"
        assert [message.answers for message in gateway.chat.seen] == [("1",), ("2",), ("3",)]


async def test_a_message_behind_a_new_session_does_not_answer_a_question_of_the_one_before(tmp_path: Path) -> None:
    async with house(tmp_path, settings=settings(toolsets=("clarify",))) as gateway:
        await gateway.chat.say("1", "ask Which colour?")
        await gateway.chat.question()
        await silently(gateway, "2", "/new", InboundKind.COMMAND)
        await gateway.chat.say("3", "say fresh")
        assert await gateway.chat.answer("3") == "fresh"
    assert all("fresh" not in message.text for message in gateway.chat.seen if message.answers != ("3",))


async def test_a_message_that_comes_too_late_for_a_question_is_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def not_noticed(self: SqliteStore, lease: Lease, ask_id: str, now: float) -> bool:
        return False

    monkeypatch.setattr(SqliteStore, "expire_ask", not_noticed)
    asking = settings(toolsets=("clarify",), agent=Agent(clarify_timeout=0.05))
    async with house(tmp_path, settings=asking) as gateway:
        await gateway.chat.say("1", "ask Which colour?")
        await gateway.chat.question()
        await trio.sleep(0.1)
        await gateway.chat.say("2", "say hello")
        assert await gateway.chat.answer("2") == "hello"


STEER = settings(display=Display(busy_input_mode=BusyInput.STEER))


async def test_the_first_part_of_a_message_does_not_steer_a_turn_that_ends_before_the_rest_came(tmp_path: Path) -> None:
    async with house(tmp_path, settings=STEER) as gateway:
        await gateway.chat.say("1", "count to 8 slowly")
        await gateway.chat.draft(lambda draft: "2" in draft.text)
        await gateway.chat.say("2a", "say the one half", utterance="u", more_within=10.0)
        first = await gateway.chat.until(lambda message: "1" in message.answers)
        await gateway.chat.say("2b", "and the other", utterance="u")
        second = await gateway.chat.until(lambda message: "2b" in message.answers)
    assert first.answers == ("1",)
    assert second.answers == ("2a", "2b")


async def test_the_parts_of_a_message_steer_together(tmp_path: Path) -> None:
    async with house(tmp_path, settings=STEER) as gateway:
        await gateway.chat.say("1", "count to 15 slowly")
        await gateway.chat.draft(lambda draft: "2" in draft.text)
        await gateway.chat.say("2a", "say the one half", utterance="u", more_within=10.0)
        await gateway.chat.say("3", "say behind it")
        await gateway.chat.say("2b", "and the other", utterance="u")
        answer = await gateway.chat.until(lambda message: "2b" in message.answers)
    assert answer.answers == ("1", "2a", "2b", "3")


async def test_a_message_whose_rest_does_not_come_steers_when_it_may_not_come_any_more(tmp_path: Path) -> None:
    async with house(tmp_path, settings=STEER) as gateway:
        await gateway.chat.say("1", "count to 25 slowly")
        await gateway.chat.draft(lambda draft: "2" in draft.text)
        await gateway.chat.say("2", "say alone", utterance="u", more_within=0.3)
        answer = await gateway.chat.until(lambda message: "2" in message.answers)
    assert answer.answers == ("1", "2")


async def test_a_message_of_more_parts_than_a_turn_has_room_for_waits_as_a_whole(tmp_path: Path) -> None:
    parts = [f"2.{number}" for number in range(MAX_STEERED + 1)]
    async with house(tmp_path, settings=STEER) as gateway:
        await gateway.chat.say("1", "count to 15 slowly")
        await gateway.chat.draft(lambda draft: "2" in draft.text)
        for part in parts:
            await gateway.chat.say(part, "say it", utterance="u", more_within=0.0 if part == parts[-1] else 10.0)
        answer = await gateway.chat.until(lambda message: parts[-1] in message.answers)
    assert answer.answers == tuple(parts)
