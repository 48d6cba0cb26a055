"""How a write reaches ``Database.commit``: the seam of the facade, and a small committer for tests and commands.

In the gateway a write is an ask to the store's actor, which commits what waits in its mailbox as one batch.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol, TypeVar, cast

import trio
from attrs import define

from hermes.store.engine.database import Database, Operation

BATCH = 256
"""Operations of one transaction: all share the flush of the disk, and each waits for the work of all (20 ms)."""

T = TypeVar("T")


class Commit(Protocol):
    """Makes one operation durable."""

    async def __call__(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """The result of ``operation``, after its commit.

        Raises what it ended with, and ``ActorCrashed`` when that is unknown.
        Cancelled: unknown. ``operation`` may be run more than once, of which one run is kept.
        """
        ...


_WAITS = object()


@define(eq=False)
class _Write:
    operation: Operation
    outcome: object = _WAITS
    """The result, or the exception to raise."""


class DirectCommit:
    """Commits from the task of whoever comes first, together with what waits behind it. Nothing to close."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Bounded by the tasks that wait here, one write each.
        self._waiting: deque[_Write] = deque()
        self._guard = threading.Lock()
        self._turn = trio.Lock()
        self._limiter = trio.CapacityLimiter(1)

    async def __call__(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        write = _Write(operation)
        with self._guard:
            self._waiting.append(write)
        try:
            async with self._turn:
                while write.outcome is _WAITS:
                    # Never abandoned, so that no second writer stands beside a stuck one.
                    await trio.to_thread.run_sync(self._commit_batch, limiter=self._limiter)
        finally:
            self._withdraw(write)
        if isinstance(write.outcome, Exception):
            raise write.outcome
        return cast(T, write.outcome)

    def _commit_batch(self) -> None:
        """In the thread: take what waits by now and commit it."""
        with self._guard:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        try:
            outcomes = self._database.commit([write.operation for write in batch])
        except Exception as error:
            outcomes = [error] * len(batch)
        for write, outcome in zip(batch, outcomes, strict=True):
            write.outcome = outcome

    def _withdraw(self, write: _Write) -> None:
        with self._guard:
            if write in self._waiting:
                self._waiting.remove(write)
