"""The beginning of a session that is more than its first message: what a client says was spoken before, or an older
session to go on with.

Rules:

1. It is written in the transaction that accepts the event, and only then: an event that was there already changes
   nothing.
2. A key that has a session keeps it; only an older one that is named takes its place.
"""

import sqlite3

from hermes.errors import Refused
from hermes.events import Inbound
from hermes.store.requests import INSTRUCTIONS, Beginning, SessionMoved
from hermes.store.tables import compressions, messages, session_state, sessions


def begin(connection: sqlite3.Connection, event: Inbound, beginning: Beginning, salt: str, now: float) -> None:
    """Raises ``Refused`` when the instructions are too long, or the session to go on with is not there or has moved."""
    if beginning.resumes:
        _check_last(connection, beginning)
        if not sessions.resume(connection, event.session_key, beginning.resumes, now):
            raise Refused(f"there is no session {beginning.resumes}")
    elif sessions.current_id(connection, event.session_key) is None:
        _seed(connection, event, beginning, salt, now)


def _check_last(connection: sqlite3.Connection, beginning: Beginning) -> None:
    """Nothing was said after the turn, and nothing waits to be."""
    if not beginning.after:
        return
    waits = connection.execute(
        "SELECT 1 FROM turns WHERE session_id = :session AND state = 'running' UNION ALL"
        " SELECT 1 FROM inbox WHERE state = 'pending' AND session_key IN"
        " (SELECT session_key FROM current_sessions WHERE session_id = :session)",
        {"session": beginning.resumes},
    ).fetchone()
    if waits is not None or messages.last_turn(connection, beginning.resumes) != beginning.after:
        raise SessionMoved(f"more was said in session {beginning.resumes} since then")


def _seed(connection: sqlite3.Connection, event: Inbound, beginning: Beginning, salt: str, now: float) -> None:
    session_id = sessions.create(connection, event.session_key, event.source, salt, now)
    copied = compressions.up_to(connection, beginning.copies, beginning.after) if beginning.copies else ()
    messages.seed(connection, session_id, (*copied, *beginning.messages), now)
    if beginning.instructions:
        session_state.put(connection, session_id, INSTRUCTIONS, beginning.instructions)
