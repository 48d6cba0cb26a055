"""Background processes that run now, so that a session is told of each one that a crash or a restart ended.

Rules:

1. A record stands before its process starts, and goes in the transaction that puts the word of its end into the inbox.
2. A record of an owner that has just taken its lock is of a process that nobody watches any more: it has ended with the
   program that started it (docs/adr/0011-child-processes.md).
"""

import sqlite3

from hermes.events import Inbound
from hermes.store.background_interface import BackgroundRecord
from hermes.store.engine.codec import BACKGROUND_COLUMNS, background_record, background_values, clean, columns, marks
from hermes.store.tables import acceptance

_INSERT = f"INSERT OR IGNORE INTO background ({columns(BACKGROUND_COLUMNS)}) VALUES ({marks(len(BACKGROUND_COLUMNS))})"


def begin(connection: sqlite3.Connection, record: BackgroundRecord) -> None:
    connection.execute(_INSERT, background_values(record))


def end(connection: sqlite3.Connection, process_id: str, event: Inbound | None, now: float) -> None:
    gone = connection.execute("DELETE FROM background WHERE id = ? RETURNING id", (clean(process_id),)).fetchone()
    # Without a record an earlier write of this end has put its word there.
    if gone is not None and event is not None:
        acceptance.accept(connection, event, now)


def left(connection: sqlite3.Connection, owner: str) -> tuple[BackgroundRecord, ...]:
    rows = connection.execute(
        f"SELECT {columns(BACKGROUND_COLUMNS)} FROM background WHERE owner = ? ORDER BY started_at, id", (owner,)
    )
    return tuple(map(background_record, rows))
