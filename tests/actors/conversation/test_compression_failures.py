"""A summary that cannot be made changes nothing, costs little, and who waits for it is told."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import trio
from attrs import evolve

from actors.conversation import turn_requests
from hermes.agent import compression
from hermes.config.model_schema import Caps
from hermes.config.schema import Compression
from hermes.errors import ConfigError, Refused
from hermes.events import InboundKind, Outbound, OutboundKind
from hermes.messages import Message, Role, Usage
from hermes.models.contract import Completed, ContextOverflow, ModelPiece, ModelRequest, ReasoningDelta
from hermes.models.sizes import message_size, request_size
from tests.actors.conversation.test_compression import LONG, Reply, Talk, converse, numbered, told, transcript, words
from tests.actors.house import House, house, settings
from tests.actors.scripted import ScriptedModel

# Only a person or the provider asks for a compression, and there is something to cover.
BY_HAND = settings(compression=Compression(enabled=False, protect_first_n=0, protect_last_n=1))
UPON_REFUSAL = settings(compression=Compression(protect_first_n=0, protect_last_n=1))


async def compress(gateway: House, event_id: str = "ask") -> str:
    return await command(gateway, event_id, "/compress")


async def command(gateway: House, event_id: str, text: str) -> str:
    await gateway.chat.say(event_id, text, kind=InboundKind.COMMAND)
    return await gateway.chat.answer(event_id)


async def _refuses(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
    raise Refused("no summaries today")
    yield


async def _is_silent(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
    yield words("  ")


async def _is_filtered(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
    yield Completed(Message(Role.ASSISTANT, "I cannot", finish_reason="content_filter"), Usage())


async def _is_cut_off(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
    yield Completed(Message(Role.ASSISTANT, "What the person wants: first", finish_reason="length"), Usage())


async def _rambles(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
    yield words(LONG * 40)


async def _is_long(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
    """Shorter than what it stands for, and longer than is any good."""
    yield words(LONG * 2)


FAILURES = [_refuses, _is_silent, _is_filtered, _is_cut_off, _rambles, _is_long]


@pytest.mark.parametrize("sums", FAILURES)
async def test_it_leaves_everything_as_it_was_and_is_not_tried_at_once(tmp_path: Path, sums: Reply) -> None:
    talk = Talk(sums=sums)
    async with house(tmp_path, model=talk.model) as gateway:
        answers = await converse(gateway, numbered(8))
        assert len(await transcript(gateway)) == 16
    assert [answer.strip() for answer in answers] == [f"answer to number {number}" for number in range(8)]
    assert len(talk.summed) == 1
    assert len(talk.asked[-1].messages) == 15


async def _is_silent_and_dear(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
    yield words("  ", Usage(7000, 70))


async def _is_lost(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
    yield ReasoningDelta("x" * 21_000)
    raise Refused("lost")


@pytest.mark.parametrize("sums", [_is_silent_and_dear, _is_lost])
async def test_what_it_cost_counts_in_the_session(tmp_path: Path, sums: Reply) -> None:
    talk = Talk(sums=sums)
    async with house(tmp_path, model=talk.model) as gateway:
        await converse(gateway, numbered(8))
        store = gateway.tree.base.store
        session = await store.current("session:c")
        assert session is not None
        assert len(talk.summed) == 1
        usage = session.usage
        assert usage.input_tokens + usage.output_tokens > 7000
        assert (await store.spent(session.id, "", 0.0)).conversation == usage.input_tokens + usage.output_tokens


async def test_it_is_not_tried_at_once_after_a_restart_either_and_later_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = Talk(sums=_refuses)
    async with house(tmp_path, model=talk.model) as gateway:
        await converse(gateway, numbered(8))
    async with house(tmp_path, model=talk.model) as gateway:
        await converse(gateway, ["more"], start=8)
    assert len(talk.summed) == 1
    monkeypatch.setattr(turn_requests, "PAUSE", 0.0)
    async with house(tmp_path, model=talk.model) as gateway:
        await converse(gateway, ["still more"], start=9)
    assert len(talk.summed) == 2


async def test_a_person_who_asked_is_told_once(tmp_path: Path) -> None:
    talk = Talk(sums=_refuses)
    async with house(tmp_path, model=talk.model, settings=BY_HAND) as gateway:
        await converse(gateway, [LONG, "two", "three"])
        await compress(gateway)
        four, five = await converse(gateway, ["four", "five"], start=3)
        assert not any("summed up" in message for message in await transcript(gateway))
        await compress(gateway, "again")
        six = (await converse(gateway, ["six"], start=5))[0]
    assert four.startswith("answer to four\n\n_This conversation was not summed up")
    assert "no summaries today. `/compress` tries again" in four
    assert five == "answer to five"
    assert "no summaries today" in six
    assert len(talk.summed) == 2


async def test_a_person_is_told_that_there_is_nothing_to_sum_up(tmp_path: Path) -> None:
    talk = Talk()
    async with house(tmp_path, model=talk.model) as gateway:
        await converse(gateway, ["one"])
        await compress(gateway)
        answers = await converse(gateway, ["two", "three"], start=1)
    assert "nothing left to sum up" in answers[0]
    assert answers[1] == "answer to three"
    assert not talk.summed


async def _too_long(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
    if len(request.messages) > 2:
        raise ContextOverflow("too long")
    yield words("an answer")


async def test_what_is_too_long_and_cannot_be_summed_up_is_told_with_one_try_a_message(tmp_path: Path) -> None:
    talk = Talk(answers=_too_long, sums=_refuses)
    async with house(tmp_path, model=talk.model, settings=UPON_REFUSAL) as gateway:
        answers = await converse(gateway, [LONG, "two", "three", "four"])
        assert len(await transcript(gateway)) == 8
    for answer in answers[1:]:
        assert "longer than the model takes: too long" in answer
        assert "`/new` begins a fresh one" in answer
        assert "no summaries today" in answer
    assert len(talk.summed) == 3
    assert len(talk.asked) == 4


async def test_what_could_not_be_summed_up_is_not_summed_up_for_the_provider_in_the_same_turn(tmp_path: Path) -> None:
    async def takes_little(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        if len(talk.summed) == 1:
            raise ContextOverflow("too long")
        yield words("an answer")

    talk = Talk(answers=takes_little, sums=_refuses)
    async with house(tmp_path, model=talk.model) as gateway:
        while not talk.summed:
            number = len(talk.asked)
            answer = (await converse(gateway, [f"number {number} {LONG}"], start=number))[0]
    assert "longer than the model takes" in answer
    assert "no summaries today" in answer
    assert len(talk.summed) == 1


async def test_what_is_too_long_twice_is_told(tmp_path: Path) -> None:
    async def too_long(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        if len(talk.asked) > 1:
            raise ContextOverflow("too long")
        yield words("an answer")

    talk = Talk(answers=too_long)
    async with house(tmp_path, model=talk.model, settings=UPON_REFUSAL) as gateway:
        answers = await converse(gateway, [LONG, "two"])
    assert "longer than the model takes: too long" in answers[1]
    assert len(talk.asked) == 3


async def test_where_it_is_off_a_person_is_told_how_to_go_on(tmp_path: Path) -> None:
    talk = Talk(answers=_too_long)
    async with house(tmp_path, model=talk.model, settings=BY_HAND) as gateway:
        answers = await converse(gateway, [LONG, "two"])
        assert "longer than the model takes" in answers[1]
        assert "`/compress` and then `/retry`" in answers[1]
        assert not talk.summed
        await compress(gateway)
        await gateway.chat.say("retry", "/retry", kind=InboundKind.COMMAND)
        await gateway.chat.until(lambda message: message.text == "an answer" and message is not gateway.chat.seen[0])
    assert told(talk.asked[-1]) == ["[What was", "two"]


async def test_a_model_that_takes_less_than_is_known_is_asked_to_sum_up_less(tmp_path: Path) -> None:
    most = 100_000

    async def takes(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        if sum(map(message_size, request.messages)) > most:
            raise ContextOverflow("too long")
        yield words("THE SUMMARY" if request.system == compression.SYSTEM else "an answer")

    talk = Talk(answers=takes, sums=takes)
    late = settings(compression=Compression(threshold=0.95, protect_last_n=1))
    async with house(tmp_path, model=talk.model, settings=late) as gateway:
        await converse(gateway, numbered(5))
        most = 9000
        answers = await converse(gateway, ["six", "seven"], start=5)
    assert answers == ["an answer", "an answer"]
    assert len(talk.summed) == 2
    assert message_size(talk.summed[0].messages[0]) > 9000 >= message_size(talk.summed[-1].messages[0])
    assert told(talk.asked[-1])[0] == "[What was"


async def test_a_model_that_takes_no_question_is_asked_three_times(tmp_path: Path) -> None:
    async def takes_nothing(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        raise ContextOverflow("nothing fits")
        yield

    talk = Talk(sums=takes_nothing)
    async with house(tmp_path, model=talk.model) as gateway:
        answers = await converse(gateway, numbered(8))
        assert len(await transcript(gateway)) == 16
    assert all(answer.startswith("answer to number") for answer in answers)
    assert 1 <= len(talk.summed) <= 3


async def test_a_model_that_cannot_sum_up_answers_all_the_same(tmp_path: Path) -> None:
    async def unknown(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        raise ConfigError("there is no model small-one")
        yield

    talk, other = Talk(sums=unknown), Talk()
    other.model.name = other.model.provider = "other"
    own = settings(compression=Compression(summary_model="small-one"))
    async with house(
        tmp_path, model=talk.model, settings=own, change=lambda services: evolve(services, fallbacks=(other.model,))
    ) as gateway:
        await converse(gateway, numbered(8))
    assert {request.model for request in talk.summed} == {"small-one"}
    assert {request.model for request in other.summed} == {""}
    assert len(talk.asked) == 8
    assert other.asked == []
    assert any("THE SUMMARY" in request.messages[0].content for request in talk.asked)


async def test_a_summary_is_held_against_the_caps(tmp_path: Path) -> None:
    async def dear(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        yield words("THE SUMMARY", Usage(17_000, 70))

    talk = Talk(sums=dear)
    async with house(tmp_path, model=talk.model, settings=settings(caps=Caps(tokens_per_turn=20_000))) as gateway:
        answers = await converse(gateway, numbered(8))
    assert len(talk.summed) == 1
    refused = [answer for answer in answers if "may cost 20,000 tokens" in answer]
    assert len(refused) == 1
    assert "17,070 are spent" in refused[0]
    assert len(talk.asked) == 7


async def test_a_cap_that_is_reached_allows_no_summary(tmp_path: Path) -> None:
    talk = Talk()
    async with house(tmp_path, model=talk.model, settings=BY_HAND) as gateway:
        await converse(gateway, [LONG, "two", "three"])
    capped = evolve(BY_HAND, caps=Caps(tokens_per_conversation=100))
    async with house(tmp_path, model=talk.model, settings=capped) as gateway:
        await compress(gateway)
        answer = (await converse(gateway, ["four"], start=3))[0]
    assert "may cost 100 tokens (caps.tokens_per_conversation)" in answer
    assert "was not summed up" in answer
    assert not talk.summed


async def test_a_turn_can_be_stopped_while_it_is_summed_up(tmp_path: Path) -> None:
    begun = trio.Event()

    async def never(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        begun.set()
        await trio.sleep_forever()
        yield

    talk = Talk(sums=never)
    async with house(tmp_path, model=talk.model, settings=BY_HAND) as gateway:
        await converse(gateway, [LONG, "two"])
        await compress(gateway)
        await gateway.chat.say("2", "three")
        with trio.fail_after(20):
            await begun.wait()
        await command(gateway, "stop", "/stop")
        assert "Stopped" in await gateway.chat.answer("2")
        talk.sums = Talk().sums
        await converse(gateway, ["four"], start=3)
    assert told(talk.asked[-1])[0] == "[What was"
    assert told(talk.asked[-1])[-1] == "four"


async def test_what_another_program_takes_back_meanwhile_is_in_no_summary(tmp_path: Path) -> None:
    async def meanwhile(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        store, event = gateway.tree.base.store, gateway.chat.event("undo", "/undo", kind=InboundKind.COMMAND)
        notice = Outbound("undone", event.source, event.session_key, OutboundKind.NOTICE, "undone")
        row = await store.accept(event, 0.0)
        assert await store.undo(row.row_id, event.session_key, notice, notice, 0.0)
        yield words("THE SUMMARY")

    talk = Talk(sums=meanwhile)
    free = settings(compression=Compression(protect_first_n=0, protect_last_n=0, target_ratio=0.01))
    async with house(tmp_path, model=talk.model, settings=free) as gateway:
        answers = await converse(gateway, numbered(8))
    assert all(answer.startswith("answer to number") for answer in answers)
    assert len(talk.summed) == 1
    assert not any("THE SUMMARY" in message.content for request in talk.asked for message in request.messages)


async def test_what_was_counted_is_of_the_request_that_was_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def counted(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        if len(request.messages) > 2:
            raise ContextOverflow("too long")
        yield words("an answer", Usage(request_size(request), 1))

    learnt: list[tuple[int, int]] = []
    monkeypatch.setattr(compression.Gauge, "learn", lambda _, size, tokens: learnt.append((size, tokens)))
    talk = Talk(answers=counted)
    async with house(tmp_path, model=talk.model, settings=UPON_REFUSAL) as gateway:
        assert await converse(gateway, [LONG, "two"]) == ["an answer"] * 2
    assert len(talk.summed) == 1
    assert len(learnt) == 2
    assert all(size == tokens for size, tokens in learnt)


def test_a_scripted_model_is_one_of_a_provider() -> None:
    """Else nothing here would be held against a cap."""
    assert ScriptedModel(_refuses).provider == "scripted"
