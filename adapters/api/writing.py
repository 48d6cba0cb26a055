"""Writing to a client that may take nothing.

Rules:

1. A client that does not take one piece within ``WRITE_WITHIN`` seconds is cut off; nothing but its own task waits
   for it.
2. Also one that is no longer waited for: hypercorn shields its writes, so that a cancelled one goes on.
"""

from collections.abc import Callable

import trio
from attrs import define
from starlette.types import Message, Send

WRITE_WITHIN = 30.0
"""Seconds for a client to take one piece: what it has not taken by then fills every buffer on the way."""


@define(eq=False)
class BoundedSend:
    """An ASGI ``send``."""

    _send: Send
    _cut: Callable[[], None]
    """Ends the connection at once, whatever it is doing."""

    async def __call__(self, message: Message) -> None:
        patience = trio.CancelScope(shield=True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._cut_after, patience)
            try:
                await self._send(message)
            finally:
                patience.cancel()

    async def _cut_after(self, patience: trio.CancelScope) -> None:
        with patience:
            await trio.sleep(WRITE_WITHIN)
            self._cut()
