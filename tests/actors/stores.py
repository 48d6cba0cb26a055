"""A real store over a real file, for tests of the actors above it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hermes.store.engine.database import Database
from hermes.store.engine.readers import Readers
from hermes.store.engine.writers import DirectCommit
from hermes.store.store import SqliteStore


@asynccontextmanager
async def open_store(folder: Path) -> AsyncIterator[SqliteStore]:
    """A store in ``folder``; opened again over the same folder it is what a restart finds."""
    path = folder / "state.db"
    database = Database.open(path)
    readers = Readers(path)
    try:
        yield SqliteStore(DirectCommit(database), readers, run_folder=folder)
    finally:
        readers.close()
        database.close()
