"""Conversations where something goes wrong: crashes between two steps, bugs, clocks, secrets, shared sessions."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import define, evolve, field

from actors.conversation.commands import Commands
from actors.conversation.running import RunningTurn
from actors.conversation.services import Services
from actors.conversation.wording import BURIAL
from actors.platform.drafts import DraftBoard
from hermes.agent.turnio import Stopped
from hermes.config.schema import Approvals, BusyInput, Display, Terminal
from hermes.events import Draft, DraftState, InboundKind, OutboundKind
from hermes.messages import Message, Role, Usage
from hermes.models.contract import Completed, ModelPiece, ModelRequest, TextDelta
from hermes.status import State
from hermes.store.interface import TurnOutcome
from hermes.store.store import SqliteStore
from tests.actors.faults import bombs
from tests.actors.house import House, house, settings

# What a public code host's token looks like; it is nobody's.
SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2


@define
class ScriptedModel:
    """Streams what ``script`` yields, and remembers what it was asked."""

    script: Callable[[ModelRequest], AsyncGenerator[ModelPiece]]
    asked: list[ModelRequest] = field(factory=list[ModelRequest])
    name: str = "scripted"
    context_length: int = 1000

    @asynccontextmanager
    async def stream(self, request: ModelRequest) -> AsyncIterator[AsyncIterator[ModelPiece]]:
        self.asked.append(request)
        async with aclosing(self.script(request)) as pieces:
            yield pieces


async def echo(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
    yield Completed(Message(Role.ASSISTANT, f"heard {request.messages[-1].content}"), Usage())


async def silently(house: House, event_id: str, text: str, kind: InboundKind = InboundKind.MESSAGE) -> None:
    """Into the inbox without a nudge, as when whoever accepted it crashed right after."""
    await house.tree.base.store.accept(house.chat.event(event_id, text, kind=kind), time.time())


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


async def test_what_another_chat_said_in_a_shared_session_is_known_to_the_next_turn(tmp_path: Path) -> None:
    model = ScriptedModel(echo)
    async with house(tmp_path, model=model) as gateway:
        await gateway.chat.say("1", "first")
        await gateway.chat.answer("1")
        store = gateway.tree.base.store
        session = await store.current("session:c")
        assert session is not None
        await store.resume("session:other", session.id, time.time())
        await gateway.chat.say("2", "second", chat="other")
        await gateway.chat.answer("2")
        await gateway.chat.say("3", "third")
        await gateway.chat.answer("3")
    said = [message.content for message in model.asked[-1].messages]
    assert said == ["first", "heard first", "second", "heard second", "third"]


async def test_an_undone_exchange_is_unknown_to_the_next_turn(tmp_path: Path) -> None:
    model = ScriptedModel(echo)
    async with house(tmp_path, model=model) as gateway:
        for event_id, text in (("1", "first"), ("2", "second"), ("3", "/undo"), ("4", "fourth")):
            await gateway.chat.say(event_id, text)
            await gateway.chat.answer(event_id)
    assert [message.content for message in model.asked[-1].messages] == ["first", "heard first", "fourth"]


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


async def test_a_secret_in_a_command_is_neither_in_the_question_nor_in_the_preview(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, previews = DraftBoard.put, list[str]()

    def watched(self: DraftBoard, draft: Draft) -> None:
        previews.append(draft.tool)
        put(self, draft)

    monkeypatch.setattr(DraftBoard, "put", watched)
    async with house(tmp_path) as gateway:
        # The preview is cut in the middle of it.
        await gateway.chat.say("1", f"run echo {'x' * 35} {SECRET}")
        ask = await gateway.chat.question()
        await gateway.chat.press(ask, "once")
        await gateway.chat.answer("1")
    assert "echo xxx" in ask.text
    assert SECRET not in ask.text
    assert any("echo xxx" in preview for preview in previews)
    assert not any(SECRET[:10] in preview for preview in previews)


async def test_a_secret_that_is_still_being_written_is_not_shown(tmp_path: Path) -> None:
    async def tell(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        for piece in ("It is ", SECRET[:12], SECRET[12:30], SECRET[30:], " and no more"):
            yield TextDelta(piece)
            await trio.sleep(0.2)
        yield Completed(Message(Role.ASSISTANT, f"It is {SECRET} and no more"), Usage())

    async with house(tmp_path, model=ScriptedModel(tell)) as gateway:
        await gateway.chat.say("1", "tell")
        answer = await gateway.chat.answer("1")
        shown = [draft.text for draft in gateway.chat.drafts if draft.state is DraftState.WRITING]
    assert answer.endswith("and no more")
    assert SECRET[4:12] not in answer
    assert any("It is" in text for text in shown)
    assert not any(SECRET[4:12] in text for text in shown), shown


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


async def test_a_secret_that_a_model_says_is_not_in_the_transcript(tmp_path: Path) -> None:
    async def tell(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        yield Completed(Message(Role.ASSISTANT, f"It is {SECRET}.", reasoning=SECRET), Usage())

    async with house(tmp_path, model=ScriptedModel(tell)) as gateway:
        await gateway.chat.say("1", "tell")
        assert "It is" in await gateway.chat.answer("1")
        store = gateway.tree.base.store
        session = await store.current("session:c")
        assert session is not None
        history = await store.history(session.id, before_turn="")
        entries = (await store.transcript("session:c")).entries
    assert [message.role for message in history] == [Role.USER, Role.ASSISTANT]
    assert SECRET not in str(history)
    assert SECRET not in str(entries)


async def test_a_chat_is_told_how_many_others_are_not_well_and_not_who(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending: Callable[[SqliteStore, str], Awaitable[Any]] = SqliteStore.pending

    async def crash(self: SqliteStore, session_key: str) -> Any:
        if session_key == "session:somebody":
            raise RuntimeError("a bug")
        return await pending(self, session_key)

    monkeypatch.setattr(SqliteStore, "pending", crash)
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "/help", chat="somebody")
        path = "conversations/session:somebody"
        await gateway.until(lambda: path in gateway.children() and gateway.children()[path].state is State.FAILED)
        await gateway.chat.say("2", "/status")
        told = await gateway.chat.answer("2")
    assert "not well: 1 conversations" in told
    assert "somebody" not in told


async def test_a_chat_whose_session_is_at_work_elsewhere_says_so_in_the_status_and_goes_on_afterwards(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "say one")
        await gateway.chat.answer("1")
        store = gateway.tree.base.store
        session = await store.current("session:c")
        assert session is not None
        await store.resume("session:terminal", session.id, time.time())
        elsewhere = evolve(gateway.chat.event("t", "say it there"), session_key="session:terminal")
        await store.accept(elsewhere, time.time())
        turn = await store.claim("session:terminal", "terminal-x", time.time(), BURIAL)
        assert turn is not None
        await gateway.chat.say("2", "say two")
        path = "conversations/session:c"
        await gateway.until(lambda: "another program" in gateway.children()[path].detail)
        last = (Message(Role.ASSISTANT, "said there"),)
        await store.finish(turn.lease, 1, last, (), TurnOutcome.DONE, Usage(), time.time())
        assert await gateway.chat.answer("2") == "two"
        await gateway.until(lambda: gateway.children()[path].detail == "")


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


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied", "SOUL.md"), OSError("odd")])
async def test_a_prompt_that_cannot_be_read_is_told_in_the_chat(tmp_path: Path, error: OSError) -> None:
    def unreadable(platform: object) -> str:
        raise error

    async with house(tmp_path, change=lambda services: evolve(services, build_prompt=unreadable)) as gateway:
        await gateway.chat.say("1", "say hello")
        with trio.fail_after(15):
            assert "cannot be read" in await gateway.chat.answer("1")
