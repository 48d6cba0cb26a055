"""The models actor: it lends permits to open a stream, so that a busy gateway neither outruns a provider's limits nor
goes on asking one that is down.

1. Each provider has its own permits, first come first served, and its own breaker (actors/breaker.py).
2. The stream itself runs in the task of the conversation that borrowed the permit, so a crash here ends no turn: the
   next incarnation starts with every permit free and every breaker closed, and what was lent before it is forgotten.
3. The connections of the models are closed with each incarnation, those in use with their last stream.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from itertools import count

import trio
from attrs import define, field, frozen

from actors.breaker import Breaker
from actors.runtime import Address, Context, Reply
from hermes.errors import ActorCrashed, HermesError, RateLimited, RemoteProtocolError, TransientError, Unavailable

# Streams of one provider at once: what 200 busy conversations need, and small against its own limits per key.
MAX_STREAMS = 256

# Asks that may arrive at once. The actor takes them in as they come, one a conversation, so their number bounds what
# waits inside.
MAILBOX = 1024

# Seconds to wait for a permit: a minute of full load is normal, and longer than this a person has given up.
ACQUIRE_WITHIN = 300.0

# Seconds for all connections to close when the actor ends.
CLOSE_WITHIN = 3.0


@frozen
class Outcome:
    """What a stream tells of its provider."""

    served: bool = False
    failed: bool = False
    pause: float = 0.0
    """Seconds that the provider asks for."""


SERVED = Outcome(served=True)
UNKNOWN = Outcome()
"""It was left before anything could be told."""


def outcome_of(error: HermesError) -> Outcome:
    """What a failed stream tells."""
    if isinstance(error, RateLimited):
        return Outcome(served=True, pause=error.retry_after)
    return Outcome(failed=True) if isinstance(error, TransientError | RemoteProtocolError) else SERVED


@frozen
class Acquire:
    permit: int
    """Minted by the borrower, so that it can be returned whatever became of the reply."""
    provider: str
    reply: Reply[None]


@frozen
class Returned:
    permit: int
    provider: str
    outcome: Outcome = UNKNOWN


@frozen
class Release:
    returned: tuple[Returned, ...]


@define
class Connections:
    """What the models of one tree hold open."""

    _owned: list[Callable[[], Awaitable[None]]] = field(factory=list[Callable[[], Awaitable[None]]])

    def own(self, close: Callable[[], Awaitable[None]]) -> None:
        """``close`` is called at the end of each incarnation; what it closed may be opened again by its model."""
        self._owned.append(close)

    async def aclose(self) -> None:
        """Cancelled: what is left closes with the process."""
        for close in self._owned:
            await close()


async def models_actor(
    context: Context[Acquire | Release], connections: Connections, *, task_status: trio.TaskStatus[None]
) -> None:
    """Lend up to ``MAX_STREAMS`` permits of each provider, first come first served."""
    task_status.started()
    desks: dict[str, _Desk] = {}
    try:
        async for message in context.mailbox:
            if isinstance(message, Acquire):
                desks.setdefault(message.provider, _Desk(message.provider)).take(message)
            else:
                for returned in message.returned:
                    desks.setdefault(returned.provider, _Desk(returned.provider)).give_back(returned)
            context.detail("; ".join(filter(None, (desk.detail() for desk in desks.values()))))
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + CLOSE_WITHIN):
            await connections.aclose()


@define
class _Desk:
    """The permits of one provider."""

    provider: str
    breaker: Breaker = field(factory=Breaker)
    lent: set[int] = field(factory=set[int])
    waiting: "OrderedDict[int, Acquire]" = field(factory=OrderedDict["int", Acquire])

    def take(self, message: Acquire) -> None:
        self.waiting[message.permit] = message
        self._lend()

    def give_back(self, returned: Returned) -> None:
        self.waiting.pop(returned.permit, None)
        if returned.permit in self.lent:
            self.lent.remove(returned.permit)
            self._learn(returned.outcome)
        self._lend()

    def detail(self) -> str:
        """For the status; empty when there is nothing to tell."""
        parts = [f"{len(self.lent)} streams, {len(self.waiting)} waiting"] if self.lent else []
        if self.breaker.open:
            parts.append(f"failed {self.breaker.failures} times in a row")
        return f"{self.provider}: {', '.join(parts)}" if parts else ""

    def _learn(self, outcome: Outcome) -> None:
        now = trio.current_time()
        if outcome.served:
            self.breaker.served()
        if outcome.failed:
            self.breaker.failed(now)
        if outcome.pause > 0:
            self.breaker.paused(now, outcome.pause)

    def _lend(self) -> None:
        while self.waiting and len(self.lent) < MAX_STREAMS:
            permit, acquire = self.waiting.popitem(last=False)
            now = trio.current_time()
            if (wait := self.breaker.admit(now)) > 0:
                acquire.reply.fail(self._left_alone(now, wait))
                continue
            self.lent.add(permit)
            acquire.reply.answer(None)

    def _left_alone(self, now: float, wait: float) -> HermesError:
        if self.breaker.asks_for_pause(now):
            return RateLimited(f"{self.provider} asked for a pause", retry_after=wait)
        times = self.breaker.failures
        return TransientError(f"{self.provider} failed {times} times in a row and is asked again in {wait:.0f} s")


class LentPermits:
    """The conversations' ``Permits`` port, over the actor's address."""

    def __init__(self, address: Address[Acquire | Release]) -> None:
        self._address = address
        self._numbers = count()
        self._lent: dict[int, str] = {}
        self._unreturned: list[Returned] = []

    async def acquire(self, provider: str) -> int:
        """A permit; asked for again when the actor crashes with the ask in hand. Cancelled: it is returned.

        Raises ``RateLimited`` and ``TransientError`` while the provider is left alone, ``Unavailable`` when no permit
        came free in time.
        """
        permit = next(self._numbers)
        self._lent[permit] = provider
        try:
            while True:
                try:
                    await self._address.ask(partial(Acquire, permit, provider), within=ACQUIRE_WITHIN)
                except ActorCrashed:
                    continue
                return permit
        except BaseException:
            self.release(permit)
            raise

    def release(self, permit: int, outcome: Outcome = UNKNOWN) -> None:
        """Give a permit back; with a full mailbox it goes with the next one. At the end of the tree nobody wants it."""
        self._unreturned.append(Returned(permit, self._lent.pop(permit), outcome))
        with suppress(Unavailable):
            if self._address.tell_nowait(Release(tuple(self._unreturned))):
                self._unreturned.clear()
