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

from hermes.events import Inbound, InboundKind, Outbound
from hermes.store.engine.codec import INBOUND_COLUMNS, INBOX_COLUMNS, columns, inbound_values, inbox_row, marks
from hermes.store.rows import InboxRow
from hermes.store.tables import outbox, transcript

PENDING_ROWS = 100
"""Of one session, read at a time: more than a person types while a turn runs."""

_INSERT = (
    f"INSERT INTO inbox (received_at, entry_id, {columns(INBOUND_COLUMNS)}) VALUES ({marks(2 + len(INBOUND_COLUMNS))})"
)


def insert(connection: sqlite3.Connection, event: Inbound, now: float) -> int:
    """A new row and its entry; the row's id. An answer has no entry of its own: the question shows it."""
    entry_id = None if event.kind is InboundKind.ANSWER else transcript.add_user(connection, event, now)
    return connection.execute(_INSERT, (now, entry_id, *inbound_values(event))).lastrowid or 0


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
