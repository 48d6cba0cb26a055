"""Model calls and what they cost: hermes/spending.py over SQLite. One row a call, kept for a year."""

import sqlite3

from hermes.messages import Usage
from hermes.spending import DAY_SECONDS, Caps, ModelCall, Spent, check
from hermes.store.codec import clean

_COST = "input_tokens + output_tokens"
_BEGIN = """
    INSERT INTO model_calls (key, session_id, turn_id, at, provider, model, input_tokens, output_tokens)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_END = """
    UPDATE model_calls SET state = 'done', ended_at = ?, input_tokens = ?, output_tokens = ?, cache_read_tokens = ?,
        cache_write_tokens = ?, reasoning_tokens = ?
    WHERE key = ? AND state = 'open'
"""


def begin(connection: sqlite3.Connection, call: ModelCall, caps: Caps, now: float) -> None:
    if connection.execute("SELECT 1 FROM model_calls WHERE key = ?", (call.key,)).fetchone():
        return
    most = call.most.input_tokens + call.most.output_tokens
    check(caps, _under(connection, call, caps, now), most)
    who = (clean(call.provider), clean(call.model))
    values = (call.key, call.session_id, call.turn_id, now, *who, call.most.input_tokens, call.most.output_tokens)
    connection.execute(_BEGIN, values)


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


def _under(connection: sqlite3.Connection, call: ModelCall, caps: Caps, now: float) -> Spent:
    """What counts against the caps that are set: the sum over a day costs more with each call of it."""
    return Spent(
        turn=_of_turn(connection, call.turn_id) if caps.turn else 0,
        conversation=_of_conversation(connection, call.session_id) if caps.conversation else 0,
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
