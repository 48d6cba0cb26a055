"""A store in ``tmp_path``.

``store`` comes in two kinds, so that each test that uses it also proves rule 1 of hermes/store/interface.py: "calm",
and "crashing", in which the first run of every write is committed and its result then lost, as when its actor dies.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from hermes.errors import ActorCrashed
from hermes.store import store as facade
from hermes.store.engine.database import Database
from hermes.store.engine.readers import Readers
from hermes.store.engine.writers import Commit, DirectCommit
from hermes.store.store import SqliteStore

T = TypeVar("T")


class ForgetfulCommit:
    """Commits each operation, and forgets the result of its first run."""

    def __init__(self, commit: Commit) -> None:
        self._commit = commit
        self._seen: set[object] = set()

    async def __call__(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        result = await self._commit(operation)
        if operation not in self._seen:
            self._seen.add(operation)
            raise ActorCrashed("the store ended before it replied")
        return result


@pytest.fixture
def state_db(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def empty_db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store, made once: copying it costs less than making it anew."""
    path = tmp_path_factory.mktemp("store") / "state.db"
    Database.open(path).close()
    return path


@pytest.fixture
def database(state_db: Path, empty_db: Path) -> Iterator[Database]:
    shutil.copy(empty_db, state_db)
    database = Database.open(state_db)
    # Only a power cut tells the difference, and no test here makes one.
    database.connection.execute("PRAGMA synchronous = OFF")
    yield database
    database.close()


@pytest.fixture
def readers(database: Database) -> Iterator[Readers]:
    readers = Readers(database.path)
    yield readers
    readers.close()


@pytest.fixture
def calm_store(database: Database, readers: Readers, run_folder: Path) -> SqliteStore:
    return SqliteStore(DirectCommit(database), readers, run_folder=run_folder)


@pytest.fixture(params=["calm", "crashing"])
def store(
    request: pytest.FixtureRequest,
    database: Database,
    readers: Readers,
    run_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> SqliteStore:
    monkeypatch.setattr(facade, "REPEAT_PAUSE", 0.0)
    commit: Commit = DirectCommit(database)
    return SqliteStore(
        ForgetfulCommit(commit) if request.param == "crashing" else commit, readers, run_folder=run_folder
    )
