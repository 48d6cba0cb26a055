"""How many files and sockets a process has open: what a test compares before and after."""

import gc
import os
from pathlib import Path


def descriptors(pid: int | None = None) -> int:
    """Of this process by default, and then without what only waits for the garbage collector."""
    if pid is None or pid == os.getpid():
        gc.collect()
    return sum(1 for _ in Path(f"/proc/{pid or os.getpid()}/fd").iterdir())
