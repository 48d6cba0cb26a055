"""The outbox, as those fill it who have something to say. What delivery does with its rows is in delivery.py.

Rules:

1. Key and contents stand in the row before the first attempt to send, and do not change under that key.
2. A key that is there already is a repetition: nothing is added.
3. States: ``draft``: the first send of a streamed draft, whose end is not written yet (drafts.py); ``pending``;
   ``sending``; ``sent``; ``failed``: refused for good; ``dead``: given up, until /retry. What may have arrived is
   ``pending`` with its ``ambiguous`` mark set.
"""

import sqlite3

from hermes.events import Outbound
from hermes.store.engine.codec import OUTBOUND_COLUMNS, clean, columns, marks, outbound_values
from hermes.store.tables import transcript

_INSERT = (
    f"INSERT INTO outbox (created_at, entry_id, {columns(OUTBOUND_COLUMNS)})"
    f" VALUES ({marks(2 + len(OUTBOUND_COLUMNS))})"
)
_SET_CONTENTS = ", ".join(f"{name} = ?" for name in OUTBOUND_COLUMNS)


def put(connection: sqlite3.Connection, message: Outbound, session_id: str, now: float) -> None:
    """A message that waits to be sent, and its entry in the chat."""
    if connection.execute("SELECT 1 FROM outbox WHERE key = ?", (clean(message.key),)).fetchone() is None:
        entry_id = transcript.add_outbound(connection, message, session_id, now)
        connection.execute(_INSERT, (now, entry_id, *outbound_values(message)))


def set_contents(connection: sqlite3.Connection, row_id: int, message: Outbound) -> None:
    """Give a row that never was an answer, or may be sent again under a new key, its contents."""
    connection.execute(f"UPDATE outbox SET {_SET_CONTENTS} WHERE id = ?", (*outbound_values(message), row_id))


def fresh_key(key: str) -> str:
    """The key of a message that is sent again as a new one.

    Platforms that know keys answer a known one with the old message, so other contents need another key.
    """
    return f"{key}~"
