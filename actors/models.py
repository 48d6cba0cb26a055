"""The models actor: it lends permits to open a stream, so that a busy gateway does not outrun a provider's limits.

The stream itself runs in the task of the conversation that borrowed the permit, so a crash here ends no turn: the next
incarnation starts with every permit free again, and those lent before it are forgotten.
"""

from collections import OrderedDict
from contextlib import suppress
from functools import partial
from itertools import count

import trio
from attrs import frozen

from actors.runtime import Address, Context, Reply
from hermes.errors import ActorCrashed, Unavailable

# Streams at once: what 200 busy conversations need, and small against a provider's own limits per key.
MAX_STREAMS = 256

# Asks that may arrive at once. The actor takes them in as they come, one a conversation, so their number bounds what
# waits inside.
MAILBOX = 1024

# Seconds to wait for a permit: a minute of full load is normal, and longer than this a person has given up.
ACQUIRE_WITHIN = 300.0


@frozen
class Acquire:
    permit: int
    """Minted by the borrower, so that it can be returned whatever became of the reply."""
    reply: Reply[None]


@frozen
class Release:
    permits: tuple[int, ...]


async def models_actor(context: Context[Acquire | Release], *, task_status: trio.TaskStatus[None]) -> None:
    """Lend up to ``MAX_STREAMS`` permits, first come first served."""
    task_status.started()
    lent: set[int] = set()
    waiting: OrderedDict[int, Acquire] = OrderedDict()
    async for message in context.mailbox:
        match message:
            case Acquire(permit=permit):
                waiting[permit] = message
            case Release(permits=permits):
                for permit in permits:
                    lent.discard(permit)
                    waiting.pop(permit, None)
        while waiting and len(lent) < MAX_STREAMS:
            permit, acquire = waiting.popitem(last=False)
            lent.add(permit)
            acquire.reply.answer(None)
        context.detail(f"{len(lent)} streams, {len(waiting)} waiting" if lent else "")


class LentPermits:
    """The conversations' ``Permits`` port, over the actor's address."""

    def __init__(self, address: Address[Acquire | Release]) -> None:
        self._address = address
        self._numbers = count()
        self._unreturned: list[int] = []

    async def acquire(self) -> int:
        """A permit; asked for again when the actor crashes with the ask in hand. Cancelled: it is returned."""
        permit = next(self._numbers)
        try:
            while True:
                try:
                    await self._address.ask(partial(Acquire, permit), within=ACQUIRE_WITHIN)
                except ActorCrashed:
                    continue
                return permit
        except BaseException:
            self.release(permit)
            raise

    def release(self, permit: int) -> None:
        """Give a permit back; with a full mailbox it goes with the next one. At the end of the tree nobody wants it."""
        self._unreturned.append(permit)
        with suppress(Unavailable):
            if self._address.tell_nowait(Release(tuple(self._unreturned))):
                self._unreturned.clear()
