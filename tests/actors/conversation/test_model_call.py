"""Calls of a model: what is tried again, who is asked instead, and what the chat is told."""

from collections.abc import AsyncGenerator, Callable
from types import SimpleNamespace

import pytest
import trio
from attrs import define, evolve, field

from actors.conversation import wording
from actors.conversation.model_call import ModelCalls, explain
from actors.models import SERVED, UNKNOWN, Outcome
from hermes.agent.turnio import ModelFailed, ModelReplied, ModelText, TurnEvent
from hermes.errors import (
    AuthError,
    ConfigError,
    HermesError,
    RateLimited,
    Refused,
    RemoteProtocolError,
    TransientError,
    Unavailable,
)
from hermes.messages import Message, Role, ToolCall, Usage
from hermes.models.contract import Completed, ContextOverflow, ModelPiece, ModelRequest, ReasoningDelta, TextDelta
from hermes.spending import CapReached, Caps, ModelCall
from hermes.store.rows import Lease
from tests.actors.scripted import ScriptedModel

REQUEST = ModelRequest("", "", (), ())
Script = Callable[[ModelRequest], AsyncGenerator[ModelPiece]]


def saying(text: str, reason: str = "stop", calls: tuple[ToolCall, ...] = ()) -> Script:
    async def script(_: ModelRequest) -> AsyncGenerator[ModelPiece]:
        await trio.lowlevel.checkpoint()
        if text:
            yield TextDelta(text)
        yield Completed(Message(Role.ASSISTANT, text, calls, finish_reason=reason), Usage(1, 2))

    return script


def failing(*errors: HermesError, then: str = "yes", words: str = "", thought: str = "") -> Script:
    """Fails so often, after ``words`` and ``thought``, and answers from then on."""
    left = list(errors)

    async def script(_: ModelRequest) -> AsyncGenerator[ModelPiece]:
        if thought:
            yield ReasoningDelta(thought)
        if words:
            yield TextDelta(words)
        if left:
            raise left.pop(0)
        yield TextDelta(then)
        yield Completed(Message(Role.ASSISTANT, then), Usage())

    return script


@define
class Permits:
    """Lends without end, and remembers what came back."""

    refuse: list[HermesError] = field(factory=list[HermesError])
    returned: list[tuple[str, Outcome]] = field(factory=list[tuple[str, Outcome]])
    lent: list[str] = field(factory=list[str])

    async def acquire(self, provider: str) -> int:
        await trio.lowlevel.checkpoint()
        if self.refuse:
            raise self.refuse.pop(0)
        self.lent.append(provider)
        return len(self.lent) - 1

    def release(self, permit: int, outcome: Outcome = UNKNOWN) -> None:
        self.returned.append((self.lent[permit], outcome))


@define
class Ledger:
    """The part of a store that calls are written down in."""

    begun: list[ModelCall] = field(factory=list[ModelCall])
    ended: list[Usage] = field(factory=list[Usage])
    refuse: HermesError | None = None

    async def begin_model_call(self, call: ModelCall, caps: Caps, now: float) -> None:
        await trio.lowlevel.checkpoint()
        if self.refuse:
            raise self.refuse
        self.begun.append(call)

    async def end_model_call(self, key: str, usage: Usage, now: float) -> None:
        await trio.lowlevel.checkpoint()
        assert key == self.begun[-1].key
        self.ended.append(usage)


def calls_of(
    *models: ScriptedModel, permits: Permits | None = None, retries: int = 3, ledger: Ledger | None = None
) -> ModelCalls:
    first, *others = models
    settings = SimpleNamespace(model_retries=retries, caps=Caps())
    services = SimpleNamespace(
        permits=permits or Permits(),
        model=first,
        fallbacks=tuple(others),
        settings=settings,
        store=ledger or Ledger(),
    )
    return ModelCalls(services, Lease("turn", "session", "key", 1))  # type: ignore[arg-type]


async def events(calls: ModelCalls) -> list[TurnEvent]:
    found: list[TurnEvent] = []

    async def emit(event: TurnEvent) -> None:
        found.append(event)

    with trio.fail_after(1000):
        await calls.call(REQUEST, emit)
    return found


def told(found: list[TurnEvent]) -> str:
    """The answer, or why there is none."""
    last = found[-1]
    if isinstance(last, ModelReplied):
        return last.message.content
    assert isinstance(last, ModelFailed)
    return last.sentence


async def test_pieces_become_events_and_the_permit_comes_back(autojump_clock: trio.testing.MockClock) -> None:
    permits = Permits()
    found = await events(calls_of(ScriptedModel(saying("yes")), permits=permits))
    assert found[0] == ModelText("yes")
    assert isinstance(found[1], ModelReplied)
    assert permits.returned == [("scripted", SERVED)]


async def test_what_may_pass_is_tried_again_until_it_passes(autojump_clock: trio.testing.MockClock) -> None:
    model, permits = ScriptedModel(failing(TransientError("a"), TransientError("b"))), Permits()
    assert told(await events(calls_of(model, permits=permits))) == "yes"
    assert len(model.asked) == 3
    assert [outcome for _, outcome in permits.returned] == [Outcome(failed=True), Outcome(failed=True), SERVED]


async def test_retries_end(autojump_clock: trio.testing.MockClock) -> None:
    model = ScriptedModel(failing(*[TransientError("it is down")] * 9))
    sentence = told(await events(calls_of(model, retries=2)))
    assert len(model.asked) == 3
    assert sentence == "The model cannot be reached just now: it is down. `/retry` tries again."


async def test_a_pause_that_is_asked_for_is_kept(autojump_clock: trio.testing.MockClock) -> None:
    begun = trio.current_time()
    assert told(await events(calls_of(ScriptedModel(failing(RateLimited("slow", retry_after=30.0)))))) == "yes"
    assert 30.0 <= trio.current_time() - begun <= 34.0


async def test_a_pause_longer_than_a_person_waits_is_told(autojump_clock: trio.testing.MockClock) -> None:
    begun = trio.current_time()
    sentence = told(await events(calls_of(ScriptedModel(failing(RateLimited("P limits", retry_after=3600.0))))))
    assert sentence == "P limits. It can be asked again in 3600 s: `/retry` does."
    assert trio.current_time() - begun < 1


async def test_words_that_stand_in_the_chat_are_not_taken_back(autojump_clock: trio.testing.MockClock) -> None:
    model, other = ScriptedModel(failing(TransientError("cut"), words="Well, ")), ScriptedModel(saying("other"))
    found = await events(calls_of(model, other))
    assert found[0] == ModelText("Well, ")
    assert "cut" in told(found)
    assert (len(model.asked), other.asked) == (1, [])


async def test_thoughts_that_nobody_saw_hold_no_retry_back(autojump_clock: trio.testing.MockClock) -> None:
    model = ScriptedModel(failing(TransientError("cut"), thought="hm"))
    assert told(await events(calls_of(model))) == "yes"


@pytest.mark.parametrize("error", [AuthError("x"), ConfigError("x"), Refused("x"), ContextOverflow("x")])
async def test_what_stays_the_same_is_asked_once(error: HermesError, autojump_clock: trio.testing.MockClock) -> None:
    model = ScriptedModel(failing(error, error))
    await events(calls_of(model))
    assert len(model.asked) == 1


async def test_a_provider_that_is_left_alone_is_not_streamed_from(autojump_clock: trio.testing.MockClock) -> None:
    permits = Permits(refuse=[TransientError("p failed 5 times in a row")] * 9)
    model = ScriptedModel(saying("yes"))
    assert "5 times in a row" in told(await events(calls_of(model, permits=permits)))
    assert (model.asked, permits.returned) == ([], [])


@pytest.mark.parametrize(
    "error", [AuthError("x"), ConfigError("x"), TransientError("x"), RateLimited("x", retry_after=5)]
)
async def test_a_fallback_answers_what_the_first_cannot(
    error: HermesError, autojump_clock: trio.testing.MockClock
) -> None:
    begun = trio.current_time()
    first, second = ScriptedModel(failing(*[error] * 9)), ScriptedModel(saying("from the second"))
    assert told(await events(calls_of(first, second))) == "from the second"
    if isinstance(error, RateLimited):
        assert trio.current_time() - begun < 1, "a pause is not waited for with somebody else there"


async def test_a_request_that_was_refused_goes_to_no_fallback(autojump_clock: trio.testing.MockClock) -> None:
    second = ScriptedModel(saying("from the second"))
    assert "did not answer: no" in told(await events(calls_of(ScriptedModel(failing(Refused("no"))), second)))
    assert second.asked == []


async def test_a_turn_stays_with_the_model_that_took_over(autojump_clock: trio.testing.MockClock) -> None:
    first, second = ScriptedModel(failing(AuthError("x"), then="first")), ScriptedModel(saying("second"))
    calls = calls_of(first, second)
    assert [told(await events(calls)) for _ in range(2)] == ["second", "second"]
    assert len(first.asked) == 1
    assert told(await events(calls_of(first, second))) == "first", "the next turn begins anew"


async def test_when_nobody_can_answer_the_last_ones_reason_is_told(autojump_clock: trio.testing.MockClock) -> None:
    models = [ScriptedModel(failing(*[AuthError(name)] * 2)) for name in ("one", "two")]
    assert told(await events(calls_of(*models))) == "The model cannot be used with its key: two."


@pytest.mark.parametrize(
    ("reason", "note"),
    [("length", wording.CUT_OFF), ("max_tokens", wording.CUT_OFF), ("content_filter", wording.FILTERED), ("stop", "")],
)
async def test_an_answer_that_was_cut_short_says_so(
    reason: str, note: str, autojump_clock: trio.testing.MockClock
) -> None:
    found = told(await events(calls_of(ScriptedModel(saying("half", reason)))))
    assert found == (f"half\n\n{note}" if note else "half")


async def test_a_reply_that_calls_a_tool_says_nothing_of_its_end(autojump_clock: trio.testing.MockClock) -> None:
    calls = (ToolCall("c", "look", "{}"),)
    assert told(await events(calls_of(ScriptedModel(saying("half", "length", calls))))) == "half"


async def test_a_cancelled_call_gives_its_permit_back_and_blames_nobody(autojump_clock: trio.testing.MockClock) -> None:
    async def slow(_: ModelRequest) -> AsyncGenerator[ModelPiece]:
        await trio.sleep_forever()
        yield TextDelta("never")

    permits = Permits()
    with trio.move_on_after(5):
        await events(calls_of(ScriptedModel(slow), permits=permits))
    assert permits.returned == [("scripted", UNKNOWN)]


async def test_a_call_is_written_down_with_its_most_and_then_with_its_cost(
    autojump_clock: trio.testing.MockClock,
) -> None:
    ledger = Ledger()
    await events(calls_of(ScriptedModel(saying("yes")), ledger=ledger))
    (call,) = ledger.begun
    assert (call.session_id, call.turn_id, call.provider, call.model) == ("session", "turn", "scripted", "scripted")
    assert call.most.output_tokens == 100
    assert ledger.ended == [Usage(1, 2)]


async def test_a_call_that_was_refused_costs_nothing_and_one_that_was_cut_what_it_had(
    autojump_clock: trio.testing.MockClock,
) -> None:
    ledger = Ledger()
    await events(calls_of(ScriptedModel(failing(AuthError("x"))), ledger=ledger))
    await events(calls_of(ScriptedModel(failing(TransientError("x"), words="x" * 30)), ledger=ledger))
    assert ledger.ended == [Usage(), Usage(ledger.begun[1].most.input_tokens, 10)]


async def test_what_a_server_does_not_count_is_estimated(autojump_clock: trio.testing.MockClock) -> None:
    async def uncounted(_: ModelRequest) -> AsyncGenerator[ModelPiece]:
        await trio.lowlevel.checkpoint()
        calls = (ToolCall("c", "look", "x" * 30),)
        yield Completed(Message(Role.ASSISTANT, "\u20ac" * 10, calls, reasoning="x" * 30), Usage())

    ledger = Ledger()
    calls = calls_of(ScriptedModel(uncounted), ledger=ledger)
    found: list[TurnEvent] = []

    async def emit(event: TurnEvent) -> None:
        found.append(event)

    await calls.call(evolve(REQUEST, system="x" * 60), emit)
    assert ledger.ended == [Usage(20, 30)]
    assert isinstance(found[-1], ModelReplied)
    assert found[-1].usage == Usage(20, 30)


async def test_a_call_that_is_stopped_is_written_down(autojump_clock: trio.testing.MockClock) -> None:
    async def slow(_: ModelRequest) -> AsyncGenerator[ModelPiece]:
        await trio.sleep_forever()
        yield TextDelta("never")

    ledger = Ledger()
    with trio.move_on_after(5):
        await events(calls_of(ScriptedModel(slow), ledger=ledger))
    assert ledger.ended == [Usage(ledger.begun[0].most.input_tokens)]


async def test_a_call_that_would_pass_a_cap_is_not_made(autojump_clock: trio.testing.MockClock) -> None:
    model, other, permits = ScriptedModel(saying("yes")), ScriptedModel(saying("yes")), Permits()
    ledger = Ledger(refuse=CapReached("this turn may cost 5 tokens"))
    found = await events(calls_of(model, other, permits=permits, ledger=ledger))
    assert told(found) == "I stopped here: this turn may cost 5 tokens."
    assert (model.asked, other.asked, permits.returned) == ([], [], [("scripted", UNKNOWN)])


async def test_the_model_of_a_session_is_asked_of_the_first_provider_only(
    autojump_clock: trio.testing.MockClock,
) -> None:
    first, second = ScriptedModel(failing(AuthError("x"))), ScriptedModel(saying("yes"))
    calls = calls_of(first, second)

    async def emit(_: TurnEvent) -> None:
        pass

    await calls.call(evolve(REQUEST, model="chosen"), emit)
    assert (first.asked[0].model, second.asked[0].model) == ("chosen", "")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (TransientError("no connection"), "The model cannot be reached just now: no connection. `/retry` tries again."),
        (Unavailable("no answer within 300 s"), "The model cannot be reached just now: no answer within 300 s."),
        (RateLimited("P limits", retry_after=4.6), "P limits. It can be asked again in 5 s: `/retry` does."),
        (AuthError("P refused the key of K"), "The model cannot be used with its key: P refused the key of K."),
        (ConfigError("P knows no model 'x': set model.default"), "The model is not set up right: P knows no model 'x'"),
        (ContextOverflow("P takes no such"), "This conversation is longer than the model takes: P takes no such."),
        (Refused("P refused it (400)"), "The model did not answer: P refused it (400)."),
        (RemoteProtocolError("P: it sent a piece"), "The model's answer could not be used: P: it sent a piece."),
    ],
)  # fmt: skip
def test_each_failure_is_a_sentence_for_the_chat(error: HermesError, sentence: str) -> None:
    assert explain(error).startswith(sentence)
