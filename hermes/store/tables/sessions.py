"""Sessions: one transcript each, the current one of each session key.

Rules:

1. A key has at most one current session. /new takes it away, and the next claim makes another.
2. Several keys may have the same current session (a terminal that resumed a chat's); the turns see to it that one
   runs at a time.
3. The system prompt is written once.
"""

import sqlite3
import time

from hermes.errors import Refused
from hermes.events import ChatType, Outbound, Source
from hermes.store.engine.codec import SESSION_COLUMNS, clean, columns, session_info
from hermes.store.rows import SessionInfo
from hermes.store.tables import inbox, transcript

MAX_LISTED = 1000
"""Sessions that one read lists."""


def current_id(connection: sqlite3.Connection, session_key: str) -> str | None:
    row = connection.execute("SELECT session_id FROM current_sessions WHERE session_key = ?", (session_key,)).fetchone()
    return row[0] if row else None


def create(connection: sqlite3.Connection, session_key: str, source: Source, salt: str, now: float) -> str:
    """A new session, current for its key; its id is the time in UTC and six characters of ``salt``, which is hex."""
    session_id = _free_id(connection, time.strftime("%Y%m%d_%H%M%S", time.gmtime(now)), salt)
    connection.execute(
        "INSERT INTO sessions (id, session_key, source, user_id, shared, started_at) VALUES (?, ?, ?, ?, ?, ?)",
        (session_id, session_key, source.platform, source.user_id, source.chat_type is not ChatType.DM, now),
    )
    _make_current(connection, session_key, session_id)
    transcript.adopt(connection, session_key, session_id)
    return session_id


def _free_id(connection: sqlite3.Connection, moment: str, salt: str) -> str:
    """Six characters alone would meet once in some thousand bursts; another six of the same salt are found then."""
    for start in range(len(salt) - 6):
        session_id = f"{moment}_{salt[start : start + 6]}"
        if connection.execute("SELECT 1 FROM sessions WHERE id = ?", (session_id,)).fetchone() is None:
            return session_id
    return f"{moment}_{salt}"


def _make_current(connection: sqlite3.Connection, session_key: str, session_id: str) -> None:
    connection.execute(
        "INSERT INTO current_sessions VALUES (?, ?)"
        " ON CONFLICT (session_key) DO UPDATE SET session_id = excluded.session_id",
        (session_key, session_id),
    )


def current(connection: sqlite3.Connection, session_key: str) -> SessionInfo | None:
    row = connection.execute(
        f"SELECT {columns(SESSION_COLUMNS)} FROM sessions"
        " WHERE id = (SELECT session_id FROM current_sessions WHERE session_key = ?)",
        (session_key,),
    ).fetchone()
    return session_info(row) if row else None


def key_of(connection: sqlite3.Connection, session_id: str, platform: str) -> str | None:
    """The key under which a session of ``platform`` began; None when there is none."""
    row = connection.execute(
        "SELECT session_key FROM sessions WHERE id = ? AND source = ?", (session_id, platform)
    ).fetchone()
    return str(row[0]) if row else None


def freeze_prompt(connection: sqlite3.Connection, session_id: str, prompt: str) -> str:
    """Raises ``Refused`` when the session does not exist."""
    connection.execute(
        "UPDATE sessions SET system_prompt = ? WHERE id = ? AND system_prompt IS NULL", (clean(prompt), session_id)
    )
    row = connection.execute("SELECT system_prompt FROM sessions WHERE id = ?", (session_id,)).fetchone()
    if row is None:
        raise unknown(session_id)
    return str(row[0])


def renew(
    connection: sqlite3.Connection, row_id: int, session_key: str, messages: tuple[Outbound, ...], now: float
) -> None:
    if not inbox.is_pending(connection, row_id):
        return
    _end(connection, session_key, "new", now)
    connection.execute("DELETE FROM current_sessions WHERE session_key = ?", (session_key,))
    inbox.settle(connection, row_id, messages, now)


def resume(connection: sqlite3.Connection, session_key: str, session_id: str, now: float) -> bool:
    if connection.execute("SELECT 1 FROM sessions WHERE id = ?", (session_id,)).fetchone() is None:
        return False
    if current_id(connection, session_key) != session_id:
        _end(connection, session_key, "resumed another", now)
        _make_current(connection, session_key, session_id)
    connection.execute("UPDATE sessions SET ended_at = NULL, end_reason = NULL WHERE id = ?", (session_id,))
    return True


def _end(connection: sqlite3.Connection, session_key: str, reason: str, now: float) -> None:
    connection.execute(
        "UPDATE sessions SET ended_at = ?, end_reason = ?"
        " WHERE id = (SELECT session_id FROM current_sessions WHERE session_key = ?)",
        (now, reason, session_key),
    )


def listed(connection: sqlite3.Connection, source: str | None, limit: int) -> tuple[SessionInfo, ...]:
    """The newest first, at most ``MAX_LISTED``."""
    rows = connection.execute(
        f"SELECT {columns(SESSION_COLUMNS)} FROM sessions WHERE ? IS NULL OR source = ?"
        " ORDER BY started_at DESC, id DESC LIMIT ?",
        (source, source, max(0, min(limit, MAX_LISTED))),
    )
    return tuple(session_info(row) for row in rows)


def unknown(session_id: str) -> Refused:
    return Refused(f"there is no session {session_id}")
