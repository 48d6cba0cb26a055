"""What SQLite reports, told in the errors of the house.

Rules:

1. A full disk or a spent quota is ``StoreFull``, however SQLite names it: it calls a spent quota, and a full disk
   met while its shared memory grows, an I/O error.
2. Another program that holds the write lock for longer than the busy time-out is ``TransientError``.
3. Damage, a missing right and a wrong file name the file and what a person can do. A file that may be opened and
   cannot just now (no descriptor or memory is left) is ``TransientError``.
4. A constraint or a mistake in a statement is a bug of ours and stays what it is.
"""

import errno
import os
import sqlite3
import tempfile
from pathlib import Path

from hermes.errors import ConfigError, HermesError, StoreFull, TransientError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

_SCARCE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})

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
        case sqlite3.SQLITE_CANTOPEN if _may_be_opened(path):
            return _full(path) if disk_is_full(path.parent) else _not_now(str(error), path)
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return _not_writable(str(error), path)
        case _:
            return error


def translate_making(error: OSError, path: Path) -> Exception:
    """The error of the house for one that was met when the file was to be made. Blocking."""
    told = error.strerror or str(error)
    return _not_now(told, path) if error.errno in _SCARCE else _not_writable(told, path)


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


def _not_now(reason: str, path: Path) -> TransientError:
    return TransientError(
        f"{path} cannot be opened just now ({reason}): are too many files open (ulimit -n; LimitNOFILE= of a unit)?"
    )


def _may_be_opened(path: Path) -> bool:
    """Whether it is an ordinary file, and this user has all rights that SQLite needs: those to its companions too."""
    companions = (path.with_name(f"{path.name}{ending}") for ending in ("-wal", "-shm"))
    try:
        if not path.is_file():
            return False
        return _has_rights(path.parent, os.X_OK) and all(map(_has_rights, (path, *filter(Path.exists, companions))))
    except OSError:
        return False


def _has_rights(path: Path, more: int = 0) -> bool:
    return os.access(path, os.R_OK | os.W_OK | more, effective_ids=os.access in os.supports_effective_ids)


def _not_writable(reason: str, path: Path) -> Exception:
    if disk_is_full(path.parent):
        return _full(path)
    return ConfigError(
        f"{path} cannot be opened for reading and writing ({reason}):"
        f" make it and its folder writable for user {os.geteuid()}",
        file=str(path),
    )
