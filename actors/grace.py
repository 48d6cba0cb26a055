"""A little more time for what is best not cut in the middle, such as a message that is just being handed to a chat.

Only a cancellation from outside starts the time: while nobody asks for an end, nothing is bounded here.
"""

from collections.abc import Awaitable, Callable

import trio


async def with_grace(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    """Do ``work``; raises what it raises.

    Cancelled: it has ``seconds`` more for its end, then it is cancelled too. A failure of it goes before the
    cancellation, which comes back at the next checkpoint.
    """
    failure: Exception | None = None
    try:
        async with trio.open_nursery() as nursery:
            with trio.CancelScope(shield=True) as scope:
                nursery.start_soon(_end_within, seconds, scope)
                try:
                    await work()
                except Exception as error:
                    failure = error
            nursery.cancel_scope.cancel()
    finally:
        if failure is not None:
            raise failure


async def _end_within(seconds: float, scope: trio.CancelScope) -> None:
    """From the moment on in which this is cancelled."""
    try:
        await trio.sleep_forever()
    finally:
        scope.deadline = trio.current_time() + seconds
