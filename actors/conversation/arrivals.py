"""What arrives for a session: commands, answers and messages, in the order of the inbox, with a turn running or
without.

While a turn runs, commands that may run beside it are carried out at once, answers go to their asks, and a message
does what display.busy_input_mode says: it interrupts the turn (unless it was said before the turn began), waits for
its end, or steers it. An open question in free text takes the next message as its answer, and none that was sent
before it was asked. A message behind a command that waits for the turn's end (/new) is meant for what that begins: it
neither answers nor steers what is before it. The parts of one utterance steer together, once all are there: they are
one message, and half of it in each of two turns would be none.
"""

import time
from enum import Enum, auto
from itertools import groupby
from typing import assert_never

from actors.conversation import outbound, wording
from actors.conversation.commands import Commands
from actors.conversation.running import RunningTurn
from actors.conversation.services import Services
from hermes.agent.commands import Busy, parse
from hermes.agent.turnio import Stopped, StopReason
from hermes.asks import Ask, AskKind
from hermes.events import InboundKind
from hermes.store.rows import InboxRow


class Next(Enum):
    """What the oldest pending row was."""

    NOTHING = auto()
    SETTLED = auto()
    MESSAGE = auto()
    """It is still pending: claim it."""


class Arrivals:
    """Reads the pending rows of one session and deals with each."""

    def __init__(self, services: Services, session_key: str, commands: Commands) -> None:
        self._services = services
        self._session_key = session_key
        self._commands = commands

    async def take(self, running: RunningTurn) -> None:
        """Deal with what is pending while a turn runs; what has to wait stays pending."""
        command_waits = False
        steering: list[InboxRow] = []
        for row in await self._services.store.pending(self._session_key):
            if running.finished:
                return
            command_waits = command_waits or _waits(row)
            await self._while_running(row, running, steering, meant_here=not command_waits)
        await self._steer(steering, running)

    async def _steer(self, rows: list[InboxRow], running: RunningTurn) -> None:
        for _, parts in groupby(_together(rows), key=_utterance):
            message = tuple(parts)
            if running.finished:
                return
            if further := _may_grow_for(message[-1]):
                # What was said after it waits behind it.
                running.look_again(further)
                return
            await running.steer(*message)

    async def next(self) -> Next:
        """With no turn running: look at the oldest pending row, and settle it unless it is a message."""
        rows = await self._services.store.pending(self._session_key)
        if not rows:
            return Next.NOTHING
        row = rows[0]
        match row.event.kind:
            case InboundKind.MESSAGE | InboundKind.EDIT | InboundKind.EVENT:
                return Next.MESSAGE
            case InboundKind.ANSWER:
                await self._too_late(row)
            case InboundKind.COMMAND:
                await self._commands.carry_out(row, None)
            case _:
                assert_never(row.event.kind)
        return Next.SETTLED

    async def _while_running(
        self, row: InboxRow, running: RunningTurn, steering: list[InboxRow], *, meant_here: bool
    ) -> None:
        """``steering`` takes what is to steer the turn."""
        match row.event.kind:
            case InboundKind.COMMAND:
                if not _waits(row):
                    await self._commands.carry_out(row, running)
            case InboundKind.ANSWER:
                await self._answer(row, running)
            case InboundKind.MESSAGE | InboundKind.EDIT:
                await self._message(row, running, steering, meant_here=meant_here)
            case InboundKind.EVENT:
                return  # nobody said it, so that it neither interrupts nor answers: it waits for its own turn
            case _:
                assert_never(row.event.kind)

    async def _answer(self, row: InboxRow, running: RunningTurn) -> None:
        ask = running.ask(row.event.ask_id) if row.event.ask_id else running.oldest_ask()
        if ask is None:
            await self._too_late(row)
        else:
            await running.answer(row, ask, row.event.text)

    async def _too_late(self, row: InboxRow) -> None:
        await self._services.store.settle(row.id, (outbound.notice(row, wording.TOO_LATE),), time.time())
        self._services.outlets.look(row.event.source)

    async def _message(
        self, row: InboxRow, running: RunningTurn, steering: list[InboxRow], *, meant_here: bool
    ) -> None:
        ask = running.oldest_ask()
        if meant_here and ask and _can_answer(row, ask) and await running.answer(row, ask, row.event.text):
            return
        if not self._services.outlets.platform(row.event.source).attended:
            return  # it stays pending until this turn is over
        match self._services.settings.busy_input_mode:
            case "interrupt" if _said_at(row) >= running.since:
                await running.feed(Stopped(StopReason.INTERRUPT))
            case "steer" if meant_here:
                steering.append(row)
            case _:
                return  # it stays pending until this turn is over


def _waits(row: InboxRow) -> bool:
    """Whether it is a command for which a running turn has to end first."""
    invocation = parse(row.event.text) if row.event.kind is InboundKind.COMMAND else None
    return invocation is not None and invocation.command.busy is Busy.AFTER


def _utterance(row: InboxRow) -> str:
    """What a row is part of: itself, if nothing else."""
    return row.event.utterance or f"row:{row.id}"


def _together(rows: list[InboxRow]) -> list[InboxRow]:
    """In the order of their first parts."""
    first: dict[str, int] = {}
    for row in rows:
        first.setdefault(_utterance(row), row.id)
    return sorted(rows, key=lambda row: (first[_utterance(row)], row.id))


def _may_grow_for(newest: InboxRow) -> float:
    """Seconds within which a further part may come, as the claim of a turn sees it."""
    since = time.time() - newest.received_at
    return max(0.0, newest.event.more_within - since) if since >= 0.0 else 0.0


def _said_at(row: InboxRow) -> float:
    """What a platform kept for us was said before: it is about no turn that began since."""
    return min(row.received_at, row.event.sent_at or row.received_at)


def _can_answer(row: InboxRow, ask: Ask) -> bool:
    """Whether a message may be the answer in free text: it was sent after the question."""
    return ask.request.kind is AskKind.CLARIFY and row.received_at >= ask.deadline - ask.request.timeout
