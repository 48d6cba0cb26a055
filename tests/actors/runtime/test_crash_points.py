"""A small actor is crashed at each of its awaits in turn, and nothing but that incarnation suffers.

The crash is an error thrown into the actor in place of the resumption of one await, so that every point at which it can
ever be suspended is hit: before it is ready, between two messages, with an ask in hand, and in its cleanup.
"""

import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from functools import partial
from typing import Any

import pytest
import trio
from attrs import define, field, frozen
from outcome import Value
from trio._core._traps import CancelShieldedCheckpoint
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.runtime import ChildSpec, Context, Reply, Supervisor, What
from hermes.errors import ActorCrashed, TransientError
from hermes.status import State
from tests.actors.runtime.stage import Puppet, acting, no_chance

# As many awaits as the first life of the actor has from its start to the end of the test; asserted below.
AWAITS = 13


@define(eq=False)
class Fuse:
    """Counts resumptions and burns through at one of them."""

    left: int
    error: Exception
    blown: bool = False

    def burn(self) -> bool:
        self.left -= 1
        self.blown = self.blown or self.left == 0
        return self.left == 0


@types.coroutine
def fused(work: Coroutine[Any, Any, None], fuse: Fuse) -> Generator[Any, Any, None]:
    """Run ``work``, throwing the fuse's error into it when that burns through."""
    step: Callable[[], Any] = partial(work.send, None)
    while True:
        try:
            trap = step()
            resumed = yield trap
            burns = fuse.burn()
            handed_over = isinstance(resumed, Value) and resumed.value is not None
            if burns and (handed_over or trap is CancelShieldedCheckpoint):
                # A message that was taken or handed over: no error can take its place, only follow it.
                work.send(resumed)
            step = partial(work.throw, fuse.error) if burns else partial(work.send, resumed)
        except StopIteration:
            return


@frozen
class Add:
    key: int
    reply: Reply[int]


@define(eq=False)
class Ledger:
    """Serves idempotent additions into ``rows``; all that survives a crash is what is in there."""

    fuse: Fuse
    rows: dict[int, int] = field(factory=dict)
    open_books: int = 0

    async def __call__(self, context: Context[Add], *, task_status: trio.TaskStatus[None]) -> None:
        work = self.serve(context, task_status)
        await (fused(work, self.fuse) if context.attempt == 0 else work)

    async def serve(self, context: Context[Add], task_status: trio.TaskStatus[None]) -> None:
        self.open_books += 1
        try:
            await trio.sleep(0.1)
            await trio.sleep(0.1)
            task_status.started()
            async for add in context.mailbox:
                await trio.sleep(0.1)
                self.rows[add.key] = add.key
                await trio.sleep(0.1)
                add.reply.answer(len(self.rows))
        finally:
            self.open_books -= 1
            with trio.move_on_after(1, shield=True):
                await trio.lowlevel.checkpoint()


async def add(ask: Callable[..., Awaitable[int]], key: int) -> None:
    """What a caller does about an unknown outcome: the same again, since it changes nothing twice."""
    while True:
        try:
            await ask(partial(Add, key), within=60)
        except ActorCrashed:
            continue
        return


async def play(ledger: Ledger) -> None:
    sibling = Puppet()
    root = Supervisor("root", [ChildSpec("ledger", ledger), ChildSpec("sibling", sibling)], random=no_chance)
    async with acting(root, wait=False) as stage:
        with trio.fail_after(1000):
            for key in range(3):
                await add(root.address("ledger").ask, key)
        assert ledger.rows == {0: 0, 1: 1, 2: 2}
        await wait_all_tasks_blocked()
        assert stage.status().healthy
        assert len(sibling.lives) == 1
        assert stage.status("ledger").restarts == len(stage.told(What.RESTARTING)) == ledger.fuse.blown
        await stage.stop()
    assert stage.failure is None
    assert stage.escalated == []
    assert ledger.open_books == 0


@pytest.mark.parametrize("error", [ValueError("bug"), TransientError("down")], ids=["ours", "the world's"])
@pytest.mark.parametrize("at", range(1, AWAITS + 1))
async def test_crashed_at_any_of_its_awaits_the_actor_comes_back_and_the_work_is_done(
    at: int, error: Exception, autojump_clock: MockClock
) -> None:
    await play(Ledger(Fuse(at, error)))


async def test_the_numbers_above_are_all_the_awaits_there_are(autojump_clock: MockClock) -> None:
    ledger = Ledger(Fuse(10_000, ValueError("never")))
    await play(ledger)
    assert 10_000 - ledger.fuse.left == AWAITS


async def test_a_crash_in_the_last_await_of_a_shutdown_is_no_failure(autojump_clock: MockClock) -> None:
    async def crash(context: Context[object]) -> None:
        await trio.sleep(1)
        raise ValueError("bug")

    root = Supervisor("root", [ChildSpec("a", Puppet(on_cancel=crash))])
    async with acting(root) as stage:
        await stage.stop()
    assert stage.failure is None
    assert stage.status("a").state is State.STOPPED
    assert [report.reason for report in stage.told(What.STOPPED)] == ["ValueError: bug"]
