"""Conversations where something goes wrong: crashes between two steps, bugs, clocks, passivation, no room."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import define, evolve

from actors.conversation.commands import Commands
from actors.conversation.running import RunningTurn
from actors.conversation.services import Services
from hermes.agent.turnio import Stopped
from hermes.config.schema import Approvals, BusyInput, Display, Terminal
from hermes.errors import StoreFull
from hermes.events import DraftState, InboundKind, OutboundKind
from hermes.messages import Message, Role, ToolCall, Usage
from hermes.models.contract import Completed, ModelPiece, ModelRequest, TextDelta
from hermes.status import State
from hermes.store.rows import Lease
from hermes.store.store import SqliteStore
from tests.actors.faults import bombs
from tests.actors.house import house, settings
from tests.actors.scripted import ScriptedModel, echo, silently


async def test_a_stop_that_was_there_before_its_turn_began_stops_it(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("0", "say awake")
        await gateway.chat.answer("0")
        await silently(gateway, "2", "count to 5000 slowly")
        await silently(gateway, "3", "/stop", InboundKind.COMMAND)
        await gateway.chat.say("0", "a nudge, and nothing else")
        assert await gateway.chat.answer("3") == "Stopped."
        assert "stopped" in (await gateway.chat.answer("2")).lower()


async def test_a_message_that_crashes_each_turn_is_given_up_and_told_at_once_and_its_chat_goes_on(
    tmp_path: Path,
) -> None:
    async def crash(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        if "poison" in request.messages[-1].content:
            raise RuntimeError("a bug in a model's client")
        async with aclosing(echo(request)) as pieces:
            async for piece in pieces:
                yield piece

    async with house(tmp_path, model=ScriptedModel(crash)) as gateway:
        await gateway.chat.say("1", "poison")
        with trio.fail_after(15):
            assert "stopped trying" in await gateway.chat.answer("1")
        await gateway.chat.say("2", "on", chat="other")
        assert await gateway.chat.answer("2") == "heard on"
        await gateway.chat.say("3", "on")
        assert await gateway.chat.answer("3") == "heard on"
        child = gateway.children()["conversations/session:c"]
        assert child.failure is not None
        assert "a bug in a model's client" in child.failure.error
        assert gateway.children()["conversations/session:other"].failure is None


async def test_a_disk_that_is_full_now_and_then_uses_up_no_attempts_of_a_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim finds room, the end of the turn does not, and the first try to take the claim back neither."""
    finish, release = SqliteStore.finish, SqliteStore.release
    times = {"finish": 3, "release": 3}

    async def finish_or_full(self: SqliteStore, *arguments: Any) -> None:
        if times["finish"]:
            times["finish"] -= 1
            raise StoreFull("no space left")
        await finish(self, *arguments)

    async def release_or_full(self: SqliteStore, lease: Lease) -> None:
        if times["release"] > times["finish"]:
            times["release"] -= 1
            raise StoreFull("no space left")
        await release(self, lease)

    monkeypatch.setattr("actors.conversation.actor.FULL_RETRY", 0.01)
    monkeypatch.setattr(SqliteStore, "finish", finish_or_full)
    monkeypatch.setattr(SqliteStore, "release", release_or_full)
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "say hello")
        assert await gateway.chat.answer("1") == "hello"
    assert times == {"finish": 0, "release": 0}


async def test_what_a_crashed_turn_showed_is_taken_back(tmp_path: Path) -> None:
    async def crash(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        yield TextDelta("half an ")
        raise RuntimeError("a bug")

    async with house(tmp_path, model=ScriptedModel(crash)) as gateway:
        await gateway.chat.say("1", "poison")
        await gateway.chat.answer("1")
        await gateway.until(lambda: gateway.chat.drafts[-1].state is DraftState.ENDED)


async def test_a_command_that_crashes_is_told_of_and_its_chat_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(self: Commands, running: object) -> str:
        raise RuntimeError("a bug in a command")

    monkeypatch.setattr(Commands, "_status", crash)
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "/status")
        await gateway.chat.say("2", "say on")
        with trio.fail_after(15):
            assert await gateway.chat.answer("2") == "on"
        assert "failed" in await gateway.chat.answer("1")
        child = gateway.children()["conversations/session:c"]
        assert child.restarts == 1
        assert "a bug in a command" in child.failure.error


async def test_a_command_that_crashes_beside_a_turn_does_not_end_the_turn_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(self: Commands, running: object) -> str:
        raise RuntimeError("a bug in a command")

    monkeypatch.setattr(Commands, "_status", crash)
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "count to 12 slowly")
        await gateway.chat.draft(lambda draft: "2" in draft.text)
        await gateway.chat.say("2", "/status")
        assert "failed" in await gateway.chat.answer("2")
        assert (await gateway.chat.answer("1")).endswith("12")


async def test_a_stop_that_meets_a_crash_is_not_told_as_done_before_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed, hangs = RunningTurn.feed, trio.Event()

    async def hang_at_stop(self: RunningTurn, event: Any) -> None:
        if isinstance(event, Stopped) and not hangs.is_set():
            hangs.set()
            await trio.sleep_forever()
        await feed(self, event)

    monkeypatch.setattr(RunningTurn, "feed", hang_at_stop)
    placed = bombs(monkeypatch)
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "count to 60 slowly")
        await gateway.chat.draft(lambda draft: "2" in draft.text)
        await gateway.chat.say("2", "/stop")
        with trio.fail_after(15):
            await hangs.wait()
        placed.explode("gateway/conversations/session:c")
        assert await gateway.chat.answer("2") == "Stopped."
        assert "stopped" in (await gateway.chat.answer("1")).lower()


async def test_a_model_that_ends_its_stream_without_an_end_fails_the_turn_and_says_so(tmp_path: Path) -> None:
    async def unfinished(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        yield TextDelta("half an ")

    async with house(tmp_path, model=ScriptedModel(unfinished)) as gateway:
        await gateway.chat.say("1", "hello")
        with trio.fail_after(15):
            assert "could not be used" in await gateway.chat.answer("1")


async def test_a_folder_that_is_gone_is_told_in_the_chat_which_goes_on_when_it_is_back(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    async with house(tmp_path, settings=settings(terminal=Terminal(cwd=str(folder)))) as gateway:
        folder.rmdir()
        await gateway.chat.say("1", "say hello")
        with trio.fail_after(15):
            assert "terminal.cwd" in await gateway.chat.answer("1")
        assert gateway.children()["conversations/session:c"].state is State.RUNNING
        folder.mkdir()
        await gateway.chat.say("2", "say hello")
        assert await gateway.chat.answer("2") == "hello"


async def test_a_question_expires_even_if_the_clock_was_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expire, early = SqliteStore.expire_ask, [True]

    async def by_another_clock(self: SqliteStore, *arguments: Any) -> bool:
        return False if early and early.pop() else await expire(self, *arguments)

    monkeypatch.setattr(SqliteStore, "expire_ask", by_another_clock)
    async with house(tmp_path, settings=settings(approvals=Approvals(timeout=0.2))) as gateway:
        await gateway.chat.say("1", "run echo made > made.txt")
        with trio.fail_after(15):
            assert "nobody answered" in await gateway.chat.answer("1")
    assert not (tmp_path / "made.txt").exists()


async def test_messages_that_wait_are_steered_into_a_turn_that_begins_only_after_them(tmp_path: Path) -> None:
    async with house(tmp_path, settings=settings(display=Display(busy_input_mode=BusyInput.STEER))) as gateway:
        await gateway.chat.say("0", "say awake")
        await gateway.chat.answer("0")
        await silently(gateway, "1", "count to 3 slowly")
        await silently(gateway, "2", "say second")
        await gateway.chat.say("0", "a nudge, and nothing else")
        await gateway.chat.until(lambda message: "2" in message.answers)
    named = [event for message in gateway.chat.seen for event in message.answers]
    assert sorted(named) == ["0", "1", "2"]


async def test_a_turn_that_waits_for_a_person_outlives_three_orderly_restarts(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "run echo survived")
        ask = await gateway.chat.question()
    for _ in range(3):
        async with house(tmp_path) as gateway:
            await gateway.until(lambda: (gateway.children().get("conversations/session:c") or ASLEEP).detail != "")
            await trio.sleep(0.1)
    async with house(tmp_path) as gateway:
        await gateway.chat.press(ask, "once")
        assert "survived" in await gateway.chat.answer("1")


@define
class _Asleep:
    detail: str = ""


ASLEEP = _Asleep()


async def test_a_conversation_that_is_quarantined_serves_what_waits_when_it_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = [True]
    pending: Callable[[SqliteStore, str], Awaitable[Any]] = SqliteStore.pending

    async def crash(self: SqliteStore, session_key: str) -> Any:
        if broken and session_key == "session:c":
            raise RuntimeError("a bug")
        return await pending(self, session_key)

    monkeypatch.setattr(SqliteStore, "pending", crash)
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "/help")
        path = "conversations/session:c"
        await gateway.until(lambda: path in gateway.children() and gateway.children()[path].state is State.FAILED)
        await gateway.chat.say("2", "say on", chat="other")
        assert await gateway.chat.answer("2") == "on"
        assert "a bug" in gateway.children()[path].failure.error
        assert not gateway.tree.root.status().healthy
        broken.clear()
        gateway.tree.root.restart_child("conversations/session:c", "asked for by a person")
        assert "You can type" in await gateway.chat.answer("1")


def idle(services: Services) -> Services:
    return evolve(services, settings=evolve(services.settings, idle=0.0))


async def test_messages_that_meet_a_passivation_at_every_moment_are_all_answered(tmp_path: Path) -> None:
    async with house(
        tmp_path, change=idle, settings=settings(display=Display(busy_input_mode=BusyInput.QUEUE))
    ) as gateway:
        for number in range(40):
            await gateway.chat.say(str(number), f"say {number}")
            await trio.sleep(0.002 * (number % 5))
        await gateway.chat.answer("39")
        for number in range(40):
            await gateway.chat.answer(str(number))
    named = [event for message in gateway.chat.seen if message.kind is OutboundKind.ANSWER for event in message.answers]
    assert sorted(named, key=int) == [str(number) for number in range(40)]
    assert named == sorted(named, key=int)


async def test_more_chats_than_there_are_places_are_all_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.tree.MAX_CONVERSATIONS", 2)
    monkeypatch.setattr("actors.platform.inbound.SWEEP", 0.05)
    async with house(tmp_path, change=idle) as gateway:
        async with trio.open_nursery() as nursery:
            for number in range(8):
                nursery.start_soon(gateway.chat.say, str(number), f"say {number}", f"chat-{number}")
        for number in range(8):
            assert await gateway.chat.answer(str(number)) == str(number)


@pytest.mark.parametrize("mode", [BusyInput.QUEUE, BusyInput.STEER])
async def test_a_message_that_came_before_a_question_is_not_taken_for_its_answer(
    tmp_path: Path, mode: BusyInput
) -> None:
    may_ask = trio.Event()

    async def wait_and_ask(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        last = request.messages[-1]
        if last.content == "first":
            await may_ask.wait()
            call = ToolCall("1", "clarify", json.dumps({"question": "Which colour?"}))
            yield Completed(Message(Role.ASSISTANT, "", tool_calls=(call,)), Usage())
        else:
            yield Completed(Message(Role.ASSISTANT, f"heard {last.content}"), Usage())

    model = ScriptedModel(wait_and_ask)
    async with house(tmp_path, model=model, settings=settings(display=Display(busy_input_mode=mode))) as gateway:
        await gateway.chat.say("1", "first")
        await gateway.chat.draft(lambda draft: draft.state is DraftState.THINKING)
        await gateway.chat.say("2", "second, and no colour")
        may_ask.set()
        await gateway.chat.question()
        await gateway.chat.say("1", "a nudge, and nothing else")
        await gateway.chat.say("3", "blue")
        await gateway.chat.until(lambda message: "1" in message.answers)
        await gateway.chat.until(lambda message: "2" in message.answers)
    results = [message.content for message in model.asked[-1].messages if message.role is Role.TOOL]
    assert results == ["The user answered: blue"]


async def test_a_store_that_is_moved_away_stops_nobody_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here delivery reads before anybody writes, which is when the store notices."""
    written, due, read = SqliteStore._write, SqliteStore.due, trio.Event()
    moved = False

    async def after_a_read(self: SqliteStore, operation: Callable[..., Any]) -> Any:
        if moved:
            await read.wait()
        return await written(self, operation)

    async def watched(self: SqliteStore, *arguments: Any) -> Any:
        try:
            return await due(self, *arguments)
        finally:
            if moved:
                read.set()

    monkeypatch.setattr(SqliteStore, "_write", after_a_read)
    monkeypatch.setattr(SqliteStore, "due", watched)
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "say one")
        assert await gateway.chat.answer("1") == "one"
        for path in (tmp_path / "home").glob("state.db*"):
            path.rename(tmp_path / path.name)
        moved = True
        gateway.tree.base.outlets.look_everywhere()
        await gateway.chat.say("2", "say two")
        assert await gateway.chat.answer("2") == "two"
