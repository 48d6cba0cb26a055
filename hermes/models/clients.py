"""The connections to one provider: a client of httpx for each stream at a time, kept for the next.

One client for all would look at each of its connections at the beginning and at the end of every request. With fifty
that was 0.6 of the 1.5 ms of a call (benchmarks/profiles.md); another client takes 60 us and 3 KB.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import trio
from attrs import define, field, frozen

from hermes.lean_httpx import httpx

# Clients without a stream that are kept, and for how many seconds: a conversation calls again within that or not for a
# while.
KEPT_CLIENTS = 64
KEPT_FOR = 60.0

# Seconds to say goodbye to a connection (TLS) before it is dropped.
CLOSE_WITHIN = 2.0

LIMITS = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEPT_FOR)


@frozen
class _Idle:
    client: httpx.AsyncClient
    since: float


@define(eq=False)
class Clients:
    """Made by ``make``, which gets their limits, when there is none to lend."""

    _make: Callable[[httpx.Limits], httpx.AsyncClient]
    _idle: list[_Idle] = field(factory=list[_Idle])
    _closings: int = 0

    @asynccontextmanager
    async def lent(self) -> AsyncGenerator[httpx.AsyncClient]:
        """One for one request at a time: the last that came back, since it is the likeliest to be connected.

        One that is left by an error or by cancellation is closed.
        """
        client = self._idle.pop().client if self._idle else self._make(LIMITS)
        closings = self._closings
        try:
            yield client
        except BaseException:
            # Its one connection may be in any state, and whoever comes next would wait for it.
            await _close(client)
            raise
        if closings == self._closings:
            self._idle.append(_Idle(client, trio.current_time()))
            await self._close_old()
        else:
            await _close(client)

    async def aclose(self) -> None:
        """Close what is idle, and what is lent when it comes back; whoever comes later gets another."""
        self._closings += 1
        idle, self._idle = self._idle, []
        for one in idle:
            await _close(one.client)

    async def _close_old(self) -> None:
        # Few streams take the newest again and again: what many at once have left lies below them.
        until = trio.current_time() - KEPT_FOR
        while self._idle and (self._idle[0].since < until or len(self._idle) > KEPT_CLIENTS):
            await _close(self._idle.pop(0).client)


async def _close(client: httpx.AsyncClient) -> None:
    with trio.CancelScope(shield=True, deadline=trio.current_time() + CLOSE_WITHIN):
        await client.aclose()
