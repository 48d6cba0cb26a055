"""What crosses the line between a chat platform and the agent: inbound events, outbound messages, drafts.

All are frozen and serialisable: they stand in the journal, and the adapter and the conversation need not share a
process.
"""

from enum import StrEnum

from attrs import frozen


class ChatType(StrEnum):
    DM = "dm"
    GROUP = "group"
    CHANNEL = "channel"


@frozen
class Source:
    """Where an event came from, and where its answer goes."""

    platform: str
    account: str
    """Which of our accounts on the platform ("bot12345", "local"; a terminal's is its session id)."""
    chat_id: str
    chat_type: ChatType = ChatType.DM
    thread_id: str = ""
    user_id: str = ""
    user_name: str = ""


FILE_PART = ":file"
"""Behind the event id of a message that brings a file: the id of the part that tells what became of the file."""


class InboundKind(StrEnum):
    MESSAGE = "message"
    EDIT = "edit"
    """A later version of a message that was handed over before."""
    COMMAND = "command"
    """A slash command that the registry knows; ``text`` holds all of it."""
    ANSWER = "answer"
    """The answer to an ask: ``ask_id`` and ``text`` (one of its choices, or free text)."""
    EVENT = "event"
    """A word of the gateway itself to the session, not of a person: a background process ended. It makes a turn as a
    message does, waits for the end of one that runs, and answers no question."""


@frozen
class Inbound:
    """One delivery from a platform. Unique on (source.platform, source.account, event_id)."""

    event_id: str
    """The platform's id of the delivery: a replay has the same one."""
    source: Source
    session_key: str
    kind: InboundKind
    text: str
    sent_at: float
    """Unix time in seconds, by the platform's clock where it tells one."""
    message_id: str = ""
    edited_at: float | None = None
    reply_to: str = ""
    ask_id: str = ""
    utterance: str = ""
    """Rows of one session that share a non-empty value are parts of one utterance and become one turn."""
    more_within: float = 0.0
    """Seconds after its arrival within which further parts of its utterance may come: the turn begins after them."""
    attachment: str = ""
    """What its adapter needs to fetch the file of the message, be it after a restart; nobody else reads it. Empty for
    a message whose file, if it has one, is not waited for."""


class OutboundKind(StrEnum):
    ANSWER = "answer"
    """The end of a turn."""
    NOTICE = "notice"
    """A word of the gateway itself: a command's output, a failure, an interruption."""
    ASK = "ask"
    """A question with an id; the platform renders its choices natively where it can."""


@frozen
class Outbound:
    """One message to a platform: one part of an answer, a notice or a question. Fixed once it stands in the outbox."""

    key: str
    """The idempotency key, minted with the row."""
    source: Source
    """The chat that it goes to."""
    session_key: str
    kind: OutboundKind
    text: str
    """Markdown."""
    reply_to: str = ""
    """Message id on the platform that it answers."""
    answers: tuple[str, ...] = ()
    """Event ids of the inbound rows that it answers."""
    turn_id: str = ""
    ask_id: str = ""
    choices: tuple[str, ...] = ()
    part: int = 0
    file: str = ""
    """The path of a file that is sent; ``text`` is then the line that named it."""
    voice: bool = False
    """The file is to be a voice message where it can be one."""


class DraftState(StrEnum):
    THINKING = "thinking"
    WRITING = "writing"
    TOOL = "tool"
    WAITING = "waiting"
    """An ask is open."""
    COMPRESSING = "compressing"
    """A summary of what was said before is being made, so that the request fits."""
    ENDED = "ended"


class Verdict(StrEnum):
    """How a turn ended."""

    ANSWERED = "answered"
    FAILED = "failed"
    DROPPED = "dropped"
    """It was stopped, or a newer message took its place."""


@frozen
class Draft:
    """What a running turn shows so far. Each replaces the one before; none is journaled, and any may be skipped."""

    source: Source
    session_key: str
    turn_id: str
    state: DraftState
    text: str = ""
    """All of the answer so far, in characters, not the last delta."""
    tool: str = ""
    """The running tool and a preview of its arguments."""
    messages: tuple[str, ...] = ()
    """Ids on the platform of the messages that the turn answers; of several that are one utterance the first."""
    verdict: Verdict | None = None
    """Of a turn that has ended; None where it was cut short and goes on later."""
