"""A conversation that grows too long for its model is summed up, and nothing of it is lost."""

from collections.abc import AsyncGenerator, Callable, Sequence
from itertools import pairwise
from pathlib import Path

from attrs import define, field

from hermes.agent import compression
from hermes.config.schema import Compression
from hermes.events import DraftState, InboundKind
from hermes.messages import Message, Role, ToolCall, Usage
from hermes.models.contract import Completed, ContextOverflow, ModelPiece, ModelRequest, TextDelta
from hermes.models.sizes import request_size
from tests.actors.house import House, house, settings
from tests.actors.scripted import ScriptedModel
from tests.hermes.models.wires.valid import anthropic_body, chat_body

# Tokens of a small model: the prompt and the tools leave room for some four long messages below its threshold.
WINDOW = 20_000
LONG = "lorem " * 700

Reply = Callable[[ModelRequest], AsyncGenerator[ModelPiece]]


def words(text: str, usage: Usage = Usage()) -> Completed:  # noqa: B008  it is frozen
    return Completed(Message(Role.ASSISTANT, text), usage)


async def answered(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
    yield words(f"answer to {request.messages[-1].content[:9]}")


async def summed_up(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
    yield TextDelta("never shown")
    yield words("THE SUMMARY")


@define
class Talk:
    """A model that answers and sums up, each as a test wants it."""

    answers: Reply = answered
    sums: Reply = summed_up
    model: ScriptedModel = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.model = ScriptedModel(self._reply, context_length=WINDOW)

    def _reply(self, request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        return self.sums(request) if request.system == compression.SYSTEM else self.answers(request)

    @property
    def asked(self) -> list[ModelRequest]:
        """The requests of turns."""
        return [request for request in self.model.asked if request.system != compression.SYSTEM]

    @property
    def summed(self) -> list[ModelRequest]:
        """The requests for summaries."""
        return [request for request in self.model.asked if request.system == compression.SYSTEM]


async def converse(gateway: House, texts: Sequence[str], *, start: int = 0) -> list[str]:
    answers: list[str] = []
    for number, text in enumerate(texts, start):
        await gateway.chat.say(str(number), text)
        answers.append(await gateway.chat.answer(str(number)))
    return answers


async def transcript(gateway: House) -> list[str]:
    store = gateway.tree.base.store
    session = await store.current("session:c")
    assert session is not None
    return [message.content for message in await store.history(session.id)]


def numbered(count: int) -> list[str]:
    return [f"number {number} {LONG}" for number in range(count)]


def told(request: ModelRequest) -> list[str]:
    return [message.content[:9] for message in request.messages]


async def test_before_a_request_that_is_too_long_the_middle_is_summed_up(tmp_path: Path) -> None:
    talk, texts = Talk(), numbered(8)
    async with house(tmp_path, model=talk.model) as gateway:
        answers = await converse(gateway, texts)
        assert await transcript(gateway) == [text for pair in zip(texts, answers, strict=True) for text in pair]
    assert len(talk.summed) >= 1
    shortened = next(request for request in talk.asked if "THE SUMMARY" in request.messages[0].content)
    assert shortened.messages[0].role is Role.USER
    assert told(shortened)[-1] == shortened.messages[-1].content[:9]
    assert all(request_size(request) / 4 <= WINDOW / 2 + 2000 for request in talk.asked)
    asked = talk.summed[0].messages[0].content
    assert "user: number 0" in asked
    assert "assistant: answer to number 0" in asked


async def test_the_chat_sees_that_it_is_done_and_nothing_of_the_summary(tmp_path: Path) -> None:
    async def slowly(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        yield TextDelta("never shown")
        await gateway.chat.draft(lambda draft: draft.state is DraftState.COMPRESSING)
        yield words("THE SUMMARY")

    talk = Talk(sums=slowly)
    async with house(tmp_path, model=talk.model) as gateway:
        await converse(gateway, numbered(6))
        assert not any("never shown" in draft.text for draft in gateway.chat.drafts)
    assert talk.summed


async def test_between_two_compressions_each_request_begins_with_the_one_before(tmp_path: Path) -> None:
    talk = Talk()
    async with house(tmp_path, model=talk.model) as gateway:
        await converse(gateway, numbered(16))
    assert all(request.system == talk.asked[0].system for request in talk.asked)
    assert all(request.tools == talk.asked[0].tools for request in talk.asked)
    steps = list(pairwise(talk.asked))
    broken = [after for before, after in steps if after.messages[: len(before.messages)] != before.messages]
    assert len(broken) == len(talk.summed) >= 2


async def test_a_later_summary_is_made_of_the_earlier_one(tmp_path: Path) -> None:
    talk = Talk()
    async with house(tmp_path, model=talk.model) as gateway:
        await converse(gateway, numbered(16))
    assert "earlier_summary" not in talk.summed[0].messages[0].content
    assert "<earlier_summary>" in talk.summed[1].messages[0].content
    assert "THE SUMMARY" in talk.summed[1].messages[0].content


async def test_a_turn_that_grows_too_long_is_summed_up_in_its_middle(tmp_path: Path) -> None:
    async def work(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        if len(talk.asked) > 12:
            yield words("done")
        else:
            call = ToolCall("c", "todo", '{"note": "' + LONG + '"}')
            yield Completed(Message(Role.ASSISTANT, "", (call,)), Usage())

    talk = Talk(answers=work)
    quick = settings(compression=Compression(protect_first_n=0))
    async with house(tmp_path, model=talk.model, settings=quick) as gateway:
        assert await converse(gateway, ["do a lot of work"]) == ["done"]
        assert len(await transcript(gateway)) == 26
    assert len(talk.summed) >= 2
    for request in talk.asked:
        assert "do a lot of work" in request.messages[0].content
        assert request_size(request) / 4 < WINDOW / 2 + 2000
        chat_body(request)
        anthropic_body(request)


async def test_a_refusal_for_length_is_answered_by_a_compression(tmp_path: Path) -> None:
    async def too_long_once(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        if len(talk.asked) == 3:
            raise ContextOverflow("too long")
        yield words("an answer")

    talk = Talk(answers=too_long_once)
    first_free = settings(compression=Compression(protect_first_n=0, protect_last_n=1))
    async with house(tmp_path, model=talk.model, settings=first_free) as gateway:
        assert await converse(gateway, [LONG, "two", "three"]) == ["an answer"] * 3
    assert len(talk.asked) == 4
    assert len(talk.summed) == 1
    assert "THE SUMMARY" in talk.asked[3].messages[0].content
    assert talk.asked[3].messages[-1] == talk.asked[2].messages[-1]


async def test_what_is_too_long_twice_is_told(tmp_path: Path) -> None:
    async def too_long(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        if len(talk.asked) > 1:
            raise ContextOverflow("too long")
        yield words("an answer")

    talk = Talk(answers=too_long)
    first_free = settings(compression=Compression(protect_first_n=0, protect_last_n=1))
    async with house(tmp_path, model=talk.model, settings=first_free) as gateway:
        answers = await converse(gateway, [LONG, "two"])
    assert "longer than the model takes: too long" in answers[1]
    assert len(talk.asked) == 3


async def test_a_person_may_ask_for_it(tmp_path: Path) -> None:
    talk = Talk()
    free = settings(compression=Compression(enabled=False, protect_first_n=1, protect_last_n=1))
    async with house(tmp_path, model=talk.model, settings=free) as gateway:
        await converse(gateway, ["one", LONG, "three"])
        await gateway.chat.say("ask", "/compress", kind=InboundKind.COMMAND)
        assert "summed up" in await gateway.chat.answer("ask")
        await converse(gateway, ["four", "five"], start=3)
    assert len(talk.summed) == 1
    assert told(talk.asked[3]) == ["one", "[What was", "four"]
    assert talk.asked[4].messages[: len(talk.asked[3].messages)] == talk.asked[3].messages


async def test_without_a_session_there_is_nothing_to_compress(tmp_path: Path) -> None:
    async with house(tmp_path, model=Talk().model) as gateway:
        await gateway.chat.say("ask", "/compress", kind=InboundKind.COMMAND)
        assert "no session yet" in await gateway.chat.answer("ask")


async def test_what_the_provider_counts_decides_when(tmp_path: Path) -> None:
    async def dear(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        yield words("an answer", Usage(request_size(request) // 2, 10))

    cheap, costly = Talk(), Talk(answers=dear)
    for name, talk in (("cheap", cheap), ("costly", costly)):
        (tmp_path / name).mkdir()
        talk.model.context_length = 60_000
        async with house(tmp_path / name, model=talk.model) as gateway:
            await converse(gateway, numbered(18))
    assert not cheap.summed
    assert costly.summed


async def test_the_summary_is_made_by_its_own_model_and_counted_with_the_rest(tmp_path: Path) -> None:
    async def dear(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        yield words("THE SUMMARY", Usage(7000, 70))

    talk = Talk(sums=dear)
    own = settings(compression=Compression(summary_model="small-one"))
    async with house(tmp_path, model=talk.model, settings=own) as gateway:
        await converse(gateway, numbered(8))
        store = gateway.tree.base.store
        session = await store.current("session:c")
        assert session is not None
        assert session.usage.output_tokens >= 70 * len(talk.summed)
        assert (await store.spent(session.id, "", 0.0)).conversation >= 7070 * len(talk.summed)
    assert {request.model for request in talk.summed} == {"small-one"}
    assert {request.model for request in talk.asked} == {""}


async def test_a_restart_goes_on_with_the_summary(tmp_path: Path) -> None:
    talk = Talk()
    async with house(tmp_path, model=talk.model) as gateway:
        await converse(gateway, numbered(8))
    before = talk.asked[-1]
    async with house(tmp_path, model=talk.model) as gateway:
        await converse(gateway, ["after the restart"], start=8)
    assert talk.asked[-1].system == before.system
    assert talk.asked[-1].messages[: len(before.messages)] == before.messages
