"""Permits: as many as there are, first come first served, and none is lost by a crash or a cancellation."""

from functools import partial

import pytest
import trio

from actors import models
from actors.breaker import FAILURES, FIRST_PAUSE
from actors.models import (
    SERVED,
    Acquire,
    Connections,
    LentPermits,
    Outcome,
    Release,
    Returned,
    models_actor,
    outcome_of,
)
from actors.runtime import ChildSpec, Context
from hermes.errors import AuthError, ConfigError, HermesError, RateLimited, Refused, RemoteProtocolError, TransientError
from tests.actors.trees import supervised

SPEC = ChildSpec("models", partial(models_actor, connections=Connections()), mailbox=models.MAILBOX, core=True)
FAILED = Outcome(failed=True)


@pytest.fixture(autouse=True)
def two_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "MAX_STREAMS", 2)


async def settle() -> None:
    await trio.testing.wait_all_tasks_blocked()


async def test_a_permit_is_lent_at_once_while_there_are_some() -> None:
    async with supervised(SPEC) as tree:
        permits = LentPermits(tree.address("models"))
        with trio.fail_after(1):
            assert await permits.acquire("p") != await permits.acquire("p")


async def test_the_next_waits_until_one_is_returned(autojump_clock: trio.testing.MockClock) -> None:
    async with supervised(SPEC) as tree, trio.open_nursery() as nursery:
        permits = LentPermits(tree.address("models"))
        first, _ = await permits.acquire("p"), await permits.acquire("p")
        got: list[int] = []

        async def third() -> None:
            got.append(await permits.acquire("p"))

        nursery.start_soon(third)
        await settle()
        assert not got
        permits.release(first)
        await settle()
        assert got


async def test_a_cancelled_wait_takes_no_permit(autojump_clock: trio.testing.MockClock) -> None:
    async with supervised(SPEC) as tree:
        permits = LentPermits(tree.address("models"))
        first, _ = await permits.acquire("p"), await permits.acquire("p")
        with trio.move_on_after(1):
            await permits.acquire("p")
        permits.release(first)
        with trio.fail_after(1):
            await permits.acquire("p")


async def test_a_permit_answered_to_somebody_who_left_is_free_again() -> None:
    async with supervised(SPEC) as tree:
        permits = LentPermits(tree.address("models"))
        for _ in range(10):
            with trio.CancelScope() as scope:
                scope.cancel()
                await permits.acquire("p")
        with trio.fail_after(1):
            await permits.acquire("p")
            await permits.acquire("p")


async def test_releases_that_found_the_mailbox_full_go_with_the_next() -> None:
    told: list[Release] = []
    full = [True]

    class Address:
        def tell_nowait(self, message: Release) -> bool:
            if full[0]:
                return False
            told.append(message)
            return True

        async def ask(self, make: object, within: float) -> None:
            pass

    permits = LentPermits(Address())  # type: ignore[arg-type]
    first, second, third, fourth = [await permits.acquire("p") for _ in range(4)]
    permits.release(first)
    permits.release(second, SERVED)
    full[0] = False
    permits.release(third)
    permits.release(fourth)
    returned = (Returned(first, "p"), Returned(second, "p", SERVED), Returned(third, "p"))
    assert told == [Release(returned), Release((Returned(fourth, "p"),))]


async def test_a_crash_with_the_ask_in_hand_is_asked_again(autojump_clock: trio.testing.MockClock) -> None:
    crashes = iter([True, False])

    async def crashing(context: Context[Acquire | Release], *, task_status: trio.TaskStatus[None]) -> None:
        if next(crashes):
            task_status.started()
            await context.mailbox.receive()
            raise RuntimeError("a bug")
        await models_actor(context, Connections(), task_status=task_status)

    async with supervised(ChildSpec("models", crashing, core=True)) as tree:
        with trio.fail_after(10):
            await LentPermits(tree.address("models")).acquire("p")


async def test_a_permit_that_is_returned_after_the_end_of_the_tree_is_nobodys() -> None:
    async with supervised(SPEC) as tree:
        permits = LentPermits(tree.address("models"))
        permit = await permits.acquire("p")
    permits.release(permit)


async def test_each_provider_has_its_own_permits() -> None:
    async with supervised(SPEC) as tree:
        permits = LentPermits(tree.address("models"))
        with trio.fail_after(1):
            for provider in ("one", "one", "other", "other"):
                await permits.acquire(provider)


async def test_a_provider_that_fails_again_and_again_is_left_alone_and_then_tried(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with supervised(SPEC) as tree:
        permits = LentPermits(tree.address("models"))
        for _ in range(FAILURES):
            permits.release(await permits.acquire("p"), FAILED)
        with pytest.raises(TransientError, match=rf"p failed {FAILURES} times in a row and is asked again in 15 s"):
            await permits.acquire("p")
        permits.release(await permits.acquire("another"))
        assert "p: failed 5 times in a row" in tree.status().children[0].detail
        await trio.sleep(FIRST_PAUSE + 0.1)
        permits.release(await permits.acquire("p"), SERVED)
        permits.release(await permits.acquire("p"), SERVED)
        await settle()
        assert tree.status().children[0].detail == ""


async def test_a_provider_that_asks_for_a_pause_gets_it(autojump_clock: trio.testing.MockClock) -> None:
    async with supervised(SPEC) as tree:
        permits = LentPermits(tree.address("models"))
        permits.release(await permits.acquire("p"), outcome_of(RateLimited("slow down", retry_after=30.0)))
        with pytest.raises(RateLimited, match="p asked for a pause") as caught:
            await permits.acquire("p")
        assert 29 < caught.value.retry_after <= 30
        await trio.sleep(30.1)
        await permits.acquire("p")


async def test_those_who_wait_when_the_breaker_opens_are_told_at_once(autojump_clock: trio.testing.MockClock) -> None:
    async with supervised(SPEC) as tree, trio.open_nursery() as nursery:
        permits = LentPermits(tree.address("models"))
        for _ in range(FAILURES - 1):
            permits.release(await permits.acquire("p"), FAILED)
        lent = [await permits.acquire("p") for _ in range(2)]
        told: list[str] = []

        async def waits() -> None:
            try:
                await permits.acquire("p")
            except TransientError as error:
                told.append(str(error))

        for _ in range(2):
            nursery.start_soon(waits)
        await settle()
        assert told == []
        permits.release(lent[0], FAILED)
        await settle()
        assert len(told) == 2


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (TransientError("x"), FAILED),
        (RemoteProtocolError("x"), FAILED),
        (RateLimited("x", retry_after=3.0), Outcome(served=True, pause=3.0)),
        (AuthError("x"), SERVED),
        (ConfigError("x"), SERVED),
        (Refused("x"), SERVED),
    ],
)
def test_an_answer_of_any_kind_is_a_service(error: HermesError, outcome: Outcome) -> None:
    assert outcome_of(error) == outcome


async def test_what_the_models_hold_open_is_closed_with_each_incarnation() -> None:
    closed: list[str] = []
    connections = Connections()

    async def close() -> None:
        closed.append("closed")

    connections.own(close)
    spec = ChildSpec("models", partial(models_actor, connections=connections), mailbox=models.MAILBOX, core=True)
    async with supervised(spec) as tree:
        tree.restart_child("models", "a test")
        await settle()
        assert closed == ["closed"]
        with trio.fail_after(1):
            await LentPermits(tree.address("models")).acquire("p")
    assert closed == ["closed", "closed"]
