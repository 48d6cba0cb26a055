"""Telegram's server by its addresses, where its name does not resolve or does not lead to it.

Rules:

1. The name comes first. An address is tried once the name has failed, or has led nowhere for ``HEAD_START``; what
   connects first is taken, and all else is given up.
2. The address that worked is the first to be tried from then on, as long as it works. New connections after a failure
   of the adapter begin with the name again.
3. Only the way changes: TLS and Host name the same server, and its certificate is checked against that name. So an
   address of somebody else is one that does not work.
"""

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

import trio
from attrs import define, field, frozen

from adapters.telegram.way.settings import FALLBACK_IPS, OFFICIAL_HOST

HEAD_START = 1.5
"""Seconds for the name, and for the address that worked before, by itself. Both fit twice in the time of a connection
(5 s), and a server that is there needs less than one."""

STAGGER = 0.2
"""Seconds between two further addresses: the eighth has begun before the time is over."""

log = logging.getLogger(__name__)


class Connected(Protocol):
    """A connection, which is closed where it is not wanted."""

    @property
    def stream(self) -> trio.abc.AsyncResource: ...


_Connection = TypeVar("_Connection", bound=Connected)


@define(eq=False)
class Fallback:
    """For one set of connections."""

    _addresses: Sequence[str] = ()
    _working: str = field(default="", init=False)

    async def reach(self, host: str, connect: Callable[[str], Awaitable[_Connection]]) -> _Connection:
        """``connect`` to ``host``, or to an address that stands for it. See the rules.

        ``connect`` raises ``OSError``, ``trio.BrokenResourceError`` or ``ValueError`` where there is no way; the last
        of these is raised when none leads there. Cancelled: nothing stays open.
        """
        if not self._addresses or host != OFFICIAL_HOST:
            return await connect(host)
        race = _Race(connect)
        target, connection = await race.run([_Attempt(*each) for each in self._order(host)])
        self._note("" if target == host else target)
        return connection

    def _order(self, host: str) -> Iterator[tuple[str, float]]:
        if self._working:
            yield self._working, HEAD_START
        yield host, HEAD_START
        for address in self._addresses:
            if address != self._working:
                yield address, STAGGER

    def _note(self, working: str) -> None:
        if working and working != self._working:
            log.warning("%s is not reached by its name: %s of %s is used", OFFICIAL_HOST, working, FALLBACK_IPS)
        elif self._working and not working:
            log.warning("%s is reached by its name again", OFFICIAL_HOST)
        self._working = working


@frozen
class _Attempt:
    target: str
    alone: float
    """Seconds before the next one begins too, unless this one has failed before."""


@define(eq=False)
class _Race(Generic[_Connection]):
    """Attempts that begin one after the other; the first that succeeds ends all others."""

    _connect: Callable[[str], Awaitable[_Connection]]
    _found: list[tuple[str, _Connection]] = field(factory=list[tuple[str, _Connection]], init=False)
    _failures: list[Exception] = field(factory=list[Exception], init=False)

    async def run(self, attempts: Sequence[_Attempt]) -> tuple[str, _Connection]:
        try:
            async with trio.open_nursery() as nursery:
                for attempt in attempts:
                    failed = trio.Event()
                    nursery.start_soon(self._try, attempt.target, failed, nursery.cancel_scope)
                    with trio.move_on_after(attempt.alone):
                        await failed.wait()
            await self._drop_but(1)
        except BaseException:
            await self._drop_but(0)
            raise
        if not self._found:
            raise self._failures[-1]
        return self._found[0]

    async def _try(self, target: str, failed: trio.Event, everything: trio.CancelScope) -> None:
        try:
            connection = await self._connect(target)
        except (OSError, trio.BrokenResourceError, ValueError) as error:
            self._failures.append(error)
            failed.set()
        else:
            self._found.append((target, connection))
            everything.cancel()

    async def _drop_but(self, kept: int) -> None:
        """Two may have come through at the same moment."""
        with trio.CancelScope(shield=True):
            while len(self._found) > kept:
                await trio.aclose_forcefully(self._found.pop()[1].stream)
