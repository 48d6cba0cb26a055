"""The store actor: the one writer of this process.

Writes wait in its mailbox; it takes what waits, commits it in one transaction in a thread, and replies once the disk
has it (group commit). The thread is never abandoned: a crash or a stop of this actor waits for it, so that no second
writer ever stands beside a stuck one.

A full disk is told as ``retrying`` until there is room: what one write fits into by luck (a page of the log that was
free) says nothing of the next.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar, cast

import trio
from attrs import frozen

from actors.runtime import Address, Context, Reply
from hermes.errors import ConfigError, StoreFull
from hermes.store.engine.database import Database
from hermes.store.engine.faults import Damaged, disk_is_full
from hermes.store.engine.readers import Readers

# Operations in one transaction: enough for every conversation of a busy gateway, few enough to keep a reply under
# some 50 ms.
MAX_BATCH = 256

# Writes that may wait: beyond this many the askers wait at the mailbox.
MAILBOX = 1024

# Seconds that one write may take, its wait included; the disk of a busy machine stalls for seconds, not for this long.
WRITE_WITHIN = 30.0

# Seconds between two looks whether a disk that was full has room again.
LOOK_FOR_ROOM = 1.0

T = TypeVar("T")


@frozen
class Write(Generic[T]):
    """One operation, and where its result goes."""

    operation: Callable[[sqlite3.Connection], T]
    reply: Reply[T]


async def store_actor(
    context: Context[Write[object]],
    path: Path,
    readers: Readers,
    *,
    mode: int = 0o600,
    task_status: trio.TaskStatus[None],
) -> None:
    """Open the database at ``path``, a new one with ``mode``, then commit batches until cancelled. What
    ``readers`` hold open is closed with it.

    A write whose asker has given up is left out: a claim that nobody waits for would count as an attempt all the same.
    Raises ``ConfigError`` (a newer schema, an unreadable file). Cancelled: the batch in hand is committed and
    answered first.
    """
    writer = trio.CapacityLimiter(1)
    in_thread = partial(trio.to_thread.run_sync, limiter=writer)
    database = await in_thread(_open, path, mode)
    try:
        async with trio.open_nursery() as nursery:
            room = _Room(context, path.parent)
            nursery.start_soon(room.watch)
            task_status.started()
            while True:
                taken = (await context.mailbox.receive(), *context.mailbox.drain_nowait(MAX_BATCH - 1))
                batch = [write for write in taken if not write.reply.abandoned]
                if batch:
                    results = await in_thread(database.commit, [write.operation for write in batch])
                    room.note(results)
                    _answer(batch, results)
    finally:
        # It copies the log back, which takes the time of a slow disk: not the event loop's.
        with trio.CancelScope(shield=True):
            await in_thread(_close, database, readers)


class _Room:
    """Whether the disk has room, as the status tells it."""

    def __init__(self, context: Context[Write[object]], folder: Path) -> None:
        self._context = context
        self._folder = folder
        self._full = trio.Event()

    def note(self, results: Iterable[object]) -> None:
        """A batch has come to its end."""
        for result in results:
            if isinstance(result, StoreFull):
                self._context.retrying(str(result))
                self._full.set()

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            await self._full.wait()
            await trio.sleep(LOOK_FOR_ROOM)
            if not await trio.to_thread.run_sync(disk_is_full, self._folder):
                self._full = trio.Event()
                self._context.beat()


def _close(database: Database, readers: Readers) -> None:
    """Whoever closes last takes the log away, so that the file alone is the whole store."""
    readers.release()
    database.close()


def _open(path: Path, mode: int) -> Database:
    try:
        return Database.open(path, mode=mode)
    except Damaged as error:
        # Only a person can mend it: no number of restarts will.
        raise ConfigError(str(error), file=str(path)) from error


def _answer(batch: Sequence[Write[object]], results: Sequence[object]) -> None:
    for write, result in zip(batch, results, strict=True):
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
