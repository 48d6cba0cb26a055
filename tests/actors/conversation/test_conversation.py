"""Conversations in a whole tree: turns, busy modes, asks, commands, and what is named by which turn."""

import sqlite3
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import trio
from attrs import evolve

from actors.conversation.services import Services
from hermes.config.schema import Approvals, BusyInput, Display, Settings
from hermes.errors import Refused
from hermes.events import DraftState, OutboundKind, Verdict
from hermes.models.contract import ModelPiece, ModelRequest, TextDelta
from tests.actors.house import House, house, settings
from tests.actors.scripted import ScriptedModel


def busy(mode: BusyInput) -> Settings:
    return settings(display=Display(busy_input_mode=mode))


def rows(house: House) -> list[tuple[str, str, str]]:
    """Event id, state and turn of each inbox row, read from the file as a stranger would."""
    with sqlite3.connect(f"file:{house.folder}/home/state.db?mode=ro", uri=True) as connection:
        return connection.execute("SELECT event_id, state, coalesce(turn_id, '') FROM inbox ORDER BY id").fetchall()


async def test_a_message_is_answered_once_and_its_draft_was_seen(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "say hello")
        assert await gateway.chat.answer("1") == "hello"
        await gateway.chat.draft(lambda draft: draft.state is DraftState.ENDED)
        assert len(gateway.chat.seen) == 1


async def test_a_draft_names_what_it_answers_and_at_its_end_how_that_went(tmp_path: Path) -> None:
    async with house(tmp_path, settings=busy(BusyInput.INTERRUPT)) as gateway:
        await gateway.chat.say("1", "say one", message_id="11")
        await gateway.chat.answer("1")
        await gateway.chat.say("2", "count to 500 slowly", message_id="12")
        await gateway.chat.draft(lambda draft: "2" in draft.text)
        await gateway.chat.say("3", "say three", message_id="13")
        await gateway.chat.answer("3")
        await gateway.chat.draft(lambda draft: draft.messages == ("13",) and draft.verdict is Verdict.ANSWERED)
    drafts = gateway.chat.drafts
    assert all(draft.verdict is None for draft in drafts if draft.state is not DraftState.ENDED)
    ends = [(draft.messages, draft.verdict) for draft in drafts if draft.state is DraftState.ENDED]
    assert ends == [(("11",), Verdict.ANSWERED), (("12",), Verdict.DROPPED), (("13",), Verdict.ANSWERED)]


async def test_a_draft_tells_that_a_turn_failed(tmp_path: Path) -> None:
    async def refuse(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        raise Refused("no such model")
        yield TextDelta("")

    async with house(tmp_path, model=ScriptedModel(refuse)) as gateway:
        await gateway.chat.say("1", "hello", message_id="11")
        await gateway.chat.draft(lambda draft: draft.verdict is not None)
        assert gateway.chat.drafts[-1].verdict is Verdict.FAILED


async def test_messages_of_one_chat_are_answered_in_order_each_by_its_own_turn(tmp_path: Path) -> None:
    async with house(tmp_path, settings=busy(BusyInput.QUEUE)) as gateway:
        for number in range(5):
            await gateway.chat.say(str(number), f"say {number}")
        await gateway.chat.answer("4")
        assert [message.text for message in gateway.chat.seen] == ["0", "1", "2", "3", "4"]
        assert len({turn for _, _, turn in rows(gateway)}) == 5


async def test_a_redelivered_event_changes_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "say hello")
        await gateway.chat.answer("1")
        assert (await gateway.chat.say("1", "say hello")).duplicate
        await gateway.chat.say("2", "say done")
        await gateway.chat.answer("2")
        assert [message.text for message in gateway.chat.seen] == ["hello", "done"]


async def test_a_new_message_interrupts_the_running_turn(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "count to 500 slowly")
        await gateway.chat.draft(lambda draft: "2" in draft.text)
        await gateway.chat.say("2", "say second")
        assert await gateway.chat.answer("2") == "second"
        assert "interrupted by your next message" in (await gateway.chat.answer("1")).lower()
        assert [state for _, state, _ in rows(gateway)] == ["done", "done"]
        assert len({turn for _, _, turn in rows(gateway)}) == 2


async def test_messages_that_waited_before_a_turn_began_do_not_interrupt_it(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        for number in range(4):
            # Accepted, and nobody is nudged yet.
            await gateway.tree.base.store.accept(gateway.chat.event(str(number), f"say {number}"), time.time())
        await gateway.chat.say("0", "handed over again")
        await gateway.chat.answer("3")
        assert [message.text for message in gateway.chat.seen] == ["0", "1", "2", "3"]


async def test_a_queued_message_waits_for_the_end_of_the_turn(tmp_path: Path) -> None:
    async with house(tmp_path, settings=busy(BusyInput.QUEUE)) as gateway:
        await gateway.chat.say("1", "count to 10 slowly")
        await gateway.chat.draft(lambda draft: "2" in draft.text)
        await gateway.chat.say("2", "say second")
        assert await gateway.chat.answer("2") == "second"
        assert (await gateway.chat.answer("1")).endswith("10")


async def test_a_steered_message_joins_the_turn_and_one_answer_names_both(tmp_path: Path) -> None:
    async with house(tmp_path, settings=busy(BusyInput.STEER)) as gateway:
        await gateway.chat.say("1", "count to 10 slowly")
        await gateway.chat.draft(lambda draft: "2" in draft.text)
        await gateway.chat.say("2", "say steered")
        answer = await gateway.chat.until(lambda message: "2" in message.answers)
        assert answer.answers == ("1", "2")
        assert answer.text.endswith("steered")
        assert len({turn for _, _, turn in rows(gateway)}) == 1


@pytest.mark.parametrize("mode", list(BusyInput))
async def test_in_every_busy_mode_each_message_is_named_by_exactly_one_turn(tmp_path: Path, mode: BusyInput) -> None:
    async with house(tmp_path, settings=busy(mode)) as gateway:
        for number in range(8):
            await gateway.chat.say(str(number), f"count to {number + 2} slowly")
            await trio.sleep(0.01 * (number % 3))
        await gateway.chat.answer("7")
        named = [event_id for message in gateway.chat.seen for event_id in message.answers]
        # A turn that was interrupted before its first word says nothing: its message is named by the turn alone.
        assert len(set(named)) == len(named)
        assert mode is BusyInput.INTERRUPT or len(named) == 8
        assert all(state == "done" and turn for _, state, turn in rows(gateway))


async def test_parts_of_one_utterance_become_one_turn(tmp_path: Path) -> None:
    async with house(tmp_path, settings=busy(BusyInput.QUEUE)) as gateway:
        await gateway.chat.say("0", "count to 5 slowly")
        await gateway.chat.say("1", "say one", utterance="album")
        await gateway.chat.say("2", "say two", utterance="album")
        answer = await gateway.chat.until(lambda message: "2" in message.answers)
        assert answer.answers == ("1", "2")


async def test_stop_ends_the_turn_and_not_the_conversation(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "count to 500 slowly")
        await gateway.chat.draft(lambda draft: "2" in draft.text)
        await gateway.chat.say("2", "/stop")
        assert await gateway.chat.answer("2") == "Stopped."
        assert "stopped" in (await gateway.chat.answer("1")).lower()
        await gateway.chat.say("3", "say on")
        assert await gateway.chat.answer("3") == "on"


async def test_stop_with_nothing_running_says_so(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "/stop")
        assert await gateway.chat.answer("1") == "Nothing is running."


async def test_a_command_is_asked_about_and_runs_once_allowed(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "run echo made > made.txt")
        ask = await gateway.chat.question()
        assert "echo made" in ask.text
        assert ask.choices == ("once", "session", "always", "deny")
        await gateway.chat.press(ask, "once")
        await gateway.chat.answer("1")
        await gateway.chat.say("2", "run echo again")
        await gateway.chat.question(1)


async def test_a_rule_allowed_for_the_session_is_not_asked_about_again(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "run echo one")
        await gateway.chat.press(await gateway.chat.question(), "session")
        await gateway.chat.answer("1")
        await gateway.chat.say("2", "run echo two")
        assert "two" in await gateway.chat.answer("2")
        assert sum(message.kind is OutboundKind.ASK for message in gateway.chat.seen) == 1


async def test_a_rule_allowed_always_stands_in_the_configuration_and_holds_in_other_chats(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "run echo one")
        await gateway.chat.press(await gateway.chat.question(), "always")
        await gateway.chat.answer("1")
        await gateway.chat.say("2", "run echo two", chat="other")
        assert "two" in await gateway.chat.answer("2")
        assert "any-command" in (tmp_path / "home" / "config.yaml").read_text()


async def test_a_denied_command_does_not_run(tmp_path: Path) -> None:
    made = tmp_path / "made.txt"
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", f"run echo made > {made}")
        await gateway.chat.press(await gateway.chat.question(), "deny")
        assert "denied" in (await gateway.chat.answer("1")).lower()
    assert not made.exists()


async def test_a_question_that_nobody_answers_is_a_denial(tmp_path: Path) -> None:
    made = tmp_path / "made.txt"
    async with house(tmp_path, settings=settings(approvals=Approvals(timeout=0.2))) as gateway:
        await gateway.chat.say("1", f"run echo made > {made}")
        await gateway.chat.answer("1")
    assert not made.exists()


async def test_a_second_press_is_told_that_it_came_too_late(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "run echo one")
        ask = await gateway.chat.question()
        await gateway.chat.press(ask, "once")
        await gateway.chat.press(ask, "deny")
        assert "answered already" in await gateway.chat.answer(f"press:{ask.ask_id}:deny")
        assert "one" in await gateway.chat.answer("1")


async def test_approve_and_deny_can_be_typed(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "run echo one")
        await gateway.chat.question()
        await gateway.chat.say("2", "/approve nonsense")
        assert "takes one of" in await gateway.chat.answer("2")
        await gateway.chat.say("3", "/approve")
        assert "one" in await gateway.chat.answer("1")
        await gateway.chat.say("4", "/approve")
        assert "Nothing is waiting" in await gateway.chat.answer("4")


async def test_an_open_question_outlives_a_restart_and_is_not_asked_again(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "run echo survived")
        ask = await gateway.chat.question()
    async with house(tmp_path) as gateway:
        await gateway.chat.press(ask, "once")
        assert "survived" in await gateway.chat.answer("1")
        assert not any(message.kind is OutboundKind.ASK for message in gateway.chat.seen)


async def test_a_turn_that_waits_through_many_planned_restarts_is_not_given_up(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "run echo survived")
        ask = await gateway.chat.question()
    for number in range(4):
        async with house(tmp_path) as gateway:
            await gateway.chat.say(f"status {number}", "/status")
            assert "asking" in await gateway.chat.answer(f"status {number}")
    async with house(tmp_path) as gateway:
        await gateway.chat.press(ask, "once")
        assert "survived" in await gateway.chat.answer("1")


async def test_the_next_message_answers_an_open_question_in_free_text(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "ask what colour?")
        await gateway.chat.question()
        await gateway.chat.say("2", "blue")
        assert "blue" in await gateway.chat.answer("1")


async def test_new_begins_another_session_and_undo_forgets_the_last_exchange(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "say one")
        await gateway.chat.answer("1")
        before = await gateway.tree.base.store.current("session:c")
        await gateway.chat.say("2", "/undo")
        assert "say one" in await gateway.chat.answer("2")
        await gateway.chat.say("3", "/new")
        await gateway.chat.answer("3")
        await gateway.chat.say("4", "say four")
        await gateway.chat.answer("4")
        after = await gateway.tree.base.store.current("session:c")
        assert before is not None
        assert after is not None
        assert before.id != after.id


async def test_retry_answers_the_last_message_again(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "say one")
        await gateway.chat.answer("1")
        await gateway.chat.say("2", "/retry")
        with trio.fail_after(20):
            while sum(message.text == "one" for message in gateway.chat.seen) < 2:
                await trio.sleep(0.01)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("/help", "/approve"),
        ("/status", "model: offline"),
        ("/usage", "used no tokens"),
        ("/commands", "/undo"),
        ("/undo", "nothing to undo"),
        ("/retry", "nothing to retry"),
    ],
)
async def test_each_command_answers_in_an_empty_chat(tmp_path: Path, command: str, said: str) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", command)
        assert said in await gateway.chat.answer("1")


async def test_usage_counts_the_tokens_of_the_session(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "say one")
        await gateway.chat.answer("1")
        await gateway.chat.say("2", "/usage")
        assert "tokens in" in await gateway.chat.answer("2")


async def test_status_can_be_asked_while_a_turn_runs(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "count to 500 slowly")
        await gateway.chat.draft(lambda draft: "2" in draft.text)
        await gateway.chat.say("2", "/status")
        assert "calling" in await gateway.chat.answer("2")
        await gateway.chat.say("3", "/stop")
        await gateway.chat.answer("3")


async def test_something_that_only_looks_like_a_command_is_a_message(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "/etc/hosts is odd")
        assert "You said: /etc/hosts is odd" in await gateway.chat.answer("1")


async def test_a_long_answer_goes_out_in_parts_and_is_named_once(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "say " + "word " * 1500)
        await gateway.chat.until(lambda message: message.part == 3)
        assert all(len(message.text) <= 2000 for message in gateway.chat.seen)
        assert [message.answers for message in gateway.chat.seen] == [("1",), (), (), ()]


async def test_an_idle_conversation_passivates_and_the_next_message_finds_its_transcript(tmp_path: Path) -> None:
    def short(services: Services) -> Services:
        return evolve(services, settings=evolve(services.settings, idle=0.05))

    async with house(tmp_path, change=short) as gateway:
        await gateway.chat.say("1", "say one")
        await gateway.chat.answer("1")
        await gateway.until(lambda: "conversations/session:c" not in gateway.children())
        await gateway.chat.say("2", "say two")
        assert await gateway.chat.answer("2") == "two"
        current = await gateway.tree.base.store.current("session:c")
        assert current is not None
        assert current.message_count == 4


async def test_while_the_gate_is_closed_messages_are_refused_and_answers_pass(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "run echo one")
        ask = await gateway.chat.question()
        gateway.gate.open = False
        with trio.move_on_after(0.2) as refused:
            await gateway.chat.say("2", "say two")
        assert refused.cancelled_caught
        await gateway.chat.press(ask, "once")
        assert "one" in await gateway.chat.answer("1")
        # A file of a message that was taken before: nobody else keeps it.
        part = gateway.chat.event("1:file", "its file")
        assert gateway.chat._host is not None
        assert not (await gateway.chat._host.accept(part, further=True)).duplicate
