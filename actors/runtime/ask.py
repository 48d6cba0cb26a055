"""Asks: a message that carries the slot for its own answer.

1. A slot is settled once: by ``answer``, by ``fail``, by the end of the incarnation that had it in hand, or by its
   asker giving up. Whatever comes later is a no-op.
2. While a message waits in the mailbox, the ask survives every crash of its actor. From the moment an incarnation has
   received it, it is *in hand*, and the end of that incarnation (crash, stop or normal return) fails it with
   ``ActorCrashed``: the outcome is unknown.
3. Every ask has a deadline that covers the wait for room in the mailbox too. Passing it raises ``Unavailable``; the
   message may still be carried out later, and an actor that wants to spare itself the work looks at
   ``Reply.abandoned``.
4. Whoever hands a slot on to another actor still has it in hand: its own end fails the ask.
"""

from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar, cast

import trio
from attrs import define, field, frozen

from hermes.errors import Unavailable

M = TypeVar("M")
T = TypeVar("T")


class Holder(Protocol):
    """What has the message of an unsettled slot in hand."""

    def settled(self, reply: "Reply[object]") -> None: ...


@define(eq=False)
class Reply(Generic[T]):
    """The slot of one ask. The first of ``answer`` and ``fail`` wins; neither ever blocks or raises."""

    _done: trio.Event = field(factory=trio.Event, init=False)
    _value: T | None = field(default=None, init=False)
    _error: Exception | None = field(default=None, init=False)
    _holder: Holder | None = field(default=None, init=False)
    _abandoned: bool = field(default=False, init=False)

    def answer(self, value: T) -> None:
        """Hand ``value`` to the asker."""
        if not self.settled:
            self._value = value
            self._settle()

    def fail(self, error: Exception) -> None:
        """Raise ``error`` in the asker."""
        if not self.settled:
            self._error = error
            self._settle()

    @property
    def settled(self) -> bool:
        """True when nobody waits for an answer any more."""
        return self._done.is_set()

    @property
    def abandoned(self) -> bool:
        """True when the asker gave up (deadline or cancellation): the work may be left undone."""
        return self._abandoned

    def taken_by(self, holder: Holder) -> bool:
        """The runtime's: ``holder`` has it in hand from now on. False when it is settled already."""
        if self.settled:
            return False
        self._holder = holder
        return True

    def abandon(self) -> None:
        """The runtime's: the asker no longer waits."""
        if not self.settled:
            self._abandoned = True
            self._settle()

    async def outcome(self) -> T:
        """The runtime's: wait for the answer and return it, or raise what ``fail`` was given. Only once."""
        await self._done.wait()
        # An error that is still held here would hold, by its traceback, whoever asked: a cycle, left to the collector.
        error, self._error = self._error, None
        if error is None:
            return cast(T, self._value)
        try:
            raise error
        finally:
            del error

    def _settle(self) -> None:
        self._done.set()
        if self._holder is not None:
            self._holder.settled(cast(Reply[object], self))
            self._holder = None


@frozen
class Asked:
    """How an ask travels through a mailbox: the actor receives ``message`` only."""

    message: object
    reply: Reply[object]


async def ask(put: Callable[[Asked], Awaitable[None]], make: Callable[[Reply[T]], M], within: float, whom: str) -> T:
    """Send what ``make`` builds around a new slot by ``put``, and wait for the answer at most ``within`` seconds in
    all.

    Raises ``Unavailable`` at the deadline or when ``put`` does, ``ActorCrashed`` by rule 2, and whatever the actor
    gave to ``Reply.fail``. Cancelled or late, it leaves the slot abandoned and the message where it was.
    """
    reply: Reply[T] = Reply()
    message = make(reply)
    try:
        with trio.move_on_after(within):
            await put(Asked(message, cast(Reply[object], reply)))
            return await reply.outcome()
        if reply.settled:
            return await reply.outcome()
        raise Unavailable(f"{whom} did not answer within {within:g} s")
    finally:
        reply.abandon()
