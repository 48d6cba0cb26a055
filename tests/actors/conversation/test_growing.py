"""An answer that grows in its chat, over the whole tree: what the chat sees, and that the answer always comes."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio
from attrs import define, evolve, field

from actors.conversation.services import Platform
from actors.runtime.report import What
from actors.tree import Attached
from adapters.contract import Ambiguous, Drafts, Idempotency, Limits, Receipt
from hermes.config.schema import Streaming
from hermes.errors import RateLimited, Refused, TransientError
from hermes.events import Outbound
from hermes.messages import Message, Role, ToolCall, Usage
from hermes.models.contract import ChatModel, Completed, ModelPiece, ModelRequest, TextDelta
from hermes.split import split
from tests.actors.house import Chat, House, house, settings
from tests.actors.scripted import ScriptedModel

CURSOR = " _"


@define(eq=False)
class EditedChat(Chat):
    """A platform that knows no keys and can edit."""

    name: str = "edited"
    shown: dict[str, str] = field(factory=dict[str, str])
    """Text by message, in the order of the first sends."""
    history: list[str] = field(factory=list[str])
    marked: list[str] = field(factory=list[str])
    fail_edit: list[Exception] = field(factory=list[Exception])
    hold: trio.Event | None = None
    held: trio.Event = field(factory=trio.Event)
    """A first send has begun to wait for ``hold``."""

    @property
    def limits(self) -> Limits:
        return Limits(2000, Idempotency.NONE, Drafts.EDITS)

    async def send(self, message: Outbound, *, marked: bool = False) -> Receipt:
        await trio.lowlevel.checkpoint()
        if self.hold is not None:
            self.held.set()
            await self.hold.wait()
        if self.fail_send:
            error = self.fail_send.pop(0)
            if isinstance(error, Ambiguous):
                self._put(f"m{len(self.shown)}", message)
            raise error
        message_id = f"m{len(self.shown)}"
        if marked:
            self.marked.append(message_id)
        self._put(message_id, message)
        return Receipt(message_id)

    async def edit(self, message: Outbound, message_id: str) -> Receipt:
        await trio.lowlevel.checkpoint()
        if self.fail_edit:
            raise self.fail_edit.pop(0)
        self._put(message_id, message)
        return Receipt(message_id)

    def _put(self, message_id: str, message: Outbound) -> None:
        self.shown[message_id] = message.text
        self.history.append(message.text)

    async def until_shown(self, *texts: str) -> None:
        with trio.fail_after(30):
            while list(self.shown.values()) != list(texts):
                await trio.sleep(0.01)


@asynccontextmanager
async def growing(
    folder: Path, *, model: ChatModel | None = None, chat: EditedChat | None = None, **changes: object
) -> AsyncIterator[tuple[House, EditedChat]]:
    chat = chat or EditedChat()
    platform = Platform("edited", owner=True, message_length=2000, every_command=False, grows=True, files=True)
    streaming = evolve(Streaming(enabled=True, edit_interval=0.02, buffer_threshold=1, cursor=CURSOR), **changes)
    attached = [Attached(chat, platform)]
    async with house(folder, model=model, settings=settings(streaming=streaming), neighbours=attached) as made:
        yield made, chat


COUNTED = "1 2 3 4 5 6"


async def test_an_answer_grows_in_one_message_and_ends_without_its_cursor(tmp_path: Path) -> None:
    whole = " ".join(map(str, range(1, 41)))
    async with growing(tmp_path) as (_, chat):
        # Long enough to be seen growing on a busy machine.
        await chat.say("e1", "count to 40 slowly")
        await chat.until_shown(whole)
    *before, last = chat.history
    assert last == whole
    assert len(before) > 1
    assert all(text.endswith(CURSOR) and whole.startswith(text.removesuffix(CURSOR)) for text in before)


LONG = " ".join(map(str, range(1000)))


def _saying(*texts: str) -> ScriptedModel:
    """Says one after the other, each once the last was looked at."""

    async def say(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        for text in texts:
            yield TextDelta(text)
            await trio.sleep(0.15)
        yield Completed(Message(Role.ASSISTANT, "".join(texts)), Usage())

    return ScriptedModel(say)


async def test_an_answer_that_outgrows_its_message_goes_on_in_the_next(tmp_path: Path) -> None:
    whole = split(LONG, 2000)
    assert len(whole) == 2
    async with growing(tmp_path, model=_saying(LONG[:1900], LONG[1900:3000], LONG[3000:])) as (_, chat):
        await chat.say("e1", "go")
        await chat.until_shown(*whole)
    first, second = ([text for text in chat.history if text.startswith(part[:4])] for part in whole)
    assert first[0].endswith(CURSOR)
    assert first[1] == whole[0], "it is completed"
    assert chat.history.index(second[0]) > chat.history.index(whole[0]), "before the next is begun"
    assert second[0].endswith(CURSOR)
    assert second[-1] == whole[1]
    assert chat.marked == []


async def test_what_is_written_at_once_grows_too_and_fits(tmp_path: Path) -> None:
    texts = "word \n" * 900, "end"
    async with growing(tmp_path, model=_saying(*texts)) as (_, chat):
        await chat.say("e1", "go")
        await chat.until_shown(*split("".join(texts), 2000))
    assert all(len(text) <= 2000 for text in chat.history)
    assert any(text.endswith(CURSOR) for text in chat.history)


async def test_a_further_part_of_unknown_fate_is_sent_again_marked(tmp_path: Path) -> None:
    whole = split(LONG, 2000)
    async with growing(tmp_path, model=_saying(LONG[:1900], LONG[1900:3000], LONG[3000:])) as (_, chat):
        await chat.say("e1", "go")
        with trio.fail_after(30):
            while not chat.shown:
                await trio.sleep(0.01)
        chat.fail_send.append(Ambiguous("no answer"))
        with trio.fail_after(30):
            while not chat.marked:
                await trio.sleep(0.01)
    assert chat.marked == ["m2"]
    assert (chat.shown["m0"], chat.shown["m2"]) == (whole[0], whole[1])


async def test_a_short_answer_comes_whole(tmp_path: Path) -> None:
    async with growing(tmp_path, buffer_threshold=500) as (_, chat):
        await chat.say("e1", "count to 3 slowly")
        await chat.until_shown("1 2 3")
    assert chat.history == ["1 2 3"]


@pytest.mark.parametrize("error", [Refused("no"), TransientError("down"), RateLimited("slowly", retry_after=1)])
async def test_a_first_send_that_fails_leaves_the_answer_to_come_whole_and_unmarked(
    tmp_path: Path, error: Exception
) -> None:
    async with growing(tmp_path) as (_, chat):
        chat.fail_send.append(error)
        await chat.say("e1", "count to 6 slowly")
        await chat.until_shown(COUNTED)
    assert chat.history == [COUNTED]
    assert chat.marked == []


async def test_a_first_send_of_unknown_fate_is_followed_by_a_marked_answer(tmp_path: Path) -> None:
    async with growing(tmp_path) as (_, chat):
        chat.fail_send.append(Ambiguous("no answer"))
        await chat.say("e1", "count to 6 slowly")
        with trio.fail_after(30):
            while not chat.marked:
                await trio.sleep(0.01)
    assert chat.marked == ["m1"]
    assert chat.shown["m1"] == COUNTED


async def test_an_edit_that_fails_is_left_out(tmp_path: Path) -> None:
    async with growing(tmp_path) as (_, chat):
        chat.fail_edit += [TransientError("down"), RateLimited("slowly", retry_after=0.01)]
        await chat.say("e1", "count to 6 slowly")
        await chat.until_shown(COUNTED)
    assert not chat.fail_edit


async def test_an_edit_of_unknown_fate_that_arrives_after_the_answer_does_not_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.platform.late.LATE_WITHIN", 2.0)
    async with growing(tmp_path) as (_, chat):
        chat.fail_edit.append(Ambiguous("no answer"))
        await chat.say("e1", "count to 6 slowly")
        await chat.until_shown(COUNTED)
        chat.shown["m0"] = "1 2 _"  # it was under way all the time
        await chat.until_shown(COUNTED)


async def test_a_message_that_was_deleted_is_followed_by_the_answer(tmp_path: Path) -> None:
    async with growing(tmp_path) as (_, chat):
        chat.fail_edit += [Refused("message to edit not found")] * 2
        await chat.say("e1", "count to 6 slowly")
        with trio.fail_after(30):
            while chat.shown.get("m1") != COUNTED:
                await trio.sleep(0.01)
    assert chat.marked == ["m1"]


async def test_a_bug_in_showing_stops_no_answer(tmp_path: Path) -> None:
    async with growing(tmp_path) as (_, chat):
        chat.fail_edit.append(ZeroDivisionError("a bug"))
        await chat.say("e1", "count to 6 slowly")
        await chat.until_shown(COUNTED)


async def _asks(request: ModelRequest, pause: float = 0.0) -> AsyncGenerator[ModelPiece]:
    if request.messages[-1].role is Role.TOOL:
        yield TextDelta("So be ")
        await trio.sleep(pause)
        yield TextDelta("it.")
        yield Completed(Message(Role.ASSISTANT, "So be it."), Usage())
        return
    yield TextDelta("Let me ask. ")
    await trio.sleep(0.3)
    call = ToolCall("c1", "clarify", json.dumps({"question": "Which one?"}))
    yield Completed(Message(Role.ASSISTANT, "Let me ask. ", tool_calls=(call,)), Usage())


async def test_the_answer_comes_below_a_question_that_was_asked_meanwhile(tmp_path: Path) -> None:
    async with growing(tmp_path, model=ScriptedModel(_asks)) as (_, chat):
        await chat.say("e1", "do it")
        with trio.fail_after(30):
            while "Which one?" not in chat.shown.values():
                await trio.sleep(0.01)
        await chat.say("e2", "the second")
        await chat.until_shown("Let me ask.", "Which one?", "So be it.")
    assert chat.history[0] == f"Let me ask.{CURSOR}"
    assert chat.marked == []


async def test_the_answer_comes_below_the_question_after_a_restart_too(tmp_path: Path) -> None:
    async with growing(tmp_path, model=ScriptedModel(_asks)) as (_, chat):
        await chat.say("e1", "do it")
        await chat.until_shown("Let me ask.", "Which one?")
    async with growing(tmp_path, model=ScriptedModel(_asks), chat=chat):
        await chat.say("e2", "the second")
        await chat.until_shown("Let me ask.", "Which one?", "So be it.")
    assert chat.marked == []


async def test_an_answer_below_a_question_is_completed_after_a_restart(tmp_path: Path) -> None:
    async with growing(tmp_path, model=ScriptedModel(partial(_asks, pause=60.0))) as (_, chat):
        await chat.say("e1", "do it")
        await chat.until_shown("Let me ask.", "Which one?")
        await chat.say("e2", "the second")
        await chat.until_shown("Let me ask.", "Which one?", f"So be{CURSOR}")
    async with growing(tmp_path, model=ScriptedModel(_asks), chat=chat):
        await chat.until_shown("Let me ask.", "Which one?", "So be it.")
    assert chat.marked == []


async def test_older_messages_of_the_chat_go_first(tmp_path: Path) -> None:
    async with growing(tmp_path) as (_, chat):
        chat.fail_send.append(TransientError("down"))
        await chat.say("e1", "say first")
        await chat.say("e2", "count to 6 slowly")
        await chat.until_shown("first", COUNTED)


async def test_the_end_of_a_turn_waits_for_its_first_send(tmp_path: Path) -> None:
    async with growing(tmp_path) as (_, chat):
        chat.hold = trio.Event()
        await chat.say("e1", "count to 6 slowly")
        await trio.sleep(1.0)
        assert chat.shown == {}
        chat.hold.set()
        await chat.until_shown(COUNTED)
    assert chat.marked == []


async def test_a_first_send_under_way_at_an_orderly_end_is_completed_after_the_restart(tmp_path: Path) -> None:
    chat = EditedChat(hold=trio.Event())

    async def arrive() -> None:
        assert chat.hold is not None
        await trio.sleep(0.3)
        chat.hold.set()

    async with trio.open_nursery() as nursery, growing(tmp_path, chat=chat):
        await chat.say("e1", "count to 6 slowly")
        with trio.fail_after(30):
            await chat.held.wait()
        nursery.start_soon(arrive)
    begun = dict(chat.shown)
    assert len(begun) == 1
    async with growing(tmp_path, chat=chat):
        await chat.until_shown(COUNTED)
    assert chat.marked == []


async def test_a_first_send_that_never_ends_holds_up_no_end(tmp_path: Path) -> None:
    chat = EditedChat(hold=trio.Event())
    async with growing(tmp_path, chat=chat) as (made, _):
        await chat.say("e1", "count to 6 slowly")
        with trio.fail_after(30):
            await chat.held.wait()
    assert chat.shown == {}
    assert What.STUCK not in {report.what for report in made.reports}


def _saying(*words: str) -> ScriptedModel:
    async def say(_: ModelRequest) -> AsyncGenerator[ModelPiece]:
        for word in words:
            yield TextDelta(word)
            await trio.sleep(0.1)
        yield Completed(Message(Role.ASSISTANT, "".join(words)), Usage())

    return ScriptedModel(say)


async def test_a_file_comes_after_the_text_that_grew_before_it_and_its_line_is_never_seen(tmp_path: Path) -> None:
    model = _saying("Look ", "at this:\n", "MED", "IA:/tmp/a", ".png\n", "And ", "that.")
    async with growing(tmp_path, model=model) as (_, chat):
        await chat.say("e1", "draw")
        await chat.until_shown("Look at this:", "MEDIA:/tmp/a.png", "And that.")
    assert chat.history[-2:] == ["MEDIA:/tmp/a.png", "And that."]
    assert all(text.startswith("Look ") and "MED" not in text for text in chat.history[:-2])
    assert len(chat.history) > 3
    assert chat.marked == []


async def test_an_answer_that_begins_with_a_file_does_not_grow(tmp_path: Path) -> None:
    async with growing(tmp_path, model=_saying("MEDIA:/tmp/a.png\n", "There ", "it is.")) as (_, chat):
        await chat.say("e1", "draw")
        await chat.until_shown("MEDIA:/tmp/a.png", "There it is.")
    assert len(chat.history) == 2


async def _works_first(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
    if request.messages[-1].role is Role.TOOL:
        yield Completed(Message(Role.ASSISTANT, "MEDIA:/tmp/a.png"), Usage())
        return
    yield TextDelta("Let me draw. ")
    await trio.sleep(0.3)
    call = ToolCall("c1", "todo", json.dumps({}))
    yield Completed(Message(Role.ASSISTANT, "Let me draw. ", tool_calls=(call,)), Usage())


async def test_what_was_said_before_a_file_that_is_the_whole_answer_stays_without_its_cursor(tmp_path: Path) -> None:
    async with growing(tmp_path, model=ScriptedModel(_works_first)) as (_, chat):
        await chat.say("e1", "draw")
        await chat.until_shown("Let me draw.", "MEDIA:/tmp/a.png")
    assert chat.history[0] == f"Let me draw.{CURSOR}"
    assert chat.marked == []
