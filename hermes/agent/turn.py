"""The turn: a state machine without I/O, from a user's message to the answer. The conversation performs its effects.

Rule 1: ``handle`` takes one event and returns effects, to be performed in order. An event that the state does not allow
(``TRANSITIONS``), or that names a call or an ask which is not waited for, raises ``LocalProtocolError`` and changes
nothing.

Rule 2: ``messages`` is the journal's transcript of the turn in the journal's order: what the effects returned so far
append (``Persist``, ``Join``, ``Finish``), and nothing else. So a crash loses no more than the effects that were not
performed, and a machine that is built from the journal goes on from there.

Rule 3: ``Persist`` and ``Join`` stand before what depends on them. Each model reply and each tool result is persisted
as it completes; the last reply travels in ``Finish``, which is one transaction with the answer.

Rule 4: pairs are whole (hermes/agent/transcript.py): each call gets exactly one result, be it an error, a refusal or
"stopped".

Rule 5: a steered message is taken where a user message may stand and the model is about to be called anyway: after the
last result of a reply, or after an answer, which it then keeps from being the last. ``Steered`` only offers it and
``Join`` takes it, because the journal appends: joined any earlier it would stand between a call and its result, or
before a reply that never saw it, and after a crash nothing could tell. A message that finds no such place is left to
the next turn.

Rule 6: an effectful call runs once, and an ask is asked once, crashes or not (hermes/agent/recovery.py). An ask that
expires is a denial: its call runs with ``TIMED_OUT`` and words that itself.

Rule 7: there is exactly one ``Finish``, it is the last effect, and no event is allowed after it. Its text holds all
that the model answered in the turn, which is more than one reply when steered messages were taken.

Rule 8: a turn makes at most ``max_iterations`` model calls and a final one without tools (hermes/agent/budget.py). An
empty reply is asked for once more.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import assert_never, final

from attrs import evolve

from hermes.agent import transcript
from hermes.agent.admission import Effects, admit
from hermes.agent.budget import Budget
from hermes.agent.endings import CUTS, EMPTY, closing, paragraphs
from hermes.agent.recovery import recover
from hermes.agent.toolwork import ToolWork
from hermes.agent.turnio import (
    AskAnswered,
    AskExpired,
    AskPerson,
    CallModel,
    CancelWork,
    Finish,
    Join,
    ModelFailed,
    ModelReplied,
    ModelText,
    Persist,
    RunTools,
    ShowDraft,
    Steered,
    Stopped,
    ToolAsked,
    ToolReturned,
    TurnEffect,
    TurnEvent,
)
from hermes.asks import Ask, AskRequest
from hermes.errors import LocalProtocolError
from hermes.messages import Message, Role, Usage
from hermes.store.rows import TurnOutcome
from hermes.tools.contract import TIMED_OUT, ToolResult

# A draft is a preview: past this many characters it stands still until the whole message comes.
MAX_DRAFT = 100_000
# More messages than anybody types while one reply is under way; the rest are the next turn's.
MAX_STEERED = 16


class TurnState(StrEnum):
    NEW = "new"
    """``start`` was not called yet."""
    CALLING = "calling"
    """A model call is under way."""
    RUNNING_TOOLS = "running_tools"
    """At least one call runs; others may wait for a person."""
    ASKING = "asking"
    """Nothing runs: every unfinished call of the batch waits for a person."""
    FINISHED = "finished"


_CALLING, _RUNNING, _ASKING, _FINISHED = (
    TurnState.CALLING,
    TurnState.RUNNING_TOOLS,
    TurnState.ASKING,
    TurnState.FINISHED,
)

# What each state allows, and where that may lead. Anything else is an error of the caller.
TRANSITIONS: Mapping[TurnState, Mapping[type[TurnEvent], frozenset[TurnState]]] = {
    TurnState.NEW: {},
    _CALLING: {
        ModelText: frozenset({_CALLING}),
        ModelReplied: frozenset({_CALLING, _RUNNING, _FINISHED}),
        ModelFailed: frozenset({_FINISHED}),
        Steered: frozenset({_CALLING}),
        Stopped: frozenset({_FINISHED}),
    },
    _RUNNING: {
        ToolReturned: frozenset({_CALLING, _RUNNING, _ASKING}),
        ToolAsked: frozenset({_RUNNING, _ASKING}),
        AskAnswered: frozenset({_RUNNING}),
        AskExpired: frozenset({_RUNNING}),
        Steered: frozenset({_RUNNING}),
        Stopped: frozenset({_FINISHED}),
    },
    _ASKING: {
        AskAnswered: frozenset({_RUNNING}),
        AskExpired: frozenset({_RUNNING}),
        Steered: frozenset({_ASKING}),
        Stopped: frozenset({_FINISHED}),
    },
    _FINISHED: {},
}


@final
class TurnMachine:
    """One turn, new or found unfinished: see the rules of this module.

    ``messages``, ``started_calls`` and ``asks`` are what the journal holds of it. ``effects`` raises ``KeyError`` for a
    tool that the session lacks; ``mint`` gives a new unique id, for asks and for calls that came without; ``now`` is
    Unix time in seconds.
    """

    def __init__(
        self,
        turn_id: str,
        messages: Iterable[Message],
        *,
        effects: Effects,
        max_iterations: int,
        mint: Callable[[], str],
        now: Callable[[], float],
        started_calls: frozenset[str] = frozenset(),
        asks: tuple[Ask, ...] = (),
    ) -> None:
        self._turn_id = turn_id
        self._messages = list(messages)
        self._effects = effects
        self._mint = mint
        self._now = now
        self._started_calls = started_calls
        self._earlier_asks = asks
        self._state = TurnState.NEW
        self._budget = Budget(max_iterations, transcript.replies(self._messages))
        self._said = transcript.answers(self._messages)
        self._waiting: list[Steered] = []
        self._offered: set[int] = set()
        self._work = ToolWork(())
        self._draft = ""
        self._final = False
        self._asked_again = False
        self._usage = Usage()
        self._unsaved = Usage()

    @property
    def state(self) -> TurnState:
        return self._state

    @property
    def messages(self) -> tuple[Message, ...]:
        """The turn's transcript so far, its user messages included."""
        return tuple(self._messages)

    @property
    def usage(self) -> Usage:
        """Spent since this machine was built; what a run before a crash spent is in the journal only."""
        return self._usage

    @property
    def iterations(self) -> int:
        """Model calls begun, of ``max_iterations``."""
        return self._budget.spent

    @property
    def open_asks(self) -> tuple[Ask, ...]:
        """Asks that the turn waits for, with their deadlines."""
        return self._work.asks

    @property
    def steering_room(self) -> int:
        """How many steered messages may be offered before the next model call."""
        return MAX_STEERED - len(self._waiting)

    def start(self) -> list[TurnEffect]:
        """Begin, or go on after a crash. Empty when only a person can move it (``open_asks``).

        Raises ``LocalProtocolError`` when called twice or when the messages are no turn's.
        """
        if self._state is not TurnState.NEW:
            raise LocalProtocolError("a turn is started once")
        transcript.check(self._messages)
        last = self._messages[-1]
        if last.role is Role.USER:
            return self._call_model()
        if last.role is Role.ASSISTANT and not last.tool_calls:
            return self._finish(TurnOutcome.DONE, paragraphs(*self._said))
        found = recover(self._messages, self._effects, self._started_calls, self._earlier_asks)
        self._work = ToolWork(found.planned, found.open_asks)
        return [*(self._persist(*found.results) if found.results else ()), *self._go_on()]

    def handle(self, event: TurnEvent) -> list[TurnEffect]:
        """Take one event; the effects are to be performed in order.

        Raises ``LocalProtocolError`` for one that does not fit, and is unchanged then.
        """
        if type(event) not in TRANSITIONS[self._state]:
            raise LocalProtocolError(f"{type(event).__name__} does not fit a turn that is {self._state}")
        match event:
            case ModelText():
                return self._more_text(event.text)
            case ModelReplied():
                return self._replied(event.message, event.usage + event.wasted)
            case ModelFailed():
                return self._failed(event.sentence, event.wasted)
            case ToolReturned():
                return self._returned(event.call_id, event.result)
            case ToolAsked():
                return self._ask(event.call_id, event.request)
            case AskAnswered() | AskExpired():
                return self._answered(event)
            case Steered():
                return self._steer(event)
            case Stopped():
                return self._stop(event)
        assert_never(event)

    def _call_model(self) -> list[TurnEffect]:
        # The final call is made without tools: a turn of its own serves a steered message better.
        taken = self._waiting if self._budget.left else []
        self._messages += (steered.message for steered in taken)
        joins = [Join(steered.row_id, steered.message) for steered in taken]
        self._waiting = []
        self._final = self._budget.take()
        self._state = TurnState.CALLING
        return [*joins, CallModel(final=self._final)]

    def _more_text(self, text: str) -> list[TurnEffect]:
        room = MAX_DRAFT - len(self._draft)
        if room <= 0 or not text:
            return []
        self._draft += text[:room]
        return [ShowDraft(paragraphs(*self._said, self._draft))] if self._draft.strip() else []

    def _replied(self, message: Message, usage: Usage) -> list[TurnEffect]:
        if message.role is not Role.ASSISTANT:
            raise LocalProtocolError(f"a model replied as {message.role}")
        self._draft = ""
        self._spend(usage)
        if self._final:
            return self._sum_up(message)
        if message.tool_calls:
            return self._take_calls(message)
        if not message.content.strip():
            return self._empty()
        self._said.append(message.content)
        if self._waiting and self._budget.left:
            return [*self._persist(message), *self._call_model()]
        return self._finish(TurnOutcome.DONE, paragraphs(*self._said), message)

    def _sum_up(self, message: Message) -> list[TurnEffect]:
        if not message.content.strip():
            return self._give_up(self._budget.exhausted())
        # No tools were offered, so calls in this reply are no calls.
        text = paragraphs(*self._said, message.content)
        return self._finish(TurnOutcome.DONE, text, evolve(message, tool_calls=()))

    def _empty(self) -> list[TurnEffect]:
        if self._asked_again:
            return self._give_up(EMPTY)
        self._asked_again = True
        return self._call_model()

    def _give_up(self, sentence: str) -> list[TurnEffect]:
        message = Message(Role.ASSISTANT, sentence, finish_reason="failed")
        return self._finish(TurnOutcome.FAILED, paragraphs(*self._said, sentence), message)

    def _failed(self, sentence: str, wasted: Usage) -> list[TurnEffect]:
        self._spend(wasted)
        message = closing(self._draft, f"No answer: {sentence}", "failed")
        return self._finish(TurnOutcome.FAILED, paragraphs(*self._said, self._draft, sentence), message)

    def _take_calls(self, message: Message) -> list[TurnEffect]:
        self._asked_again = False
        admission = admit(message.tool_calls, transcript.call_ids(self._messages), self._effects, self._mint)
        self._work = ToolWork(admission.planned)
        saved = self._persist(evolve(message, tool_calls=admission.calls), *admission.refusals)
        return [*saved, *self._go_on()]

    def _go_on(self) -> list[TurnEffect]:
        batch = self._work.next_batch()
        if self._work.done:
            return self._call_model()
        self._state = self._tool_state()
        return [RunTools(batch)] if batch else []

    def _tool_state(self) -> TurnState:
        return TurnState.RUNNING_TOOLS if self._work.running else TurnState.ASKING

    def _returned(self, call_id: str, result: ToolResult) -> list[TurnEffect]:
        planned = self._work.returned(call_id)
        return [*self._persist(transcript.result_message(planned.call, result)), *self._go_on()]

    def _ask(self, call_id: str, request: AskRequest) -> list[TurnEffect]:
        ask = Ask(self._mint(), self._turn_id, call_id, request, self._now() + request.timeout)
        self._work.asked(call_id, ask)
        self._state = self._tool_state()
        return [AskPerson(ask)]

    def _answered(self, event: AskAnswered | AskExpired) -> list[TurnEffect]:
        answer = event.answer if isinstance(event, AskAnswered) else TIMED_OUT
        planned = self._work.answered(event.ask_id, answer)
        self._state = TurnState.RUNNING_TOOLS
        return [RunTools((planned,))]

    def _steer(self, event: Steered) -> list[TurnEffect]:
        if event.message.role is not Role.USER:
            raise LocalProtocolError(f"a steered message is the user's, not a {event.message.role} message")
        if event.row_id not in self._offered and len(self._waiting) < MAX_STEERED:
            self._offered.add(event.row_id)
            self._waiting.append(event)
        return []

    def _stop(self, event: Stopped) -> list[TurnEffect]:
        cut = CUTS[event.reason]
        results = (
            transcript.result_message(planned.call, cut.result(running=running))
            for planned, running in self._work.unfinished()
        )
        seen = paragraphs(*self._said, self._draft)
        text = paragraphs(seen, cut.notice) if seen else cut.alone
        message = closing(self._draft, cut.cause, cut.finish_reason)
        return [CancelWork(), *self._finish(cut.outcome, text, *results, message)]

    def _persist(self, *messages: Message) -> list[TurnEffect]:
        self._messages += messages
        return [Persist(messages, self._spent())]

    def _finish(self, outcome: TurnOutcome, text: str, *messages: Message) -> list[TurnEffect]:
        self._messages += messages
        self._state = TurnState.FINISHED
        return [Finish(outcome, messages, text, self._spent())]

    def _spend(self, usage: Usage) -> None:
        self._usage += usage
        self._unsaved += usage

    def _spent(self) -> Usage:
        spent, self._unsaved = self._unsaved, Usage()
        return spent
