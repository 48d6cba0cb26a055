"""Who sums up a conversation, how long that may take, and when many messages are enough for it."""

from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest
import trio
from attrs import evolve

from actors.conversation.services import Services
from hermes.config.model_schema import Auxiliary, SummaryModel
from hermes.config.schema import Compression
from hermes.errors import AuthError, Refused
from hermes.messages import Usage
from hermes.models.contract import ModelPiece, ModelRequest, TextDelta
from tests.actors.conversation.test_compression import Talk, converse, numbered, transcript, words
from tests.actors.house import house, settings
from tests.actors.scripted import ScriptedModel


def summing_up(other: ScriptedModel) -> Callable[[Services], Services]:
    return lambda services: evolve(services, summarizer=other)


async def _sums_up(_: ModelRequest) -> AsyncGenerator[ModelPiece]:
    await trio.lowlevel.checkpoint()
    yield words("ANOTHER SUMMARY", Usage(50, 5))


async def test_another_model_sums_up_and_who_answers_goes_on(tmp_path: Path) -> None:
    talk, other = Talk(), ScriptedModel(_sums_up, name="other/small", provider="other", context_length=4000)
    async with house(tmp_path, model=talk.model, change=summing_up(other)) as gateway:
        await converse(gateway, numbered(8))
        session = await gateway.tree.base.store.current("session:c")
        assert session is not None
        assert (await gateway.tree.base.store.spent(session.id, "", 0.0)).conversation >= 55
    assert other.asked
    assert not talk.summed
    assert any("ANOTHER SUMMARY" in message.content for message in talk.asked[-1].messages)
    assert all(len(request.messages[0].content) <= 4000 * 4 for request in other.asked), "no more than it takes"


async def test_who_answers_sums_up_where_the_other_cannot(tmp_path: Path) -> None:
    async def fails(_: ModelRequest) -> AsyncGenerator[ModelPiece]:
        await trio.lowlevel.checkpoint()
        raise AuthError("its key is refused")
        yield TextDelta("never")

    talk, other = Talk(), ScriptedModel(fails, name="other/small", provider="other")
    async with house(tmp_path, model=talk.model, change=summing_up(other)) as gateway:
        await converse(gateway, numbered(8))
    assert len(other.asked) == len(talk.summed)
    assert talk.summed


async def test_a_request_that_the_other_refuses_goes_to_nobody_else(tmp_path: Path) -> None:
    async def refuses(_: ModelRequest) -> AsyncGenerator[ModelPiece]:
        await trio.lowlevel.checkpoint()
        raise Refused("no")
        yield TextDelta("never")

    talk, other = Talk(), ScriptedModel(refuses, name="other/small", provider="other")
    async with house(tmp_path, model=talk.model, change=summing_up(other)) as gateway:
        await converse(gateway, numbered(8))
    assert not talk.summed


async def test_a_summary_that_takes_too_long_changes_nothing_and_counts(tmp_path: Path) -> None:
    async def slow(_: ModelRequest) -> AsyncGenerator[ModelPiece]:
        yield TextDelta("x" * 3000)
        await trio.sleep_forever()

    talk = Talk(sums=slow)
    quick = settings(auxiliary=Auxiliary(SummaryModel(timeout=0.05)))
    async with house(tmp_path, model=talk.model, settings=quick) as gateway:
        answers = await converse(gateway, numbered(8))
        assert len(await transcript(gateway)) == 16
        session = await gateway.tree.base.store.current("session:c")
        assert session is not None
        assert session.usage.output_tokens >= 1000
    assert len(answers) == 8
    assert len(talk.summed) == 1


@pytest.mark.parametrize(("limit", "summed"), [(12, True), (0, False), (5000, False)])
async def test_many_messages_are_summed_up_however_short_they_are(tmp_path: Path, limit: int, summed: bool) -> None:
    talk = Talk()
    many = settings(
        compression=Compression(hygiene_hard_message_limit=limit, protect_first_n=1, protect_last_n=3, threshold=0.9)
    )
    async with house(tmp_path, model=talk.model, settings=many) as gateway:
        await converse(gateway, [f"number {number} {'x' * 150}" for number in range(10)])
    assert bool(talk.summed) is summed
    assert max(len(request.messages) for request in talk.asked) == (11 if summed else 19)


async def test_a_limit_below_what_is_protected_is_none(tmp_path: Path) -> None:
    talk = Talk()
    low = settings(compression=Compression(hygiene_hard_message_limit=1, threshold=0.9))
    async with house(tmp_path, model=talk.model, settings=low) as gateway:
        await converse(gateway, [f"number {number}" for number in range(8)])
    assert not talk.summed
