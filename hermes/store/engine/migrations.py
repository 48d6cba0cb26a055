"""Brings an opened file to today's schema.

Rules:

1. All of it happens in one write transaction, so that of several programs that open a new file at once one does the
   work.
2. A file of a newer schema is refused and left as it is: an older program would damage what it does not know.
3. Steps run in order from the version that the file has; then tables, columns, indexes and triggers that are absent
   are added.
"""

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

from hermes.errors import ConfigError
from hermes.store.engine.schema import INDEXES, SCHEMA_VERSION, SEARCH, TABLES, Table

STEPS: Mapping[int, Callable[[sqlite3.Connection], None]] = {}
"""By the version that a step leads to: what turns the version before into it."""


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Raises ``ConfigError`` naming the file when its schema is newer than this program's, and sqlite3's errors."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = _version(connection, path)
        for version in range((SCHEMA_VERSION if found is None else found) + 1, SCHEMA_VERSION + 1):
            if version in STEPS:
                STEPS[version](connection)
        _complete(connection)
        if found != SCHEMA_VERSION:
            connection.execute("DELETE FROM schema_version")
            connection.execute("INSERT INTO schema_version VALUES (?)", (SCHEMA_VERSION,))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection, path: Path) -> int | None:
    """The schema of the file; None for a new one."""
    connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)")
    row = connection.execute("SELECT max(version) FROM schema_version").fetchone()
    found = None if row[0] is None else int(row[0])
    if found is not None and found > SCHEMA_VERSION:
        raise ConfigError(
            f"{path} has schema version {found} and this program knows {SCHEMA_VERSION}:"
            " update the program, or move the file away to begin with an empty one",
            file=str(path),
        )
    return found


def _complete(connection: sqlite3.Connection) -> None:
    for table in TABLES:
        connection.execute(table.statement)
        _add_columns(connection, table)
    for statement in (*INDEXES, *SEARCH):
        connection.execute(statement)


def _add_columns(connection: sqlite3.Connection, table: Table) -> None:
    present = {row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")}
    for name, declaration in table.columns:
        if name not in present:
            connection.execute(f"ALTER TABLE {table.name} ADD COLUMN {name} {declaration}")
