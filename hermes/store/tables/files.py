"""Files of messages that are still to come: what a start takes up again.

Rules:

1. A message says by its ``attachment`` that a file comes, and a row of its event id and ``FILE_PART`` what became of
   it. Without that row the file is still to come.
2. It is taken up for a message whose turn has not begun, and for one that was taken into a turn before its file was
   there (it steered that turn, or answered its question): then its part is a message of its own, as it would have been
   without the restart. A message that was given up, or was settled long ago, waits for nothing more.
"""

import sqlite3

from hermes.events import FILE_PART, Inbound
from hermes.store.engine.codec import INBOX_COLUMNS, columns, inbox_row

LATE_SECONDS = 3600.0
"""After its message was settled: a word about a file from hours ago surprises more than it helps. Well before rows are
pruned, so that no part is missed that came long ago."""

MOST_FILES = 1000
"""Taken up at one start: more than an adapter has on their way at a time."""

_TO_COME = f"""
    SELECT {columns(INBOX_COLUMNS)} FROM inbox
    WHERE attachment <> '' AND platform = :platform AND account = :account
    AND (state IN ('pending', 'taken') OR state = 'done' AND settled_at > :now - {LATE_SECONDS})
    AND NOT EXISTS (
        SELECT 1 FROM inbox AS part WHERE part.platform = inbox.platform AND part.account = inbox.account
        AND part.event_id = inbox.event_id || '{FILE_PART}')
    ORDER BY id LIMIT {MOST_FILES}
"""

# Of an utterance its newest row counts, which another file's part may be. Its arrival stays as it was told.
_WAIT_ANEW = """
    UPDATE inbox SET more_within = max(0.0, :now - received_at) + :within
    WHERE session_key = :session_key AND utterance = :utterance AND state = 'pending'
"""


def await_anew(
    connection: sqlite3.Connection, platform: str, account: str, within: float, now: float
) -> tuple[Inbound, ...]:
    """The messages of the account whose files are still to come. Turns that have not begun wait for them once more,
    ``within`` seconds from now."""
    asked = {"platform": platform, "account": account, "now": now}
    events = tuple(inbox_row(row, attempts=0).event for row in connection.execute(_TO_COME, asked))
    for session_key, utterance in {(event.session_key, event.utterance) for event in events}:
        waiting = {"session_key": session_key, "utterance": utterance, "now": now, "within": within}
        connection.execute(_WAIT_ANEW, waiting)
    return events
