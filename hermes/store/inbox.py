"""The inbox: what the platforms handed over, and what became of it.

Rules:

1. A row is unique on (platform, account, event id). A replay is a no-op: a conflict means "already done".
2. States: ``pending``; ``taken``: named by a running turn; ``done``; ``dead``: its turn was given up, and /retry
   revives it.
3. A row that is done without a turn keeps what it led to in ``result``, so that the write that settled it can be
   repeated.
"""

import sqlite3
from collections.abc import Iterable

from hermes.errors import Refused
from hermes.events import Inbound, InboundKind, Outbound
from hermes.store import beginnings, outbox, transcript
from hermes.store.codec import INBOUND_COLUMNS, INBOX_COLUMNS, clean, columns, inbound_values, inbox_row, marks
from hermes.store.interface import Accepted, InboxRow
from hermes.store.requests import Beginning

MAX_TEXT_BYTES = 256 * 1024
"""Of one event, as UTF-8: sixty of the longest messages that a chat platform sends, and half a model's context."""

MAX_ID_CHARACTERS = 512
"""Of each id that comes from outside: twice the longest of the platforms (a Matrix event id has 255 bytes at most)."""

PENDING_ROWS = 100
"""Of one session, read at a time: more than a person types while a turn runs."""

_FIND = "SELECT id FROM inbox WHERE platform = ? AND account = ? AND event_id = ?"
_INSERT = (
    f"INSERT INTO inbox (received_at, entry_id, {columns(INBOUND_COLUMNS)}) VALUES ({marks(2 + len(INBOUND_COLUMNS))})"
)


def accept(
    connection: sqlite3.Connection, event: Inbound, now: float, beginning: Beginning | None = None, salt: str = ""
) -> Accepted:
    """Put an event into the inbox, and what its session begins with before it; ``salt`` is hex, for a new session's id.

    Raises ``Refused`` when something is too large, or the session to go on with is not there.
    """
    _check_size(event)
    found = connection.execute(_FIND, (event.source.platform, event.source.account, clean(event.event_id))).fetchone()
    if found is not None:
        return Accepted(found[0], duplicate=True)
    if beginning is not None:
        beginnings.begin(connection, event, beginning, salt, now)
    return Accepted(insert(connection, event, now), duplicate=False)


def insert(connection: sqlite3.Connection, event: Inbound, now: float) -> int:
    """A new row and its entry; the row's id. An answer has no entry of its own: the question shows it."""
    entry_id = None if event.kind is InboundKind.ANSWER else transcript.add_user(connection, event, now)
    return connection.execute(_INSERT, (now, entry_id, *inbound_values(event))).lastrowid or 0


def _check_size(event: Inbound) -> None:
    # Four bytes a character is the most that UTF-8 takes, so an ordinary message is not encoded for its length.
    if len(event.text) * 4 > MAX_TEXT_BYTES and len(event.text.encode(errors="replace")) > MAX_TEXT_BYTES:
        raise Refused(f"the message is larger than {MAX_TEXT_BYTES // 1024} KB: send it in parts, or as a file")
    source = event.source
    ids = (event.event_id, event.session_key, event.message_id, event.reply_to, event.ask_id, event.utterance)
    places = (source.platform, source.account, source.chat_id, source.thread_id, source.user_id, source.user_name)
    if any(len(each) > MAX_ID_CHARACTERS for each in (*ids, *places)):
        raise Refused(f"an id of the event is longer than {MAX_ID_CHARACTERS} characters")


def pending(connection: sqlite3.Connection, session_key: str) -> tuple[InboxRow, ...]:
    rows = connection.execute(
        f"SELECT {columns(INBOX_COLUMNS)} FROM inbox WHERE session_key = ? AND state = 'pending' ORDER BY id LIMIT ?",
        (session_key, PENDING_ROWS),
    )
    return tuple(inbox_row(row, attempts=0) for row in rows)


def unfinished(connection: sqlite3.Connection, platform: str, account: str) -> tuple[str, ...]:
    rows = connection.execute(
        "SELECT session_key FROM turns WHERE state = 'running' AND platform = ? AND account = ?"
        " UNION SELECT session_key FROM inbox WHERE state = 'pending' AND +platform = ? AND +account = ?",
        (platform, account, platform, account),
    )
    return tuple(row[0] for row in rows)


def is_pending(connection: sqlite3.Connection, row_id: int) -> bool:
    return (
        connection.execute("SELECT 1 FROM inbox WHERE id = ? AND state = 'pending'", (row_id,)).fetchone() is not None
    )


def result_of(connection: sqlite3.Connection, row_id: int) -> str:
    """What the row led to when it was settled; empty when it was not, or is unknown."""
    row = connection.execute("SELECT result FROM inbox WHERE id = ?", (row_id,)).fetchone()
    return row[0] if row else ""


def take(
    connection: sqlite3.Connection, row_ids: Iterable[int], session_id: str, turn_id: str, *, joined_by: str
) -> None:
    """A turn names these rows from here on; ``joined_by`` is the call that brought one in while it ran."""
    entries = [
        connection.execute(
            "UPDATE inbox SET state = 'taken', turn_id = ?, joined_by = ? WHERE id = ? RETURNING entry_id",
            (turn_id, joined_by, row_id),
        ).fetchone()[0]
        for row_id in row_ids
    ]
    transcript.begin_user(connection, entries, session_id, turn_id)


def end(connection: sqlite3.Connection, turn_id: str, state: str, result: str, now: float) -> None:
    """The rows that a turn names are "done" or "dead"."""
    ended = connection.execute(
        "UPDATE inbox SET state = ?, result = ?, settled_at = ? WHERE turn_id = ? AND state = 'taken'"
        " RETURNING entry_id",
        (state, result, now, turn_id),
    ).fetchall()
    transcript.end_user(connection, (entry_id for (entry_id,) in ended), state)


def settle(
    connection: sqlite3.Connection, row_id: int, messages: tuple[Outbound, ...], now: float, result: str = ""
) -> None:
    """A pending row is done without a turn, and ``messages`` go out. Any other row: a no-op."""
    row = connection.execute(
        "UPDATE inbox SET state = 'done', result = ?, settled_at = ? WHERE id = ? AND state = 'pending'"
        " RETURNING session_key, entry_id",
        (result, now, row_id),
    ).fetchone()
    if row is None:
        return
    session_key, entry_id = row
    current = connection.execute(
        "SELECT session_id FROM current_sessions WHERE session_key = ?", (session_key,)
    ).fetchone()
    session_id = current[0] if current else ""
    connection.execute("UPDATE entries SET state = 'done', session_id = ? WHERE id = ?", (session_id, entry_id))
    for message in messages:
        outbox.put(connection, message, session_id, now)
