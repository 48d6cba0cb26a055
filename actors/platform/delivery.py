"""The delivery child of a platform: takes the outbox rows of its account to the chat, in order in each chat, chats in
parallel.

1. Each row is ``sending`` in the store before the first byte leaves, and ``sent`` after the platform said so. What lies
   between is the ambiguous window: an incarnation that finds rows there (a crash, a kill) sends them again, under the
   same key where the platform knows keys, with a visible mark where it does not.
2. What fails by the world waits with backoff and holds back its own chat only; what the platform refuses for good ends
   with its reason, which the chat is told in the place of a file. A store that cannot write just now is the world too:
   what was sent is recorded when it can, not sent again.
3. A bug in one send lets the others come to their end before it goes up. Only the row that crashed is blamed for it,
   and an orderly stop is held against none. It lets what is being sent come to its end, for ``SEND_GRACE`` seconds.
4. A nudge says "look"; the sweep finds what nobody was told of.
"""

import logging
import math
import time
from collections.abc import Awaitable, Callable
from functools import partial
from random import random

import trio
from attrs import frozen

from actors.grace import with_grace
from actors.messages import Look
from actors.platform.drafts import DraftBoard, show_drafts
from actors.platform.homeward import FindHome, Homeward, no_home
from actors.platform.late import LateEdits
from actors.runtime import Backoff, Context, Mailbox
from actors.runtime.backoff import lower_bound
from adapters.contract import Adapter, Ambiguous, Idempotency
from hermes.errors import AuthError, HermesError, Refused, TransientError, Unavailable
from hermes.failpoints import failpoint
from hermes.redact import Redactor
from hermes.store.interface import Store
from hermes.store.refusal import Refusal
from hermes.store.rows import DeliveryLease, OutboxRow

# Chats that are sent to at once; a slow one holds a place, so it is far above what a platform's rate allows.
MAX_SENDS = 64

# Seconds that one send may take before its outcome counts as unknown.
SEND_WITHIN = 60.0

# The same for a file: 50 MB on a slow line, as adapters take them, and the server's time with a film.
SEND_FILE_WITHIN = 420.0

# A nudge says only "look", so one waiting is as good as many.
MAILBOX = 1

# Seconds between two looks at the outbox without a nudge: whoever wrote into it may have crashed before the nudge.
SWEEP = 30.0

# Seconds between two looks where the time of a row has come and there is no free place for it.
MIN_PAUSE = 0.25

# Seconds for the other sends to end before a bug in one goes up; most take less than one.
SETTLE_WITHIN = 5.0

# Seconds that a send under way has left when this actor is stopped: most take less than one. What is cut off may stand
# in the chat, and is sent again with a mark.
SEND_GRACE = 2.0

# Seconds for the store to record what became of a send while this actor is stopped, within its grace by ``SEND_GRACE``
# and this.
RECORD_WITHIN = 2.0

# Backoff of one row whose send failed by the world.
RETRY = Backoff(first=0.5, cap=5.0)

Chat = tuple[str, str]

log = logging.getLogger(__name__)


@frozen
class Outgoing:
    """What the sends of one incarnation share."""

    adapter: Adapter
    store: Store
    lease: DeliveryLease
    homeward: Homeward
    late: LateEdits


def not_sent(row: OutboxRow, refusal: Refused, length: int) -> str:
    """What a chat reads in the place of a file, in one line of at most ``length`` characters."""
    said = "was not sent" if not row.ambiguous else "may have been sent, and cannot be sent again"
    line = f"[The file `{row.message.file}` {said}: {' '.join(str(refusal).split())}]"
    # In UTF-16 units, which a platform may count, a character takes up to two.
    return line if len(line) <= length // 2 else f"{line[: length // 2 - 2]}…]"


async def delivery(
    context: Context[Look],
    adapter: Adapter,
    store: Store,
    drafts: DraftBoard,
    late: LateEdits,
    redactor: Redactor,
    home: FindHome = no_home,
    *,
    task_status: trio.TaskStatus[None],
) -> None:
    """Deliver until cancelled. Raises ``LeaseLost`` when another program took over the account."""
    idempotent = adapter.limits.idempotency is not Idempotency.NONE
    lease = await store.open_delivery(adapter.name, adapter.account, idempotent=idempotent, now=time.time())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(show_drafts, adapter, drafts, redactor)
        task_status.started()
        outgoing = Outgoing(adapter, store, lease, Homeward(home, adapter.limits), late)
        await _Deliveries(outgoing, nursery, drafts).run(context)


class _Deliveries:
    """The loop of one incarnation: which chats are being sent to, and when to look again."""

    def __init__(self, outgoing: Outgoing, nursery: trio.Nursery, drafts: DraftBoard) -> None:
        self._out = outgoing
        self._nursery = nursery
        self._drafts = drafts
        self._busy: set[Chat] = set()
        self._news = trio.Event()
        self._look_at = 0.0
        self._failures: dict[Chat, int] = {}
        """Failures in a row of the chats that wait for another try."""
        self._bug: Exception | None = None

    async def run(self, context: Context[Look]) -> None:
        self._nursery.start_soon(self._watch, context.mailbox)
        try:
            while self._bug is None:
                self._news = trio.Event()
                await self._start_due()
                context.detail(", ".join(filter(None, (self._summary(), self._drafts.off))))
                with trio.move_on_after(min(SWEEP, max(MIN_PAUSE, self._look_at - time.time()))):
                    await self._news.wait()
            raise self._bug
        except Exception:
            await self._let_others_end()
            raise

    def _summary(self) -> str:
        return f"{len(self._busy)} being sent" if self._busy else ""

    async def _let_others_end(self) -> None:
        with trio.move_on_after(SETTLE_WITHIN):
            while self._busy:
                self._news = trio.Event()
                await self._news.wait()

    async def _watch(self, mailbox: Mailbox[Look]) -> None:
        async for _ in mailbox:
            self._news.set()

    async def _start_due(self) -> None:
        store, lease = self._out.store, self._out.lease
        try:
            if room := MAX_SENDS - len(self._busy):
                for row in await store.due(lease, frozenset(self._busy), room, time.time()):
                    chat = (row.message.source.chat_id, row.message.source.thread_id)
                    self._busy.add(chat)
                    self._nursery.start_soon(self._deliver, chat, row)
            if time.time() >= self._look_at:
                self._look_at = await store.next_due(lease) or math.inf
        except (TransientError, Unavailable) as error:
            log.warning("%s: the outbox cannot be read just now: %s", self._out.adapter.name, error)
            self._look_at = time.time() + RETRY.cap

    async def _deliver(self, chat: Chat, row: OutboxRow) -> None:
        """One attempt at one row; its chat is free again afterwards. A bug is kept for ``run`` to raise.

        Cancelled: a send under way has ``SEND_GRACE`` seconds to end.
        """
        try:
            failpoint("outbox.before_send")
            if await self._begin(row):
                failpoint("outbox.after_begin_send")
                await with_grace(SEND_GRACE, partial(self._attempt, chat, row))
        except Exception as bug:
            self._bug = self._bug or bug
        finally:
            self._busy.discard(chat)
            self._news.set()

    async def _begin(self, row: OutboxRow) -> bool:
        """False when it is not to be sent. Waits for a store that does not say: what it wrote all the same is begun."""
        try:
            while True:
                try:
                    return await self._out.store.begin_send(self._out.lease, row.id, time.time())
                except (TransientError, Unavailable) as error:
                    log.warning("%s: row %d waits for the store: %s", self._out.adapter.name, row.id, error)
                    await trio.sleep(RETRY.cap)
        except trio.Cancelled:
            await self._hand_back(row, ambiguous=False)
            raise

    async def _attempt(self, chat: Chat, row: OutboxRow) -> None:
        store, lease = self._out.store, self._out.lease
        try:
            message_id = await self._send(row)
        except Refused as refusal:
            await self._record(partial(self._refuse, row, refusal))
            self._failures.pop(chat, None)
        except TransientError as error:
            await self._defer(chat, row, error)
        except AuthError as error:
            # It was certainly not sent; up it goes, since a person has to mend it.
            await self._defer(chat, row, error)
            raise
        except trio.Cancelled:
            await self._hand_back(row, ambiguous=True)
            raise
        else:
            failpoint("outbox.after_send")
            await self._record(lambda: store.sent(lease, row.id, message_id, time.time()))
            failpoint("outbox.after_sent")
            self._failures.pop(chat, None)

    async def _send(self, row: OutboxRow) -> str:
        adapter = self._out.adapter
        within = SEND_FILE_WITHIN if row.message.file else SEND_WITHIN
        with trio.move_on_after(within):
            if row.message_id:
                place = (row.message.source.chat_id, row.message_id)
                receipt = await self._out.late.settle(place, partial(adapter.edit, row.message, row.message_id))
            else:
                marked = row.ambiguous and adapter.limits.idempotency is Idempotency.NONE
                receipt = await adapter.send(row.message, marked=marked)
            return receipt.message_id
        raise Ambiguous(f"{adapter.name} did not answer within {within:g} s")

    async def _record(self, write: Callable[[], Awaitable[None]]) -> None:
        """Make durable what became of a send, however long the store takes; its chat waits for that.

        Cancelled: ``RECORD_WITHIN`` seconds more, then the row is found as being sent.
        """
        with trio.CancelScope(shield=True, deadline=trio.current_time() + RECORD_WITHIN):
            if await self._wrote(write):
                return
        attempt = 0
        while True:
            await trio.sleep(RETRY.delay(attempt, random))
            if await self._wrote(write):
                return
            attempt += 1

    async def _wrote(self, write: Callable[[], Awaitable[None]]) -> bool:
        try:
            await write()
        except (TransientError, Unavailable) as error:
            log.warning("%s: a send is not recorded yet: %s", self._out.adapter.name, error)
            return False
        return True

    async def _refuse(self, row: OutboxRow, refusal: Refused) -> None:
        if row.message_id:
            await self._out.store.resend_anew(self._out.lease, row.id)
        else:
            length = self._out.adapter.limits.message_length
            refused = Refusal(
                str(refusal),
                instead=not_sent(row, refusal, length) if row.message.file else "",
                elsewhere=await self._out.homeward.brought(row, refusal),
            )
            await self._out.store.refuse(self._out.lease, row.id, refused, time.time())

    async def _defer(self, chat: Chat, row: OutboxRow, error: TransientError | AuthError) -> None:
        attempt = self._failures[chat] = self._failures.get(chat, -1) + 1
        now = time.time()
        not_before = now + max(RETRY.delay(attempt, random), lower_bound(error))
        unknown = isinstance(error, Ambiguous) and not row.message_id
        await self._record(
            lambda: self._out.store.defer(
                self._out.lease,
                row.id,
                not_before=not_before,
                ambiguous=unknown or row.ambiguous,
                reason=str(error),
                now=now,
            )
        )
        self._look_at = min(self._look_at, not_before)

    async def _hand_back(self, row: OutboxRow, *, ambiguous: bool) -> None:
        """Cut short in good order: no attempt is held against its row. ``ambiguous``: it may have been sent."""
        with trio.CancelScope(shield=True, deadline=trio.current_time() + RECORD_WITHIN):
            try:
                await self._out.store.defer(
                    self._out.lease,
                    row.id,
                    not_before=0.0,
                    ambiguous=ambiguous,
                    reason="cut short by an orderly end",
                    now=time.time(),
                )
            except HermesError as error:
                log.warning("%s: row %d was not handed back: %s", self._out.adapter.name, row.id, error)
