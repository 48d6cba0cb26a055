"""The messages of sessions: appended, hidden, read back in order.

Rules:

1. A message belongs to a turn, and its position in it is fixed. One turn of a session runs at a time, so ids are in
   order too.
2. Nothing is deleted: what /undo and /retry take back is hidden, which takes it out of the history and of the
   search.
3. What a client says was spoken before it came here (``SEEDED``) is history, and nothing to search or take back: it
   comes again with each of its requests.
"""

import sqlite3
from collections.abc import Sequence

from hermes.errors import LocalProtocolError
from hermes.messages import Message, Role, Usage
from hermes.store.engine.codec import MESSAGE_COLUMNS, columns, marks, message, message_values

HISTORY_MESSAGES = 5000
"""The newest that ``history`` reads: no context window holds more, and a transcript in memory needs a bound."""

SEEDED = 2
"""In the column ``hidden``, where 0 is a message that shows and 1 one that was taken back."""

_INSERT = (
    f"INSERT INTO messages (session_id, turn_id, position, timestamp, token_count, {columns(MESSAGE_COLUMNS)})"
    f" VALUES ({marks(5 + len(MESSAGE_COLUMNS))})"
)
_INSERT_SEEDED = (
    f"INSERT INTO messages (session_id, turn_id, position, timestamp, hidden, {columns(MESSAGE_COLUMNS)})"
    f" VALUES ({marks(5 + len(MESSAGE_COLUMNS))})"
)
_COUNT = """
    UPDATE sessions SET message_count = message_count + ?, tool_call_count = tool_call_count + ?,
        input_tokens = input_tokens + ?, output_tokens = output_tokens + ?, cache_read_tokens = cache_read_tokens + ?,
        cache_write_tokens = cache_write_tokens + ?, reasoning_tokens = reasoning_tokens + ?
    WHERE id = ?
"""
_COUNT_TURN = """
    UPDATE turns SET input_tokens = input_tokens + ?, output_tokens = output_tokens + ?,
        cache_read_tokens = cache_read_tokens + ?, cache_write_tokens = cache_write_tokens + ?,
        reasoning_tokens = reasoning_tokens + ?
    WHERE id = ?
"""
_MAKE_VOID = """
    UPDATE compressions SET void = 1
    WHERE session_id = ? AND until >= (SELECT min(id) FROM messages WHERE turn_id = ?)
"""


def add(
    connection: sqlite3.Connection,
    session_id: str,
    turn_id: str,
    position: int,
    messages: Sequence[Message],
    usage: Usage,
    now: float,
) -> None:
    """Append ``messages`` to a turn that holds ``position`` of them, and count them and ``usage`` for the session."""
    for offset, each in enumerate(messages):
        tokens = usage.output_tokens if each.role is Role.ASSISTANT else 0
        connection.execute(_INSERT, (session_id, turn_id, position + offset, now, tokens, *message_values(each)))
    count(connection, session_id, messages, usage)


def count(connection: sqlite3.Connection, session_id: str, messages: Sequence[Message], usage: Usage) -> None:
    """Count ``messages`` and ``usage`` for a session."""
    calls = sum(len(each.tool_calls) for each in messages)
    connection.execute(_COUNT, (len(messages), calls, *_spent(usage), session_id))


def count_turn(connection: sqlite3.Connection, turn_id: str, usage: Usage) -> None:
    """Count ``usage`` for a turn."""
    connection.execute(_COUNT_TURN, (*_spent(usage), turn_id))


def _spent(usage: Usage) -> tuple[int, ...]:
    return (
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
    )


def seed(connection: sqlite3.Connection, session_id: str, messages: Sequence[Message], now: float) -> None:
    """What was said before the first turn of a session."""
    for position, each in enumerate(messages):
        values = (session_id, f"seed:{session_id}", position, now, SEEDED, *message_values(each))
        connection.execute(_INSERT_SEEDED, values)


def of_turn(connection: sqlite3.Connection, turn_id: str, start: int = 0) -> tuple[Message, ...]:
    """The messages of a turn from position ``start``, hidden or not."""
    rows = connection.execute(
        f"SELECT {columns(MESSAGE_COLUMNS)} FROM messages WHERE turn_id = ? AND position >= ? ORDER BY position",
        (turn_id, start),
    )
    return tuple(message(row) for row in rows)


def check_repeated(
    connection: sqlite3.Connection, turn_id: str, position: int, count: int, messages: Sequence[Message]
) -> None:
    """Raises ``LocalProtocolError`` unless these very messages stand at ``position`` already."""
    stored = [message_values(each) for each in of_turn(connection, turn_id, position)[: len(messages)]]
    if position > count or stored != [message_values(each) for each in messages]:
        raise LocalProtocolError(
            f"turn {turn_id} holds {count} messages, and others than those now written at {position}"
        )


def hide(connection: sqlite3.Connection, turn_id: str) -> None:
    """Take a turn's messages out of history, search and what a summary says. Repeating it changes nothing."""
    hidden = connection.execute(
        "UPDATE messages SET hidden = 1 WHERE turn_id = ? AND hidden = 0 RETURNING session_id", (turn_id,)
    ).fetchall()
    if hidden:
        connection.execute(_MAKE_VOID, (hidden[0][0], turn_id))
        connection.execute(
            "UPDATE sessions SET message_count = message_count - ? WHERE id = ?", (len(hidden), hidden[0][0])
        )


def history(connection: sqlite3.Connection, session_id: str) -> tuple[Message, ...]:
    """The visible messages of a session in order, summed up or not.

    Beyond ``HISTORY_MESSAGES`` the oldest are left out, up to the next message of a user, so that no result stands
    without its call.
    """
    rows = connection.execute(
        f"SELECT {columns(MESSAGE_COLUMNS)} FROM messages WHERE session_id = ? AND hidden <> 1"
        " ORDER BY id DESC LIMIT ?",
        (session_id, HISTORY_MESSAGES + 1),
    ).fetchall()
    found = [message(row) for row in reversed(rows)]
    if len(found) <= HISTORY_MESSAGES:
        return tuple(found)
    start = next((index for index, each in enumerate(found) if index and each.role is Role.USER), len(found))
    return tuple(found[start:])


def last_turn(connection: sqlite3.Connection, session_id: str) -> str:
    """The turn that spoke last in a session, of those that show; empty when there is none."""
    row = connection.execute(
        "SELECT turn_id FROM messages WHERE session_id = ? AND hidden <> 1 ORDER BY id DESC LIMIT 1", (session_id,)
    ).fetchone()
    return str(row[0]) if row else ""
