import errno
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import pytest

from hermes.errors import ConfigError, HermesError, StoreFull, TransientError
from hermes.store.engine import faults
from hermes.store.engine.database import Database, Operation
from hermes.store.tables import acceptance
from tests.hermes.store.builders import NOW, event

DATABASE_BYTES = 2 * 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 2 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DATABASE_BYTES}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting needs rights that this user has not")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def accept(event_id: str, size: int = 100_000) -> Operation:
    return lambda connection: acceptance.accept(connection, event(event_id, "x" * size), NOW)


def fill(folder: Path) -> Path:
    """A file that takes what is left."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as filler, pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        write_for_ever(filler)
    return path


def write_for_ever(file: FileIO) -> None:
    while True:
        file.write(bytes(4096))


def test_a_full_disk_keeps_nothing_of_a_batch_and_writing_resumes_by_itself(small_disk: Path) -> None:
    database = Database.open(small_disk / "state.db")
    database.commit([accept("e1", 10)])
    filler = fill(small_disk)
    outcomes = database.commit([accept("e2"), accept("e3", 10)])
    assert [type(outcome) for outcome in outcomes] == [StoreFull, StoreFull]
    assert str(database.path) in str(outcomes[0])
    assert database.connection.execute("SELECT event_id FROM inbox").fetchall() == [("e1",)]
    filler.unlink()
    assert not any(isinstance(outcome, Exception) for outcome in database.commit([accept("e2"), accept("e3", 10)]))
    assert database.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def test_a_disk_that_fills_up_write_by_write_never_keeps_half(small_disk: Path) -> None:
    database = Database.open(small_disk / "state.db")
    accepted = 0
    while not isinstance(database.commit([accept(f"e{accepted}", 20_000)])[0], StoreFull):
        accepted += 1
    assert accepted > 3
    assert database.connection.execute("SELECT count(*) FROM inbox").fetchone() == (accepted,)
    assert database.connection.execute("SELECT count(*) FROM entries").fetchone() == (accepted,)
    database.close()
    assert database_is_sound(small_disk / "state.db")


def test_opening_on_a_full_disk_is_told_as_such(small_disk: Path) -> None:
    filler = fill(small_disk)
    with pytest.raises(StoreFull, match=r"state\.db"):
        Database.open(small_disk / "state.db")
    filler.unlink()
    Database.open(small_disk / "state.db").close()


def test_an_existing_store_can_be_opened_again_once_there_is_space(small_disk: Path) -> None:
    Database.open(small_disk / "state.db").close()
    filler = fill(small_disk)
    with pytest.raises(StoreFull):
        Database.open(small_disk / "state.db")
    filler.unlink()
    Database.open(small_disk / "state.db").close()


def test_a_store_at_its_greatest_size_is_full_for_each_operation(database: Database) -> None:
    pages = database.connection.execute("PRAGMA page_count").fetchone()[0]
    database.connection.execute(f"PRAGMA max_page_count = {pages + 5}")
    outcomes = database.commit([accept("e1", 10), accept("e2")])
    assert [type(outcome) for outcome in outcomes] == [StoreFull, StoreFull]
    assert outcomes[0] is not outcomes[1]
    assert isinstance(database.commit([accept("e2")])[0], StoreFull)
    assert database.connection.execute("SELECT count(*) FROM inbox").fetchone() == (0,)
    database.connection.execute(f"PRAGMA max_page_count = {pages + 1000}")
    assert not isinstance(database.commit([accept("e2")])[0], Exception)


def database_is_sound(path: Path) -> bool:
    connection = sqlite3.connect(path)
    try:
        return bool(connection.execute("PRAGMA integrity_check").fetchone() == ("ok",))
    finally:
        connection.close()


def sqlite_error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("told by SQLite")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_CANTOPEN])
def test_a_spent_quota_is_a_full_disk_however_sqlite_calls_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, number: int
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    assert isinstance(faults.translate(sqlite_error(code), tmp_path / "state.db"), StoreFull)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_FULL, StoreFull),
        (sqlite3.SQLITE_IOERR_READ, HermesError),
        (sqlite3.SQLITE_BUSY, TransientError),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, TransientError),
        (sqlite3.SQLITE_PROTOCOL, TransientError),
        (sqlite3.SQLITE_CORRUPT_VTAB, faults.Damaged),
        (sqlite3.SQLITE_NOTADB, faults.Damaged),
        (sqlite3.SQLITE_CANTOPEN, ConfigError),
        (sqlite3.SQLITE_READONLY_DIRECTORY, ConfigError),
    ],
)
def test_what_sqlite_reports_is_told_by_remedy_with_the_files_name(tmp_path: Path, code: int, kind: type) -> None:
    told = faults.translate(sqlite_error(code), tmp_path / "state.db")
    assert type(told) is kind
    assert str(tmp_path / "state.db") in str(told)


@pytest.mark.parametrize("error", [sqlite_error(sqlite3.SQLITE_ERROR), sqlite3.ProgrammingError("misuse")])
def test_a_bug_stays_what_it_is(tmp_path: Path, error: sqlite3.Error) -> None:
    assert faults.translate(error, tmp_path / "state.db") is error
    assert not faults.is_fatal(error)


def test_a_folder_with_room_is_not_full_and_one_that_is_gone_is_no_answer(tmp_path: Path) -> None:
    assert not faults.disk_is_full(tmp_path)
    assert not faults.disk_is_full(tmp_path / "gone")
