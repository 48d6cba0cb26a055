"""A conversation, a journal, a model and a person in miniature, for random runs of the turn machine with crashes.

The world performs each effect the way the conversation does, and checks on the way what must hold. ``Crash`` may be
raised wherever the machine's caller could die; what then survives is the journal and nothing else.
"""

from collections import Counter
from collections.abc import Callable

from attrs import define, evolve, field

from hermes.agent.transcript import unanswered
from hermes.agent.turn import TRANSITIONS, TurnMachine, TurnState
from hermes.agent.turnio import (
    AskPerson,
    CallModel,
    CancelWork,
    Finish,
    Join,
    Persist,
    PlannedCall,
    RunTools,
    ShowDraft,
    ToolAsked,
    TurnEffect,
    TurnEvent,
)
from hermes.asks import Ask, AskState
from hermes.messages import Message, Role, Usage
from hermes.tools.contract import TIMED_OUT, Effect
from tests.hermes.agent.machines import NOW, effect_of, user


class Crash(Exception):
    """kill -9."""


@define
class World:
    limit: int
    may_crash: Callable[[], bool]
    journal: list[Message] = field(factory=lambda: [user("begin")])
    started: set[str] = field(factory=set)
    asks: dict[str, Ask] = field(factory=dict)
    pending: dict[int, Message] = field(factory=dict)
    """Inbox rows that wait."""
    joined: list[int] = field(factory=list)
    running: dict[str, PlannedCall] = field(factory=dict)
    model_called: bool = False
    final: bool = False
    finishes: list[Finish] = field(factory=list)
    paid: Usage = field(factory=Usage)
    runs: Counter[str] = field(factory=Counter)
    """Runs of each effectful call that may have had an effect."""
    performed: int = 0
    """Effects, crashes included."""
    minted: int = 0
    turn: TurnMachine = field(init=False)

    def boot(self) -> None:
        """Begin, or go on after a crash, with what the journal holds."""
        self.running.clear()
        self.model_called = False
        self.turn = TurnMachine(
            "turn",
            tuple(self.journal),
            effects=effect_of,
            max_iterations=self.limit,
            mint=self._mint,
            now=lambda: NOW,
            started_calls=frozenset(self.started),
            asks=tuple(self.asks.values()),
        )
        self._perform(self.turn.start())

    def tell(self, event: TurnEvent) -> None:
        """Hand over one event and perform what comes of it."""
        before = self.turn.state
        if isinstance(event, ToolAsked):
            # A tool that asks has done nothing yet.
            self.runs[event.call_id] -= self.running.pop(event.call_id).effect is Effect.EFFECTFUL
        effects = self.turn.handle(event)
        assert self.turn.state in TRANSITIONS[before][type(event)]
        self._perform(effects)

    def settle(self, ask_id: str, answer: str | None) -> None:
        """The journal takes an answer, or None for a deadline that passed."""
        state = AskState.EXPIRED if answer is None else AskState.ANSWERED
        self.asks[ask_id] = evolve(self.asks[ask_id], state=state, answer=answer or "")

    def _mint(self) -> str:
        self.minted += 1
        return f"m{self.minted}"

    def _perform(self, effects: list[TurnEffect]) -> None:
        for effect in effects:
            self._perform_one(effect)
            self.performed += 1
            if self.may_crash():
                raise Crash
        assert self.turn.messages == tuple(self.journal)
        self._check_state()

    def _perform_one(self, effect: TurnEffect) -> None:
        assert not self.finishes, "nothing comes after Finish"
        match effect:
            case Persist():
                self.model_called = False
                self._append(effect.messages, effect.usage)
            case Join():
                self.journal.append(self.pending.pop(effect.row_id))
                self.joined.append(effect.row_id)
            case CallModel():
                assert not self.running
                assert not unanswered(self.journal)
                check_wires(self.journal)
                self.model_called, self.final = True, effect.final
            case RunTools():
                self._run(effect)
            case AskPerson():
                self.asks[effect.ask.id] = effect.ask
                self.started.discard(effect.ask.call_id)
            case ShowDraft():
                assert self.model_called
                assert effect.text.strip()
            case CancelWork():
                self.running.clear()
                self.model_called = False
            case Finish():
                self.model_called = False
                assert not self.running, "work outlives its turn"
                self._append(effect.messages, effect.usage)
                self.finishes.append(effect)

    def _append(self, messages: tuple[Message, ...], usage: Usage) -> None:
        for message in messages:
            self.running.pop(message.tool_call_id, None)
        self.journal.extend(messages)
        self.paid += usage

    def _run(self, effect: RunTools) -> None:
        assert effect.calls
        together = len(effect.calls) > 1 or bool(self.running)
        assert not together or all(one.effect is Effect.READ_ONLY for one in effect.calls)
        for planned in effect.calls:
            assert any(planned.call.id == call.id for call in unanswered(self.journal)), "its call is journaled first"
            self._check_answer(planned)
            if planned.effect is Effect.EFFECTFUL:
                assert planned.call.id not in self.started, "an effectful call runs twice"
                self.started.add(planned.call.id)
                self.runs[planned.call.id] += 1
            self.running[planned.call.id] = planned

    def _check_answer(self, planned: PlannedCall) -> None:
        mine = [ask for ask in self.asks.values() if ask.call_id == planned.call.id]
        assert all(ask.state is not AskState.OPEN for ask in mine), "its ask is still open"
        newest = mine[-1] if mine else None
        expected = None if newest is None else TIMED_OUT if newest.state is AskState.EXPIRED else newest.answer
        assert planned.answer == expected

    def _check_state(self) -> None:
        waiting = {ask.id for ask in self.turn.open_asks}
        match self.turn.state:
            case TurnState.CALLING:
                assert self.model_called
            case TurnState.RUNNING_TOOLS:
                assert self.running
            case TurnState.ASKING:
                assert waiting
                assert not self.running
            case _:
                assert self.finishes
                return
        assert waiting == {ask.id for ask in self.asks.values() if ask.state is AskState.OPEN}


def check_wires(messages: list[Message]) -> None:
    """The rules of both wire formats, told apart from the code's own check.

    OpenAI: tool messages follow the assistant message that called, one for each call. Anthropic: after neighbours of
    one role are merged, roles alternate from user to user, results are the first blocks of the message behind their
    calls.
    """
    blocks: list[tuple[str, list[str]]] = []
    for message in messages:
        side = "assistant" if message.role is Role.ASSISTANT else "user"
        if message.role is Role.TOOL:
            parts = [f"result:{message.tool_call_id}"]
        else:
            assert message.content.strip() or message.tool_calls, "no wire takes an empty message"
            parts = [*(f"call:{call.id}" for call in message.tool_calls), *(["text"] if message.content else [])]
        if blocks and blocks[-1][0] == side:
            assert side == "user", "an assistant message behind another is a prefill"
            blocks[-1][1].extend(parts)
        else:
            blocks.append((side, parts))
    assert blocks[0][0] == "user"
    calls: list[str] = []
    for side, parts in blocks:
        results = [part.removeprefix("result:") for part in parts if part.startswith("result:")]
        if side == "user":
            assert sorted(results) == sorted(calls)
            assert all(part.startswith("result:") for part in parts[: len(results)])
        calls = [part.removeprefix("call:") for part in parts if part.startswith("call:")]
    ids = [part for _, parts in blocks for part in parts if part.startswith("call:")]
    assert len(ids) == len(set(ids))
