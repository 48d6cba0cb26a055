"""What was typed and is not in the inbox yet. Memory, bounded, and shown as "not sent" until it is accepted.

It outlives a restart of the stream: the event in hand stays first until it is dropped, and its id makes a repetition
harmless.
"""

from collections import deque

import trio
from attrs import define, field

from hermes.events import Inbound

# Typed while the store does not answer: more than anybody types before looking up.
MAX_WAITING = 32


@define
class Outgoing:
    """A queue of events, first in first out."""

    _waiting: deque[Inbound] = field(factory=deque[Inbound], init=False)
    _news: trio.Event = field(factory=trio.Event, init=False)
    _emptied: trio.Event = field(factory=trio.Event, init=False)

    @property
    def waiting(self) -> tuple[Inbound, ...]:
        return tuple(self._waiting)

    def put(self, event: Inbound) -> bool:
        """False when too many wait: nothing was kept."""
        if len(self._waiting) >= MAX_WAITING:
            return False
        self._waiting.append(event)
        self._news.set()
        return True

    async def first(self) -> Inbound:
        """Wait for an event and look at it; it stays until ``drop``."""
        while not self._waiting:
            self._news = trio.Event()
            await self._news.wait()
        return self._waiting[0]

    def drop(self, event: Inbound) -> None:
        """It is accepted, or refused for good."""
        self._waiting.remove(event)
        if not self._waiting:
            self._emptied.set()
            self._emptied = trio.Event()

    async def until_empty(self) -> None:
        """Wait until nothing waits."""
        while self._waiting:
            await self._emptied.wait()
