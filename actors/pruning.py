"""The pruning actor: drops from the journal what is settled and will not be handed over again (hermes/store/
maintenance.py says when that is). Transcripts stay.

One call of the store drops a bounded amount, so that no message waits behind it for long; more follows after a pause.
"""

import time
from collections.abc import Awaitable, Callable

import trio

from actors.messages import Look
from actors.runtime import Context

# Seconds after a start, which has other things to do.
FIRST_AFTER = 60.0

# Seconds between two looks with nothing left to drop: rows are kept for days, so an hour more is nothing.
EVERY = 3600.0

# Seconds between two calls while there is more to drop.
PAUSE = 1.0


async def pruning(
    context: Context[Look],
    prune: Callable[[float], Awaitable[int]],
    *,
    task_status: trio.TaskStatus[None],
) -> None:
    """Call ``prune`` (``Journal.prune``) until cancelled; raises what it raises."""
    task_status.started()
    await trio.sleep(FIRST_AFTER)
    while True:
        dropped = await prune(time.time())
        await trio.sleep(PAUSE if dropped else EVERY)
