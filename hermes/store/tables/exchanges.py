"""/undo and /retry: taking back the last exchange of a session, or giving it another try.

Rules:

1. An exchange is a turn that has ended. What it said is hidden, never deleted; what its tools did stays done.
2. /retry first revives the newest message that was given up; its row waits again and keeps its place before younger
   ones. Next it has an answer sent that delivery gave up.
3. Otherwise the messages of the last exchange come into the inbox anew, as rows of their own that become one turn.
4. The row of the command records what it led to, so repeating the write changes nothing.
"""

import sqlite3

from attrs import evolve

from hermes.events import Inbound, InboundKind, Outbound
from hermes.store.engine.codec import INBOX_COLUMNS, columns, inbox_row
from hermes.store.tables import delivery, inbox, messages, sessions, transcript

START_CHARACTERS = 80
"""How much of a message that was taken back is told, so that a person sees which one it was."""

_UNDONE = "undone"
_RETRIED = "retried"
_NOTHING = "nothing"


def undo(
    connection: sqlite3.Connection, row_id: int, session_key: str, undone: Outbound, nothing: Outbound, now: float
) -> bool:
    if not inbox.is_pending(connection, row_id):
        return inbox.result_of(connection, row_id) == _UNDONE
    turn_id = _last_exchange(connection, session_key)
    if not turn_id:
        inbox.settle(connection, row_id, (nothing,), now, _NOTHING)
        return False
    start = _start(" ".join(transcript.user_texts(connection, turn_id)))
    _take_back(connection, turn_id)
    connection.execute(
        "UPDATE inbox SET state = 'done', settled_at = ? WHERE turn_id = ? AND state = 'dead'", (now, turn_id)
    )
    said = evolve(undone, text=undone.text.replace("{text}", start))
    inbox.settle(connection, row_id, (said,), now, _UNDONE)
    return True


def _start(text: str) -> str:
    words = " ".join(text[: 4 * START_CHARACTERS].split())
    return words if len(words) <= START_CHARACTERS else f"{words[:START_CHARACTERS]}…"


def retry(connection: sqlite3.Connection, row_id: int, session_key: str, nothing: Outbound, now: float) -> bool:
    if not inbox.is_pending(connection, row_id):
        return inbox.result_of(connection, row_id) == _RETRIED
    done = (
        _revive(connection, session_key)
        or delivery.revive(connection, session_key)
        or _ask_again(connection, row_id, session_key, now)
    )
    inbox.settle(connection, row_id, () if done else (nothing,), now, _RETRIED if done else _NOTHING)
    return done


def _last_exchange(connection: sqlite3.Connection, session_key: str) -> str:
    """The turn that ended last of those that show, in the key's current session; empty when there is none."""
    row = connection.execute(
        "SELECT turn_id FROM messages WHERE session_id = ? AND hidden = 0 AND turn_id NOT IN"
        " (SELECT id FROM turns WHERE state = 'running' AND session_id = messages.session_id) ORDER BY id DESC LIMIT 1",
        (sessions.current_id(connection, session_key),),
    ).fetchone()
    return row[0] if row else ""


def _take_back(connection: sqlite3.Connection, turn_id: str) -> None:
    messages.hide(connection, turn_id)
    transcript.hide(connection, turn_id)


def _revive(connection: sqlite3.Connection, session_key: str) -> bool:
    row = connection.execute(
        "SELECT turn_id FROM inbox WHERE session_key = ? AND state = 'dead' ORDER BY id DESC LIMIT 1", (session_key,)
    ).fetchone()
    if row is None:
        return False
    messages.hide(connection, row[0])
    revived = connection.execute(
        "UPDATE inbox SET state = 'pending', turn_id = NULL, joined_by = '', result = '', settled_at = NULL"
        " WHERE turn_id = ? AND state = 'dead' RETURNING entry_id",
        (row[0],),
    ).fetchall()
    transcript.loosen_user(connection, (entry_id for (entry_id,) in revived))
    return True


def _ask_again(connection: sqlite3.Connection, row_id: int, session_key: str, now: float) -> bool:
    turn_id = _last_exchange(connection, session_key)
    texts = transcript.user_texts(connection, turn_id)
    if not texts:
        return False
    _take_back(connection, turn_id)
    command = inbox_row(
        connection.execute(f"SELECT {columns(INBOX_COLUMNS)} FROM inbox WHERE id = ?", (row_id,)).fetchone(), attempts=0
    )
    for number, text in enumerate(texts):
        inbox.insert(connection, _again(command.event, number, text, now), now)
    return True


def _again(command: Inbound, number: int, text: str, now: float) -> Inbound:
    return evolve(
        command,
        event_id=f"{command.event_id}:retry:{number}",
        kind=InboundKind.MESSAGE,
        text=text,
        sent_at=now,
        utterance=f"{command.event_id}:retry",
    )
