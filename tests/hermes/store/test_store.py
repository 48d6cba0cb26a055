import inspect
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
import trio

from hermes.errors import ActorCrashed, Unavailable
from hermes.store import interface
from hermes.store.engine.database import Database
from hermes.store.engine.readers import Readers
from hermes.store.engine.writers import Commit, DirectCommit
from hermes.store.store import WRITE_DEADLINE, SqliteStore
from hermes.store.tables import leases
from tests.hermes.store.builders import NOW, claim, claimed, commit, event, rows

T = TypeVar("T")


class NoAnswer:
    """A store's actor that always ends, or never answers."""

    def __init__(self, *, hangs: bool) -> None:
        self.hangs = hangs
        self.tries = 0

    async def __call__(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        self.tries += 1
        if self.hangs:
            await trio.sleep_forever()
        raise ActorCrashed("the store ended before it replied")


@pytest.mark.parametrize("hangs", [True, False])
async def test_a_write_without_an_answer_is_given_up_at_its_deadline(
    run_folder: Path, autojump_clock: trio.testing.MockClock, *, hangs: bool
) -> None:
    commit = NoAnswer(hangs=hangs)
    store = SqliteStore(commit, Readers(run_folder / "unused.db"), run_folder=run_folder)
    begun = trio.current_time()
    with trio.fail_after(2 * WRITE_DEADLINE), pytest.raises(Unavailable, match="30 s"):
        await store.accept(event(), NOW)
    assert trio.current_time() - begun == pytest.approx(WRITE_DEADLINE, abs=1)
    assert (commit.tries == 1) is hangs


async def test_a_cancelled_write_is_cancelled(run_folder: Path) -> None:
    store = SqliteStore(NoAnswer(hangs=True), Readers(run_folder / "unused.db"), run_folder=run_folder)
    with trio.CancelScope() as scope:
        scope.cancel()
        await store.accept(event(), NOW)
    assert scope.cancelled_caught


def test_the_facade_has_every_method_of_the_contract_with_its_very_signature() -> None:
    for part in (interface.Journal, interface.Outbox, interface.Sessions):
        for name, method in inspect.getmembers(part, inspect.iscoroutinefunction):
            assert inspect.signature(getattr(SqliteStore, name)) == inspect.signature(method), name
            assert getattr(SqliteStore, name) is not method, name


class Untold:
    """Commits what it is given; of the first write nobody hears."""

    def __init__(self, commit: Commit, lost: Callable[[], Awaitable[None]]) -> None:
        self._commit = commit
        self._lost: Callable[[], Awaitable[None]] | None = lost

    async def __call__(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        result = await self._commit(operation)
        if self._lost:
            lost, self._lost = self._lost, None
            await lost()
        return result


@pytest.mark.parametrize("begun", [True, False])
async def test_a_claim_that_was_cancelled_when_it_was_made_does_not_count(
    calm_store: SqliteStore, database: Database, run_folder: Path, *, begun: bool
) -> None:
    await calm_store.accept(event(), NOW)
    if begun:
        await calm_store.release((await claimed(calm_store)).lease)
    scope = trio.CancelScope()

    async def lost() -> None:
        scope.cancel()
        await trio.lowlevel.checkpoint()

    store = SqliteStore(Untold(DirectCommit(database), lost), Readers(run_folder / "unused.db"), run_folder=run_folder)
    with trio.fail_after(10), scope:
        await claim(store)
    assert scope.cancelled_caught
    assert rows(database, "turns", "attempts, state") == [(0, "running")]
    assert (await claimed(calm_store)).attempts == 1


async def test_a_claim_is_taken_back_once_however_often_that_is_written(
    calm_store: SqliteStore, database: Database
) -> None:
    await calm_store.accept(event(), NOW)
    await claimed(calm_store)
    ((claim_id,),) = rows(database, "turns", "claimed_by")
    for _ in range(2):
        commit(database, lambda connection: leases.release_claim(connection, str(claim_id)))
    assert rows(database, "turns", "attempts") == [(0,)]
