"""Answers that programs may fetch again by their id: a bounded shelf, the least used goes first.

Rule: what was forgotten leaves an empty place, the first to go, so that an answer which comes after it is not kept
anew.
"""

import sqlite3

from hermes.store.engine.codec import clean
from hermes.store.requests import Response

KEPT = 100
"""Answers: what the established product keeps. What was said stays in the sessions, whatever goes from here."""


def keep(connection: sqlite3.Connection, response: Response, now: float) -> None:
    connection.execute(
        "INSERT INTO responses (id, session_id, turn_id, used_at, body) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET session_id = excluded.session_id, turn_id = excluded.turn_id,"
        " used_at = excluded.used_at, body = excluded.body WHERE responses.body <> ''",
        (response.id, response.session_id, response.turn_id, now, clean(response.body)),
    )
    connection.execute(
        "DELETE FROM responses WHERE id IN"
        " (SELECT id FROM responses ORDER BY used_at DESC, rowid DESC LIMIT -1 OFFSET ?)",
        (KEPT,),
    )


def use(connection: sqlite3.Connection, response_id: str, now: float) -> Response | None:
    row = connection.execute(
        "UPDATE responses SET used_at = ? WHERE id = ? AND body <> '' RETURNING id, session_id, turn_id, body",
        (now, clean(response_id)),
    ).fetchone()
    return Response(*row) if row else None


def drop(connection: sqlite3.Connection, response_id: str) -> None:
    connection.execute("UPDATE responses SET used_at = 0, body = '' WHERE id = ?", (clean(response_id),))
