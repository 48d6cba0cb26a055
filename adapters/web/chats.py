"""Pure: how a chat of the page becomes inbound events, and how what is sent becomes entries of its transcript."""

from adapters.web.drafts import units
from adapters.web.protocol import Answer, Send
from hermes.asks import AskState
from hermes.events import Inbound, InboundKind, Outbound, OutboundKind, Source
from hermes.store.rows import Transcript, TranscriptEntry

PLATFORM = "web"
ACCOUNT = "local"
USER = "owner"
"""The page has one user: whoever reaches it, or whoever knows the key."""

PAGE_ENTRIES = 100
"""Entries of one snapshot: some screens full; more are fetched as the reader scrolls up."""

PAGE_CHARACTERS = 1_000_000
"""UTF-16 units of text in one snapshot: a few huge pastes must not make each reconnection heavy. Six characters of JSON
spell a unit, so a snapshot always fits into a page's queue."""

AT_THE_END = 0
"""The id of an entry that was not read from the store: the page puts it after those that it knows."""


def session_key(chat: str) -> str:
    """The session of a chat of the page."""
    return f"agent:main:{PLATFORM}:dm:{chat}"


def inbound(frame: Send | Answer, now: float) -> Inbound:
    """The event that a frame of the page is. A line that begins with a slash is a message here: who knows the commands
    tells which of them it is."""
    if isinstance(frame, Answer):
        return _event(frame, InboundKind.ANSWER, frame.choice, now, ask_id=frame.ask_id)
    return _event(frame, InboundKind.MESSAGE, frame.text, now)


def _event(frame: Send | Answer, kind: InboundKind, text: str, now: float, *, ask_id: str = "") -> Inbound:
    return Inbound(
        event_id=frame.id,
        source=Source(platform=PLATFORM, account=ACCOUNT, chat_id=frame.chat, user_id=USER),
        session_key=session_key(frame.chat),
        kind=kind,
        text=text,
        sent_at=now,
        message_id=frame.id,
        ask_id=ask_id,
    )


def entry_of_inbound(event: Inbound) -> TranscriptEntry:
    """What the other windows of the chat show of a message that was accepted."""
    return TranscriptEntry(
        id=AT_THE_END, kind="user", text=event.text, at=event.sent_at, key=event.event_id, state="pending"
    )


def entry_of_outbound(message: Outbound, now: float) -> TranscriptEntry:
    """What the page shows of a message that is sent to it."""
    return TranscriptEntry(
        id=AT_THE_END,
        kind=message.kind.value,
        text=message.text,
        at=now,
        key=message.key,
        answers=message.answers,
        turn_id=message.turn_id,
        state=AskState.OPEN.value if message.kind is OutboundKind.ASK else "",
        choices=message.choices,
        ask_id=message.ask_id,
    )


def within_bounds(transcript: Transcript) -> Transcript:
    """The newest entries that fit into one frame; the newest one always does."""
    room = PAGE_CHARACTERS
    first = len(transcript.entries)
    for index in range(len(transcript.entries) - 1, -1, -1):
        room -= units(transcript.entries[index].text)
        if room < 0 and first < len(transcript.entries):
            break
        first = index
    if first == 0:
        return transcript
    return Transcript(transcript.session_key, transcript.entries[first:], older=True)
