import sqlite3
from pathlib import Path

import pytest

from hermes.errors import ConfigError
from hermes.store.engine import migrations
from hermes.store.engine.database import Database
from hermes.store.engine.schema import SCHEMA_VERSION, TABLES


def version(path: Path) -> list[tuple[int]]:
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT version FROM schema_version").fetchall()
    connection.close()
    return found


def change(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def test_a_new_file_has_todays_schema_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    for _ in range(2):
        Database.open(path).close()
    assert version(path) == [(SCHEMA_VERSION,)]
    connection = sqlite3.connect(path)
    for table in TABLES:
        found = [row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")]
        assert found == [name for name, _ in table.columns]
    connection.close()


def test_a_newer_file_is_refused_with_its_name_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    Database.open(path).close()
    change(path, f"UPDATE schema_version SET version = {SCHEMA_VERSION + 1}", "DROP TABLE calls")
    with pytest.raises(ConfigError, match=r"state\.db has schema version 2 and this program knows 1") as caught:
        Database.open(path)
    assert caught.value.file == str(path)
    assert version(path) == [(SCHEMA_VERSION + 1,)]
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'calls'").fetchone() is None
    connection.close()


def test_missing_columns_tables_and_indexes_are_added_and_rows_kept(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    Database.open(path).close()
    change(
        path,
        "INSERT INTO sessions (id, title) VALUES ('s1', 'kept')",
        "ALTER TABLE sessions DROP COLUMN end_reason",
        "ALTER TABLE sessions DROP COLUMN reasoning_tokens",
        "DROP TABLE calls",
        "DROP INDEX turns_running",
    )
    database = Database.open(path)
    row = database.connection.execute("SELECT title, end_reason, reasoning_tokens FROM sessions").fetchone()
    assert row == ("kept", None, 0)
    present = {name for (name,) in database.connection.execute("SELECT name FROM sqlite_schema")}
    assert {"calls", "turns_running"} <= present
    database.close()


def test_steps_run_in_order_from_the_version_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.db"
    Database.open(path).close()
    ran: list[int] = []
    steps = {number: (lambda connection, number=number: ran.append(number)) for number in (1, 2, 4)}
    monkeypatch.setattr(migrations, "STEPS", steps)
    monkeypatch.setattr(migrations, "SCHEMA_VERSION", 4)
    for _ in range(2):
        Database.open(path).close()
    assert ran == [2, 4]
    assert version(path) == [(4,)]


def test_no_step_runs_on_a_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def step(connection: sqlite3.Connection) -> None:
        raise AssertionError("a new file needs no step")

    monkeypatch.setattr(migrations, "STEPS", {SCHEMA_VERSION: step})
    Database.open(tmp_path / "state.db").close()


def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def step(connection: sqlite3.Connection) -> None:
        connection.execute("DROP TABLE outbox")
        raise ZeroDivisionError

    path = tmp_path / "state.db"
    Database.open(path).close()
    monkeypatch.setattr(migrations, "STEPS", {2: step})
    monkeypatch.setattr(migrations, "SCHEMA_VERSION", 2)
    with pytest.raises(ZeroDivisionError):
        Database.open(path)
    monkeypatch.undo()
    assert version(path) == [(1,)]
    Database.open(path).close()


def test_a_commit_that_fails_after_its_transaction_ended_needs_no_rollback(tmp_path: Path) -> None:
    """SQLite ends the transaction by itself after some errors."""
    connection = sqlite3.connect(tmp_path / "state.db", isolation_level=None)

    def step(inner: sqlite3.Connection) -> None:
        inner.execute("ROLLBACK")
        raise ZeroDivisionError

    connection.execute("CREATE TABLE schema_version (version INTEGER NOT NULL)")
    connection.execute("INSERT INTO schema_version VALUES (0)")
    patched = pytest.MonkeyPatch()
    patched.setattr(migrations, "STEPS", {1: step})
    with pytest.raises(ZeroDivisionError):
        migrations.migrate(connection, tmp_path / "state.db")
    patched.undo()
    connection.close()
