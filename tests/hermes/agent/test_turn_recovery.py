"""How a turn goes on from what the journal holds after a crash."""

import pytest

from hermes.agent.transcript import check
from hermes.agent.turn import TurnState
from hermes.agent.turnio import AskAnswered, AskExpired, CallModel, Finish, Persist, RunTools
from hermes.asks import Ask, AskState
from hermes.errors import LocalProtocolError
from hermes.messages import Message, Role, ToolCall, Usage
from hermes.store.rows import TurnOutcome
from hermes.tools.contract import TIMED_OUT
from tests.hermes.agent.machines import REQUEST, call, calling, machine, planned, result, running, said, user


def asked(call_id: str, state: AskState, answer: str = "", ask_id: str = "a1") -> Ask:
    return Ask(ask_id, "turn", call_id, REQUEST, 2_000.0, state, answer)


def test_a_turn_whose_last_message_is_the_users_calls_the_model() -> None:
    assert machine(user(), said("First."), user("also that")).start() == [CallModel()]


def test_a_turn_whose_results_are_whole_calls_the_model() -> None:
    turn = machine(user(), calling(call("run", "c1")), result("c1", "run"))
    assert turn.start() == [CallModel()]


def test_a_turn_that_was_answered_finishes_at_once() -> None:
    turn = machine(user(), said("First."), user("more"), said("Second."))
    assert turn.start() == [Finish(TurnOutcome.DONE, (), "First.\n\nSecond.", Usage())]
    assert turn.state is TurnState.FINISHED


def test_a_started_effectful_call_is_told_as_interrupted_and_not_run_again() -> None:
    turn = machine(user(), calling(call("run", "c1"), call("run", "c2")), started=frozenset({"c1"}))
    persist, run = turn.start()
    assert isinstance(persist, Persist)
    assert "outcome unknown" in persist.messages[0].content
    assert (persist.messages[0].tool_call_id, persist.messages[0].finish_reason) == ("c1", "error")
    assert isinstance(run, RunTools)
    assert running([run]) == ["c2"]
    check(turn.messages)


@pytest.mark.parametrize("name", ["read", "put"])
def test_a_call_that_may_be_repeated_is_repeated(name: str) -> None:
    turn = machine(user(), calling(call(name, "c1")), started=frozenset({"c1"}))
    assert running(turn.start()) == ["c1"]


def test_a_call_that_never_began_runs_and_results_that_came_are_kept() -> None:
    calls = calling(call("read", "c1"), call("read", "c2"), call("run", "c3"))
    turn = machine(user(), calls, result("c2", "read"))
    assert running(turn.start()) == ["c1"]


def test_an_open_ask_is_waited_for_and_not_asked_anew() -> None:
    ask = asked("c1", AskState.OPEN)
    turn = machine(user(), calling(call("run", "c1"), call("run", "c2")), asks=(ask,))
    assert turn.start() == []
    assert (turn.state, turn.open_asks) == (TurnState.ASKING, (ask,))
    [again] = planned(turn.handle(AskAnswered("a1", "once")))
    assert (again.call.id, again.answer) == ("c1", "once")


def test_an_open_ask_outweighs_a_record_that_its_call_was_started() -> None:
    asks = (asked("c1", AskState.OPEN),)
    turn = machine(user(), calling(call("run", "c1")), started=frozenset({"c1"}), asks=asks)
    assert turn.start() == []
    assert turn.state is TurnState.ASKING


def test_an_open_ask_may_expire_after_the_crash() -> None:
    turn = machine(user(), calling(call("run", "c1")), asks=(asked("c1", AskState.OPEN),))
    turn.start()
    [again] = planned(turn.handle(AskExpired("a1")))
    assert again.answer == TIMED_OUT


def test_calls_beside_an_open_ask_run() -> None:
    calls = calling(call("read", "c1"), call("read", "c2"))
    turn = machine(user(), calls, asks=(asked("c1", AskState.OPEN),))
    assert running(turn.start()) == ["c2"]
    assert turn.state is TurnState.RUNNING_TOOLS


@pytest.mark.parametrize(
    ("state", "answer", "given"),
    [
        (AskState.ANSWERED, "deny", "deny"),
        (AskState.ANSWERED, "", ""),
        (AskState.EXPIRED, "", TIMED_OUT),
        (AskState.WITHDRAWN, "", None),
    ],
)
def test_a_call_whose_ask_was_settled_runs_with_its_answer(state: AskState, answer: str, given: str | None) -> None:
    turn = machine(user(), calling(call("run", "c1")), asks=(asked("c1", state, answer),))
    [again] = planned(turn.start())
    assert again.answer == given


def test_a_call_that_was_answered_and_started_is_interrupted() -> None:
    asks = (asked("c1", AskState.ANSWERED, "once"),)
    turn = machine(user(), calling(call("run", "c1")), started=frozenset({"c1"}), asks=asks)
    assert [type(effect) for effect in turn.start()] == [Persist, CallModel]


def test_the_newest_ask_of_a_call_counts() -> None:
    asks = (asked("c1", AskState.ANSWERED, "once"), asked("c1", AskState.OPEN, ask_id="a2"))
    turn = machine(user(), calling(call("run", "c1")), asks=asks)
    assert turn.start() == []
    assert [ask.id for ask in turn.open_asks] == ["a2"]


def test_a_tool_that_is_gone_since_is_told_as_an_error() -> None:
    turn = machine(user(), calling(call("gone", "c1")), asks=(asked("c1", AskState.OPEN),))
    persist, again = turn.start()
    assert isinstance(persist, Persist)
    assert "no tool named 'gone'" in persist.messages[0].content
    assert again == CallModel()
    assert turn.open_asks == ()


def test_replies_from_before_the_crash_count_against_the_budget() -> None:
    before = (user(), calling(call("run", "c1")), result("c1", "run"), calling(call("run", "c2")), result("c2", "run"))
    assert machine(*before, limit=3).start() == [CallModel(final=False)]
    assert machine(*before, limit=2).start() == [CallModel(final=True)]


@pytest.mark.parametrize(
    "messages",
    [
        (said("hello"),),
        (Message(Role.SYSTEM, "be nice"),),
        (user(), Message(Role.SYSTEM, "be nice")),
        (user(), said("a"), said("b")),
        (user(), result("c1", "run")),
        (user(), calling(call("run", "c1")), user("between")),
        (user(), calling(call("run", "c1")), result("c1", "run"), result("c1", "run")),
        (user(), calling(call("run", "c1"), call("run", "c1"))),
        (user(), calling(call("run", "c1")), result("c1", "run"), calling(ToolCall("c1", "run", "{}"))),
    ],
)
def test_messages_that_are_no_turns_are_refused(messages: tuple[Message, ...]) -> None:
    with pytest.raises(LocalProtocolError):
        machine(*messages).start()


def test_a_turn_without_messages_is_refused() -> None:
    with pytest.raises(LocalProtocolError):
        check(())
