"""What becomes of the calls that a crash found without a result.

1. A call whose ask is open waits for it; nobody is asked anew.
2. An effectful call that was recorded as started is not run again: its outcome is unknown, and the model is told so.
   (Opening an ask drops the record, so that a call which was answered and not yet begun is told apart.)
3. Any other runs: with the answer when it had one, with ``TIMED_OUT`` when nobody answered in time.
"""

from collections.abc import Iterable, Mapping

from attrs import evolve, frozen

from hermes.agent import transcript
from hermes.agent.admission import Effects, plan
from hermes.agent.endings import INTERRUPTED_CALL
from hermes.agent.turnio import PlannedCall
from hermes.asks import Ask, AskState
from hermes.messages import Message, ToolCall
from hermes.tools.contract import TIMED_OUT, Effect, ToolResult


@frozen
class Recovery:
    """The unfinished calls, sorted."""

    results: tuple[Message, ...]
    """Of those that are not run again."""
    planned: tuple[PlannedCall, ...]
    open_asks: Mapping[str, Ask]
    """By call id: what some of the planned ones wait for."""


def recover(messages: Iterable[Message], effects: Effects, started: frozenset[str], asks: Iterable[Ask]) -> Recovery:
    """Sort the calls of ``messages`` that have no result; ``asks`` in the order in which they were opened."""
    latest = {ask.call_id: ask for ask in asks}
    planned: list[PlannedCall] = []
    results: list[Message] = []
    for call in transcript.unanswered(messages):
        outcome = _outcome(call, latest.get(call.id), effects, started)
        if isinstance(outcome, PlannedCall):
            planned.append(outcome)
        else:
            results.append(transcript.result_message(call, outcome))
    waiting = {call.call.id for call in planned}
    open_asks = {ask.call_id: ask for ask in latest.values() if ask.state is AskState.OPEN and ask.call_id in waiting}
    return Recovery(tuple(results), tuple(planned), open_asks)


def _outcome(call: ToolCall, ask: Ask | None, effects: Effects, started: frozenset[str]) -> PlannedCall | ToolResult:
    outcome = plan(call, effects)
    if isinstance(outcome, ToolResult) or (ask is not None and ask.state is AskState.OPEN):
        return outcome
    if call.id in started and outcome.effect is Effect.EFFECTFUL:
        return INTERRUPTED_CALL
    return evolve(outcome, answer=_answer(ask))


def _answer(ask: Ask | None) -> str | None:
    if ask is not None and ask.state is AskState.ANSWERED:
        return ask.answer
    return TIMED_OUT if ask is not None and ask.state is AskState.EXPIRED else None
