"""One turn from its claim to its end: interruptions before the first word, questions at their deadline, lost rows."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import trio

from actors.conversation.running import RunningTurn
from hermes.config.schema import Approvals, BusyInput, Display
from hermes.events import DraftState
from hermes.messages import Message, Role, Usage
from hermes.models.contract import Completed, ModelPiece, ModelRequest
from hermes.store.rows import InboxRow
from hermes.store.store import SqliteStore
from tests.actors.house import Chat, house, settings
from tests.actors.scripted import ScriptedModel


async def test_a_turn_that_is_interrupted_before_its_first_word_says_nothing(tmp_path: Path) -> None:
    asked = trio.Event()

    async def hang_at_first(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        if not asked.is_set():
            asked.set()
            await trio.sleep_forever()
        yield Completed(Message(Role.ASSISTANT, "heard you"), Usage())

    async with house(tmp_path, model=ScriptedModel(hang_at_first)) as gateway:
        await gateway.chat.say("1", "first")
        with trio.fail_after(20):
            await asked.wait()
        await gateway.chat.say("2", "second")
        assert await gateway.chat.answer("2") == "heard you"
        assert [message.answers for message in gateway.chat.seen] == [("2",)]
        counts = await gateway.tree.base.store.counts()
    assert (counts.inbox_pending, counts.turns_running) == (0, 0)


async def test_a_press_after_the_deadline_is_late_though_the_turn_has_not_noticed_it_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expire, may_notice, looked = SqliteStore.expire_ask, trio.Event(), trio.Event()

    async def by_a_clock_that_stands(self: SqliteStore, *arguments: Any) -> bool:
        looked.set()
        return may_notice.is_set() and await expire(self, *arguments)

    monkeypatch.setattr(SqliteStore, "expire_ask", by_a_clock_that_stands)
    async with house(tmp_path, settings=settings(approvals=Approvals(timeout=0.2))) as gateway:
        await gateway.chat.say("1", "run echo made > made.txt")
        ask = await gateway.chat.question()
        with trio.fail_after(20):
            await looked.wait()
        await gateway.chat.press(ask, "once")
        assert "its time is over" in await gateway.chat.answer(f"press:{ask.ask_id}:once")
        may_notice.set()
        assert "nobody answered" in await gateway.chat.answer("1")
    assert not (tmp_path / "made.txt").exists()


async def test_the_deadline_of_a_question_that_was_answered_in_time_is_looked_at_once_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expire, looks = SqliteStore.expire_ask, list[bool]()

    async def watched(self: SqliteStore, *arguments: Any) -> bool:
        looks.append(await expire(self, *arguments))
        return looks[-1]

    monkeypatch.setattr(SqliteStore, "expire_ask", watched)
    async with house(tmp_path, settings=settings(approvals=Approvals(timeout=2.0))) as gateway:
        await gateway.chat.say("1", "run while [ ! -e go ]; do sleep 0.05; done; echo ran on")
        await gateway.chat.press(await gateway.chat.question(), "once")
        await gateway.until(lambda: bool(looks))
        # Longer than the pause between two looks at a question that is still open.
        await trio.sleep(0.2)
        (tmp_path / "go").touch()
        assert "ran on" in await gateway.chat.answer("1")
    assert looks == [False]


async def test_a_steered_message_that_another_turn_took_is_answered_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    join, lost = SqliteStore.join, [True]
    steer, offered = RunningTurn.steer, trio.Event()

    async def taken_elsewhere(self: SqliteStore, *arguments: Any) -> bool:
        return False if lost and lost.pop() else await join(self, *arguments)

    async def watched(self: RunningTurn, row: InboxRow) -> None:
        await steer(self, row)
        offered.set()

    async def wait_for_both(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        await offered.wait()
        yield Completed(Message(Role.ASSISTANT, f"heard {request.messages[-1].content}"), Usage())

    monkeypatch.setattr(SqliteStore, "join", taken_elsewhere)
    monkeypatch.setattr(RunningTurn, "steer", watched)
    model, steering = ScriptedModel(wait_for_both), settings(display=Display(busy_input_mode=BusyInput.STEER))
    async with house(tmp_path, model=model, settings=steering) as gateway:
        await gateway.chat.say("1", "first")
        await gateway.chat.draft(lambda draft: draft.state is DraftState.THINKING)
        await gateway.chat.say("2", "second")
        await gateway.chat.until(lambda message: "2" in message.answers)
        assert not lost
        assert "begin anew from the journal" in gateway.children()["conversations/session:c"].failure.error
        assert sorted(event for message in gateway.chat.seen for event in message.answers) == ["1", "2"]


async def test_the_answer_to_a_platform_that_is_no_longer_configured_waits_until_it_is_again(tmp_path: Path) -> None:
    past = Chat(name="past")
    async with house(tmp_path, neighbours=(past,)):
        await past.say("1", "count to 30 slowly")
        await past.draft(lambda draft: "2" in draft.text)
    async with house(tmp_path) as gateway:
        # The session is shared, and the other platform wakes it.
        await gateway.chat.say("2", "say now")
        assert await gateway.chat.answer("2") == "now"
        assert gateway.children()["conversations/session:c"].restarts == 0
        assert [message.answers for message in gateway.chat.seen] == [("2",)]
    assert past.seen == []
    async with house(tmp_path, neighbours=(past,)):
        assert (await past.answer("1")).endswith("30")
