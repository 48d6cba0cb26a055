"""What the store takes and gives: frozen values, of which each can be serialised."""

from enum import StrEnum

from attrs import frozen

from hermes.asks import Ask
from hermes.events import Inbound, Outbound
from hermes.messages import Message, Usage


@frozen
class Accepted:
    """The event is in the inbox; ``duplicate``: it was there already, which is no error."""

    row_id: int
    duplicate: bool


@frozen
class InboxRow:
    id: int
    event: Inbound
    received_at: float
    attempts: int
    """Claims so far, this one included."""


@frozen
class Lease:
    """The right to write one turn. ``token`` is the fencing token: a counter of the store, raised at each claim."""

    turn_id: str
    session_id: str
    session_key: str
    token: int


class TurnOutcome(StrEnum):
    DONE = "done"
    INTERRUPTED = "interrupted"
    """A newer message took its place."""
    STOPPED = "stopped"
    """A person said /stop."""
    FAILED = "failed"
    """It ended with an error that the chat was told."""
    DEAD = "dead"
    """It was claimed too often without an end, or lay too long; /retry revives it."""


@frozen
class Turn:
    """A claimed turn: new, or found unfinished after a crash."""

    lease: Lease
    rows: tuple[InboxRow, ...]
    """The inbox rows that it names, in order; each row is named by exactly one turn."""
    messages: tuple[Message, ...]
    """What the turn has put into the transcript so far, its user messages first."""
    started_calls: frozenset[str]
    """Ids of effectful calls that were recorded as started."""
    asks: tuple[Ask, ...]
    attempts: int
    begun_at: float
    gave_up: bool = False
    """Its claim may have given other turns up, each with a notice in the outbox."""

    @property
    def resumed(self) -> bool:
        return self.attempts > 1


@frozen
class Burial:
    """How ``claim`` ends what cannot go on; each text may hold ``{reference}`` and ``{age}``."""

    poison: str
    """Said to the chat when a turn was claimed for the third time without an end."""
    stale: str
    """Said to the chat when a turn was interrupted longer ago than ``stale_after``."""
    stale_after: float = 3600.0
    """Seconds: the answer to a message from hours ago surprises more than it helps."""


class AnswerResult(StrEnum):
    TAKEN = "taken"
    ALREADY = "already"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


@frozen
class OutboxRow:
    id: int
    message: Outbound
    attempts: int
    message_id: str
    """The platform's id when the row is an open draft's: complete it by an edit. Empty: send it anew."""
    ambiguous: bool
    """An earlier attempt may have arrived: send it with a visible mark, or under the same key where the platform
    knows it."""


@frozen
class DeliveryLease:
    """The right to send for one account."""

    platform: str
    account: str
    token: int


@frozen
class SessionInfo:
    id: str
    session_key: str
    source: str
    user_id: str
    title: str
    model: str
    started_at: float
    message_count: int
    usage: Usage


@frozen
class TranscriptEntry:
    """One thing that a chat shows: a user's message, an answer, a tool's line, a notice or a question."""

    id: int
    """Orders the entries of one chat."""
    kind: str
    """"user", "answer", "tool", "notice" or "ask"."""
    text: str
    at: float
    key: str
    """A user's message: its event id. Anything sent: its idempotency key. A tool's line: its call id."""
    answers: tuple[str, ...] = ()
    """Event ids that an answer or a notice answers."""
    turn_id: str = ""
    state: str = ""
    """A user's message: "pending", "running", "done" or "dead". An ask: its state. Else empty."""
    tool: str = ""
    choices: tuple[str, ...] = ()
    ask_id: str = ""
    answer: str = ""
    """An ask: what it was answered with."""


@frozen
class Transcript:
    """The newest entries of a chat, oldest first."""

    session_key: str
    entries: tuple[TranscriptEntry, ...]
    older: bool
    """There is more before the first entry."""


@frozen
class Counts:
    """The journal in figures, for the status."""

    inbox_pending: int
    turns_running: int
    inbox_dead: int
    asks_open: int
    outbox_pending: int
    outbox_ambiguous: int
    outbox_failed: int
