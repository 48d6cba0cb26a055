"""The compressions of a session: hermes/store/compression_interface.py over SQLite.

Rules:

1. Messages are never changed by a compression. The newest that is not void counts; each stands for all that those
   before it stood for.
2. A compression is void once a message that it stands for, or that stands before it, is hidden.
3. It is added to the context that it was made from, or not at all.
"""

import sqlite3
from collections.abc import Iterable, Sequence

from attrs import frozen

from hermes.errors import LocalProtocolError
from hermes.messages import Message, Role, Usage
from hermes.store import messages
from hermes.store.codec import MESSAGE_COLUMNS, Value, clean, columns, message
from hermes.store.compression_interface import Compression, Context, Line, Summary
from hermes.store.interface import Lease
from hermes.store.leases import check_turn, touch
from hermes.store.messages import HISTORY_MESSAGES

_LINES = f"SELECT id, {columns(MESSAGE_COLUMNS)} FROM messages WHERE session_id = ? AND hidden <> 1"
_NEWEST = (
    "SELECT id, first, until, summary FROM compressions WHERE session_id = ? AND void = 0 AND until <= ?"
    " ORDER BY id DESC LIMIT 1"
)
_INSERT = (
    "INSERT INTO compressions (key, session_id, turn_id, first, until, created_at, summary)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
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


def context(connection: sqlite3.Connection, session_id: str, turn_id: str) -> Context:
    marker = _marker(connection, session_id)
    covered, own = connection.execute(
        "SELECT coalesce(sum(id <= ?), 0), coalesce(sum(id > ?), 0) FROM messages WHERE turn_id = ?",
        (marker.until, marker.until, turn_id),
    ).fetchone()
    rest, whole = _rest(connection, session_id, marker, _NO_BOUND)
    return Context(rest, min(own, len(rest)), covered, _first(connection, session_id, marker), marker.summary, whole)


def up_to(connection: sqlite3.Connection, session_id: str, turn_id: str) -> tuple[Message, ...]:
    """What a model was told of a session up to the end of one of its turns."""
    (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM messages WHERE turn_id = ?", (turn_id,)).fetchone()
    marker = _marker(connection, session_id, last)
    rest, _ = _rest(connection, session_id, marker, last)
    return Context(rest, 0, 0, _first(connection, session_id, marker), marker.summary).before


def _first(connection: sqlite3.Connection, session_id: str, marker: _Marker) -> tuple[Line, ...]:
    return _lines(connection.execute(f"{_LINES} AND id <= ? ORDER BY id", (session_id, marker.first)))


def _rest(connection: sqlite3.Connection, session_id: str, marker: _Marker, last: int) -> tuple[tuple[Line, ...], bool]:
    """What stands behind the marker, and whether that is all of it.

    Beyond the bound the oldest are left out, up to the next message of a user: no result stands without its call.
    """
    found = connection.execute(
        f"{_LINES} AND id > ? AND id <= ? ORDER BY id DESC LIMIT ?",
        (session_id, marker.until, last, HISTORY_MESSAGES + 1),
    ).fetchall()
    lines = _lines(reversed(found))
    if len(lines) <= HISTORY_MESSAGES:
        return lines, True
    users = (index for index, line in enumerate(lines) if index and line.message.role is Role.USER)
    return lines[next(users, len(lines)) :], False


def _lines(rows: Iterable[Sequence[Value]]) -> tuple[Line, ...]:
    return tuple(Line(int(row[0] or 0), message(row[1:])) for row in rows)


def compress(connection: sqlite3.Connection, lease: Lease, compression: Compression, usage: Usage, now: float) -> bool:
    check_turn(connection, lease)
    if connection.execute("SELECT 1 FROM compressions WHERE key = ?", (compression.key,)).fetchone():
        return True
    if not _is_as_read(connection, lease.session_id, compression):
        return False
    _check_pairs(connection, lease.session_id, compression.until)
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


def _check_pairs(connection: sqlite3.Connection, session_id: str, until: int) -> None:
    behind = connection.execute(f"{_LINES} AND id > ? ORDER BY id LIMIT 1", (session_id, until)).fetchone()
    if behind is None or message(behind[1:]).role is Role.TOOL:
        raise LocalProtocolError(f"session {session_id}: a summary up to message {until} parts a call from its result")
