"""What SQLite reports, told in the errors of the house.

Rules:

1. A full disk or a spent quota is ``StoreFull``, however SQLite names it: it calls a spent quota, and a full disk
   met while its shared memory grows, an I/O error.
2. Another program that holds the write lock for longer than the busy time-out is ``TransientError``.
3. Damage, a missing right and a wrong file name the file and what a person can do.
4. A constraint or a mistake in a statement is a bug of ours and stays what it is.
"""

import errno
import os
import sqlite3
import tempfile
from pathlib import Path

from hermes.errors import ConfigError, HermesError, StoreFull, TransientError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

_FATAL = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
    }
)

# More than SQLite asks for at a time, so that a disk on which this fits is not the reason of an I/O error.
_PROBE_BYTES = 256 * 1024


class Damaged(HermesError):
    """The database file is not readable as one."""


def translate(error: sqlite3.Error, path: Path) -> Exception:
    """The error of the house for ``error`` on the database ``path``, or ``error`` itself when it is a bug. Blocking."""
    match _code(error):
        case sqlite3.SQLITE_FULL:
            return _full(path)
        case sqlite3.SQLITE_IOERR:
            return _full(path) if disk_is_full(path.parent) else HermesError(f"{path}: {error}: check the disk")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED | sqlite3.SQLITE_PROTOCOL:
            return TransientError(f"{path} is locked by another program")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return Damaged(
                f"{path} is damaged ({error}): stop every program that uses it, then restore a backup or move it away"
            )
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return _not_writable(error, path)
        case _:
            return error


def is_fatal(error: Exception) -> bool:
    """Whether an operation that failed so leaves nothing for the rest of its transaction to build on."""
    return isinstance(error, sqlite3.Error) and _code(error) in _FATAL


def disk_is_full(folder: Path) -> bool:
    """Whether a small file in ``folder`` cannot be written for want of space or quota. Blocking."""
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as probe:
            os.posix_fallocate(probe.fileno(), 0, _PROBE_BYTES)
    except OSError as error:
        return error.errno in _FULL
    return False


def _code(error: sqlite3.Error) -> int:
    """The primary code, https://www.sqlite.org/rescode.html; what Python's module raises by itself has none."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF


def _full(path: Path) -> StoreFull:
    return StoreFull(f"no space left for {path}: free some, and writing resumes by itself")


def _not_writable(error: sqlite3.Error, path: Path) -> Exception:
    if disk_is_full(path.parent):
        return _full(path)
    return ConfigError(
        f"{path} cannot be opened for reading and writing ({error}):"
        f" make it and its folder writable for user {os.geteuid()}",
        file=str(path),
    )
