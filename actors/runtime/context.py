"""What an actor is handed by its supervisor: its name, its mailbox, and the few words it may say about itself."""

from typing import Generic, TypeVar

import trio
from attrs import frozen

from actors.runtime.incarnation import Incarnation
from actors.runtime.mailbox import Mailbox

M_co = TypeVar("M_co", covariant=True)


@frozen
class Context(Generic[M_co]):
    """For one incarnation only: after its end the mailbox yields nothing and the rest is without effect."""

    name: str
    """The child's path from the root, as in ``gateway/platforms/web/inbound``."""
    mailbox: Mailbox[M_co]
    _incarnation: Incarnation

    @property
    def attempt(self) -> int:
        """How often this child was started before: 0 for the first start."""
        return self._incarnation.attempt

    def beat(self) -> None:
        """A proven round trip has just happened. Ends ``retrying``. Cheap: one clock reading."""
        self._incarnation.beat()

    def retrying(self, why: str) -> None:
        """The actor is reconnecting by itself: unhealthy from now on, but not cut off for it, until the next ``beat``.

        Free of effect on the end of the incarnation: an actor that raises is judged by what it raises.
        """
        self._incarnation.retry(why)

    def detail(self, text: str) -> None:
        """A few words for the status ("3 in flight"), until the next call or the end of the incarnation."""
        self._incarnation.detail = text

    async def passivate(self) -> bool:
        """Ask to be let go for idleness.

        True: the mailbox has ended, and the actor must return at once; a message that comes meanwhile starts a fresh
        incarnation. False, always under a ``Supervisor``: go on serving, since a message or an unanswered ask is
        there. A checkpoint, but nothing happens between the decision and the return. Cancelled, nothing was granted.
        """
        await trio.lowlevel.checkpoint()
        return self._incarnation.passivate()
