"""Runs one turn: feeds the turn machine and performs its effects, in order.

Rules:

1. Effects are performed one after another by one task; model calls and tools run in tasks of their own and come back
   as events (work.py).
2. What arrives meanwhile (commands, answers, new messages) is read from the inbox at the start and at each nudge; the
   nudge itself says nothing.
3. The turn ends with ``Finish``, or with a crash or cancellation that leaves it running in the journal for the next
   claim.
"""

import math
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import assert_never

import trio
from attrs import evolve

from actors.conversation import outbound, wording
from actors.conversation.growing import Growing
from actors.conversation.model_call import ModelCalls
from actors.conversation.model_step import ModelStep
from actors.conversation.services import Services
from actors.conversation.session import Session
from actors.conversation.tool_call import ToolCalls
from actors.conversation.turn_requests import TurnRequests
from actors.conversation.work import Emit, Work
from actors.messages import Look
from actors.runtime import Mailbox
from hermes import media_lines
from hermes.agent import unattended
from hermes.agent.endings import paragraphs
from hermes.agent.turn import TurnMachine
from hermes.agent.turnio import (
    AskAnswered,
    AskExpired,
    AskPerson,
    CallModel,
    CancelWork,
    Finish,
    Join,
    Persist,
    PlannedCall,
    RunTools,
    ShowDraft,
    Steered,
    TurnEffect,
    TurnEvent,
)
from hermes.asks import Ask
from hermes.errors import LeaseLost
from hermes.events import DraftState, Outbound, Verdict
from hermes.failpoints import failpoint
from hermes.messages import Message, Role
from hermes.store.compose import compose
from hermes.store.rows import AnswerResult, InboxRow, Turn, TurnOutcome

# Seconds between two looks at a question's deadline.
MIN_EXPIRY_PAUSE = 0.05
MAX_EXPIRY_PAUSE = 30.0

_VERDICTS = {TurnOutcome.DONE: Verdict.ANSWERED, TurnOutcome.FAILED: Verdict.FAILED}


class RunningTurn:
    """One claimed turn, from its claim to its end."""

    def __init__(self, services: Services, session: Session, turn: Turn, always: set[str]) -> None:
        settings = services.settings
        self._services = services
        self._session = session
        self.turn = turn
        self.machine = TurnMachine(
            turn.lease.turn_id,
            turn.messages,
            effects=services.tools.effect_of,
            max_iterations=settings.max_turns,
            started_calls=turn.started_calls,
            asks=turn.asks,
            mint=lambda: secrets.token_hex(8),
            now=time.time,
        )
        self.since = time.time()
        """Messages that came before it do not interrupt it: they wait for their own turn."""
        self._position = len(turn.messages)
        self._tools = ToolCalls(services, turn, always)
        model = ModelCalls(services, turn.lease)
        self._requests = TurnRequests(services, session, turn, model)
        self._step = ModelStep(self._requests, model)
        self._offered: dict[int, InboxRow] = {}
        self._work = Work()
        self._look_due = math.inf
        self._nursery: trio.Nursery | None = None
        platform = services.outlets.platform(turn.rows[-1].event.source)
        self._growing = Growing(services, turn.lease, platform, len(turn.asks))
        self._finished = False
        self._verdict: Verdict | None = None

    async def run(self, mailbox: Mailbox[Look], take_arrivals: Callable[[], Awaitable[None]]) -> None:
        """Run to the end. Cancelled or crashed: the journal holds the turn as far as it came."""
        try:
            async with trio.open_nursery() as self._nursery:
                self._nursery.start_soon(self._watch, mailbox)
                await self._go(take_arrivals)
                self._nursery.cancel_scope.cancel()
        finally:
            self._show(DraftState.ENDED)

    async def _go(self, take_arrivals: Callable[[], Awaitable[None]]) -> None:
        self._show(DraftState.THINKING)
        self._growing.begin(self._running, self._answer)
        await self._perform(self.machine.start())
        for ask in self.machine.open_asks:
            self._running.start_soon(self._expire_later, ask)
        # Before the first nudge: the one for a /stop that waits behind this turn's message may be spent already.
        await take_arrivals()
        while not self._finished:
            event = await self._work.next()
            if isinstance(event, Look):
                await take_arrivals()
            else:
                await self.feed(event)

    async def feed(self, event: TurnEvent) -> None:
        """Give the machine one event and perform what it asks for. After the end it is a no-op."""
        if not self._finished:
            await self._perform(self.machine.handle(event))

    @property
    def finished(self) -> bool:
        return self._finished

    def summary(self) -> str:
        """What it is doing, in a few words."""
        return f"{self.machine.state}, model call {self.machine.iterations}, {time.time() - self.since:.0f} s"

    def ask(self, ask_id: str) -> Ask | None:
        """An open question of this turn."""
        return next((ask for ask in self.machine.open_asks if ask.id == ask_id), None)

    def oldest_ask(self) -> Ask | None:
        """The question that has waited longest."""
        return min(self.machine.open_asks, key=lambda ask: ask.deadline, default=None)

    async def _watch(self, mailbox: Mailbox[Look]) -> None:
        async for _ in mailbox:
            await self._work.look()

    async def _perform(self, effects: list[TurnEffect]) -> None:
        for effect in effects:
            await self._perform_one(effect)

    async def _perform_one(self, effect: TurnEffect) -> None:
        match effect:
            case Persist():
                await self._persist(effect)
            case Join():
                await self._join(effect)
            case AskPerson(ask=ask):
                await self._ask(ask)
            case Finish():
                await self._finish(effect)
            case CallModel() | RunTools() | ShowDraft() | CancelWork():
                self._act(effect)
            case _:
                assert_never(effect)

    def _act(self, effect: CallModel | RunTools | ShowDraft | CancelWork) -> None:
        """What needs no journal and is not waited for."""
        match effect:
            case CallModel(final=final):
                self._work.start(self._running, self._call_model, final)
            case RunTools(calls=calls):
                self._show(DraftState.TOOL, tool=", ".join(self._preview(planned) for planned in calls))
                for planned in calls:
                    self._work.start(self._running, self._run_tool, planned)
            case ShowDraft(text=text):
                self._show(DraftState.WRITING, text=text)
                self._growing.show(text)
            case CancelWork():
                self._work.cancel()
            case _:
                assert_never(effect)

    async def _persist(self, effect: Persist) -> None:
        store, lease = self._services.store, self.turn.lease
        await store.append(lease, self._position, self._redacted(effect.messages), effect.usage, time.time())
        self._position += len(effect.messages)
        failpoint("turn.after_append")

    def _redacted(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """What a model said, as the transcript keeps it. Results come redacted; a call must run as it was made."""
        return tuple(self._redact(message) if message.role is Role.ASSISTANT else message for message in messages)

    def _redact(self, message: Message) -> Message:
        redact = self._services.redactor.redact
        # Thoughts are signed, so one with a secret in it cannot be kept in part.
        details = message.reasoning_details if redact(message.reasoning_details) == message.reasoning_details else ""
        return evolve(
            message, content=redact(message.content), reasoning=redact(message.reasoning), reasoning_details=details
        )

    async def steer(self, *parts: InboxRow) -> None:
        """Offer a message to the turn; one that finds no place in it stays pending, as a whole, for the next one."""
        offered = [row for row in parts if row.id not in self._offered]
        if len(offered) > self.machine.steering_room:
            return
        for row in offered:
            self._offered[row.id] = row
            await self.feed(Steered(row.id, compose((row,), time.time())))

    def look_again(self, within: float) -> None:
        """Have a look at what arrived in so many seconds, if none is due before."""
        due = trio.current_time() + within
        if due < self._look_due:
            self._look_due = due
            self._running.start_soon(self._look_later, due)

    async def _look_later(self, due: float) -> None:
        await trio.sleep_until(due)
        self._look_due = math.inf
        await self._work.look()

    async def _join(self, effect: Join) -> None:
        if not await self._services.store.join(self.turn.lease, effect.row_id, effect.message, time.time()):
            raise LeaseLost(f"inbox row {effect.row_id} was taken by another turn: begin anew from the journal")
        self._position += 1
        self.turn = evolve(self.turn, rows=(*self.turn.rows, self._offered.pop(effect.row_id)))

    async def _finish(self, effect: Finish) -> None:
        source = self.turn.rows[-1].event.source
        platform = self._services.outlets.platform(source)
        notes = (self._requests.note, "" if platform.attended else unattended.note(self.machine.messages))
        text = self._services.redactor.redact(paragraphs(effect.text, *notes) if effect.text else "")
        if platform.files and media_lines.begins_with_file(text):
            # What was shown so far was said before the file, and stays.
            await self._growing.leave()
        else:
            await self._growing.end()
        out = outbound.answers(
            self.turn,
            text,
            platform.message_length,
            utf16=platform.utf16,
            version=self._growing.version,
            files=platform.files,
        )
        failpoint("turn.before_finish")
        await self._services.store.finish(
            self.turn.lease,
            self._position,
            self._redacted(effect.messages),
            out,
            effect.outcome,
            effect.usage,
            time.time(),
        )
        self._finished = True
        self._verdict = _VERDICTS.get(effect.outcome, Verdict.DROPPED)
        failpoint("turn.after_finish")
        self._services.outlets.look(source)

    def _answer(self, text: str, version: int, part: int) -> Outbound:
        return outbound.answer(self.turn, text, version, part)

    async def _ask(self, ask: Ask) -> None:
        await self._growing.leave()
        self._growing.begin(self._running, self._answer)
        platform = self._services.outlets.platform(self.turn.rows[-1].event.source)
        # In UTF-16 units a character may count twice.
        room = platform.message_length // 2 if platform.utf16 else platform.message_length
        question = outbound.question(self.turn, self._shown(ask), room)
        await self._services.store.open_ask(self.turn.lease, ask, question, time.time())
        failpoint("ask.after_open")
        self._show(DraftState.WAITING)
        self._services.outlets.look(self.turn.rows[-1].event.source)
        self._running.start_soon(self._expire_later, ask)

    def _shown(self, ask: Ask) -> Ask:
        """Redacted before it is cut: half a secret is not recognised."""
        redact, request = self._services.redactor.redact, ask.request
        return evolve(ask, request=evolve(request, question=redact(request.question), subject=redact(request.subject)))

    async def answer(self, row: InboxRow, ask: Ask, text: str) -> bool:
        """Answer an ask of this turn by an inbox row; False when somebody, or its deadline, was quicker."""
        late = outbound.notice(row, wording.TOO_LATE)
        result = await self._services.store.answer_ask(row.id, ask.id, text, late, time.time())
        failpoint("ask.after_answer")
        if result is AnswerResult.TAKEN:
            await self.feed(AskAnswered(ask.id, text))
            return True
        self._services.outlets.look(row.event.source)
        return False

    async def _expire_later(self, ask: Ask) -> None:
        """The deadline is the wall clock's, which may be set and goes on while the machine sleeps: look again."""
        while self.ask(ask.id) is not None:
            await trio.sleep(min(MAX_EXPIRY_PAUSE, max(MIN_EXPIRY_PAUSE, ask.deadline - time.time())))
            if await self._services.store.expire_ask(self.turn.lease, ask.id, time.time()):
                await self._work.say(AskExpired(ask.id))
                return

    async def _call_model(self, emit: Emit, final: bool) -> None:
        await self._step.run(emit, self._show, self.machine.messages, final=final)

    async def _run_tool(self, emit: Emit, planned: PlannedCall) -> None:
        await self._tools.run(planned, time.time(), emit)

    @property
    def _running(self) -> trio.Nursery:
        assert self._nursery is not None, "only while run() is running"
        return self._nursery

    def _show(self, state: DraftState, *, text: str = "", tool: str = "") -> None:
        self._services.outlets.show(outbound.draft(self.turn, state, text, tool, self._verdict))

    def _preview(self, planned: PlannedCall) -> str:
        """Redacted before it is cut: half a secret is not recognised."""
        redacted = self._services.redactor.redact(f"{planned.call.name} {planned.call.arguments}")
        return wording.shorten(redacted)
