"""What a chat may see: no secrets, its own session as it is now, and nothing of other chats."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve

from actors.conversation.wording import BURIAL
from actors.platform.drafts import DraftBoard
from hermes.events import Draft, DraftState
from hermes.messages import Message, Role, Usage
from hermes.models.contract import Completed, ModelPiece, ModelRequest, TextDelta
from hermes.status import State
from hermes.store.rows import TurnOutcome
from hermes.store.store import SqliteStore
from tests.actors.house import house
from tests.actors.scripted import ScriptedModel, echo

# What a public code host's token looks like; it is nobody's.
SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2


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
        lines = [each for each in (await gateway.tree.base.store.transcript("session:c")).entries if each.tool]
    assert "echo xxx" in ask.text
    assert SECRET not in ask.text
    assert "echo xxx" in lines[0].text
    assert SECRET not in lines[0].text
    assert any("echo xxx" in preview for preview in previews)
    assert not any(SECRET[:10] in preview for preview in previews)


async def test_a_question_that_is_cut_shows_no_part_of_a_secret(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        # Wherever it is cut, that is within one of them.
        await gateway.chat.say("1", f"run echo {' '.join([SECRET] * 100)}")
        ask = await gateway.chat.question()
    assert "run this command" in ask.text.lower()
    assert not any(SECRET[start : start + 10] in ask.text for start in range(4, 14))


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


async def test_a_secret_that_a_model_says_is_not_in_the_transcript(tmp_path: Path) -> None:
    async def tell(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        yield Completed(Message(Role.ASSISTANT, f"It is {SECRET}.", reasoning=SECRET), Usage())

    async with house(tmp_path, model=ScriptedModel(tell)) as gateway:
        await gateway.chat.say("1", "tell")
        assert "It is" in await gateway.chat.answer("1")
        store = gateway.tree.base.store
        session = await store.current("session:c")
        assert session is not None
        history = await store.history(session.id)
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


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied", "SOUL.md"), OSError("odd")])
async def test_a_prompt_that_cannot_be_read_is_told_in_the_chat(tmp_path: Path, error: OSError) -> None:
    def unreadable(*_: object) -> str:
        raise error

    async with house(tmp_path, change=lambda services: evolve(services, build_prompt=unreadable)) as gateway:
        await gateway.chat.say("1", "say hello")
        with trio.fail_after(15):
            assert "cannot be read" in await gateway.chat.answer("1")
