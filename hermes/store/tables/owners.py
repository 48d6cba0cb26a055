"""Owners: programs that run turns, each behind a file that it holds by flock.

Rules:

1. The lock is the only truth; what stands in the file (pid, kernel start time, command line) is information for
   people.
2. A lock file goes with its holder; that of a terminal that was killed, with the next terminal. Whoever takes a lock
   makes sure that the path still names the file that it locked.
3. Close-on-exec: no child holds a lock. Asking whether one is free takes it, shared, for a moment, which ``hold``
   waits out.
4. The gateway's lock lies in the same folder and is taken by its own code; asking works for it too.
"""

import json
import logging
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from urllib.parse import quote

from attrs import frozen

from hermes.errors import HermesError
from hermes.flock import is_free, start_time, try_lock

GATEWAY = "gateway"
"""The owner id of a gateway."""

_NAME_CHARACTERS = 64
"""Three bytes each at most once they are quoted, so that the file's name stays below 255 bytes."""

_TRIES = 3
"""Between an open and its lock the file may go with its old holder: then it is opened anew."""

_CLEARED = 100
"""Files that are looked at when a lock is taken: a few microseconds each."""

_ARGUMENT_CHARACTERS = 200
_ARGUMENTS = 20

log = logging.getLogger(__name__)


@frozen
class Holder:
    """What a lock file says of its holder."""

    pid: int
    start_time: int
    """Kernel start time in clock ticks since boot."""
    argv: tuple[str, ...]


class OwnerTaken(HermesError):
    """Another program holds the lock. ``holder`` is what its file says, None when that cannot be read."""

    def __init__(self, message: str, holder: Holder | None) -> None:
        super().__init__(message)
        self.holder = holder


def terminal_owner(session: str) -> str:
    """The owner id of a chat in a terminal."""
    return f"terminal-{session}"


def lock_path(folder: Path, owner: str) -> Path:
    """The file of an owner in HERMES_HOME/run: its name, quoted. Raises ``ValueError`` for an empty or a long one."""
    if not 0 < len(owner) <= _NAME_CHARACTERS or not owner.isascii():
        raise ValueError(f"{owner!r} is no name of an owner: expected up to {_NAME_CHARACTERS} ASCII characters")
    return folder / f"{quote(owner, safe='')}.lock"


@contextmanager
def hold(folder: Path, owner: str, *, mode: int = 0o600) -> Generator[Path]:
    """Hold an owner's lock inside the block; ``folder`` exists. Blocking, a tenth of a second when it is taken.

    Raises ``OwnerTaken``, and ``OSError`` when the file cannot be made.
    """
    path = lock_path(folder, owner)
    descriptor = _take(path, owner, mode)
    try:
        _sign(descriptor, path)
        _clear(folder)
        yield path
    finally:
        # Gone before it is free: whoever takes the file that is gone notices (rule 2).
        path.unlink(missing_ok=True)
        os.close(descriptor)


def read_holder(path: Path) -> Holder | None:
    """What the file says, whoever wrote it; None when it says nothing that can be read."""
    try:
        said = json.loads(path.read_text("utf-8"))
        return Holder(int(said["pid"]), int(said["start_time"]), tuple(map(str, said["argv"])))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _take(path: Path, owner: str, mode: int) -> int:
    for _ in range(_TRIES):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode)
        if try_lock(descriptor) and _is_at(descriptor, path):
            return descriptor
        os.close(descriptor)
    holder = read_holder(path)
    who = f"pid {holder.pid}" if holder else "its process is just starting or ending"
    raise OwnerTaken(f"{owner} is in use by another program ({who}); {path} is its lock", holder)


def _clear(folder: Path) -> None:
    """Remove what terminals that were killed have left."""
    for path in islice(folder.glob(f"{terminal_owner('*')}.lock"), _CLEARED):
        with suppress(OSError):
            if is_free(path):
                _remove(path)


def _remove(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        if try_lock(descriptor) and _is_at(descriptor, path):
            path.unlink()
    finally:
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _sign(descriptor: int, path: Path) -> None:
    """For people only: a full disk, on which the rest waits for room, is no reason to end."""
    argv = [each[:_ARGUMENT_CHARACTERS] for each in sys.argv[:_ARGUMENTS]]
    said = {"pid": os.getpid(), "start_time": start_time(os.getpid()), "argv": argv}
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(said).encode(), 0)
    except OSError as error:
        log.warning("%s does not say who holds it: %s", path, error.strerror)
