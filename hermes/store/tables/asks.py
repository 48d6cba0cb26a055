"""Questions to a person: opened by a turn, answered from the inbox, expired or withdrawn.

Rules:

1. A question is open until exactly one of answer, deadline and end of its turn takes it; the first wins.
2. Only the chat that was asked can answer: a question of another session key is unknown.
3. An answer at or after the deadline is late, whether or not its turn has noticed.
4. A message that was taken for an answer and is none any more stays pending: it is a message like any other.
"""

import sqlite3

from attrs import evolve

from hermes.asks import Ask, AskState
from hermes.events import InboundKind, Outbound
from hermes.store.engine.codec import ASK_COLUMNS, ask, ask_values, clean, columns, marks
from hermes.store.rows import AnswerResult, Lease
from hermes.store.tables import drafts, inbox, outbox, transcript
from hermes.store.tables.leases import check_turn, touch

_OPEN = (
    f"INSERT INTO asks (opened_at, session_key, {columns(ASK_COLUMNS)}) VALUES ({marks(2 + len(ASK_COLUMNS))})"
    " ON CONFLICT (id) DO NOTHING"
)

_SAID = frozenset({InboundKind.MESSAGE.value, InboundKind.EDIT.value})


def of_turn(connection: sqlite3.Connection, turn_id: str) -> tuple[Ask, ...]:
    rows = connection.execute(
        f"SELECT {columns(ASK_COLUMNS)} FROM asks WHERE turn_id = ? ORDER BY opened_at, id", (turn_id,)
    )
    return tuple(ask(row) for row in rows)


def latest_deadline(connection: sqlite3.Connection, turn_id: str) -> float:
    """Of the turn's open questions; 0 when it has none."""
    row = connection.execute(
        "SELECT max(deadline) FROM asks WHERE turn_id = ? AND state = 'open'", (turn_id,)
    ).fetchone()
    return float(row[0] or 0.0)


def open_ask(connection: sqlite3.Connection, lease: Lease, question: Ask, message: Outbound, now: float) -> None:
    check_turn(connection, lease)
    question = evolve(question, turn_id=lease.turn_id)
    message = evolve(message, turn_id=lease.turn_id, ask_id=question.id)
    connection.execute(_OPEN, (now, lease.session_key, *ask_values(question)))
    # A call that asks has not run; a crash while it waits must not tell the model that it may have.
    connection.execute("DELETE FROM calls WHERE turn_id = ? AND call_id = ?", (lease.turn_id, question.call_id))
    drafts.let_stand(connection, lease.turn_id)
    outbox.put(connection, message, lease.session_id, now)
    touch(connection, lease.turn_id, now)


def answer_ask(
    connection: sqlite3.Connection, row_id: int, ask_id: str, answer: str, too_late: Outbound, now: float
) -> AnswerResult:
    row = connection.execute("SELECT state, session_key, result, kind FROM inbox WHERE id = ?", (row_id,)).fetchone()
    if row is None:
        return AnswerResult.UNKNOWN
    state, session_key, result, kind = row
    if state != "pending":
        return AnswerResult(result) if result in set(AnswerResult) else AnswerResult.ALREADY
    found = _find(connection, session_key, ask_id)
    told = _judge(found, now)
    if found is not None and told is AnswerResult.TAKEN:
        _take(connection, found, clean(answer), now)
    elif kind in _SAID:
        return told
    inbox.settle(connection, row_id, () if told is AnswerResult.TAKEN else (too_late,), now, told.value)
    return told


def _find(connection: sqlite3.Connection, session_key: str, ask_id: str) -> Ask | None:
    condition = "id = ? AND session_key = ?" if ask_id else "? = '' AND session_key = ? AND state = 'open'"
    row = connection.execute(
        f"SELECT {columns(ASK_COLUMNS)} FROM asks WHERE {condition} ORDER BY opened_at LIMIT 1", (ask_id, session_key)
    ).fetchone()
    return ask(row) if row else None


def _judge(found: Ask | None, now: float) -> AnswerResult:
    if found is None:
        return AnswerResult.UNKNOWN
    if found.state is AskState.ANSWERED:
        return AnswerResult.ALREADY
    if found.state is AskState.OPEN and now < found.deadline:
        return AnswerResult.TAKEN
    return AnswerResult.EXPIRED


def _take(connection: sqlite3.Connection, found: Ask, answer: str, now: float) -> None:
    connection.execute(
        "UPDATE asks SET state = 'answered', answer = ?, settled_at = ? WHERE id = ?", (answer, now, found.id)
    )
    transcript.end_ask(connection, found.turn_id, found.id, AskState.ANSWERED.value, answer)
    touch(connection, found.turn_id, now)


def expire_ask(connection: sqlite3.Connection, lease: Lease, ask_id: str, now: float) -> bool:
    check_turn(connection, lease)
    connection.execute(
        "UPDATE asks SET state = 'expired', settled_at = ?"
        " WHERE id = ? AND turn_id = ? AND state = 'open' AND deadline <= ?",
        (now, ask_id, lease.turn_id, now),
    )
    row = connection.execute(
        "SELECT 1 FROM asks WHERE id = ? AND turn_id = ? AND state = 'expired'", (ask_id, lease.turn_id)
    ).fetchone()
    if row is None:
        return False
    transcript.end_ask(connection, lease.turn_id, ask_id, AskState.EXPIRED.value)
    touch(connection, lease.turn_id, now)
    return True


def withdraw(connection: sqlite3.Connection, turn_id: str, now: float) -> None:
    """The turn ends: what it still asks nobody needs to answer."""
    rows = connection.execute("SELECT id FROM asks WHERE turn_id = ? AND state = 'open'", (turn_id,)).fetchall()
    for (ask_id,) in rows:
        connection.execute("UPDATE asks SET state = 'withdrawn', settled_at = ? WHERE id = ?", (now, ask_id))
        transcript.end_ask(connection, turn_id, ask_id, AskState.WITHDRAWN.value)
