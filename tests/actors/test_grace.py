"""A little more time: only from a cancellation on, and never more than it says."""

from functools import partial

import pytest
import trio
from trio.testing import MockClock

from actors.grace import with_grace


async def test_what_is_not_cancelled_takes_as_long_as_it_takes(autojump_clock: MockClock) -> None:
    with trio.fail_after(200):
        await with_grace(2.0, partial(trio.sleep, 100.0))
    assert trio.current_time() >= 100.0


async def test_what_ends_in_time_after_a_cancellation_has_ended_whole(autojump_clock: MockClock) -> None:
    ended = trio.Event()

    async def work() -> None:
        await trio.sleep(101.5)
        ended.set()

    with trio.move_on_after(100.0) as scope:
        await with_grace(2.0, work)
    assert ended.is_set()
    assert scope.cancelled_caught


async def test_what_hangs_is_cancelled_when_its_time_is_over(autojump_clock: MockClock) -> None:
    began = trio.current_time()
    with trio.move_on_after(100.0) as scope:
        await with_grace(2.0, trio.sleep_forever)
    assert scope.cancelled_caught
    assert trio.current_time() - began == pytest.approx(102.0)


async def test_a_failure_comes_as_it_is(autojump_clock: MockClock) -> None:
    async def fail() -> None:
        await trio.sleep(1.0)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await with_grace(2.0, fail)


async def test_a_failure_after_the_cancellation_is_not_lost(autojump_clock: MockClock) -> None:
    async def fail() -> None:
        await trio.sleep(1.5)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"), trio.move_on_after(1.0):
        await with_grace(2.0, fail)
