"""The work of a turn: model calls and tools, each in a task of its own, that come back as events.

1. Each event carries the number of the work that it belongs to. ``cancel`` ends the tasks and raises the number, and
   what an ended task still says is dropped.
2. Events come out one at a time, in the order in which they were said, among the nudges to look at the inbox.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVarTuple, Unpack

import trio
from attrs import define, field, frozen

from actors.messages import LOOK, Look
from hermes.agent.turnio import TurnEvent

# Events wait here while an effect is performed; a model that writes faster than the disk is slowed down.
EVENT_BOUND = 64

Emit = Callable[[TurnEvent], Awaitable[None]]

Ts = TypeVarTuple("Ts")


@frozen
class _Said:
    number: int
    event: TurnEvent


@define(eq=False)
class Work:
    """Of one turn."""

    _number: int = 0
    _scopes: set[trio.CancelScope] = field(factory=set[trio.CancelScope])
    _send: trio.MemorySendChannel[_Said | Look] = field(init=False)
    _events: trio.MemoryReceiveChannel[_Said | Look] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._send, self._events = trio.open_memory_channel[_Said | Look](EVENT_BOUND)

    def start(
        self,
        nursery: trio.Nursery,
        task: Callable[[Emit, Unpack[Ts]], Awaitable[None]],
        *arguments: *Ts,
    ) -> None:
        """Run ``task(emit, *arguments)`` until it ends or ``cancel`` is called, which may be before it begins."""
        nursery.start_soon(self._run, self._number, task, *arguments)

    def cancel(self) -> None:
        """End all tasks, and hear nothing of them any more."""
        self._number += 1
        for scope in self._scopes:
            scope.cancel()

    async def say(self, event: TurnEvent) -> None:
        """An event of the work that is under way now; waits while ``EVENT_BOUND`` wait."""
        await self._send.send(_Said(self._number, event))

    async def look(self) -> None:
        """A nudge."""
        await self._send.send(LOOK)

    async def next(self) -> TurnEvent | Look:
        """The next event, or a nudge. Cancelled, it has taken nothing."""
        while True:
            said = await self._events.receive()
            if isinstance(said, Look):
                return said
            if said.number == self._number:
                return said.event

    async def _run(self, number: int, task: Callable[..., Awaitable[None]], *arguments: object) -> None:
        async def emit(event: TurnEvent) -> None:
            await self._send.send(_Said(number, event))

        if number != self._number:
            return
        with trio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                await task(emit, *arguments)
            finally:
                self._scopes.discard(scope)
