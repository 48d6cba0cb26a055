"""What the locks of a home have in common: flock(2) on a file, and how a process is told from another with its number.

Asking whether a lock is free takes it, shared, for a moment. Whoever takes a lock waits that moment out.
"""

import fcntl
import os
import time
from pathlib import Path

_TRIES = 5
_PAUSE_SECONDS = 0.01
"""Between tries. Five outlast somebody who only asks."""


def try_lock(descriptor: int) -> bool:
    """An exclusive lock on an open file; False when another program holds it. Blocks for at most 50 ms."""
    for _ in range(_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_SECONDS)
        else:
            return True
    return False


def is_free(path: Path) -> bool:
    """Whether nobody holds the lock on ``path``. Raises ``OSError`` when the file cannot be opened."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def start_time(pid: int) -> int | None:
    """Kernel start time of a process in clock ticks (proc_pid_stat(5), field 22); None when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except OSError:
        return None
    # The second field holds the program's name, in which anything may stand: count from its closing bracket.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])
