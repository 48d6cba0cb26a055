"""The store actor: the one writer of this process.

Writes wait in its mailbox; it takes what waits, commits it in one transaction in a thread, and replies once the disk
has it (group commit). The thread is never abandoned: a crash or a stop of this actor waits for it, so that no second
writer ever stands beside a stuck one.
"""

import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar, cast

import trio
from attrs import frozen

from actors.runtime import Address, Context, Reply
from hermes.errors import ConfigError
from hermes.store.database import Database
from hermes.store.faults import Damaged

# Operations in one transaction: enough for every conversation of a busy gateway, few enough to keep a reply under
# some 50 ms.
MAX_BATCH = 256

# Writes that may wait: beyond this many the askers wait at the mailbox.
MAILBOX = 1024

# Seconds that one write may take, its wait included; the disk of a busy machine stalls for seconds, not for this long.
WRITE_WITHIN = 30.0


T = TypeVar("T")


@frozen
class Write(Generic[T]):
    """One operation, and where its result goes."""

    operation: Callable[[sqlite3.Connection], T]
    reply: Reply[T]


async def store_actor(context: Context[Write[object]], path: Path, *, task_status: trio.TaskStatus[None]) -> None:
    """Open the database at ``path``, then commit batches until cancelled.

    A write whose asker has given up is left out: a claim that nobody waits for would count as an attempt all the same.
    Raises ``ConfigError`` (a newer schema, an unreadable file). Cancelled: the batch in hand is committed and
    answered first.
    """
    writer = trio.CapacityLimiter(1)
    in_thread = partial(trio.to_thread.run_sync, limiter=writer)
    database = await in_thread(_open, path)
    try:
        task_status.started()
        async for first in context.mailbox:
            taken = (first, *context.mailbox.drain_nowait(MAX_BATCH - 1))
            batch = [write for write in taken if not write.reply.abandoned]
            results = await in_thread(database.commit, [write.operation for write in batch]) if batch else []
            for write, result in zip(batch, results, strict=True):
                _answer(write, result)
    finally:
        # It copies the log back, which takes the time of a slow disk: not the event loop's.
        with trio.CancelScope(shield=True):
            await in_thread(database.close)


def _open(path: Path) -> Database:
    try:
        return Database.open(path)
    except Damaged as error:
        # Only a person can mend it: no number of restarts will.
        raise ConfigError(str(error), file=str(path)) from error


def _answer(write: Write[object], result: object) -> None:
    if isinstance(result, Exception):
        write.reply.fail(result)
    else:
        write.reply.answer(result)


class ActorCommit:
    """The store's ``Commit`` seam: an ask to the actor, repeated by the store itself on ``ActorCrashed``."""

    def __init__(self, address: Address[Write[object]]) -> None:
        self._address = address

    async def __call__(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """The operation's result, once the disk has it. Raises what it raised, ``Unavailable`` and ``ActorCrashed``."""

        def ask(reply: Reply[T]) -> Write[object]:
            # The actor hands whatever the operation returns to the reply that came with it.
            return cast(Write[object], Write(operation, reply))

        return await self._address.ask(ask, within=WRITE_WITHIN)
