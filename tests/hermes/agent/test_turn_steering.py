"""Messages that are steered into a running turn."""

from hermes.agent.transcript import check
from hermes.agent.turn import MAX_STEERED
from hermes.agent.turnio import (
    CallModel,
    Finish,
    Join,
    ModelText,
    Persist,
    ShowDraft,
    Steered,
    ToolReturned,
)
from hermes.store.rows import TurnOutcome
from tests.hermes.agent.machines import (
    COST,
    OK,
    begun,
    call,
    replied,
    said,
    user,
)


def test_a_steered_message_is_taken_after_the_last_result_of_the_reply() -> None:
    turn = begun()
    turn.handle(replied(call("run", "c1"), call("run", "c2")))
    assert turn.handle(Steered(7, user("also that"))) == []
    assert not any(isinstance(effect, Join) for effect in turn.handle(ToolReturned("c1", OK)))
    effects = turn.handle(ToolReturned("c2", OK))
    assert effects[1:] == [Join(7, user("also that")), CallModel()]
    assert turn.messages[-1] == user("also that")
    check(turn.messages)


def test_a_steered_message_that_waits_at_an_answer_lets_the_turn_go_on() -> None:
    turn = begun()
    turn.handle(Steered(7, user("also that")))
    turn.handle(Steered(8, user("and this")))
    effects = turn.handle(replied(text="First."))
    assert effects == [
        Persist((said("First."),), COST),
        Join(7, user("also that")),
        Join(8, user("and this")),
        CallModel(),
    ]
    assert turn.handle(ModelText("Sec")) == [ShowDraft("First.\n\nSec")]
    [finish] = turn.handle(replied(text="Second."))
    assert finish == Finish(TurnOutcome.DONE, (said("Second."),), "First.\n\nSecond.", COST)


def test_a_message_that_is_offered_twice_is_taken_once() -> None:
    turn = begun()
    turn.handle(Steered(7, user("also that")))
    turn.handle(Steered(7, user("also that")))
    effects = turn.handle(replied(text="First."))
    assert sum(isinstance(effect, Join) for effect in effects) == 1
    turn.handle(Steered(7, user("also that")))
    assert [type(effect) for effect in turn.handle(replied(text="Second."))] == [Finish]


def test_steered_messages_beyond_the_bound_are_left_to_the_next_turn() -> None:
    turn = begun()
    for row in range(MAX_STEERED + 3):
        turn.handle(Steered(row, user()))
    joined = [effect for effect in turn.handle(replied(text="First.")) if isinstance(effect, Join)]
    assert [join.row_id for join in joined] == list(range(MAX_STEERED))


def test_a_steered_message_is_left_to_the_next_turn_when_the_budget_is_spent() -> None:
    turn = begun(limit=1)
    turn.handle(Steered(7, user("also that")))
    assert [type(effect) for effect in turn.handle(replied(text="Done."))] == [Finish]


def test_a_final_call_takes_no_steered_message_with_it() -> None:
    turn = begun(limit=1)
    turn.handle(replied(call("run", "c1")))
    turn.handle(Steered(7, user("also that")))
    assert turn.handle(ToolReturned("c1", OK))[1:] == [CallModel(final=True)]
