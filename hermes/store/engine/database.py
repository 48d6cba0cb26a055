"""The one writing connection of a process to state.db.

Rules:

1. ``commit`` runs a batch of operations in one transaction. Each stands on its own: one that fails undoes only
   itself. A result is handed out only after the commit, so whoever has it has it on the disk.
2. What befalls the whole transaction (disk full, file locked, damage) befalls each operation of the batch, and
   nothing is kept.
3. All methods block, and only one thread at a time may be inside one.
4. The file is never opened by anything but SQLite while it is in use: closing any other descriptor of it would drop
   this process's POSIX locks. So its mode is set when it is made, before SQLite sees it.
5. A file that was moved or replaced under us is not written to: what it accepted would be gone with it.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path

from hermes.errors import HermesError
from hermes.failpoints import failpoint
from hermes.store.engine import faults
from hermes.store.engine.migrations import migrate

Operation = Callable[[sqlite3.Connection], object]
"""A pure function of the journal or the sessions: same stored state and arguments, same writes and result."""

BUSY_MILLISECONDS = 5000
"""How long a write waits for another program's: transactions take milliseconds, so after 5 s something is stuck."""

WAL_PAGES = 1000
"""Pages of 4 KB in the write-ahead log before they are copied back: 4 MB, SQLite's own default, keeps reads quick."""

WAL_KEEP_BYTES = 16 * 1024 * 1024
"""What a write-ahead log that once grew (a long read, a bulk deletion) is cut back to."""

_STATEMENTS = 256
"""Prepared statements kept: more than the store has."""

_CACHE_KIBIBYTES = 2048
"""Pages that the writer keeps, 2 MB; the system keeps the rest. With 8 MB, 200 sessions had no more turns a second."""

_PRAGMAS = (
    # Only effective before the first table is made. Space that pruning frees goes back to the disk in small steps.
    "PRAGMA auto_vacuum = INCREMENTAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # Sorting and savepoints must not depend on space in another file system.
    "PRAGMA temp_store = MEMORY",
    f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}",
    f"PRAGMA wal_autocheckpoint = {WAL_PAGES}",
    f"PRAGMA journal_size_limit = {WAL_KEEP_BYTES}",
)


def connect(path: Path) -> sqlite3.Connection:
    """A connection to an existing file in autocommit mode, usable from any one thread at a time."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=BUSY_MILLISECONDS / 1000,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_STATEMENTS,
    )


class Database:
    """Made by ``open``."""

    def __init__(self, connection: sqlite3.Connection, path: Path, inode: int) -> None:
        self._connection = connection
        self._path = path
        self._inode = inode

    @classmethod
    def open(cls, path: Path, *, mode: int = 0o600) -> "Database":
        """Open or make the file, whose folder exists, and bring it to today's schema.

        ``mode`` is a new file's. Raises ``ConfigError`` (newer schema, no right to it), ``faults.Damaged``,
        ``StoreFull`` and ``TransientError`` (locked, no descriptor left), each naming the file.
        """
        try:
            _make(path, mode)
            connection = connect(path)
        except OSError as error:
            raise faults.translate_making(error, path) from error
        except sqlite3.Error as error:
            raise faults.translate(error, path) from error
        try:
            for pragma in _PRAGMAS:
                connection.execute(pragma)
            _use_wal(connection)
            migrate(connection, path)
            return cls(connection, path, path.stat().st_ino)
        except BaseException as error:
            connection.close()
            if isinstance(error, sqlite3.Error):
                raise faults.translate(error, path) from error
            raise

    @property
    def path(self) -> Path:
        return self._path

    @property
    def connection(self) -> sqlite3.Connection:
        """For tests and maintenance; whoever writes through it keeps rule 3."""
        return self._connection

    def close(self) -> None:
        """Copy the log back and end; repeating it is harmless."""
        self._connection.close()

    def commit(self, batch: Sequence[Operation]) -> list[object]:
        """Run ``batch`` in order in one transaction: the result of each operation, or the exception it ended with.

        Raises when the fault is this object's own, so that it is opened anew: ``HermesError`` when the file was moved
        or replaced, and whatever is neither an operation's end nor the disk's or another program's doing.
        """
        self._check_in_place()
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            results = self._run(batch)
            failpoint("store.before_commit")
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")
        except BaseException as error:
            self._rollback()
            return self._failed(error, len(batch))
        failpoint("store.after_commit")
        return results

    def _run(self, batch: Sequence[Operation]) -> list[object]:
        if len(batch) > 1:
            return [self._isolated(operation) for operation in batch]
        return [self._alone(operation) for operation in batch]

    def _alone(self, operation: Operation) -> object:
        """The whole transaction is one operation's, which saves the savepoint."""
        try:
            return operation(self._connection)
        except Exception as error:
            if faults.is_fatal(error):
                raise
            self._rollback()
            return error

    def _isolated(self, operation: Operation) -> object:
        execute = self._connection.execute
        execute("SAVEPOINT operation")
        try:
            result = operation(self._connection)
        except Exception as error:
            if faults.is_fatal(error):
                raise
            execute("ROLLBACK TO operation")
            result = error
        execute("RELEASE operation")
        return result

    def _rollback(self) -> None:
        # SQLite has ended the transaction by itself after some errors.
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _failed(self, error: BaseException, count: int) -> list[object]:
        """One exception for each caller, since a raised one carries its traceback along; a fault of ours is raised."""
        told = faults.translate(error, self._path) if isinstance(error, sqlite3.Error) else error
        if told is error:
            raise error
        return [copy(told) for _ in range(count)]

    def _check_in_place(self) -> None:
        try:
            in_place = self._path.stat().st_ino == self._inode
        except OSError:
            in_place = False
        if not in_place:
            raise HermesError(
                f"{self._path} was moved or replaced while in use: restart, so that the present file is used"
            )


def _make(path: Path, mode: int) -> None:
    """Make an empty file. O_EXCL: nobody in this process has it open, so closing it drops no lock (rule 4)."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, mode)
    except FileExistsError:
        return
    try:
        os.fchmod(descriptor, mode)  # the mode of open is cut by the umask
    finally:
        os.close(descriptor)


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log; a file system without shared memory (some network ones) keeps the old journal.

    Programs that open a new file at once lock each other out here without SQLite's own waiting.
    """
    until = time.monotonic() + BUSY_MILLISECONDS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
