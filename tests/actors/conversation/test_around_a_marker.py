"""What a person and the model do around a summary: take back, try again, begin anew, look up."""

from collections.abc import AsyncGenerator
from pathlib import Path

from hermes.events import InboundKind
from hermes.messages import Message, Role, ToolCall, Usage
from hermes.models.contract import Completed, ModelPiece, ModelRequest
from tests.actors.conversation.test_compression import LONG, Talk, converse, told, transcript, words
from tests.actors.conversation.test_compression_failures import BY_HAND, command, compress
from tests.actors.house import House, house

SUMMARY = "[What was"


async def summed_up(gateway: House) -> None:
    """A summary of four exchanges, and one behind it."""
    await converse(gateway, [f"{LONG} needle", "two", "three", "four"])
    await compress(gateway)
    await converse(gateway, ["five"], start=4)


async def test_undo_of_what_was_summed_up_brings_the_rest_back_to_the_model(tmp_path: Path) -> None:
    talk = Talk()
    async with house(tmp_path, model=talk.model, settings=BY_HAND) as gateway:
        await converse(gateway, [LONG, "two", "three"])
        await compress(gateway)
        await converse(gateway, ["four"], start=3)
        assert told(talk.asked[-1]) == ["[What was", "four"]
        for number in range(2):
            await command(gateway, f"undo{number}", "/undo")
        await converse(gateway, ["five"], start=4)
    assert told(talk.asked[-1]) == [LONG[:9], "answer to", "two", "answer to", "five"]


async def test_undo_and_retry_behind_the_marker_leave_the_summary(tmp_path: Path) -> None:
    talk = Talk()
    async with house(tmp_path, model=talk.model, settings=BY_HAND) as gateway:
        await summed_up(gateway)
        await gateway.chat.say("retry", "/retry", kind=InboundKind.COMMAND)
        await gateway.until(lambda: len(talk.asked) == 6)
        assert talk.asked[5].messages == talk.asked[4].messages
        await command(gateway, "undo", "/undo")
        await converse(gateway, ["six"], start=5)
    assert told(talk.asked[6]) == [SUMMARY, "six"]
    assert len(talk.summed) == 1


async def test_a_turn_with_the_marker_in_it_is_tried_again_from_its_beginning(tmp_path: Path) -> None:
    async def work(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        if len(talk.asked) % 12:
            call = ToolCall("c", "todo", '{"note": "' + LONG + '"}')
            yield Completed(Message(Role.ASSISTANT, "", (call,)), Usage())
        else:
            yield words(f"done after {len(talk.asked)}")

    talk = Talk(answers=work)
    async with house(tmp_path, model=talk.model) as gateway:
        assert await converse(gateway, ["do a lot of work"]) == ["done after 12"]
        summaries = len(talk.summed)
        assert summaries
        await gateway.chat.say("retry", "/retry", kind=InboundKind.COMMAND)
        await gateway.chat.until(lambda message: message.text == "done after 24")
        assert len(await transcript(gateway)) == 24
    assert told(talk.asked[12]) == ["do a lot "]
    assert len(talk.summed) > summaries


async def test_a_new_session_has_nothing_of_it(tmp_path: Path) -> None:
    talk = Talk()
    async with house(tmp_path, model=talk.model, settings=BY_HAND) as gateway:
        await summed_up(gateway)
        await compress(gateway, "late")
        await command(gateway, "new", "/new")
        await converse(gateway, ["six", "seven"], start=5)
    assert told(talk.asked[-1]) == ["six", "answer to", "seven"]
    assert len(talk.summed) == 1


async def test_the_chat_shows_all_that_was_said_and_no_summary(tmp_path: Path) -> None:
    talk = Talk()
    async with house(tmp_path, model=talk.model, settings=BY_HAND) as gateway:
        await summed_up(gateway)
        shown = await gateway.tree.base.store.transcript("session:c")
        said = await transcript(gateway)
    texts = [entry.text for entry in shown.entries if entry.kind in {"user", "answer"}]
    assert [text for text in texts if text != "/compress"] == said
    assert len(said) == 10
    assert not any("THE SUMMARY" in entry.text for entry in shown.entries)


async def test_the_model_finds_the_words_of_what_was_summed_up(tmp_path: Path) -> None:
    async def search(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        last = request.messages[-1]
        if last.content.startswith("look"):
            call = ToolCall("s", "session_search", '{"query": "needle OR five"}')
            yield Completed(Message(Role.ASSISTANT, "", (call,)), Usage())
        else:
            yield words(f"answer to {last.content}" if last.role is Role.USER else f"found {last.content}")

    talk = Talk(answers=search)
    async with house(tmp_path, model=talk.model, settings=BY_HAND) as gateway:
        await summed_up(gateway)
        found = (await converse(gateway, ["look it up"], start=5))[0]
    assert ">>>needle<<<" in found
    assert ">>>five<<<" not in found
