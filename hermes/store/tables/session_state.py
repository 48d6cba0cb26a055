"""The small values that live with a session: a todo list, approved rules, a model that was chosen for it."""

import sqlite3

from hermes.errors import Refused
from hermes.store.engine.codec import clean
from hermes.store.tables.sessions import unknown

MAX_STATE_BYTES = 64 * 1024
"""Of one value: a todo list or a set of approved rules, read at every turn."""

MAX_STATE_KEYS = 256
"""Of one session."""


def get(connection: sqlite3.Connection, session_id: str, key: str) -> str | None:
    row = connection.execute(
        "SELECT value FROM session_state WHERE session_id = ? AND key = ?", (session_id, key)
    ).fetchone()
    return row[0] if row else None


def every(connection: sqlite3.Connection, session_id: str) -> dict[str, str]:
    """All of a session: a few, most of them short."""
    return dict(connection.execute("SELECT key, value FROM session_state WHERE session_id = ?", (session_id,)))


def put(connection: sqlite3.Connection, session_id: str, key: str, value: str) -> None:
    """Raises ``Refused`` when the value is too large, or the session unknown or full of other keys."""
    value = clean(value)
    if len(value.encode()) > MAX_STATE_BYTES:
        raise Refused(f"{key} would hold more than {MAX_STATE_BYTES // 1024} KB")
    if connection.execute("SELECT 1 FROM sessions WHERE id = ?", (session_id,)).fetchone() is None:
        raise unknown(session_id)
    others = connection.execute(
        "SELECT count(*) FROM session_state WHERE session_id = ? AND key <> ?", (session_id, key)
    ).fetchone()
    if others[0] >= MAX_STATE_KEYS:
        raise Refused(f"session {session_id} holds {MAX_STATE_KEYS} values already")
    connection.execute(
        "INSERT INTO session_state VALUES (?, ?, ?) ON CONFLICT (session_id, key) DO UPDATE SET value = excluded.value",
        (session_id, key, value),
    )
