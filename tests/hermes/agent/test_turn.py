"""What one turn does from its message to its answer, without a crash."""

import pytest

from hermes.agent.admission import MAX_CALLS
from hermes.agent.endings import EMPTY
from hermes.agent.toolwork import MAX_TOGETHER
from hermes.agent.transcript import check, unanswered
from hermes.agent.turn import MAX_DRAFT, TurnState
from hermes.agent.turnio import (
    AskAnswered,
    AskExpired,
    AskPerson,
    CallModel,
    CancelWork,
    Finish,
    ModelFailed,
    ModelReplied,
    ModelText,
    Persist,
    RunTools,
    ShowDraft,
    Stopped,
    StopReason,
    ToolAsked,
    ToolReturned,
)
from hermes.asks import Ask
from hermes.messages import Message, Role, ToolCall, Usage
from hermes.store.rows import TurnOutcome
from hermes.tools.contract import TIMED_OUT, ToolResult
from tests.hermes.agent.machines import (
    COST,
    NOW,
    OK,
    REQUEST,
    begun,
    call,
    calling,
    machine,
    planned,
    replied,
    result,
    running,
    said,
    user,
)


def test_a_message_calls_the_model_and_its_answer_finishes_the_turn() -> None:
    turn = machine(user("hi"))
    assert turn.start() == [CallModel()]
    assert turn.handle(replied(text="hello")) == [Finish(TurnOutcome.DONE, (said("hello"),), "hello", COST)]
    assert turn.messages == (user("hi"), said("hello"))
    assert turn.usage == COST


def test_the_draft_is_the_whole_text_so_far() -> None:
    turn = begun()
    assert turn.handle(ModelText("  ")) == []
    assert turn.handle(ModelText("Hel")) == [ShowDraft("  Hel")]
    assert turn.handle(ModelText("lo")) == [ShowDraft("  Hello")]


def test_a_draft_stands_still_at_its_bound() -> None:
    turn = begun()
    [draft] = turn.handle(ModelText("x" * (MAX_DRAFT + 5)))
    assert draft == ShowDraft("x" * MAX_DRAFT)
    assert turn.handle(ModelText("y")) == []


def test_a_reply_with_calls_is_persisted_before_they_run_and_each_result_as_it_comes() -> None:
    turn = begun(user("go"))
    reply = calling(call("run", "c1"), text="Let me see.")
    effects = turn.handle(ModelReplied(reply, COST))
    assert effects[0] == Persist((reply,), COST)
    assert isinstance(effects[1], RunTools)
    assert turn.handle(ToolReturned("c1", OK)) == [Persist((result("c1", "run"),), Usage()), CallModel()]
    assert turn.messages == (user("go"), reply, result("c1", "run"))


def test_read_only_calls_side_by_side_run_together_and_others_alone_in_order() -> None:
    turn = begun()
    calls = [call(name, f"c{n}") for n, name in enumerate(("read", "read", "put", "run", "read", "read"))]
    order = [running(turn.handle(replied(*calls)))]
    while turn.state is TurnState.RUNNING_TOOLS:
        effects = [effect for call_id in order[-1] for effect in turn.handle(ToolReturned(call_id, OK))]
        order.append(running(effects))
    assert order == [["c0", "c1"], ["c2"], ["c3"], ["c4", "c5"], []]


def test_whether_calls_run_together_is_decided_by_their_arguments_too() -> None:
    look = '{"action": "look"}'
    together = [call("run", "c0", look), call("read", "c1"), call("run", "c2", look), call("run", "c3")]
    assert running(begun().handle(replied(*together))) == ["c0", "c1", "c2"]
    assert running(begun().handle(replied(*reversed(together)))) == ["c3"]


def test_no_more_than_a_few_read_only_calls_run_at_once() -> None:
    turn = begun()
    calls = [call("read", f"c{n}") for n in range(MAX_TOGETHER + 1)]
    assert len(running(turn.handle(replied(*calls)))) == MAX_TOGETHER


def test_results_are_kept_in_the_order_in_which_they_came() -> None:
    turn = begun()
    turn.handle(replied(call("read", "c1"), call("read", "c2")))
    turn.handle(ToolReturned("c2", OK))
    turn.handle(ToolReturned("c1", OK))
    assert [message.tool_call_id for message in turn.messages[-2:]] == ["c2", "c1"]
    check(turn.messages)


def test_an_error_of_a_tool_is_marked_in_the_transcript() -> None:
    turn = begun()
    turn.handle(replied(call("run", "c1")))
    turn.handle(ToolReturned("c1", ToolResult("no such file", is_error=True)))
    assert turn.messages[-1].finish_reason == "error"


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (call("fly", "c1"), "no tool named 'fly'"),
        (call("fly to; the moon", "c1"), "no tool named 'fly_to__the_moon'"),
        (call("", "c1"), "no tool named 'unnamed'"),
        (call("run", "c1", "{broken"), "not JSON"),
        (call("run", "c1", "[1]"), "not a JSON object"),
        (call("run", "c1", "[" * 100_000), "not JSON"),
    ],
)
def test_a_call_that_cannot_be_run_gets_an_error_as_its_result(bad: ToolCall, told: str) -> None:
    turn = begun()
    effects = turn.handle(replied(bad, call("read", "c2")))
    assert isinstance(effects[0], Persist)
    reply, refusal = effects[0].messages
    assert told in refusal.content
    assert (refusal.tool_call_id, refusal.tool_name, refusal.finish_reason) == ("c1", reply.tool_calls[0].name, "error")
    assert running(effects) == ["c2"]


def test_when_no_call_of_a_reply_can_be_run_the_model_is_called_again() -> None:
    turn = begun()
    effects = turn.handle(replied(call("fly", "c1")))
    assert [type(effect) for effect in effects] == [Persist, CallModel]


def test_blank_arguments_mean_none() -> None:
    turn = begun()
    [one] = planned(turn.handle(replied(call("read", "c1", " "))))
    assert one.call.arguments == "{}"
    assert turn.messages[-1].tool_calls[0].arguments == " "


def test_an_id_that_comes_twice_in_one_reply_runs_once() -> None:
    turn = begun()
    effects = turn.handle(replied(call("run", "c1", '{"a": 1}'), call("run", "c1", '{"a": 2}')))
    assert running(effects) == ["c1"]
    assert [one.id for one in turn.messages[1].tool_calls] == ["c1", "m1"]
    assert turn.messages[2].tool_call_id == "m1"
    assert "twice" in turn.messages[2].content


def test_an_id_of_an_earlier_reply_and_a_missing_one_are_replaced() -> None:
    turn = begun()
    turn.handle(replied(call("run", "call_0")))
    turn.handle(ToolReturned("call_0", OK))
    assert running(turn.handle(replied(call("run", "call_0")))) == ["m1"]
    turn.handle(ToolReturned("m1", OK))
    assert running(turn.handle(replied(call("read", ""), call("read", "")))) == ["m2", "m3"]


def test_calls_beyond_the_bound_are_refused_by_result() -> None:
    turn = begun()
    turn.handle(replied(*(call("run", f"c{n}") for n in range(MAX_CALLS + 3))))
    refused = [message.tool_call_id for message in turn.messages if message.role is Role.TOOL]
    assert refused == [f"c{n}" for n in range(MAX_CALLS, MAX_CALLS + 3)]
    assert len(unanswered(turn.messages)) == MAX_CALLS


def test_an_ask_goes_to_the_person_and_the_call_runs_again_with_the_answer() -> None:
    turn = begun()
    turn.handle(replied(call("run", "c1"), call("run", "c2")))
    ask = Ask("m1", "turn", "c1", REQUEST, NOW + REQUEST.timeout)
    assert turn.handle(ToolAsked("c1", REQUEST)) == [AskPerson(ask)]
    assert turn.open_asks == (ask,)
    [again] = planned(turn.handle(AskAnswered("m1", "once")))
    assert (again.call.id, again.answer) == ("c1", "once")
    assert turn.open_asks == ()
    assert running(turn.handle(ToolReturned("c1", OK))) == ["c2"]


def test_an_ask_that_expires_runs_the_call_with_timed_out() -> None:
    turn = begun()
    turn.handle(replied(call("run", "c1")))
    turn.handle(ToolAsked("c1", REQUEST))
    [again] = planned(turn.handle(AskExpired("m1")))
    assert again.answer == TIMED_OUT


def test_a_call_may_ask_again_after_its_answer() -> None:
    turn = begun()
    turn.handle(replied(call("run", "c1")))
    turn.handle(ToolAsked("c1", REQUEST))
    turn.handle(AskAnswered("m1", "once"))
    [effect] = turn.handle(ToolAsked("c1", REQUEST))
    assert isinstance(effect, AskPerson)
    assert effect.ask.id == "m2"


def test_what_runs_beside_an_ask_goes_on_and_what_comes_after_waits() -> None:
    turn = begun()
    turn.handle(replied(call("read", "c1"), call("read", "c2"), call("run", "c3")))
    turn.handle(ToolAsked("c1", REQUEST))
    assert running(turn.handle(ToolReturned("c2", OK))) == []
    turn.handle(AskAnswered("m1", "blue"))
    assert running(turn.handle(ToolReturned("c1", OK))) == ["c3"]


def test_a_spent_budget_gives_one_final_call_without_tools() -> None:
    turn = begun(limit=2)
    turn.handle(replied(call("run", "c1")))
    assert turn.handle(ToolReturned("c1", OK))[-1] == CallModel(final=False)
    turn.handle(replied(call("run", "c2")))
    assert turn.handle(ToolReturned("c2", OK))[-1] == CallModel(final=True)
    assert turn.iterations == 3
    [finish] = turn.handle(replied(call("run", "c3"), text="Half of it is done."))
    assert isinstance(finish, Finish)
    assert (finish.outcome, finish.text) == (TurnOutcome.DONE, "Half of it is done.")
    assert finish.messages[0].tool_calls == ()
    check(turn.messages)


def test_a_final_call_without_words_ends_in_a_plain_sentence() -> None:
    turn = begun(limit=1)
    turn.handle(replied(call("run", "c1")))
    turn.handle(ToolReturned("c1", OK))
    [finish] = turn.handle(replied(call("run", "c2")))
    assert isinstance(finish, Finish)
    assert finish.outcome is TurnOutcome.FAILED
    assert "agent.max_turns" in finish.text


def test_an_empty_answer_is_asked_for_once_more_and_then_told() -> None:
    turn = begun()
    assert turn.handle(replied()) == [CallModel()]
    [finish] = turn.handle(replied(text=" \n"))
    assert isinstance(finish, Finish)
    assert (finish.outcome, finish.text) == (TurnOutcome.FAILED, EMPTY)
    assert finish.usage == COST + COST


def test_an_answer_after_an_empty_one_counts_and_so_does_its_cost() -> None:
    turn = begun()
    turn.handle(replied())
    effects = turn.handle(replied(call("run", "c1")))
    assert isinstance(effects[0], Persist)
    assert effects[0].usage == COST + COST
    turn.handle(ToolReturned("c1", OK))
    assert turn.handle(replied()) == [CallModel()]


def test_a_model_that_fails_ends_the_turn_with_its_sentence() -> None:
    turn = begun()
    turn.handle(replied(call("run", "c1")))
    turn.handle(ToolReturned("c1", OK))
    kept = turn.messages
    [finish] = turn.handle(ModelFailed("The key was refused."))
    assert isinstance(finish, Finish)
    assert (finish.outcome, finish.text) == (TurnOutcome.FAILED, "The key was refused.")
    assert turn.messages[: len(kept)] == kept
    assert "The key was refused." in finish.messages[0].content


def test_what_a_failing_model_had_said_is_kept() -> None:
    turn = begun()
    turn.handle(ModelText("The first half"))
    [finish] = turn.handle(ModelFailed("The line broke."))
    assert isinstance(finish, Finish)
    assert finish.text == "The first half\n\nThe line broke."
    assert finish.messages[0].content.startswith("The first half")


@pytest.mark.parametrize(
    ("reason", "outcome", "words"),
    [
        (StopReason.STOP, TurnOutcome.STOPPED, "Stopped by the user"),
        (StopReason.INTERRUPT, TurnOutcome.INTERRUPTED, "Interrupted by a new message"),
    ],
)
def test_a_stopped_turn_keeps_pairs_whole_and_says_why(reason: StopReason, outcome: TurnOutcome, words: str) -> None:
    turn = begun()
    turn.handle(replied(call("read", "c1"), call("read", "c2"), call("run", "c3"), text="Let me see."))
    turn.handle(ToolAsked("c2", REQUEST))
    cancel, finish = turn.handle(Stopped(reason))
    assert cancel == CancelWork()
    assert isinstance(finish, Finish)
    assert finish.outcome is outcome
    told = {message.tool_call_id: message.content for message in finish.messages[:-1]}
    assert set(told) == {"c1", "c2", "c3"}
    assert all(text.startswith(words) for text in told.values())
    assert "stands" in told["c1"]
    assert all("before it ran" in told[one] for one in ("c2", "c3"))
    assert finish.messages[-1].content == f"[{words}]"
    check(turn.messages)


def test_a_stopped_answer_keeps_what_was_said_and_marks_it() -> None:
    turn = begun()
    turn.handle(ModelText("One, two"))
    _, finish = turn.handle(Stopped(StopReason.INTERRUPT))
    assert isinstance(finish, Finish)
    assert finish.text == "One, two\n\n_Interrupted by your next message._"
    assert finish.messages == (
        Message(Role.ASSISTANT, "One, two\n\n[Interrupted by a new message]", finish_reason="interrupted"),
    )


def test_words_before_a_call_are_not_repeated_when_the_call_is_stopped() -> None:
    turn = begun()
    turn.handle(ModelText("Let me see."))
    turn.handle(replied(call("run", "c1"), text="Let me see."))
    _, finish = turn.handle(Stopped(StopReason.STOP))
    assert isinstance(finish, Finish)
    assert finish.messages[-1].content == "[Stopped by the user]"
    assert finish.text == "Stopped."


def test_an_interrupted_turn_that_said_nothing_says_nothing() -> None:
    _, finish = begun().handle(Stopped(StopReason.INTERRUPT))
    assert isinstance(finish, Finish)
    assert finish.text == ""
