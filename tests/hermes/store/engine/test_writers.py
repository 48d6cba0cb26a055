import sqlite3
import threading
from collections.abc import Callable, Sequence

import pytest
import trio
import trio.testing

from hermes.errors import HermesError, LeaseLost
from hermes.store.engine import writers
from hermes.store.engine.database import Database, Operation
from hermes.store.engine.writers import DirectCommit


class Counting(Database):
    """A database that tells how large its batches were, and can be held up."""

    batches: list[int]
    entered: threading.Event
    gate: threading.Event

    def commit(self, batch: Sequence[Operation]) -> list[object]:
        self.entered.set()
        self.gate.wait(30)
        self.batches.append(len(batch))
        return super().commit(batch)


@pytest.fixture
def counting(database: Database) -> Counting:
    found = Counting(database.connection, database.path, database.path.stat().st_ino)
    found.batches = []
    found.entered = threading.Event()
    found.gate = threading.Event()
    found.gate.set()
    return found


def put(name: str) -> Callable[[sqlite3.Connection], int]:
    return lambda connection: connection.execute("INSERT INTO counters VALUES (?, 1)", (name,)).rowcount


async def test_many_writers_share_few_transactions(counting: Counting) -> None:
    commit = DirectCommit(counting)
    counting.gate.clear()
    results: list[int] = []

    async def write(number: int) -> None:
        results.append(await commit(put(f"a{number}")))

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for number in range(100):
                nursery.start_soon(write, number)
            await trio.testing.wait_all_tasks_blocked()
            counting.gate.set()
    assert results == [1] * 100
    assert sum(counting.batches) == 100
    assert len(counting.batches) <= 2


async def test_a_batch_is_bounded(counting: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "BATCH", 10)
    commit = DirectCommit(counting)
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for number in range(35):
                nursery.start_soon(commit, put(f"a{number}"))
    assert max(counting.batches) == 10
    assert sum(counting.batches) == 35


async def test_one_writer_that_fails_does_not_hurt_the_others(counting: Counting) -> None:
    commit = DirectCommit(counting)
    outcomes: list[object] = []

    def lost(connection: sqlite3.Connection) -> int:
        put("undone")(connection)
        raise LeaseLost("a newer token exists")

    async def write(operation: Callable[[sqlite3.Connection], int]) -> None:
        try:
            outcomes.append(await commit(operation))
        except LeaseLost as error:
            outcomes.append(type(error))

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for operation in (put("a"), lost, put("b")):
                nursery.start_soon(write, operation)
    assert sorted(map(str, outcomes)) == ["1", "1", str(LeaseLost)]
    names = counting.connection.execute("SELECT name FROM counters ORDER BY name").fetchall()
    assert names == [("a",), ("b",)]


async def test_a_writer_that_is_cancelled_while_it_waits_writes_nothing(counting: Counting) -> None:
    commit = DirectCommit(counting)
    counting.gate.clear()
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(commit, put("a"))
            await trio.to_thread.run_sync(counting.entered.wait)
            with trio.CancelScope() as scope:
                nursery.start_soon(cancel_when_blocked, scope, counting)
                await commit(put("b"))
            assert scope.cancelled_caught
    assert counting.connection.execute("SELECT name FROM counters").fetchall() == [("a",)]


async def cancel_when_blocked(scope: trio.CancelScope, counting: Counting) -> None:
    await trio.testing.wait_all_tasks_blocked()
    scope.cancel()
    await trio.testing.wait_all_tasks_blocked()
    counting.gate.set()


async def test_a_writer_that_is_cancelled_in_its_commit_leaves_nobody_waiting(counting: Counting) -> None:
    commit = DirectCommit(counting)
    counting.gate.clear()
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            with trio.CancelScope() as scope:
                nursery.start_soon(cancel_when_blocked, scope, counting)
                await commit(put("a"))
        assert await commit(put("b")) == 1
    assert counting.connection.execute("SELECT count(*) FROM counters").fetchone() == (2,)


async def test_a_writer_that_is_cancelled_before_its_commit_holds_up_nobody(counting: Counting) -> None:
    commit = DirectCommit(counting)
    results: list[int] = []

    async def write() -> None:
        results.append(await commit(put("b")))

    async def cancelled() -> None:
        with trio.CancelScope() as scope:
            scope.cancel()
            await commit(put("a"))

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(cancelled)
            nursery.start_soon(write)
    assert results == [1]


async def test_a_database_beyond_use_is_told_to_every_writer(counting: Counting) -> None:
    commit = DirectCommit(counting)
    counting.path.unlink()
    failed: list[type] = []

    async def write(number: int) -> None:
        try:
            await commit(put(f"a{number}"))
        except HermesError as error:
            failed.append(type(error))

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for number in range(5):
                nursery.start_soon(write, number)
    assert failed == [HermesError] * 5


async def test_an_exception_as_a_result_is_raised_as_one(counting: Counting) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        await DirectCommit(counting)(lambda connection: connection.execute("INSERT INTO calls VALUES (NULL, 1, 1, 1)"))
