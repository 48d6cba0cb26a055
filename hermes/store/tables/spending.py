"""Model calls and what they cost: hermes/spending.py over SQLite. One row a call, kept for a year."""

import sqlite3

from hermes.errors import LocalProtocolError
from hermes.messages import Usage
from hermes.spending import DAY_SECONDS, Caps, ModelCall, Spent, further, granted
from hermes.store.engine.codec import clean

_COST = "input_tokens + output_tokens"
_BEGIN = """
    INSERT INTO model_calls (key, session_id, turn_id, at, provider, model, input_tokens, output_tokens)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_RESERVED = "SELECT session_id, turn_id, output_tokens FROM model_calls WHERE key = ? AND state = 'open'"
_END = """
    UPDATE model_calls SET state = 'done', ended_at = ?, input_tokens = ?, output_tokens = ?, cache_read_tokens = ?,
        cache_write_tokens = ?, reasoning_tokens = ?
    WHERE key = ? AND state = 'open'
"""


def begin(connection: sqlite3.Connection, call: ModelCall, caps: Caps, now: float) -> int:
    known = connection.execute("SELECT output_tokens FROM model_calls WHERE key = ?", (call.key,)).fetchone()
    if known:
        return int(known[0])
    output = granted(caps, _under(connection, call.session_id, call.turn_id, caps, now), call.most)
    who = (clean(call.provider), clean(call.model))
    values = (call.key, call.session_id, call.turn_id, now, *who, call.most.input_tokens, output)
    connection.execute(_BEGIN, values)
    return output


def extend(connection: sqlite3.Connection, key: str, had: int, wanted: int, caps: Caps, now: float) -> int:
    row = connection.execute(_RESERVED, (key,)).fetchone()
    if row is None:
        raise LocalProtocolError("a model call that is not under way cannot have more tokens")
    session_id, turn_id, reserved = row
    if reserved > had:
        return int(reserved)
    output = had + further(caps, _under(connection, session_id, turn_id, caps, now), wanted - had)
    connection.execute("UPDATE model_calls SET output_tokens = ? WHERE key = ?", (output, key))
    return output


def end(connection: sqlite3.Connection, key: str, usage: Usage, now: float) -> None:
    tokens = (
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
    )
    connection.execute(_END, (now, *tokens, key))


def spent(connection: sqlite3.Connection, session_id: str, turn_id: str, now: float) -> Spent:
    day, calls = _of_day(connection, now)
    return Spent(_of_turn(connection, turn_id), _of_conversation(connection, session_id), day, calls)


def _under(connection: sqlite3.Connection, session_id: str, turn_id: str, caps: Caps, now: float) -> Spent:
    """What counts against the caps that are set: the sum over a day costs more with each call of it."""
    return Spent(
        turn=_of_turn(connection, turn_id) if caps.turn else 0,
        conversation=_of_conversation(connection, session_id) if caps.conversation else 0,
        day=_of_day(connection, now)[0] if caps.day else 0,
        calls_of_day=0,
    )


def _of_turn(connection: sqlite3.Connection, turn_id: str) -> int:
    return _total(connection, "turn_id = ?", turn_id)[0]


def _of_conversation(connection: sqlite3.Connection, session_id: str) -> int:
    return _total(connection, "session_id = ?", session_id)[0]


def _of_day(connection: sqlite3.Connection, now: float) -> tuple[int, int]:
    return _total(connection, "at > ?", now - DAY_SECONDS)


def _total(connection: sqlite3.Connection, condition: str, value: str | float) -> tuple[int, int]:
    """Tokens and calls."""
    row = connection.execute(
        f"SELECT coalesce(sum({_COST}), 0), count(*) FROM model_calls WHERE {condition}", (value,)
    ).fetchone()
    return int(row[0]), int(row[1])
