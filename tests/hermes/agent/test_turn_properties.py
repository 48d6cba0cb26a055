"""Random runs of the turn machine, with and without crashes: what must hold in every one of them."""

from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hermes.agent.transcript import check, unanswered
from hermes.agent.turn import TurnState
from hermes.agent.turnio import (
    AskAnswered,
    AskExpired,
    ModelFailed,
    ModelText,
    Steered,
    Stopped,
    StopReason,
    ToolAsked,
    ToolReturned,
)
from hermes.messages import Role, ToolCall
from hermes.store.rows import TurnOutcome
from tests.hermes.agent.machines import COST, OK, REQUEST, replied, user
from tests.hermes.agent.world import Crash, World, check_wires

# Enough for several replies with asks and steered messages; what is unfinished then is brought to its end.
STEPS = 25
CRASHES = 4

CALLS = st.builds(
    ToolCall,
    st.sampled_from(["", "a", "b", "call_0", "call_1"]),
    st.sampled_from(["read", "read", "put", "run", "run", "fly"]),
    st.sampled_from(["{}", "{}", "{}", "", "[1]", "{broken"]),
)
REPLIES = st.lists(CALLS, max_size=5)


class Run:
    """One random run: hypothesis chooses what the model, the tools, the person and the reaper do."""

    def __init__(self, data: st.DataObject, *, crashes: int) -> None:
        self.draw = data.draw
        self.crashes = crashes
        self.world = World(self.draw(st.integers(1, 9), label="limit"), self._dies)
        self.rows = 0

    def _dies(self) -> bool:
        if self.crashes and self.draw(st.integers(0, 9), label="dies") == 0:
            self.crashes -= 1
            return True
        return False

    def play(self) -> World:
        self._survive(self.world.boot)
        for _ in range(STEPS):
            if self.world.finishes:
                break
            self._survive(self._step)
        while not self.world.finishes:
            self._survive(self._towards_the_end)
        return self.world

    def _survive(self, step: Any) -> None:
        try:
            step()
        except Crash:
            if not self.world.finishes:
                self._survive(self.world.boot)

    def _step(self) -> None:
        world = self.world
        kinds = {
            TurnState.CALLING: ["calls", "calls", "calls", "text", "steer", "reply", "end"],
            TurnState.RUNNING_TOOLS: ["result", "result", "result", "ask", "ask", "answer", "steer", "end"],
            TurnState.ASKING: ["answer", "answer", "answer", "steer", "end"],
        }[world.turn.state]
        kind = self.draw(st.sampled_from(kinds), label="event")
        if kind == "end":
            # Seldom, or most runs were over before anything happened.
            how = self.draw(st.integers(0, 7), label="how")
            kind = {6: "fail" if world.model_called else "stop", 7: "stop"}.get(how, "steer")
        if kind == "answer" and not world.turn.open_asks:
            kind = "result"
        getattr(self, f"_{kind}")()

    def _text(self) -> None:
        self.world.tell(ModelText(self.draw(st.sampled_from(["a", " ", "\n", "word "]), label="text")))

    def _reply(self) -> None:
        self.world.tell(replied(text=self.draw(st.sampled_from(["an answer", "an answer", "", " "]), label="answer")))

    def _calls(self) -> None:
        calls = self.draw(REPLIES, label="calls")
        self.world.tell(replied(*calls, text=self.draw(st.sampled_from(["", "Let me see."]), label="words")))

    def _fail(self) -> None:
        self.world.tell(ModelFailed("The provider is down."))

    def _steer(self) -> None:
        self.rows += 1
        self.world.pending[self.rows] = user(f"steered {self.rows}")
        self.world.tell(Steered(self.rows, self.world.pending[self.rows]))

    def _stop(self) -> None:
        self.world.tell(Stopped(self.draw(st.sampled_from(StopReason), label="reason")))

    def _result(self) -> None:
        self.world.tell(ToolReturned(self.draw(st.sampled_from(sorted(self.world.running)), label="call"), OK))

    def _ask(self) -> None:
        self.world.tell(ToolAsked(self.draw(st.sampled_from(sorted(self.world.running)), label="asks"), REQUEST))

    def _answer(self) -> None:
        ask = self.draw(st.sampled_from(self.world.turn.open_asks), label="ask")
        answer = self.draw(st.sampled_from(["once", "deny", "", None]), label="answer")
        self.world.settle(ask.id, answer)
        if self._dies():
            raise Crash
        self.world.tell(AskExpired(ask.id) if answer is None else AskAnswered(ask.id, answer))

    def _towards_the_end(self) -> None:
        match self.world.turn.state:
            case TurnState.CALLING:
                self.world.tell(replied(text="the end"))
            case TurnState.RUNNING_TOOLS:
                self._result()
            case _:
                self._answer()


def check_the_end(run: Run) -> None:
    world = run.world
    check(world.journal)
    check_wires(world.journal)
    assert unanswered(world.journal) == ()
    assert world.journal[-1].role is Role.ASSISTANT
    [finish] = world.finishes
    assert finish.text.strip() or finish.outcome is TurnOutcome.INTERRUPTED
    assert all(count <= 1 for count in world.runs.values())
    rows = [message.content for message in world.journal if message.content.startswith("steered")]
    assert rows == [f"steered {row}" for row in world.joined]
    assert sorted([*world.joined, *world.pending]) == list(range(1, run.rows + 1))
    replies = sum(message.role is Role.ASSISTANT for message in world.journal)
    assert replies <= world.limit + 1


@settings(max_examples=200)
@given(st.data())
def test_any_run_keeps_pairs_whole_and_finishes_once(data: st.DataObject) -> None:
    run = Run(data, crashes=0)
    world = run.play()
    check_the_end(run)
    assert world.paid == world.turn.usage
    assert world.turn.messages == tuple(world.journal)
    if world.finishes[0].outcome is TurnOutcome.DONE and world.turn.iterations < world.limit:
        assert not world.pending, "a steered message waits though the turn could have gone on"


@settings(max_examples=300)
@given(st.data())
def test_a_run_that_crashes_anywhere_goes_on_from_its_journal(data: st.DataObject) -> None:
    run = Run(data, crashes=CRASHES)
    run.play()
    check_the_end(run)


SCRIPT = (
    replied(
        ToolCall("w1", "run", "{}"), ToolCall("r1", "read", "{}"), ToolCall("r2", "read", "{}"), text="Let me see."
    ),
    replied(ToolCall("w2", "run", "{}"), ToolCall("x", "fly", "{}"), ToolCall("w3", "put", "{}")),
    replied(text="Half."),
    replied(text="Whole."),
)
ASKS = {"w2", "r2"}


def scripted(effects_before_the_crash: int) -> World:
    """One run with asks, parallel reads and a steered message, killed once behind so many effects."""
    left = effects_before_the_crash

    def dies() -> bool:
        nonlocal left
        left -= 1
        return left == 0

    world = World(9, dies, pending={1: user("steered 1")})
    step = world.boot
    while not world.finishes:
        try:
            step()
            step = partial(advance, world)
        except Crash:
            step = world.boot
    return world


def advance(world: World) -> None:
    """Do the next thing that the script has for what the journal holds."""
    match world.turn.state:
        case TurnState.CALLING:
            if 1 in world.pending:
                world.tell(Steered(1, world.pending[1]))
            done = sum(message.role is Role.ASSISTANT for message in world.journal)
            world.tell(SCRIPT[done])
        case TurnState.RUNNING_TOOLS:
            call_id, planned = next(iter(world.running.items()))
            asks = call_id in ASKS and planned.answer is None
            world.tell(ToolAsked(call_id, REQUEST) if asks else ToolReturned(call_id, OK))
        case _:
            [ask, *_] = world.turn.open_asks
            world.settle(ask.id, "once")
            world.tell(AskAnswered(ask.id, "once"))


def test_a_run_that_is_killed_behind_any_one_effect_comes_to_the_same_end() -> None:
    whole = scripted(0)
    assert whole.finishes[0].outcome is TurnOutcome.DONE
    assert whole.performed >= 20
    for killed in range(1, whole.performed + 1):
        world = scripted(killed)
        check(world.journal)
        check_wires(world.journal)
        assert unanswered(world.journal) == ()
        assert all(count <= 1 for count in world.runs.values())
        assert world.joined == [1]
        assert [finish.outcome for finish in world.finishes] == [TurnOutcome.DONE]
        assert {call for message in world.journal for call in message.tool_calls} == {
            call for message in whole.journal for call in message.tool_calls
        }


def test_the_world_notices_an_effectful_call_that_runs_twice() -> None:
    world = World(limit=9, may_crash=lambda: False)
    world.boot()
    world.tell(replied(ToolCall("a", "run", "{}")))
    world.started.clear()  # what a store that forgets would do
    world.boot()
    assert world.runs == {"a": 2}
    assert world.paid == COST
