"""Runs actors under a real supervisor, for tests of one actor at a time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from actors.runtime import ChildSpec, Supervisor


@asynccontextmanager
async def supervised(*specs: ChildSpec | Supervisor) -> AsyncIterator[Supervisor]:
    """A running supervisor over ``specs``; it is stopped, and waited for, on the way out."""
    supervisor = Supervisor("test", specs)
    async with trio.open_nursery() as nursery:
        with trio.fail_after(30):
            await nursery.start(supervisor.run)
        yield supervisor
        nursery.cancel_scope.cancel()
