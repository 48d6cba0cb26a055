"""How many files and sockets a process has open: what a test compares before and after."""

import gc
import os
from pathlib import Path


def descriptors(pid: int | None = None, *, collect: bool = False) -> int:
    """Of this process by default. ``collect``: without what other tests left to the garbage collector, for the figure
    that later ones are compared with; late in a run each collection takes half a second.
    """
    if collect:
        gc.collect()
    return sum(1 for _ in Path(f"/proc/{pid or os.getpid()}/fd").iterdir())
