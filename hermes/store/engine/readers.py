"""Reading connections beside the writer's.

Rules:

1. A reader sees the last commit before its read began and never waits for a writer (write-ahead log).
2. A read that is cancelled is abandoned: its thread, its connection and its place in the limiter come back when it
   ends.
3. A read is one transaction, so several statements of one read see one state.
"""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import trio

from hermes.errors import TransientError, Unavailable
from hermes.store.engine import faults
from hermes.store.engine.database import connect

READERS = 4
"""Reads at the same time: each is a thread and a page cache, and most take less than a millisecond."""

# Of one reader. A commit by the writer empties it at the next read, so that a larger one would hold more for nothing.
_CACHE_KIBIBYTES = 512

T = TypeVar("T")


class Readers:
    """A bounded pool of connections that cannot write. The file exists: ``Database.open`` made it."""

    def __init__(self, path: Path, *, size: int = READERS) -> None:
        self._path = path
        self._limiter = trio.CapacityLimiter(size)
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._inode = 0
        self._closed = False

    async def read(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Run a read in a thread.

        Raises as ``faults.translate`` tells, ``TransientError`` while the file is absent, ``Unavailable`` once closed,
        and what ``operation`` raises.
        Cancelled: the read goes on unseen until it ends.
        """
        return await trio.to_thread.run_sync(self._run, operation, abandon_on_cancel=True, limiter=self._limiter)

    def close(self) -> None:
        """Close what is idle; a connection in use is closed when its read ends. Repeating it is harmless."""
        with self._lock:
            self._closed = True
            self._drop_idle()

    def release(self) -> None:
        """Close what is idle; the next read opens anew. The last connection of a file takes its log away with it."""
        with self._lock:
            self._drop_idle()

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _run(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        try:
            inode, connection = self._borrow()
            try:
                connection.execute("BEGIN")
                return operation(connection)
            finally:
                self._give_back(inode, connection)
        except sqlite3.Error as error:
            raise self._told(error) from error

    def _told(self, error: sqlite3.Error) -> Exception:
        # Whoever reads it must not be stopped for good: the writer notices too, and makes it.
        if _is_absent(self._path):
            return TransientError(f"{self._path} is not there any more")
        return faults.translate(error, self._path)

    def _borrow(self) -> tuple[int, sqlite3.Connection]:
        """A connection to the file that stands at the path now: it may have been replaced since the last read."""
        inode = _inode(self._path)
        with self._lock:
            if self._closed:
                raise Unavailable(f"{self._path} is closed")
            if inode != self._inode:
                self._drop_idle()
                self._inode = inode
            if self._idle:
                return inode, self._idle.pop()
        connection = connect(self._path)
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}")
        return inode, connection

    def _give_back(self, inode: int, connection: sqlite3.Connection) -> None:
        try:
            connection.execute("ROLLBACK")
        except sqlite3.Error:
            # No transaction, or one that cannot end: a new connection takes its place.
            connection.close()
            return
        with self._lock:
            if not self._closed and inode == self._inode:
                self._idle.append(connection)
                return
        connection.close()


def _is_absent(path: Path) -> bool:
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0  # opening it tells what is wrong
