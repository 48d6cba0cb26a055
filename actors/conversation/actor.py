"""The conversation actor: one a session key.

It reads its rows before its mailbox: at each start, and after each nudge, it settles commands and claims turns until
nothing is pending. Idle for a while, it asks to passivate; the transcript stays in the store.
"""

import logging
import time

import trio

from actors.conversation import wording
from actors.conversation.arrivals import Arrivals, Next
from actors.conversation.commands import Commands
from actors.conversation.running import RunningTurn
from actors.conversation.services import Services
from actors.conversation.session import Session
from actors.messages import Look
from actors.runtime import Context
from hermes.errors import HermesError, StoreFull, leaves
from hermes.failpoints import failpoint
from hermes.store.rows import Turn

# Nudges fold into one another, so a handful is enough; a full mailbox means that a look is due anyway.
MAILBOX = 8

# Seconds between two looks at a message that cannot be taken yet: another program's turn ends without telling us, and
# nobody says that no further part of an utterance comes.
BLOCKED_RETRY = 1.0

# Seconds for the store to take a turn back while this actor is stopped, well within its grace.
HAND_BACK_WITHIN = 2.0

# Seconds between two tries to take a turn back whose store was full: no work can be done meanwhile.
FULL_RETRY = 1.0

# Seconds that a conversation of programs stays for what may follow: most are one request, and a busy program would fill
# the house with those that wait for nothing.
UNATTENDED_IDLE = 5.0

log = logging.getLogger(__name__)


async def conversation(
    context: Context[Look],
    services: Services,
    session_key: str,
    always: set[str],
    *,
    task_status: trio.TaskStatus[None],
) -> None:
    """Serve one session key until passivated or cancelled. A turn cut short goes on at the next claim."""
    task_status.started()
    await _Conversation(services, session_key, always).run(context)


class _Conversation:
    """The state of one incarnation."""

    def __init__(self, services: Services, session_key: str, always: set[str]) -> None:
        self._services = services
        self._session_key = session_key
        self._always = always
        self._session = Session(services)
        self._stay = services.settings.idle
        self._begins = True
        self._arrivals = Arrivals(services, session_key, Commands(services, session_key))

    async def run(self, context: Context[Look]) -> None:
        while True:
            blocked = await self._work(context)
            context.detail("waits for the rest of a message, or for another program's turn" if blocked else "")
            if await self._idle(context, blocked=blocked):
                return

    async def _work(self, context: Context[Look]) -> bool:
        """Settle and claim until nothing is pending. True when a message has to wait: for its further parts, or for
        another program's turn."""
        turn = await self._claim()
        # A crash between a write and its nudge leaves an outbox that nobody was told of.
        if self._begins or turn is None:
            self._services.outlets.look_everywhere()
            self._begins = False
        if turn is not None:
            await self._run(turn, context)
        while (oldest := await self._arrivals.next()) is not Next.NOTHING:
            if oldest is Next.MESSAGE:
                turn = await self._claim()
                if turn is None:
                    return True
                await self._run(turn, context)
        return False

    async def _claim(self) -> Turn | None:
        services = self._services
        turn = await services.store.claim(self._session_key, services.owner, time.time(), wording.BURIAL)
        failpoint("turn.after_claim")
        if turn is not None and turn.gave_up:
            # Whose outbox its notice is in, is not known here; a look at an empty one costs a read.
            self._services.outlets.look_everywhere()
        return turn

    async def _run(self, turn: Turn, context: Context[Look]) -> None:
        if not self._services.outlets.platform(turn.rows[-1].event.source).attended:
            self._stay = min(self._stay, UNATTENDED_IDLE)
        context.detail(f"turn {turn.lease.turn_id}")
        try:
            running = RunningTurn(self._services, self._session, turn, self._always)
            await running.run(context.mailbox, lambda: self._arrivals.take(running))
        except BaseException as error:
            causes = {type(leaf) for leaf in leaves(error)} - {trio.Cancelled}
            if not causes:
                await self._hand_back(turn)
            elif causes == {StoreFull}:
                context.detail("waits for room on the disk")
                await self._hand_back_when_there_is_room(turn)
            raise
        context.detail("")

    async def _hand_back_when_there_is_room(self, turn: Turn) -> None:
        """A disk that was full is no failed attempt either. It may be so again at the next write, over and over."""
        while True:
            if await self._hand_back(turn):
                return
            await trio.sleep(FULL_RETRY)

    async def _hand_back(self, turn: Turn) -> bool:
        """An orderly end is no failed attempt at the turn: only crashes count towards its poison.

        A turn that has ended already, or whose lease is lost, is left as it is by the store. False: the store is full.
        """
        with trio.CancelScope(shield=True, deadline=trio.current_time() + HAND_BACK_WITHIN):
            try:
                await self._services.store.release(turn.lease)
            except StoreFull as error:
                log.debug("turn %s is not handed back yet: %s", turn.lease.turn_id, error)
                return False
            except HermesError as error:
                log.warning("turn %s was not handed back: %s", turn.lease.turn_id, error)
        return True

    async def _idle(self, context: Context[Look], *, blocked: bool) -> bool:
        """Wait for a nudge; True when it is time to go."""
        with trio.move_on_after(BLOCKED_RETRY if blocked else self._stay):
            await context.mailbox.receive()
            return False
        return not blocked and await context.passivate()
