"""The store as the rest of the program holds it: hermes/store/interface.py over SQLite.

Rules:

1. A write goes through ``Commit``, a read through ``Readers``. Neither blocks the event loop.
2. Every write may be repeated, so ``ActorCrashed`` (its outcome is unknown) is answered by the same write again,
   until ``WRITE_DEADLINE``. What a repetition must recognise itself by is minted here, once a call.
"""

import logging
import secrets
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import trio

from hermes.asks import Ask
from hermes.errors import ActorCrashed, HermesError, Unavailable
from hermes.events import Inbound, Outbound
from hermes.flock import is_free
from hermes.home_channel import HomeChannel
from hermes.messages import Message, Usage
from hermes.spending import Caps, ModelCall, Spent
from hermes.store.background_interface import BackgroundRecord
from hermes.store.compose import compose
from hermes.store.compression_interface import Compression, ModelContext
from hermes.store.engine.readers import Readers
from hermes.store.engine.writers import Commit
from hermes.store.found import Found, Reach
from hermes.store.interface import Store
from hermes.store.refusal import Refusal
from hermes.store.requests import Beginning, Progress, Response
from hermes.store.rows import (
    Accepted,
    AnswerResult,
    Burial,
    Counts,
    DeliveryLease,
    InboxRow,
    Lease,
    OutboxRow,
    SessionInfo,
    Transcript,
    Turn,
    TurnOutcome,
)
from hermes.store.tables import (
    acceptance,
    asks,
    background,
    claims,
    compressions,
    delivery,
    drafts,
    exchanges,
    files,
    homes,
    inbox,
    leases,
    maintenance,
    messages,
    owners,
    progress,
    responses,
    search,
    session_state,
    sessions,
    spending,
    transcript,
    turns,
)

WRITE_DEADLINE = 30.0
"""Seconds for one write, repetitions included: a crashed store is back within a few, and a stuck one is no caller's
matter."""

TAKE_BACK_WITHIN = 2.0
"""Seconds to take back a claim that was given up, well within the grace of whoever made it."""

REPEAT_PAUSE = 0.05
"""Seconds before a write is repeated: the supervisor starts the store anew meanwhile."""

T = TypeVar("T")

log = logging.getLogger(__name__)


class SqliteStore(Store):
    """``run_folder`` is HERMES_HOME/run, where the owners' locks lie. What a chat shows of a call passes ``redact``."""

    def __init__(
        self,
        commit: Commit,
        readers: Readers,
        *,
        run_folder: Path,
        compose: claims.Compose = compose,
        redact: transcript.Redact = transcript.as_it_is,
    ) -> None:
        self._commit = commit
        self._readers = readers
        self._run_folder = run_folder
        self._compose = compose
        self._redact = redact

    async def _write(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Raises ``Unavailable`` after ``WRITE_DEADLINE``. Cancelled: the outcome is unknown."""
        with trio.move_on_after(WRITE_DEADLINE):
            while True:
                try:
                    return await self._commit(operation)
                except ActorCrashed:
                    await trio.sleep(REPEAT_PAUSE)
        raise Unavailable(f"the store did not write within {WRITE_DEADLINE:.0f} s")

    def _is_free(self, owner: str) -> bool:
        return is_free(owners.lock_path(self._run_folder, owner))

    async def accept(self, event: Inbound, now: float, beginning: Beginning | None = None) -> Accepted:
        salt = secrets.token_hex(8) if beginning else ""
        return await self._write(lambda connection: acceptance.accept(connection, event, now, beginning, salt))

    async def progress(self, platform: str, account: str, event_id: str) -> Progress | None:
        return await self._readers.read(lambda connection: progress.progress(connection, platform, account, event_id))

    async def session_key(self, session_id: str, platform: str) -> str | None:
        return await self._readers.read(lambda connection: sessions.key_of(connection, session_id, platform))

    async def pending(self, session_key: str) -> tuple[InboxRow, ...]:
        return await self._readers.read(lambda connection: inbox.pending(connection, session_key))

    async def unfinished(self, platform: str, account: str) -> tuple[str, ...]:
        return await self._readers.read(lambda connection: inbox.unfinished(connection, platform, account))

    async def await_files(self, platform: str, account: str, within: float, now: float) -> tuple[Inbound, ...]:
        return await self._write(lambda connection: files.await_anew(connection, platform, account, within, now))

    async def claim(self, session_key: str, owner: str, now: float, burial: Burial) -> Turn | None:
        claimant = claims.Claimant(owner, secrets.token_hex(8), self._compose, self._is_free)
        try:
            return await self._write(lambda connection: claims.claim(connection, session_key, claimant, burial, now))
        except trio.Cancelled:
            await self._take_claim_back(claimant.claim_id)
            raise

    async def _take_claim_back(self, claim_id: str) -> None:
        """Perhaps it was made all the same. Nobody works on it, so it must not count towards the turn's poison."""
        with trio.CancelScope(shield=True, deadline=trio.current_time() + TAKE_BACK_WITHIN):
            try:
                await self._write(lambda connection: leases.release_claim(connection, claim_id))
            except HermesError as error:
                log.warning("a claim that nobody waits for was not taken back: %s", error)

    async def keep_response(self, response: Response, now: float) -> None:
        await self._write(lambda connection: responses.keep(connection, response, now))

    async def use_response(self, response_id: str, now: float) -> Response | None:
        return await self._write(lambda connection: responses.use(connection, response_id, now))

    async def drop_response(self, response_id: str) -> None:
        await self._write(lambda connection: responses.drop(connection, response_id))

    async def join(self, lease: Lease, row_id: int, message: Message, now: float) -> bool:
        join_id = secrets.token_hex(8)
        return await self._write(lambda connection: turns.join(connection, lease, row_id, message, join_id, now))

    async def append(
        self, lease: Lease, position: int, messages: tuple[Message, ...], usage: Usage, now: float
    ) -> None:
        await self._write(
            lambda connection: turns.append(connection, lease, position, messages, usage, now, self._redact)
        )

    async def start_call(self, lease: Lease, call_id: str, name: str, now: float) -> None:
        await self._write(lambda connection: turns.start_call(connection, lease, call_id, name, now))

    async def open_ask(self, lease: Lease, ask: Ask, message: Outbound, now: float) -> None:
        await self._write(lambda connection: asks.open_ask(connection, lease, ask, message, now))

    async def answer_ask(self, row_id: int, ask_id: str, answer: str, too_late: Outbound, now: float) -> AnswerResult:
        return await self._write(lambda connection: asks.answer_ask(connection, row_id, ask_id, answer, too_late, now))

    async def expire_ask(self, lease: Lease, ask_id: str, now: float) -> bool:
        return await self._write(lambda connection: asks.expire_ask(connection, lease, ask_id, now))

    async def asks(self, turn_id: str) -> tuple[Ask, ...]:
        return await self._readers.read(lambda connection: asks.of_turn(connection, turn_id))

    async def finish(
        self,
        lease: Lease,
        position: int,
        messages: tuple[Message, ...],
        outbox: tuple[Outbound, ...],
        outcome: TurnOutcome,
        usage: Usage,
        now: float,
    ) -> None:
        await self._write(
            lambda connection: turns.finish(connection, lease, position, messages, outbox, outcome, usage, now)
        )

    async def release(self, lease: Lease) -> None:
        await self._write(lambda connection: leases.release_turn(connection, lease))

    async def settle(self, row_id: int, outbox: tuple[Outbound, ...], now: float) -> None:
        await self._write(lambda connection: inbox.settle(connection, row_id, outbox, now))

    async def begin_draft(self, lease: Lease, message: Outbound, now: float) -> int:
        return await self._write(lambda connection: drafts.begin(connection, lease, message, now))

    async def draft_sent(self, lease: Lease, row_id: int, message_id: str, now: float) -> None:
        await self._write(lambda connection: drafts.sent(connection, lease, row_id, message_id))

    async def drop_draft(self, lease: Lease, row_id: int, now: float) -> None:
        await self._write(lambda connection: drafts.drop(connection, lease, row_id))

    async def counts(self) -> Counts:
        return await self._readers.read(maintenance.counts)

    async def under_way(self, platform: str, account: str) -> int:
        return await self._readers.read(partial(maintenance.under_way, platform=platform, account=account))

    async def ping(self) -> None:
        await self._write(maintenance.ping)

    async def ping_readers(self) -> None:
        await self._readers.read(maintenance.ping)

    async def prune(self, now: float) -> int:
        return await self._write(partial(maintenance.prune, now=now))

    async def open_delivery(self, platform: str, account: str, *, idempotent: bool, now: float) -> DeliveryLease:
        return await self._write(
            lambda connection: delivery.open_delivery(connection, platform, account, idempotent=idempotent)
        )

    async def due(
        self, lease: DeliveryLease, busy: frozenset[tuple[str, str]], limit: int, now: float
    ) -> tuple[OutboxRow, ...]:
        return await self._readers.read(lambda connection: delivery.due(connection, lease, busy, limit, now))

    async def next_due(self, lease: DeliveryLease) -> float | None:
        return await self._readers.read(lambda connection: delivery.next_due(connection, lease))

    async def begin_send(self, lease: DeliveryLease, row_id: int, now: float) -> bool:
        return await self._write(lambda connection: delivery.begin_send(connection, lease, row_id, now))

    async def sent(self, lease: DeliveryLease, row_id: int, message_id: str, now: float) -> None:
        await self._write(lambda connection: delivery.sent(connection, lease, row_id, message_id, now))

    async def defer(
        self, lease: DeliveryLease, row_id: int, *, not_before: float, ambiguous: bool, reason: str, now: float
    ) -> None:
        await self._write(
            lambda connection: delivery.defer(
                connection, lease, row_id, not_before=not_before, ambiguous=ambiguous, reason=reason, now=now
            )
        )

    async def refuse(self, lease: DeliveryLease, row_id: int, refusal: Refusal, now: float) -> None:
        await self._write(lambda connection: delivery.refuse(connection, lease, row_id, refusal, now))

    async def resend_anew(self, lease: DeliveryLease, row_id: int) -> None:
        await self._write(lambda connection: delivery.resend_anew(connection, lease, row_id))

    async def current(self, session_key: str) -> SessionInfo | None:
        return await self._readers.read(lambda connection: sessions.current(connection, session_key))

    async def history(self, session_id: str) -> tuple[Message, ...]:
        return await self._readers.read(lambda connection: messages.history(connection, session_id))

    async def model_context(self, session_id: str, turn_id: str) -> ModelContext:
        return await self._readers.read(lambda connection: compressions.model_context(connection, session_id, turn_id))

    async def compress(self, lease: Lease, compression: Compression, usage: Usage, now: float) -> bool:
        return await self._write(lambda connection: compressions.compress(connection, lease, compression, usage, now))

    async def freeze_prompt(self, session_id: str, prompt: str) -> str:
        return await self._write(lambda connection: sessions.freeze_prompt(connection, session_id, prompt))

    async def renew(self, row_id: int, session_key: str, outbox: tuple[Outbound, ...], now: float) -> None:
        await self._write(lambda connection: sessions.renew(connection, row_id, session_key, outbox, now))

    async def resume(self, session_key: str, session_id: str, now: float) -> bool:
        return await self._write(lambda connection: sessions.resume(connection, session_key, session_id, now))

    async def undo(self, row_id: int, session_key: str, undone: Outbound, nothing: Outbound, now: float) -> bool:
        return await self._write(
            lambda connection: exchanges.undo(connection, row_id, session_key, undone, nothing, now)
        )

    async def retry(self, row_id: int, session_key: str, nothing: Outbound, now: float) -> bool:
        return await self._write(lambda connection: exchanges.retry(connection, row_id, session_key, nothing, now))

    async def transcript(self, session_key: str, *, before: int | None = None, limit: int = 200) -> Transcript:
        return await self._readers.read(
            lambda connection: transcript.transcript(connection, session_key, before, limit)
        )

    async def search(self, query: str, reach: Reach, *, limit: int = 10) -> tuple[Found, ...]:
        return await self._readers.read(lambda connection: search.search(connection, query, reach, limit))

    async def recent(self, reach: Reach, *, limit: int = 10) -> tuple[Found, ...]:
        return await self._readers.read(lambda connection: search.recent(connection, reach, limit))

    async def sessions(self, *, source: str | None = None, limit: int = 20) -> tuple[SessionInfo, ...]:
        return await self._readers.read(lambda connection: sessions.listed(connection, source, limit))

    async def get_state(self, session_id: str, key: str) -> str | None:
        return await self._readers.read(lambda connection: session_state.get(connection, session_id, key))

    async def put_state(self, session_id: str, key: str, value: str) -> None:
        await self._write(lambda connection: session_state.put(connection, session_id, key, value))

    async def begin_model_call(self, call: ModelCall, caps: Caps, now: float) -> int:
        return await self._write(lambda connection: spending.begin(connection, call, caps, now))

    async def extend_model_call(self, key: str, had: int, wanted: int, caps: Caps, now: float) -> int:
        return await self._write(lambda connection: spending.extend(connection, key, had, wanted, caps, now))

    async def end_model_call(self, key: str, usage: Usage, now: float) -> None:
        await self._write(lambda connection: spending.end(connection, key, usage, now))

    async def spent(self, session_id: str, turn_id: str, now: float) -> Spent:
        return await self._readers.read(lambda connection: spending.spent(connection, session_id, turn_id, now))

    async def begin_background(self, record: BackgroundRecord) -> None:
        await self._write(lambda connection: background.begin(connection, record))

    async def end_background(self, process_id: str, event: Inbound | None, now: float) -> None:
        await self._write(lambda connection: background.end(connection, process_id, event, now))

    async def left_background(self, owner: str) -> tuple[BackgroundRecord, ...]:
        return await self._readers.read(lambda connection: background.left(connection, owner))

    async def choose_home(self, row_id: int, home: HomeChannel, outbox: tuple[Outbound, ...], now: float) -> None:
        await self._write(lambda connection: homes.choose(connection, row_id, home, outbox, now))

    async def forget_home(self, row_id: int, outbox: tuple[Outbound, ...], now: float) -> None:
        await self._write(lambda connection: homes.forget(connection, row_id, outbox, now))

    async def chosen_home(self, platform: str, account: str) -> HomeChannel | None:
        return await self._readers.read(lambda connection: homes.chosen(connection, platform, account))
