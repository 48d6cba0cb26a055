"""What keeps the store small, and the figures that tell how full it is.

Rules:

1. Transcripts stay. What goes is the journal of what is settled, once no platform hands it over again.
2. One call does a bounded amount, so that pruning never holds up a message for long; what is left goes with the
   next call.
"""

import sqlite3

from hermes.store.rows import Counts

REDELIVERY_SECONDS = 24 * 3600.0
"""How long a platform may hand over an event again: Telegram keeps updates for at most 24 hours."""

KEPT_SECONDS = REDELIVERY_SECONDS + 24 * 3600.0
"""A settled row is kept a day longer, for clocks that differ and for /retry."""

PRUNED_ROWS = 500
"""Of one table in one call: some milliseconds."""

FREED_PAGES = 1000
"""Given back to the file system in one call: 4 MB."""

KEPT_CALLS_SECONDS = 365 * 24 * 3600.0
"""What a model call did cost is of interest for longer: a year of it is some megabytes."""

# The last column of each of these lies behind long text, so only what is settled is looked at, by id.
_SETTLED = {
    "inbox": "state IN ('done', 'dead') AND settled_at < :before",
    "outbox": "state IN ('sent', 'failed', 'dead') AND settled_at < :before",
    "asks": "state <> 'open' AND settled_at < :before",
    "turns": "state <> 'running' AND ended_at < :before",
    "model_calls": f"at < :before - {KEPT_CALLS_SECONDS}",
}

_WAITING = "state IN ('pending', 'sending')"


def prune(connection: sqlite3.Connection, now: float) -> int:
    """Rows dropped from the journal."""
    bounds = {"before": now - KEPT_SECONDS, "limit": PRUNED_ROWS}
    dropped = 0
    for table, settled in _SETTLED.items():
        dropped += connection.execute(
            f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} WHERE {settled} LIMIT :limit)", bounds
        ).rowcount
    # Python's module takes one step of a statement without columns, which frees one page.
    free = int(connection.execute("PRAGMA freelist_count").fetchone()[0])
    for _ in range(min(free, FREED_PAGES)):
        connection.execute("PRAGMA incremental_vacuum(1)")
    return dropped


def ping(connection: sqlite3.Connection) -> None:
    """Read the file, for a writer under the lock of a write, and change nothing."""
    connection.execute("SELECT count(*) FROM counters").fetchone()


def counts(connection: sqlite3.Connection) -> Counts:
    def count(table: str, condition: str) -> int:
        return int(connection.execute(f"SELECT count(*) FROM {table} WHERE {condition}").fetchone()[0])

    return Counts(
        inbox_pending=count("inbox", "state = 'pending'"),
        turns_running=count("turns", "state = 'running'"),
        inbox_dead=count("inbox", "state = 'dead'"),
        asks_open=count("asks", "state = 'open'"),
        outbox_pending=count("outbox", f"{_WAITING} AND ambiguous = 0"),
        outbox_ambiguous=count("outbox", f"{_WAITING} AND ambiguous = 1"),
        outbox_failed=count("outbox", "state IN ('failed', 'dead')"),
    )


def under_way(connection: sqlite3.Connection, platform: str, account: str) -> int:
    here = "platform = ? AND account = ?"
    return int(
        connection.execute(
            f"SELECT (SELECT count(*) FROM turns WHERE state = 'running' AND {here} AND NOT EXISTS"
            " (SELECT 1 FROM asks WHERE asks.turn_id = turns.id AND asks.state = 'open'))"
            f" + (SELECT count(*) FROM outbox WHERE {_WAITING} AND {here})",
            (platform, account, platform, account),
        ).fetchone()[0]
    )
