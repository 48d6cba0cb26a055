"""What a chat shows: one row in ``entries`` for each user's message, answer, tool line, notice and question.

Rules:

1. An entry is written in the transaction of what it shows, and its id orders the chat for good, so a page that is
   read before an id never changes its neighbours.
2. Entries outlive the journal's rows: pruning those leaves the chat whole.
3. An entry belongs to a session. One that has none yet (a message that waits, a command before the first message)
   is loose, shown with the current session of its key, and goes to the session that takes it up.
4. A draft that is still written is no entry; it becomes one with the text that ends it.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence

from hermes.events import Inbound, Outbound, OutboundKind
from hermes.messages import Message
from hermes.store.engine.codec import ENTRY_COLUMNS, clean, columns, entry, pack_names
from hermes.store.rows import Transcript, TranscriptEntry

ENTRIES_READ = 500
"""The most entries of one read, whatever the caller wants."""

CHARACTERS_READ = 2_000_000
"""The most text of one read: a page that shows more pages back for it."""

TOOL_LINE_CHARACTERS = 500
"""How much of a call's arguments its line shows."""

_LONGEST_SECRET = 4096
"""What is read beyond that, so that a secret at the cut is recognised as one: longer than any key."""

_USER = "INSERT INTO entries (kind, session_key, key, at, state, text) VALUES ('user', ?, ?, ?, 'pending', ?)"
_TOOL = """
    INSERT INTO entries (kind, session_key, session_id, turn_id, key, at, tool, text)
    VALUES ('tool', ?, ?, ?, ?, ?, ?, ?)
"""
_OUTBOUND = """
    INSERT INTO entries (kind, session_key, session_id, turn_id, key, at, state, ask_id, answers, choices, text)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_READ = f"""
    SELECT * FROM (
        SELECT {columns(ENTRY_COLUMNS)} FROM entries
        WHERE session_id = :session AND session_id <> '' AND hidden = 0 AND id < :before ORDER BY id DESC LIMIT :limit)
    UNION ALL
    SELECT * FROM (
        SELECT {columns(ENTRY_COLUMNS)} FROM entries
        WHERE session_key = :key AND session_id = '' AND hidden = 0 AND id < :before ORDER BY id DESC LIMIT :limit)
    ORDER BY id DESC LIMIT :limit
"""

_NO_END = 2**62

Redact = Callable[[str], str]


def as_it_is(text: str) -> str:
    """For what holds no secrets: tests, and programs that only read."""
    return text


def add_user(connection: sqlite3.Connection, event: Inbound, now: float) -> int:
    """A user's message that waits; the entry's id."""
    values = (clean(event.session_key), clean(event.event_id), now, clean(event.text))
    return connection.execute(_USER, values).lastrowid or 0


def add_tools(
    connection: sqlite3.Connection,
    session_key: str,
    session_id: str,
    turn_id: str,
    messages: Sequence[Message],
    now: float,
    redact: Redact = as_it_is,
) -> None:
    """A line for each call in ``messages``, redacted: the call itself stands in its message, as it was made."""
    for call in (call for each in messages for call in each.tool_calls):
        line = clean(redact(call.arguments[: TOOL_LINE_CHARACTERS + _LONGEST_SECRET])[:TOOL_LINE_CHARACTERS])
        values = (session_key, session_id, turn_id, clean(call.id), now, clean(call.name), line)
        connection.execute(_TOOL, values)


def add_outbound(connection: sqlite3.Connection, message: Outbound, session_id: str, now: float) -> int:
    """Something that was put into the outbox; the entry's id."""
    values = (
        message.kind.value,
        clean(message.session_key),
        session_id,
        message.turn_id,
        clean(message.key),
        now,
        "open" if message.kind is OutboundKind.ASK else "",
        message.ask_id,
        pack_names(message.answers),
        pack_names(message.choices),
        clean(message.text),
    )
    return connection.execute(_OUTBOUND, values).lastrowid or 0


def begin_user(connection: sqlite3.Connection, entry_ids: Iterable[int | None], session_id: str, turn_id: str) -> None:
    """The messages of these entries (None: one that shows nothing) run in ``session_id`` now."""
    connection.executemany(
        "UPDATE entries SET state = 'running', session_id = ?, turn_id = ? WHERE id = ?",
        [(session_id, turn_id, entry_id) for entry_id in entry_ids],
    )


def end_user(connection: sqlite3.Connection, entry_ids: Iterable[int | None], state: str) -> None:
    """The messages of these entries are "done" or "dead"."""
    connection.executemany("UPDATE entries SET state = ? WHERE id = ?", [(state, entry_id) for entry_id in entry_ids])


def loosen_user(connection: sqlite3.Connection, entry_ids: Iterable[int | None]) -> None:
    """The messages of these entries wait again."""
    connection.executemany(
        "UPDATE entries SET state = 'pending', session_id = '', turn_id = '' WHERE id = ?",
        [(entry_id,) for entry_id in entry_ids],
    )


def end_ask(connection: sqlite3.Connection, turn_id: str, ask_id: str, state: str, answer: str = "") -> None:
    """The entry of a question shows how it ended."""
    connection.execute(
        "UPDATE entries SET state = ?, answer = ? WHERE turn_id = ? AND turn_id <> '' AND kind = 'ask' AND ask_id = ?",
        (state, answer, turn_id, ask_id),
    )


def hide(connection: sqlite3.Connection, turn_id: str) -> None:
    """Take an exchange out of the chat."""
    connection.execute("UPDATE entries SET hidden = 1 WHERE turn_id = ? AND turn_id <> ''", (turn_id,))


def adopt(connection: sqlite3.Connection, session_key: str, session_id: str) -> None:
    """A new session takes up what its chat has shown since the last one; a message that waits goes with its turn."""
    connection.execute(
        "UPDATE entries SET session_id = ? WHERE session_key = ? AND session_id = '' AND state <> 'pending'",
        (session_id, session_key),
    )


def user_texts(connection: sqlite3.Connection, turn_id: str) -> tuple[str, ...]:
    """What the users of a turn wrote, message by message."""
    rows = connection.execute(
        "SELECT text FROM entries WHERE turn_id = ? AND turn_id <> '' AND kind = 'user' ORDER BY id", (turn_id,)
    )
    return tuple(row[0] for row in rows)


def transcript(connection: sqlite3.Connection, session_key: str, before: int | None, limit: int) -> Transcript:
    """The newest entries before id ``before``, oldest first; at least one, and at most the two bounds above."""
    wanted = max(1, min(limit, ENTRIES_READ))
    current = connection.execute(
        "SELECT session_id FROM current_sessions WHERE session_key = ?", (session_key,)
    ).fetchone()
    rows = connection.execute(
        _READ,
        {
            "session": current[0] if current else "",
            "key": session_key,
            "before": _NO_END if before is None else before,
            "limit": wanted + 1,
        },
    )
    found: list[TranscriptEntry] = []
    characters = 0
    for row in rows:
        each = entry(row)
        characters += len(each.text)
        if len(found) == wanted or (found and characters > CHARACTERS_READ):
            return Transcript(session_key, tuple(reversed(found)), older=True)
        found.append(each)
    return Transcript(session_key, tuple(reversed(found)), older=False)
