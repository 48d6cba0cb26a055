"""The delivery child of a platform: takes the outbox rows of its account to the chat, in order in each chat, chats in
parallel.

Each row is ``sending`` in the store before the first byte leaves, and ``sent`` after the platform said so. What lies
between is the ambiguous window: an incarnation that finds rows there (a crash, a kill) sends them again, under the
same key where the platform knows keys, with a visible mark where it does not. What fails by the world waits with
backoff and holds back its own chat only; what the platform refuses for good ends with its reason.
"""

import logging
import math
import time
from collections.abc import Callable
from random import random

import trio
from attrs import evolve, frozen

from actors.messages import Look
from actors.platform.outlet import DraftBoard
from actors.runtime import Backoff, Context, Mailbox
from actors.runtime.backoff import lower_bound
from adapters.contract import Adapter, Ambiguous, Drafts, Idempotency
from hermes.errors import HermesError, Refused, TransientError
from hermes.events import Draft
from hermes.failpoints import failpoint
from hermes.store.interface import DeliveryLease, OutboxRow, Store

# Chats that are sent to at once; a slow one holds a place, so it is far above what a platform's rate allows.
MAX_SENDS = 64

# Seconds that one send may take before its outcome counts as unknown.
SEND_WITHIN = 60.0

# A nudge says only "look", so one waiting is as good as many.
MAILBOX = 1

# Seconds between two draft updates: quick enough to read along, and a fifth of what a socket costs per delta.
DRAFT_INTERVAL = 0.05

# Seconds that showing one draft may take before it is skipped.
DRAFT_WITHIN = 5.0

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


async def delivery(
    context: Context[Look],
    adapter: Adapter,
    store: Store,
    drafts: DraftBoard,
    redact: Callable[[str], str],
    *,
    task_status: trio.TaskStatus[None],
) -> None:
    """Deliver until cancelled. Raises ``LeaseLost`` when another program took over the account."""
    idempotent = adapter.limits.idempotency is not Idempotency.NONE
    lease = await store.open_delivery(adapter.name, adapter.account, idempotent=idempotent, now=time.time())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_pump_drafts, adapter, drafts, redact)
        task_status.started()
        await _Deliveries(Outgoing(adapter, store, lease), nursery).run(context)


class _Deliveries:
    """The loop of one incarnation: which chats are being sent to, and when to look again."""

    def __init__(self, outgoing: Outgoing, nursery: trio.Nursery) -> None:
        self._out = outgoing
        self._nursery = nursery
        self._busy: set[Chat] = set()
        self._news = trio.Event()
        self._look_at = 0.0
        self._failures: dict[Chat, int] = {}

    async def run(self, context: Context[Look]) -> None:
        self._nursery.start_soon(self._watch, context.mailbox)
        while True:
            self._news = trio.Event()
            await self._start_due()
            context.detail(f"{len(self._busy)} being sent" if self._busy else "")
            with trio.move_on_after(max(0.0, self._look_at - time.time())):
                await self._news.wait()

    async def _watch(self, mailbox: Mailbox[Look]) -> None:
        async for _ in mailbox:
            self._news.set()

    async def _start_due(self) -> None:
        store, lease = self._out.store, self._out.lease
        if room := MAX_SENDS - len(self._busy):
            for row in await store.due(lease, frozenset(self._busy), room, time.time()):
                chat = (row.message.source.chat_id, row.message.source.thread_id)
                self._busy.add(chat)
                self._nursery.start_soon(self._deliver, chat, row)
        if time.time() >= self._look_at:
            self._look_at = await store.next_due(lease) or math.inf

    async def _deliver(self, chat: Chat, row: OutboxRow) -> None:
        """One attempt at one row; its chat is free again afterwards."""
        try:
            failpoint("outbox.before_send")
            if await self._out.store.begin_send(self._out.lease, row.id, time.time()):
                failpoint("outbox.after_begin_send")
                await self._attempt(chat, row)
        finally:
            self._busy.discard(chat)
            self._news.set()

    async def _attempt(self, chat: Chat, row: OutboxRow) -> None:
        store, lease = self._out.store, self._out.lease
        try:
            message_id = await self._send(row)
        except Refused as refusal:
            await self._refused(row, refusal)
        except TransientError as error:
            await self._defer(chat, row, error)
        else:
            failpoint("outbox.after_send")
            await store.sent(lease, row.id, message_id, time.time())
            failpoint("outbox.after_sent")
            self._failures.pop(chat, None)

    async def _send(self, row: OutboxRow) -> str:
        adapter = self._out.adapter
        with trio.move_on_after(SEND_WITHIN):
            if row.message_id:
                receipt = await adapter.edit(row.message, row.message_id)
            else:
                marked = row.ambiguous and adapter.limits.idempotency is Idempotency.NONE
                receipt = await adapter.send(row.message, marked=marked)
            return receipt.message_id
        raise Ambiguous(f"{adapter.name} did not answer within {SEND_WITHIN:g} s")

    async def _refused(self, row: OutboxRow, refusal: Refused) -> None:
        if row.message_id:
            await self._out.store.resend_anew(self._out.lease, row.id)
        else:
            await self._out.store.refuse(self._out.lease, row.id, str(refusal), time.time())

    async def _defer(self, chat: Chat, row: OutboxRow, error: TransientError) -> None:
        attempt = self._failures[chat] = self._failures.get(chat, -1) + 1
        not_before = time.time() + max(RETRY.delay(attempt, random), lower_bound(error))
        unknown = isinstance(error, Ambiguous) and not row.message_id
        await self._out.store.defer(
            self._out.lease, row.id, not_before=not_before, ambiguous=unknown or row.ambiguous, reason=str(error)
        )
        self._look_at = min(self._look_at, not_before)


async def _pump_drafts(adapter: Adapter, drafts: DraftBoard, redact: Callable[[str], str]) -> None:
    if adapter.limits.drafts is not Drafts.EPHEMERAL:
        return
    while True:
        for draft in await drafts.take():
            with trio.move_on_after(DRAFT_WITHIN):
                await _show(adapter, evolve(draft, text=redact(draft.text), tool=redact(draft.tool)))
        await trio.sleep(DRAFT_INTERVAL)


async def _show(adapter: Adapter, draft: Draft) -> None:
    try:
        await adapter.show_draft(draft)
    except HermesError as error:
        log.debug("%s: a draft was skipped: %s", adapter.name, error)
