import os
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hermes.errors import ConfigError, HermesError, LeaseLost, TransientError
from hermes.failpoints import Failpoints
from hermes.store.engine import database as module
from hermes.store.engine.database import Database, Operation
from hermes.store.engine.faults import Damaged


def put(name: str) -> Operation:
    return lambda connection: connection.execute("INSERT INTO counters VALUES (?, 1)", (name,)).rowcount


def fail(error: Exception, name: str = "undone") -> Operation:
    def operation(connection: sqlite3.Connection) -> None:
        put(name)(connection)
        raise error

    return operation


def names(database: Database) -> list[str]:
    return [row[0] for row in database.connection.execute("SELECT name FROM counters ORDER BY name")]


def test_a_batch_is_one_transaction_with_a_result_each(database: Database) -> None:
    assert database.commit([put("a"), put("b"), lambda connection: "read"]) == [1, 1, "read"]
    assert names(database) == ["a", "b"]
    assert not database.connection.in_transaction


def test_an_empty_batch_is_nothing(database: Database) -> None:
    assert database.commit([]) == []


@pytest.mark.parametrize("error", [LeaseLost("lost"), ZeroDivisionError(), sqlite3.IntegrityError("constraint")])
def test_an_operation_that_fails_undoes_only_itself(database: Database, error: Exception) -> None:
    assert database.commit([put("a"), fail(error), put("b")]) == [1, error, 1]
    assert names(database) == ["a", "b"]


def test_a_constraint_is_told_as_it_is_and_hurts_nobody_else(database: Database) -> None:
    _, twice, _ = database.commit([put("a"), put("a"), put("b")])
    assert isinstance(twice, sqlite3.IntegrityError)
    assert names(database) == ["a", "b"]


def test_a_batch_of_one_that_fails_leaves_nothing(database: Database) -> None:
    error = ZeroDivisionError()
    assert database.commit([fail(error)]) == [error]
    assert names(database) == []
    assert database.commit([put("a")]) == [1]


def test_results_are_on_the_disk_when_they_are_handed_out(database: Database) -> None:
    database.commit([put("a"), put("b")])
    other = sqlite3.connect(database.path)
    assert other.execute("SELECT count(*) FROM counters").fetchone() == (2,)
    other.close()


@pytest.mark.parametrize("count", [1, 3])
def test_an_end_from_outside_undoes_the_whole_batch(database: Database, count: int) -> None:
    def interrupted(connection: sqlite3.Connection) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        database.commit([*[put(f"a{number}") for number in range(count - 1)], interrupted])
    assert names(database) == []
    assert database.commit([put("b")]) == [1]


def test_the_database_is_durable_and_checks_its_references(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "state.db")
    pragma = {
        name: database.connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "auto_vacuum", "journal_size_limit")
    }
    database.close()
    full, incremental = 2, 2
    assert pragma == {
        "journal_mode": "wal",
        "synchronous": full,
        "foreign_keys": 1,
        "auto_vacuum": incremental,
        "journal_size_limit": module.WAL_KEEP_BYTES,
    }


@pytest.mark.parametrize("mode", [0o600, 0o660])
def test_a_new_file_and_its_companions_have_the_mode_that_was_asked_for(tmp_path: Path, mode: int) -> None:
    umask = os.umask(0o077)
    try:
        database = Database.open(tmp_path / "state.db", mode=mode)
        database.commit([put("a")])
        found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        database.close()
    finally:
        os.umask(umask)
    assert found == {"state.db": mode, "state.db-wal": mode, "state.db-shm": mode}


def test_an_existing_file_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    Database.open(path).close()
    path.chmod(0o640)
    Database.open(path, mode=0o600).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_opening_a_second_time_drops_no_lock_of_this_process(database: Database) -> None:
    """Closing any other descriptor of the file would (fcntl(2)); another process must still be locked out."""
    database.connection.execute("BEGIN IMMEDIATE")
    second = module.connect(database.path)
    second.close()
    with pytest.raises(TransientError):
        Database.open(database.path).close()
    script = f"import sqlite3; sqlite3.connect({str(database.path)!r}, timeout=0).execute('BEGIN IMMEDIATE')"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert "database is locked" in ended.stderr
    database.connection.execute("ROLLBACK")


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that another connection keeps is waited for briefly."""
    monkeypatch.setattr(module, "BUSY_MILLISECONDS", 20)


def test_another_programs_lock_is_a_transient_error_for_each_and_passes(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "state.db")
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    outcomes = database.commit([put("a"), put("b")])
    assert [type(outcome) for outcome in outcomes] == [TransientError, TransientError]
    assert outcomes[0] is not outcomes[1]
    assert str(database.path) in str(outcomes[0])
    other.execute("ROLLBACK")
    assert database.commit([put("a")]) == [1]
    other.close()
    database.close()


def test_opening_waits_for_another_programs_lock_and_then_says_so(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(TransientError, match=r"state\.db is locked"):
        Database.open(path)
    other.close()


class Stubborn:
    """A connection on which the switch to the write-ahead log meets other programs that do the same."""

    def __init__(self, refusals: int, code: int = sqlite3.SQLITE_BUSY) -> None:
        self.refusals = refusals
        self.code = code

    def execute(self, statement: str) -> None:
        self.refusals -= 1
        if self.refusals >= 0:
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = self.code
            raise error


def test_switching_to_the_log_outlasts_others_that_open_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUSY_MILLISECONDS", 60_000)
    connection = Stubborn(3)
    module._use_wal(connection)
    assert connection.refusals == -1


@pytest.mark.parametrize("code", [sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR])
def test_switching_to_the_log_gives_up_in_the_end(code: int) -> None:
    with pytest.raises(sqlite3.OperationalError):
        module._use_wal(Stubborn(1_000_000, code))


def test_many_threads_open_a_new_file_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUSY_MILLISECONDS", 30_000)
    errors: list[BaseException] = []

    def opened() -> None:
        try:
            Database.open(tmp_path / "state.db").close()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=opened) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []


def test_what_is_no_database_is_told_with_its_name_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(b"this is a letter, not a database" * 100)
    with pytest.raises(Damaged, match=r"state\.db is damaged"):
        Database.open(path)
    assert path.read_bytes().startswith(b"this is a letter")


def test_damage_that_an_operation_meets_is_told_with_the_files_name(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    Database.open(path).close()
    content = bytearray(path.read_bytes())
    content[8192:] = os.urandom(len(content) - 8192)
    path.write_bytes(content)
    with pytest.raises(Damaged, match=r"state\.db is damaged"):
        Database.open(path)


def test_a_batch_that_meets_damage_keeps_nothing(database: Database) -> None:
    def damaged(connection: sqlite3.Connection) -> None:
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error

    for batch in ([damaged], [put("a"), damaged, put("b")]):
        assert {type(outcome) for outcome in database.commit(batch)} == {Damaged}
        assert names(database) == []


def test_a_folder_that_is_absent_is_told_with_the_files_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent/state\.db") as caught:
        Database.open(tmp_path / "absent" / "state.db")
    assert caught.value.file == str(tmp_path / "absent" / "state.db")


def test_a_folder_in_the_files_place_is_told_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "state.db").mkdir()
    with pytest.raises(ConfigError, match=r"state\.db"):
        Database.open(tmp_path / "state.db")


@pytest.mark.parametrize("how", ["moved", "replaced"])
def test_a_file_that_was_moved_or_replaced_is_not_written_to(database: Database, how: str) -> None:
    database.path.rename(database.path.with_suffix(".old"))
    if how == "replaced":
        Database.open(database.path).close()
    with pytest.raises(HermesError, match=r"state\.db was moved or replaced"):
        database.commit([put("a")])
    assert names(database) == []


def test_a_fault_of_the_connection_itself_is_raised_so_that_it_is_opened_anew(database: Database) -> None:
    database.connection.execute("BEGIN")
    with pytest.raises(sqlite3.OperationalError, match="within a transaction"):
        database.commit([put("a")])
    assert database.commit([put("a")]) == [1]


def test_closing_twice_is_harmless(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "state.db")
    database.close()
    database.close()


def armed(name: str) -> Failpoints:
    found = Failpoints.from_environment({"HERMES_FAILPOINTS": f"{name}=raise"})
    assert found is not None
    return found


def test_a_failure_before_the_commit_keeps_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hermes.failpoints._ACTIVE", armed("store.before_commit"))
    with pytest.raises(RuntimeError):
        database.commit([put("a")])
    assert names(database) == []
    assert database.commit([put("b")]) == [1]


def test_a_failure_after_the_commit_keeps_all(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hermes.failpoints._ACTIVE", armed("store.after_commit"))
    with pytest.raises(RuntimeError):
        database.commit([put("a")])
    assert names(database) == ["a"]


def test_the_log_is_copied_back_and_cut_when_it_has_grown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database.open(tmp_path / "state.db")
    wal = tmp_path / "state.db-wal"
    reader = module.connect(database.path)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM counters").fetchall()
    database.commit([lambda connection: connection.execute("CREATE TABLE big (content)")])
    for _ in range(20):
        database.commit(
            [lambda connection: connection.execute("INSERT INTO big VALUES (randomblob(1000000))").rowcount]
        )
    assert wal.stat().st_size > module.WAL_KEEP_BYTES
    reader.execute("ROLLBACK")
    reader.close()
    for number in range(3):
        database.commit([put(f"a{number}")])
    assert wal.stat().st_size <= module.WAL_KEEP_BYTES
    database.close()
