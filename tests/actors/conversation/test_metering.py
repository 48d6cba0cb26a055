"""An answer while it comes in: what it takes is held against the caps."""

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from hermes.agent.turnio import ModelFailed, ModelReplied
from hermes.config import model_schema as config
from hermes.errors import TransientError, Unavailable
from hermes.messages import Message, Role, ToolCall, Usage
from hermes.models.contract import Completed, ModelPiece, ModelRequest, ReasoningDelta, TextDelta, Unshown
from hermes.models.sizes import message_size, piece_size
from hermes.spending import GENEROUS_TURN, LEAST_OUTPUT, Caps, ModelCall, tokens_of
from tests.actors.conversation.test_model_call import Permits, Script, calls_of, events, failing, told
from tests.actors.house import house, settings
from tests.actors.ledger import Ledger
from tests.actors.scripted import ScriptedModel

LONG = 10_000
"""Tokens that a reply of these models is reckoned with."""


def writing(*pieces: ModelPiece, closed: list[bool] | None = None) -> Script:
    """Streams the pieces, and then what they make up."""
    text = "".join(piece.text for piece in pieces if isinstance(piece, TextDelta))
    thoughts = "".join(piece.text for piece in pieces if isinstance(piece, ReasoningDelta))
    hidden = sum(piece.size for piece in pieces if isinstance(piece, Unshown))

    async def script(_: ModelRequest) -> AsyncGenerator[ModelPiece]:
        try:
            for piece in pieces:
                await trio.lowlevel.checkpoint()
                yield piece
            calls = (ToolCall("c", "", "x" * hidden),) if hidden else ()
            yield Completed(Message(Role.ASSISTANT, text, calls, reasoning=thoughts), Usage())
        finally:
            if closed is not None:
                closed.append(True)

    return script


def model(script: Script) -> ScriptedModel:
    return ScriptedModel(script, max_output_tokens=LONG)


async def test_an_answer_that_grows_beyond_what_is_reserved_reserves_more(
    autojump_clock: trio.testing.MockClock,
) -> None:
    ledger, text = Ledger(), "x" * 3 * LONG
    found = await events(calls_of(model(writing(*[TextDelta(text)] * 3)), ledger=ledger))
    assert told(found) == text * 3
    assert ledger.reserved == [LONG, 3 * LONG]
    assert ledger.ended == [Usage(0, 3 * LONG)]


async def test_an_answer_that_has_taken_what_a_cap_left_ends_there_and_stands(
    autojump_clock: trio.testing.MockClock,
) -> None:
    ledger, closed = Ledger(Caps(day=LONG)), list[bool]()
    pieces = [ReasoningDelta("t" * 3000), *[TextDelta("x" * 3000)] * 20]
    permits = Permits()
    found = await events(calls_of(model(writing(*pieces, closed=closed)), ledger=ledger, permits=permits))
    last = found[-1]
    assert isinstance(last, ModelReplied)
    answer, _, note = last.message.content.partition("\n\n")
    assert answer == "x" * 3000 * 10, "nine that had room, and the piece that had none"
    assert note == (
        "_I stopped here: the last 24 hours may cost 10,000 tokens (caps.tokens_per_day), "
        "and this answer has taken what was left of them._"
    )
    assert (last.message.reasoning, last.message.finish_reason) == ("t" * 3000, "length")
    assert last.wasted == Usage(0, 11_000)
    assert ledger.ended == [Usage(0, 11_000)]
    assert closed == [True]
    assert len(found) == 11


async def test_what_is_cut_by_a_cap_counts_as_all_that_was_reserved(autojump_clock: trio.testing.MockClock) -> None:
    """By two calls at once: the second has what the first leaves, and is counted as that at least."""
    ledger = Ledger(Caps(day=LONG + LEAST_OUTPUT))
    ledger.rows["another"] = LONG
    found = await events(calls_of(model(writing(*[TextDelta("x" * 6000)] * 2)), ledger=ledger))
    assert isinstance(found[-1], ModelReplied)
    assert ledger.ended == [Usage(0, 4000)]


@pytest.mark.parametrize("piece", [ReasoningDelta("x" * 3000), Unshown(3000)])
async def test_thoughts_and_arguments_are_held_against_the_caps(
    piece: ModelPiece, autojump_clock: trio.testing.MockClock
) -> None:
    ledger = Ledger(Caps(turn=LEAST_OUTPUT + 1))
    found = await events(calls_of(model(writing(*[piece] * 9)), ledger=ledger))
    assert isinstance(found[-1], ModelFailed)
    assert found[-1].sentence.startswith("I stopped here: this turn may cost 2,049 tokens (caps.tokens_per_turn)")
    assert found[-1].wasted == Usage(0, 3000)
    assert ledger.ended == [Usage(0, 3000)]


async def test_a_cap_that_was_reached_in_the_middle_asks_nobody_else(autojump_clock: trio.testing.MockClock) -> None:
    first, second = model(writing(*[ReasoningDelta("x" * 3000)] * 9)), model(writing(TextDelta("no")))
    permits = Permits()
    await events(calls_of(first, second, ledger=Ledger(Caps(turn=LEAST_OUTPUT)), permits=permits))
    assert (len(first.asked), second.asked) == (1, [])
    assert [outcome.failed for _, outcome in permits.returned] == [False]


@pytest.mark.parametrize(
    ("caps", "told_to_the_provider"),
    [
        (Caps(), None),
        (Caps(turn=GENEROUS_TURN), None),
        (Caps(turn=GENEROUS_TURN - 1), LONG),
        (Caps(day=10**9), LONG),
        (Caps(conversation=10**9), LONG),
        (Caps(turn=5000), 5000),
    ],
)
async def test_a_provider_is_told_the_bound_where_a_person_has_set_a_cap(
    caps: Caps, told_to_the_provider: int | None, autojump_clock: trio.testing.MockClock
) -> None:
    asked = model(writing(TextDelta("yes")))
    await events(calls_of(asked, ledger=Ledger(caps)))
    assert [request.max_output_tokens for request in asked.asked] == [told_to_the_provider]


async def test_what_failed_calls_cost_goes_with_the_next_event(autojump_clock: trio.testing.MockClock) -> None:
    failed = failing(TransientError("cut"), thought="x" * 30)
    found = await events(calls_of(ScriptedModel(failed)))
    assert isinstance(found[-1], ModelReplied)
    assert found[-1].wasted == Usage(0, 10)
    assert found[-1].usage == Usage(0, 1)


class Silent(Ledger):
    """Writes a call down, and does not come to say so."""

    async def begin_model_call(self, call: ModelCall, caps: Caps, now: float) -> int:
        await super().begin_model_call(call, caps, now)
        await trio.sleep(60)
        raise Unavailable("no answer")


@pytest.mark.parametrize("patience", [1.0, 100.0])
async def test_a_call_that_is_given_up_before_it_is_made_holds_nothing_back(
    patience: float, autojump_clock: trio.testing.MockClock
) -> None:
    ledger, asked = Silent(Caps(day=2 * LONG)), model(writing(TextDelta("no")))
    with trio.move_on_after(patience):
        await events(calls_of(asked, ledger=ledger))
    assert asked.asked == []
    assert len(ledger.begun) == 1
    assert (ledger.spent, ledger.ended) == (0, [Usage()])


async def test_what_came_before_a_cap_stands_in_the_chat_and_in_the_session(tmp_path: Path) -> None:
    asked = model(writing(TextDelta("It begins "), *[TextDelta("x" * 3000)] * 99))
    async with house(tmp_path, model=asked, settings=settings(caps=config.Caps(tokens_per_day=9000))) as gateway:
        await gateway.chat.say("one", "go on")
        shown = await gateway.chat.answer("one")
        await gateway.chat.say("two", "and now?")
        second = await gateway.chat.answer("two")
        session = await gateway.tree.base.store.current("session:c")
        assert session is not None
        usage = session.usage
        assert usage.input_tokens + usage.output_tokens >= 9000
        _, answer, *_ = await gateway.tree.base.store.history(session.id)
        spent = await gateway.tree.base.store.spent(session.id, "", 0.0)
        assert 9000 <= spent.conversation <= 10_001
    assert shown.startswith("It begins xxx")
    assert answer.content.startswith("It begins xxx")
    assert answer.content.endswith("and this answer has taken what was left of them._")
    assert "9,000 tokens (caps.tokens_per_day)" in second
    assert "the next call needs" in second
    assert len(asked.asked) == 1


PIECES = st.one_of(
    st.builds(TextDelta, st.integers(1, 9000).map(lambda size: "x" * size)),
    st.builds(ReasoningDelta, st.integers(1, 9000).map(lambda size: "\u20ac" * (size // 3))),
    st.builds(Unshown, st.integers(0, 9000)),
)
REPLIES = st.lists(st.lists(PIECES, max_size=12), max_size=8)


@given(replies=REPLIES, cap=st.integers(1, 40_000), output=st.integers(1, 12_000))
def test_no_sequence_of_replies_passes_a_cap_by_more_than_one_piece(
    replies: Sequence[Sequence[ModelPiece]], cap: int, output: int
) -> None:
    async def go() -> None:
        ledger = Ledger(Caps(day=cap))
        for pieces in replies:
            before = ledger.spent
            asked = ScriptedModel(writing(*pieces), max_output_tokens=output)
            await events(calls_of(asked, ledger=ledger))
            longest = max(map(piece_size, pieces), default=0)
            assert before <= ledger.spent <= max(before, cap + tokens_of(longest))

    trio.run(go)


@given(pieces=st.lists(PIECES, max_size=12))
def test_pieces_come_to_the_message_that_they_make_up(pieces: Sequence[ModelPiece]) -> None:
    async def go() -> None:
        *_, last = [piece async for piece in writing(*pieces)(ModelRequest("", "", (), ()))]
        assert isinstance(last, Completed)
        assert message_size(last.message) == sum(map(piece_size, pieces))

    trio.run(go)
