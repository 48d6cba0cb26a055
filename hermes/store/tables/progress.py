"""What became of one event: read from the journal while its row is there.

A turn's end writes its state, its inbox rows and what the chat is told in one transaction, so whoever sees the row done
sees the whole answer.
"""

import sqlite3

from hermes.messages import Usage
from hermes.store.engine.codec import clean, pack_names
from hermes.store.requests import Progress

_USAGE = "input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens"
_ROW = f"""
    SELECT inbox.state, inbox.received_at, inbox.message_id, inbox.entry_id, inbox.session_key,
        turns.id, turns.session_id, turns.state, {", ".join(f"turns.{name}" for name in _USAGE.split(", "))}
    FROM inbox LEFT JOIN turns ON turns.id = inbox.turn_id
    WHERE inbox.platform = ? AND inbox.account = ? AND inbox.event_id = ?
"""


def progress(connection: sqlite3.Connection, platform: str, account: str, event_id: str) -> Progress | None:
    row = connection.execute(_ROW, (platform, account, clean(event_id))).fetchone()
    if row is None:
        return None
    state, received_at, message_id, entry_id, session_key, turn_id, session_id, outcome, *usage = row
    if turn_id is None:
        session_id = _session_id(connection, session_key, entry_id)
        text = _output(connection, session_id, session_key, entry_id, event_id) if state == "done" else ""
        return Progress(state, session_id, received_at, message_id, text=text)
    over = state in {"done", "dead"}
    return Progress(
        state,
        session_id,
        received_at,
        message_id,
        turn_id,
        outcome if over else "",
        _said(connection, turn_id) if over else "",
        Usage(*usage),
    )


def _said(connection: sqlite3.Connection, turn_id: str) -> str:
    """All parts of what ended a turn."""
    rows = connection.execute(
        "SELECT text FROM entries WHERE turn_id = ? AND turn_id <> '' AND kind IN ('answer', 'notice') ORDER BY id",
        (turn_id,),
    )
    return "".join(text for (text,) in rows)


def _session_id(connection: sqlite3.Connection, session_key: str, entry_id: int | None) -> str:
    """The session that shows the event, else the one that it will go to."""
    row = connection.execute("SELECT session_id FROM entries WHERE id = ?", (entry_id,)).fetchone()
    if row is not None and row[0]:
        return str(row[0])
    row = connection.execute("SELECT session_id FROM current_sessions WHERE session_key = ?", (session_key,)).fetchone()
    return str(row[0]) if row else ""


def _output(
    connection: sqlite3.Connection, session_id: str, session_key: str, entry_id: int | None, event_id: str
) -> str:
    """What a command said."""
    rows = connection.execute(
        "SELECT text FROM entries WHERE session_id = ? AND session_key = ? AND id > ? AND kind = 'notice'"
        " AND answers = ? ORDER BY id",
        (session_id, session_key, entry_id, pack_names((event_id,))),
    )
    return "".join(text for (text,) in rows)
