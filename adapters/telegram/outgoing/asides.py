"""Words beside the messages, which need no row in the outbox: a press is acknowledged, a message is turned down.

They are best effort: each runs in a task of its own, and what fails is noted and forgotten.
"""

import logging
from collections.abc import Awaitable, Callable
from functools import partial

import trio
from attrs import define

from adapters.telegram.calls import Calls
from hermes.errors import HermesError
from hermes.events import Inbound

# Words under way at a time; those beyond it are not worth a queue.
MOST = 64

log = logging.getLogger(__name__)


@define(eq=False)
class Asides:
    """Of one incarnation of the stream, whose end ends them."""

    calls: Calls
    _nursery: trio.Nursery
    _under_way: int = 0

    def start(self, say: Callable[[], Awaitable[None]]) -> None:
        if self._under_way < MOST:
            self._under_way += 1
            self._nursery.start_soon(self._run, say)

    def turn_down(self, event: Inbound, why: str) -> None:
        """Tell a chat that its message is not taken."""

        async def say() -> None:
            source = event.source
            await self.calls.send(
                source.chat_id,
                f"I cannot take this message: {why}",
                thread_id=source.thread_id,
                reply_to=event.message_id,
            )

        self.start(say)

    def acknowledge(self, query_id: str, text: str) -> None:
        """Tell whoever pressed a button."""
        self.start(partial(self.calls.acknowledge, query_id, text))

    async def _run(self, say: Callable[[], Awaitable[None]]) -> None:
        try:
            await say()
        except HermesError as error:
            log.info("a word beside the messages was not said: %s", error)
        finally:
            self._under_way -= 1
