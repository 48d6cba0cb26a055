import os
import resource
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from hermes.errors import ConfigError, TransientError, Unavailable
from hermes.store.engine.database import Database
from hermes.store.engine.faults import Damaged
from hermes.store.engine.readers import Readers


def counters(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM counters").fetchone()[0])


@pytest.fixture
def one_reader(database: Database) -> Iterator[Readers]:
    readers = Readers(database.path, size=1)
    yield readers
    readers.close()


async def test_a_reader_does_not_wait_for_a_writer_and_sees_the_last_commit(
    database: Database, readers: Readers
) -> None:
    database.connection.execute("INSERT INTO counters VALUES ('a', 1)")
    database.connection.execute("BEGIN IMMEDIATE")
    database.connection.execute("INSERT INTO counters VALUES ('b', 1)")
    with trio.fail_after(30):
        assert await readers.read(counters) == 1
    database.connection.execute("COMMIT")
    assert await readers.read(counters) == 2


async def test_a_writer_does_not_wait_for_a_reader(database: Database, readers: Readers) -> None:
    begun, release = threading.Event(), threading.Event()

    def slow(connection: sqlite3.Connection) -> tuple[int, int]:
        before = counters(connection)
        begun.set()
        assert release.wait(30)
        return before, counters(connection)

    seen: list[tuple[int, int]] = []

    async def read() -> None:
        seen.append(await readers.read(slow))

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await trio.to_thread.run_sync(begun.wait)
            assert database.commit([lambda c: c.execute("INSERT INTO counters VALUES ('a', 1)").rowcount]) == [1]
            release.set()
    assert seen == [(0, 0)]


async def test_a_reader_cannot_write(readers: Readers) -> None:
    with pytest.raises(ConfigError, match="readonly"):
        await readers.read(lambda connection: connection.execute("DELETE FROM counters").rowcount)
    assert await readers.read(counters) == 0


async def test_reads_share_the_connections_up_to_the_bound(one_reader: Readers) -> None:
    seen: list[sqlite3.Connection] = []
    for _ in range(3):
        await one_reader.read(seen.append)
    assert all(connection is seen[0] for connection in seen)


async def test_an_abandoned_read_gives_its_connection_back_only_when_it_ends(one_reader: Readers) -> None:
    begun, release = threading.Event(), threading.Event()
    second = trio.Event()

    def slow(connection: sqlite3.Connection) -> None:
        begun.set()
        assert release.wait(30)

    async def read() -> None:
        await one_reader.read(counters)
        second.set()

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            with trio.CancelScope() as scope:
                nursery.start_soon(cancel_after, begun, scope)
                await one_reader.read(slow)
            assert scope.cancelled_caught
            nursery.start_soon(read)
            await trio.testing.wait_all_tasks_blocked()
            assert not second.is_set()
            release.set()
            await second.wait()


async def cancel_after(begun: threading.Event, scope: trio.CancelScope) -> None:
    await trio.to_thread.run_sync(begun.wait)
    scope.cancel()


async def test_a_read_that_ends_after_the_pool_was_closed_closes_its_connection(database: Database) -> None:
    readers = Readers(database.path)
    begun, release = threading.Event(), threading.Event()
    used: list[sqlite3.Connection] = []

    def slow(connection: sqlite3.Connection) -> None:
        used.append(connection)
        begun.set()
        assert release.wait(30)

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(readers.read, slow)
            await trio.to_thread.run_sync(begun.wait)
            readers.close()
            release.set()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        used[0].execute("SELECT 1")


async def test_a_closed_pool_is_unavailable(readers: Readers) -> None:
    await readers.read(counters)
    readers.close()
    readers.close()
    with pytest.raises(Unavailable, match="closed"):
        await readers.read(counters)


async def test_a_file_that_was_replaced_is_read_from_then_on(database: Database, one_reader: Readers) -> None:
    assert await one_reader.read(counters) == 0
    database.path.rename(database.path.with_suffix(".old"))
    with pytest.raises(TransientError, match=r"state\.db"):
        await one_reader.read(counters)
    assert not database.path.exists()
    other = Database.open(database.path)
    other.connection.execute("INSERT INTO counters VALUES ('a', 1)")
    assert await one_reader.read(counters) == 1
    other.close()


async def test_an_operation_that_fails_leaves_its_connection_usable(one_reader: Readers) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        counters(connection)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await one_reader.read(fail)
    assert await one_reader.read(counters) == 0


async def test_a_connection_that_cannot_end_its_transaction_is_replaced(one_reader: Readers) -> None:
    def spoil(connection: sqlite3.Connection) -> None:
        connection.set_authorizer(lambda *arguments: sqlite3.SQLITE_DENY)

    await one_reader.read(spoil)
    assert await one_reader.read(counters) == 0


async def test_a_file_that_cannot_be_read_is_told_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"no database at all" * 1000)
    readers = Readers(tmp_path / "state.db")
    with pytest.raises(Damaged, match=r"state\.db"):
        await readers.read(counters)
    readers.close()


async def test_a_read_sees_one_state_over_several_statements(database: Database, readers: Readers) -> None:
    def twice(connection: sqlite3.Connection) -> tuple[int, int]:
        first = counters(connection)
        database.connection.execute("INSERT INTO counters VALUES ('between', 1)")
        return first, counters(connection)

    assert await readers.read(twice) == (0, 0)


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    """As many files are open as may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    spare = os.open(os.devnull, os.O_RDONLY)
    os.close(spare)
    resource.setrlimit(resource.RLIMIT_NOFILE, (spare, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_read_for_which_no_descriptor_is_left_may_work_later(readers: Readers) -> None:
    with trio.fail_after(30):
        with no_descriptor_left(), pytest.raises(TransientError, match=r"state\.db"):
            await readers.read(counters)
        assert await readers.read(counters) == 0


def test_an_open_for_which_no_descriptor_is_left_may_work_later(tmp_path: Path) -> None:
    Database.open(tmp_path / "state.db").close()
    for name in ("state.db", "new.db"):
        with no_descriptor_left(), pytest.raises(TransientError, match=name):
            Database.open(tmp_path / name)
        Database.open(tmp_path / name).close()


@pytest.mark.parametrize("closed", ["", "state.db", "state.db-wal"])
async def test_a_missing_right_is_no_shortage(
    database: Database, readers: Readers, closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    without, access = str(database.path.parent / closed).rstrip("/"), os.access

    def judge(path: Path, wanted: int, **rest: bool) -> bool:
        return str(path) != without and access(path, wanted, **rest)

    monkeypatch.setattr(os, "access", judge)
    monkeypatch.setattr(os, "supports_effective_ids", {judge})
    with trio.fail_after(30), no_descriptor_left(), pytest.raises(ConfigError, match="writable for user"):
        await readers.read(counters)
