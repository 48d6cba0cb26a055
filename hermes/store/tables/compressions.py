"""The compressions of a session: hermes/store/compression_interface.py over SQLite.

Rules:

1. Messages are never changed by a compression. The newest that is not void counts; each stands for all that those
   before it stood for.
2. A compression is void once a message that it stands for, or that stands before it, is hidden.
3. It is added to the context that it was made from, or not at all.
"""

import sqlite3
from collections.abc import Iterable, Sequence

from attrs import evolve, frozen

from hermes.errors import LocalProtocolError
from hermes.messages import Message, Role, Usage
from hermes.store.compression_interface import Compression, Line, ModelContext, Summary
from hermes.store.engine.codec import MESSAGE_COLUMNS, Value, clean, columns, message
from hermes.store.rows import Lease
from hermes.store.tables import messages, session_state
from hermes.store.tables.leases import check_turn, touch
from hermes.store.tables.messages import HISTORY_MESSAGES

_LINES = f"SELECT id, turn_id = ?, {columns(MESSAGE_COLUMNS)} FROM messages WHERE session_id = ? AND hidden <> 1"
_NEWEST = (
    "SELECT id, first, until, summary FROM compressions WHERE session_id = ? AND void = 0 AND until <= ?"
    " ORDER BY id DESC LIMIT 1"
)
_INSERT = (
    "INSERT INTO compressions (key, session_id, turn_id, first, until, created_at, summary)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_ROLE = "SELECT role FROM messages WHERE session_id = ? AND hidden <> 1 AND id >= ? ORDER BY id LIMIT 1"
_NO_BOUND = 2**62


@frozen
class _Marker:
    first: int = 0
    until: int = 0
    summary: Summary | None = None


def _marker(connection: sqlite3.Connection, session_id: str, until: int = _NO_BOUND) -> _Marker:
    """The compression that counts, of those whose marker stands at ``until`` or before."""
    row = connection.execute(_NEWEST, (session_id, until)).fetchone()
    return _Marker(row[1], row[2], Summary(row[0], row[3])) if row else _Marker()


def model_context(connection: sqlite3.Connection, session_id: str, turn_id: str) -> ModelContext:
    marker = _marker(connection, session_id)
    (covered,) = connection.execute(
        "SELECT count(*) FROM messages WHERE turn_id = ? AND id <= ?", (turn_id, marker.until)
    ).fetchone()
    told = _told(connection, session_id, turn_id, marker, _NO_BOUND)
    return evolve(told, covered=covered, states=session_state.every(connection, session_id))


def up_to(connection: sqlite3.Connection, session_id: str, turn_id: str) -> tuple[Message, ...]:
    """What a model is told of a session up to the end of one of its turns."""
    (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM messages WHERE turn_id = ?", (turn_id,)).fetchone()
    return _told(connection, session_id, "", _marker(connection, session_id, last), last).before


def _told(connection: sqlite3.Connection, session_id: str, turn_id: str, marker: _Marker, last: int) -> ModelContext:
    """Up to the message ``last``.

    Behind the marker the oldest are left out beyond the bound, up to the next message of a user: no result stands
    without its call.
    """
    first = connection.execute(f"{_LINES} AND id <= ? ORDER BY id", (turn_id, session_id, marker.first))
    found = connection.execute(
        f"{_LINES} AND id > ? AND id <= ? ORDER BY id DESC LIMIT ?",
        (turn_id, session_id, marker.until, last, HISTORY_MESSAGES + 1),
    ).fetchall()
    rest, whole = _lines(reversed(found)), len(found) <= HISTORY_MESSAGES
    if not whole:
        users = (index for index, line in enumerate(rest) if index and line.message.role is Role.USER)
        rest = rest[next(users, len(rest)) :]
    return ModelContext(rest, first=_lines(first), summary=marker.summary, whole=whole)


def _lines(rows: Iterable[Sequence[Value]]) -> tuple[Line, ...]:
    return tuple(Line(int(row[0] or 0), message(row[2:]), own=bool(row[1])) for row in rows)


def compress(connection: sqlite3.Connection, lease: Lease, compression: Compression, usage: Usage, now: float) -> bool:
    check_turn(connection, lease)
    if connection.execute("SELECT 1 FROM compressions WHERE key = ?", (compression.key,)).fetchone():
        return True
    if not _is_as_read(connection, lease.session_id, compression):
        return False
    _check_pairs(connection, lease.session_id, compression)
    ours = (compression.key, lease.session_id, lease.turn_id, compression.first, compression.until, now)
    connection.execute(_INSERT, (*ours, clean(compression.text)))
    messages.count(connection, lease.session_id, (), usage)
    messages.count_turn(connection, lease.turn_id, usage)
    touch(connection, lease.turn_id, now)
    return True


def _is_as_read(connection: sqlite3.Connection, session_id: str, compression: Compression) -> bool:
    """Whether the summary was made from what stands there now."""
    marker = _marker(connection, session_id)
    if (marker.summary.id if marker.summary else 0) != compression.replaces:
        return False
    if marker.summary and marker.first != compression.first:
        return False
    (count,) = connection.execute(
        "SELECT count(*) FROM messages WHERE session_id = ? AND hidden <> 1 AND id BETWEEN ? AND ?",
        (session_id, compression.since, compression.until),
    ).fetchone()
    return bool(count == compression.count > 0)


def _check_pairs(connection: sqlite3.Connection, session_id: str, compression: Compression) -> None:
    """Neither what is summed up nor what stands behind it begins with a result, and something stands behind it."""
    roles = [
        connection.execute(_ROLE, (session_id, begin)).fetchone()
        for begin in (compression.since, compression.until + 1)
    ]
    if None in roles or (Role.TOOL.value,) in roles:
        raise LocalProtocolError(
            f"session {session_id}: a summary of the messages {compression.since} to {compression.until} "
            "parts a call from its result"
        )
