"""The table of transitions: each state with each event, allowed or not."""

from collections.abc import Callable

import pytest

from hermes.agent.turn import TRANSITIONS, TurnMachine, TurnState
from hermes.agent.turnio import (
    AskAnswered,
    AskExpired,
    ModelFailed,
    ModelReplied,
    ModelText,
    Steered,
    Stopped,
    StopReason,
    ToolAsked,
    ToolReturned,
    TurnEvent,
)
from hermes.errors import LocalProtocolError
from tests.hermes.agent.machines import OK, REQUEST, begun, call, machine, replied, user


def calling() -> TurnMachine:
    return begun()


def running_one() -> TurnMachine:
    made = begun()
    made.handle(replied(call("run", "c1")))
    return made


def running_two() -> TurnMachine:
    made = begun()
    made.handle(replied(call("read", "c1"), call("read", "c2")))
    return made


def one_asks_while_one_runs() -> TurnMachine:
    made = running_two()
    made.handle(ToolAsked("c2", REQUEST))
    return made


def runs_before_another() -> TurnMachine:
    made = begun()
    made.handle(replied(call("run", "c2"), call("run", "c3")))
    return made


def asking() -> TurnMachine:
    made = running_one()
    made.handle(ToolAsked("c1", REQUEST))
    return made


def finished() -> TurnMachine:
    made = begun()
    made.handle(Stopped(StopReason.STOP))
    return made


STATES: dict[TurnState, Callable[[], TurnMachine]] = {
    TurnState.NEW: machine,
    TurnState.CALLING: calling,
    TurnState.RUNNING_TOOLS: one_asks_while_one_runs,
    TurnState.ASKING: asking,
    TurnState.FINISHED: finished,
}
SAMPLES: tuple[TurnEvent, ...] = (
    ModelText("a"),
    replied(text="done"),
    ModelFailed("The provider is down."),
    ToolReturned("c1", OK),
    ToolAsked("c1", REQUEST),
    AskAnswered("m1", "once"),
    AskExpired("m1"),
    Steered(7, user("and this")),
    Stopped(StopReason.STOP),
)
# Each way that the table allows, by a machine, an event and where it leads.
WAYS: tuple[tuple[Callable[[], TurnMachine], TurnEvent, TurnState], ...] = (
    (calling, ModelText("a"), TurnState.CALLING),
    (calling, replied(text=" "), TurnState.CALLING),
    (calling, replied(call("read", "c1")), TurnState.RUNNING_TOOLS),
    (calling, replied(text="done"), TurnState.FINISHED),
    (calling, ModelFailed("The provider is down."), TurnState.FINISHED),
    (calling, Steered(7, user()), TurnState.CALLING),
    (calling, Stopped(StopReason.INTERRUPT), TurnState.FINISHED),
    (running_one, ToolReturned("c1", OK), TurnState.CALLING),
    (running_two, ToolReturned("c1", OK), TurnState.RUNNING_TOOLS),
    (runs_before_another, ToolReturned("c2", OK), TurnState.RUNNING_TOOLS),
    (one_asks_while_one_runs, ToolReturned("c1", OK), TurnState.ASKING),
    (running_two, ToolAsked("c1", REQUEST), TurnState.RUNNING_TOOLS),
    (running_one, ToolAsked("c1", REQUEST), TurnState.ASKING),
    (one_asks_while_one_runs, AskAnswered("m1", "once"), TurnState.RUNNING_TOOLS),
    (one_asks_while_one_runs, AskExpired("m1"), TurnState.RUNNING_TOOLS),
    (running_one, Steered(7, user()), TurnState.RUNNING_TOOLS),
    (running_one, Stopped(StopReason.STOP), TurnState.FINISHED),
    (asking, AskAnswered("m1", "once"), TurnState.RUNNING_TOOLS),
    (asking, AskExpired("m1"), TurnState.RUNNING_TOOLS),
    (asking, Steered(7, user()), TurnState.ASKING),
    (asking, Stopped(StopReason.STOP), TurnState.FINISHED),
)


def facts(turn: TurnMachine) -> tuple[object, ...]:
    return turn.state, turn.messages, turn.usage, turn.iterations, turn.open_asks


def test_the_samples_hold_each_kind_of_event_and_each_state() -> None:
    assert {type(sample) for sample in SAMPLES} == set(TurnEvent.__args__)
    assert set(STATES) == set(TRANSITIONS) == set(TurnState)
    assert all(make().state is state for state, make in STATES.items())


@pytest.mark.parametrize("state", TurnState)
@pytest.mark.parametrize("event", SAMPLES, ids=lambda event: type(event).__name__)
def test_an_event_that_the_state_does_not_allow_raises_and_changes_nothing(state: TurnState, event: TurnEvent) -> None:
    turn = STATES[state]()
    before = facts(turn)
    if type(event) in TRANSITIONS[state]:
        turn.handle(event)
        assert turn.state in TRANSITIONS[state][type(event)]
    else:
        with pytest.raises(LocalProtocolError):
            turn.handle(event)
        assert facts(turn) == before


@pytest.mark.parametrize(("make", "event", "leads_to"), WAYS)
def test_an_allowed_event_leads_where_the_table_says(
    make: Callable[[], TurnMachine], event: TurnEvent, leads_to: TurnState
) -> None:
    turn = make()
    allowed = TRANSITIONS[turn.state][type(event)]
    turn.handle(event)
    assert turn.state is leads_to
    assert leads_to in allowed


def test_every_way_that_the_table_allows_exists() -> None:
    table = {(state, kind, to) for state, row in TRANSITIONS.items() for kind, tos in row.items() for to in tos}
    assert {(make().state, type(event), to) for make, event, to in WAYS} == table


@pytest.mark.parametrize(
    ("make", "event"),
    [
        (calling, ModelReplied(user(), replied().usage)),
        (calling, Steered(7, replied().message)),
        (running_one, ToolReturned("c9", OK)),
        (running_one, ToolAsked("c9", REQUEST)),
        (one_asks_while_one_runs, ToolReturned("c2", OK)),
        (asking, AskAnswered("m9", "once")),
        (asking, AskExpired("m9")),
        (runs_before_another, ToolReturned("c3", OK)),
    ],
)
def test_an_event_about_what_is_not_waited_for_raises_and_changes_nothing(
    make: Callable[[], TurnMachine], event: TurnEvent
) -> None:
    turn = make()
    before = facts(turn)
    with pytest.raises(LocalProtocolError):
        turn.handle(event)
    assert facts(turn) == before


def test_a_turn_is_started_once() -> None:
    turn = begun()
    with pytest.raises(LocalProtocolError):
        turn.start()
