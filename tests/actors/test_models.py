"""Permits: as many as there are, first come first served, and none is lost by a crash or a cancellation."""

import pytest
import trio

from actors import models
from actors.models import Acquire, LentPermits, Release, models_actor
from actors.runtime import ChildSpec, Context
from tests.actors.trees import supervised

SPEC = ChildSpec("models", models_actor, mailbox=models.MAILBOX, core=True)


@pytest.fixture(autouse=True)
def two_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "MAX_STREAMS", 2)


async def settle() -> None:
    await trio.testing.wait_all_tasks_blocked()


async def test_a_permit_is_lent_at_once_while_there_are_some() -> None:
    async with supervised(SPEC) as tree:
        permits = LentPermits(tree.address("models"))
        with trio.fail_after(1):
            assert await permits.acquire() != await permits.acquire()


async def test_the_next_waits_until_one_is_returned(autojump_clock: trio.testing.MockClock) -> None:
    async with supervised(SPEC) as tree, trio.open_nursery() as nursery:
        permits = LentPermits(tree.address("models"))
        first, _ = await permits.acquire(), await permits.acquire()
        got: list[int] = []

        async def third() -> None:
            got.append(await permits.acquire())

        nursery.start_soon(third)
        await settle()
        assert not got
        permits.release(first)
        await settle()
        assert got


async def test_a_cancelled_wait_takes_no_permit(autojump_clock: trio.testing.MockClock) -> None:
    async with supervised(SPEC) as tree:
        permits = LentPermits(tree.address("models"))
        first, _ = await permits.acquire(), await permits.acquire()
        with trio.move_on_after(1):
            await permits.acquire()
        permits.release(first)
        with trio.fail_after(1):
            await permits.acquire()


async def test_a_permit_answered_to_somebody_who_left_is_free_again() -> None:
    async with supervised(SPEC) as tree:
        permits = LentPermits(tree.address("models"))
        for _ in range(10):
            with trio.CancelScope() as scope:
                scope.cancel()
                await permits.acquire()
        with trio.fail_after(1):
            await permits.acquire()
            await permits.acquire()


async def test_releases_that_found_the_mailbox_full_go_with_the_next() -> None:
    told: list[Release] = []
    full = [True]

    class Address:
        def tell_nowait(self, message: Release) -> bool:
            if full[0]:
                return False
            told.append(message)
            return True

    permits = LentPermits(Address())  # type: ignore[arg-type]
    permits.release(1)
    permits.release(2)
    full[0] = False
    permits.release(3)
    permits.release(4)
    assert told == [Release((1, 2, 3)), Release((4,))]


async def test_a_crash_with_the_ask_in_hand_is_asked_again(autojump_clock: trio.testing.MockClock) -> None:
    crashes = iter([True, False])

    async def crashing(context: Context[Acquire | Release], *, task_status: trio.TaskStatus[None]) -> None:
        if next(crashes):
            task_status.started()
            await context.mailbox.receive()
            raise RuntimeError("a bug")
        await models_actor(context, task_status=task_status)

    async with supervised(ChildSpec("models", crashing, core=True)) as tree:
        with trio.fail_after(10):
            await LentPermits(tree.address("models")).acquire()


async def test_a_permit_that_is_returned_after_the_end_of_the_tree_is_nobodys() -> None:
    async with supervised(SPEC) as tree:
        permits = LentPermits(tree.address("models"))
        permit = await permits.acquire()
    permits.release(permit)
