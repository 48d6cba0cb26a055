"""Where a path that a model wrote points to, and the threads in which files are looked at."""

from pathlib import Path

import trio

from hermes.tools.contract import ToolContext

# A read from a disk that does not answer holds its thread for ever; this many may, before reading has to wait.
READERS = trio.CapacityLimiter(8)
# Writes run to their end, so that they queue behind each other and not behind stuck reads.
WRITERS = trio.CapacityLimiter(4)


def locate(context: ToolContext, written: str) -> Path:
    """``written`` as an absolute path: relative to the session's folder, a leading ``~`` is the home of its commands.

    Symbolic links and ``..`` are kept as they are.
    """
    home = context.environment.get("HOME", "")
    if home and (written == "~" or written.startswith("~/")):
        return Path(home) / written[2:]
    return context.cwd / written


async def is_folder(path: Path) -> bool:
    """Whether ``path`` is a folder. Cancelled: the thread that asks the disk is left behind."""
    return await trio.to_thread.run_sync(path.is_dir, abandon_on_cancel=True, limiter=READERS)
