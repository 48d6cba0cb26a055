"""Addresses: the sending side of a mailbox, valid over every restart of the actor behind it.

An address names a child, not an incarnation. It goes dead only with the child itself: when that is done, temporary
and ended, or when the tree around it has ended. Asks run one way through the tree and back by their reply slots only,
so that no two full mailboxes wait for each other.
"""

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import trio
from attrs import field, frozen

from actors.runtime.ask import Asked, Reply, ask
from actors.runtime.mailbox import Queue
from hermes.errors import Unavailable

M_contra = TypeVar("M_contra", contravariant=True)
T = TypeVar("T")


class Target(Protocol):
    """The child behind an address."""

    @property
    def path(self) -> str: ...
    @property
    def queue(self) -> Queue: ...


@frozen
class Address(Generic[M_contra]):
    """Where to send messages for one child."""

    _target: Target = field(repr=False)

    @property
    def path(self) -> str:
        """The child's place in the tree, for errors and logs."""
        return self._target.path

    async def tell(self, message: M_contra) -> None:
        """Put ``message`` in the mailbox; waits while that is full. Cancelled, it has sent nothing.

        Raises ``Unavailable`` when the child is gone for good. A return means queued, not done.
        """
        await self._put(message)

    def tell_nowait(self, message: M_contra) -> bool:
        """As ``tell``, but False at once when the mailbox is full."""
        try:
            return self._target.queue.put_nowait(message)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise self._gone() from None

    async def ask(self, make: Callable[[Reply[T]], M_contra], *, within: float) -> T:
        """Send ``make(reply)`` and return what the actor answers into ``reply``, at most ``within`` seconds later.

        Raises ``Unavailable`` past the deadline or when the child is gone for good, ``ActorCrashed`` when the
        incarnation that had received the message ended without an answer, and whatever the actor gave to
        ``Reply.fail``.
        """
        return await ask(self._put, make, within, self.path)

    async def _put(self, item: M_contra | Asked) -> None:
        try:
            await self._target.queue.put(item)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise self._gone() from None

    def _gone(self) -> Unavailable:
        return Unavailable(f"{self.path} is gone")
