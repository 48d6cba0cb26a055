"""What the rest may ask of the store: the journal (inbox, turns, asks, outbox) and the sessions.

SQLite stands behind it today and a distributed engine may later, so nothing here shows either: every argument and
result is a frozen, serialisable value. Rules:

1. Every write is idempotent (unique keys, fencing tokens, expected states), so a caller that got ``ActorCrashed``
   repeats it.
2. A write that returned is on the disk. One that raised ``StoreFull`` left nothing.
3. ``LeaseLost`` means that a newer token exists: the caller stops without a further write.
4. Times are Unix seconds, passed in by the caller.
"""

from typing import Protocol

from hermes.asks import Ask
from hermes.events import Inbound, Outbound
from hermes.messages import Message, Usage
from hermes.spending import Spending
from hermes.store.background_interface import Background
from hermes.store.compression_interface import Compressions
from hermes.store.found import Found, Reach
from hermes.store.homes_interface import HomeChannels
from hermes.store.refusal import Refusal
from hermes.store.requests import Beginning, Requests
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


class Journal(Protocol):
    """Inbox, turns and asks. All but ``pending`` and ``unfinished`` write."""

    async def accept(self, event: Inbound, now: float, beginning: Beginning | None = None) -> Accepted: ...

    async def pending(self, session_key: str) -> tuple[InboxRow, ...]:
        """Rows that nothing has taken yet, in order, at most 100."""
        ...

    async def unfinished(self, platform: str, account: str) -> tuple[str, ...]:
        """Session keys of the account with pending rows or running turns: what a start has to wake."""
        ...

    async def await_files(self, platform: str, account: str, within: float, now: float) -> tuple[Inbound, ...]:
        """The messages of the account whose files are still to come; see ``Inbound.attachment``.

        A turn that has not begun waits for them anew: ``within`` seconds from now, however long ago they came.
        """
        ...

    async def claim(self, session_key: str, owner: str, now: float, burial: Burial) -> Turn | None:
        """The next turn of a session, leased to the caller: its unfinished one first, else one for the oldest pending
        message.

        Raises ``attempts`` and mints the token in the same transaction. A turn at its third claim, or interrupted for
        longer than ``burial.stale_after``, ends as DEAD with its notice in the outbox, and the next one is looked
        for. A new turn names the oldest pending row when that is a MESSAGE or EDIT (a command or an answer that is
        older is settled first, so that order holds), with those that share its utterance, and puts its user message
        into the transcript; it makes the session when the key has none. None: nothing to claim just now; a turn of
        the same session under another key is running, or further parts of an utterance may come. Cancelled, it
        does not count, whatever had become of it.
        """
        ...

    async def join(self, lease: Lease, row_id: int, message: Message, now: float) -> bool:
        """Steer: name one more pending row in a running turn and append its message. False: it was taken already."""
        ...

    async def append(
        self, lease: Lease, position: int, messages: tuple[Message, ...], usage: Usage, now: float
    ) -> None:
        """Append to the turn's messages, of which there are ``position`` so far.

        A repeated write finds more of them, and is a no-op.
        """
        ...

    async def start_call(self, lease: Lease, call_id: str, name: str, now: float) -> None:
        """Record an effectful call before it runs."""
        ...

    async def open_ask(self, lease: Lease, ask: Ask, message: Outbound, now: float) -> None:
        """Journal a question and put it into the outbox. Its call has not run: a record of its start is dropped."""
        ...

    async def answer_ask(self, row_id: int, ask_id: str, answer: str, too_late: Outbound, now: float) -> AnswerResult:
        """Answer an ask by an inbox row, which is done with it. Unless TAKEN, ``too_late`` goes to the outbox.

        A MESSAGE or EDIT that is not TAKEN stays pending, and nothing goes out: it is the next turn's.
        An empty ``ask_id`` means the oldest open ask of the row's session.
        """
        ...

    async def expire_ask(self, lease: Lease, ask_id: str, now: float) -> bool:
        """True when it was open and its time had come; an answer may have been quicker."""
        ...

    async def asks(self, turn_id: str) -> tuple[Ask, ...]: ...

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
        """End a turn in one transaction: last messages, outbox rows, its inbox rows done, its open asks withdrawn.

        An outbox message whose key stands in the outbox as this turn's draft takes that row's place.
        """
        ...

    async def release(self, lease: Lease) -> None:
        """Hand a running turn back in good order, so that this claim does not count towards its poison.

        The lease is lost by it, which makes a repetition a no-op. The next claim goes on with the turn.
        """
        ...

    async def settle(self, row_id: int, outbox: tuple[Outbound, ...], now: float) -> None:
        """An inbox row that needed no turn (a command) is done, and its output goes out."""
        ...

    async def begin_draft(self, lease: Lease, message: Outbound, now: float) -> int:
        """The row, already ``sending``, of a streamed draft's first send.

        Raises ``Refused`` when an earlier claim of the turn left a draft open: the answer will complete that one; and
        ``Unavailable`` while older messages of its chat wait to be sent.
        """
        ...

    async def draft_sent(self, lease: Lease, row_id: int, message_id: str, now: float) -> None: ...

    async def drop_draft(self, lease: Lease, row_id: int, now: float) -> None:
        """A draft's first send certainly did not arrive: its row is gone, and the answer is a message of its own."""
        ...

    async def counts(self) -> Counts: ...

    async def under_way(self, platform: str, account: str) -> int:
        """Turns that run and wait for nobody, and unsent messages, of one account: what an orderly end waits for."""
        ...

    async def ping(self) -> None:
        """Go the way of a write, through the writer to the file, and change nothing: it hangs where a write would."""
        ...

    async def ping_readers(self) -> None:
        """Go the way of a read, and bring nothing: it hangs where every read would."""
        ...

    async def prune(self, now: float) -> int:
        """Drop settled inbox and outbox rows older than the platform's redelivery time plus a day; returns how many."""
        ...


class Outbox(Protocol):
    """What delivery does with the rows. ``due`` reads, the rest writes."""

    async def open_delivery(self, platform: str, account: str, *, idempotent: bool, now: float) -> DeliveryLease:
        """Take over an account's sending: an older lease is lost from here on.

        Rows found ``sending`` become pending again where the platform recognises the key, else ambiguous.
        """
        ...

    async def due(
        self, lease: DeliveryLease, busy: frozenset[tuple[str, str]], limit: int, now: float
    ) -> tuple[OutboxRow, ...]:
        """The first unsent row of each chat (chat id, thread id) that is not ``busy`` and whose time has come."""
        ...

    async def next_due(self, lease: DeliveryLease) -> float | None:
        """When the earliest deferred row comes due."""
        ...

    async def begin_send(self, lease: DeliveryLease, row_id: int, now: float) -> bool:
        """``sending`` from here; raises the row's attempts. False: the third without an end fails it instead."""
        ...

    async def sent(self, lease: DeliveryLease, row_id: int, message_id: str, now: float) -> None: ...

    async def defer(
        self, lease: DeliveryLease, row_id: int, *, not_before: float, ambiguous: bool, reason: str, now: float
    ) -> None:
        """Back to waiting after a failure that may pass; the attempts start anew."""
        ...

    async def refuse(self, lease: DeliveryLease, row_id: int, refusal: Refusal, now: float) -> None:
        """The platform will never take it: failed for good, or what ``refusal`` says."""
        ...

    async def resend_anew(self, lease: DeliveryLease, row_id: int) -> None:
        """The draft's message is gone: forget its id and send the row anew, marked."""
        ...


class Sessions(Protocol):
    """Transcripts and what belongs to them."""

    async def current(self, session_key: str) -> SessionInfo | None: ...

    async def history(self, session_id: str) -> tuple[Message, ...]:
        """All that was said, in order, without hidden messages; what a model is told of it is ``model_context``."""
        ...

    async def freeze_prompt(self, session_id: str, prompt: str) -> str:
        """Keep ``prompt`` as the session's system prompt unless it has one; returns the one that counts."""
        ...

    async def renew(self, row_id: int, session_key: str, outbox: tuple[Outbound, ...], now: float) -> None:
        """/new: end the key's session, settle the row; the next claim makes a new one."""
        ...

    async def resume(self, session_key: str, session_id: str, now: float) -> bool:
        """Make an existing session the current one of a key. False when it does not exist."""
        ...

    async def undo(self, row_id: int, session_key: str, undone: Outbound, nothing: Outbound, now: float) -> bool:
        """/undo: hide the last exchange. ``undone`` goes out, ``{text}`` in it replaced by the hidden message's start.

        ``nothing`` goes out when there is none. Settles the row; repeating it changes nothing.
        """
        ...

    async def retry(self, row_id: int, session_key: str, nothing: Outbound, now: float) -> bool:
        """/retry: revive the session's newest dead rows, else hide the last exchange and put its message in again.

        Settles the row; with nothing to retry, ``nothing`` goes out. Repeating it changes nothing.
        """
        ...

    async def transcript(self, session_key: str, *, before: int | None = None, limit: int = 200) -> Transcript: ...

    async def search(self, query: str, reach: Reach, *, limit: int = 10) -> tuple[Found, ...]:
        """Full-text search over the visible messages in ``reach``, the best first."""
        ...

    async def recent(self, reach: Reach, *, limit: int = 10) -> tuple[Found, ...]:
        """The sessions in ``reach`` that were last spoken in, the latest first; the snippet is how each began."""
        ...

    async def sessions(self, *, source: str | None = None, limit: int = 20) -> tuple[SessionInfo, ...]: ...

    async def get_state(self, session_id: str, key: str) -> str | None: ...

    async def put_state(self, session_id: str, key: str, value: str) -> None: ...


class Store(Journal, Outbox, Sessions, Compressions, Spending, Background, Requests, HomeChannels, Protocol):
    """All of it, as actors and commands hold it."""
