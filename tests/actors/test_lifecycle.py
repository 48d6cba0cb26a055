"""How a gateway ends: who decides the exit code, and what a drain waits for."""

from pathlib import Path
from typing import cast

import pytest
import trio

from actors.lifecycle import ExitCode, Lifecycle
from hermes.errors import Unavailable
from hermes.store.interface import Counts, Store
from tests.actors.stores import open_store

QUIET = Counts(0, 0, 0, 0, 0, 0, 0)


class FakeStore:
    """Counts as told."""

    def __init__(self, *counts: Counts) -> None:
        self._counts = list(counts)

    async def counts(self) -> Counts:
        return self._counts.pop(0) if len(self._counts) > 1 else self._counts[0]


def ignore(_: Counts) -> None:
    """For a drain whose wait nobody is told of."""


def busy(**counts: int) -> Counts:
    return Counts(
        **{"inbox_pending": 0, "turns_running": 0, "inbox_dead": 0, "asks_open": 0}
        | {"outbox_pending": 0, "outbox_ambiguous": 0, "outbox_failed": 0}
        | counts
    )


async def test_the_first_request_decides_the_exit_code() -> None:
    lifecycle = Lifecycle()
    lifecycle.end(ExitCode.RESTART)
    lifecycle.end(ExitCode.DONE)
    assert await lifecycle.wait() is ExitCode.RESTART


async def test_the_gate_closes_with_the_first_request() -> None:
    lifecycle = Lifecycle()
    assert lifecycle.gate.open
    lifecycle.end(ExitCode.DONE)
    assert not lifecycle.gate.open


@pytest.mark.parametrize("work", [busy(turns_running=1), busy(outbox_pending=1)])
async def test_a_drain_waits_for_turns_and_unsent_answers(work: Counts, autojump_clock: object) -> None:
    lifecycle, told = Lifecycle(), list[Counts]()
    before = trio.current_time()
    assert await lifecycle.drain(_as_store(FakeStore(work, work, work, QUIET)), 60, told.append)
    assert told == [work]
    assert trio.current_time() > before


async def test_a_drain_ends_at_its_time_limit(autojump_clock: object) -> None:
    before = trio.current_time()
    assert not await Lifecycle().drain(_as_store(FakeStore(busy(turns_running=1))), 60, ignore)
    assert trio.current_time() - before == pytest.approx(60)


async def test_a_second_request_cuts_the_drain_short(autojump_clock: object) -> None:
    lifecycle = Lifecycle()
    lifecycle.end(ExitCode.DONE)
    async with trio.open_nursery() as nursery:

        async def again() -> None:
            await trio.sleep(3)
            lifecycle.end(ExitCode.DONE)

        nursery.start_soon(again)
        assert not await lifecycle.drain(_as_store(FakeStore(busy(turns_running=1))), 60, ignore)
    assert trio.current_time() < 60


async def test_a_store_that_cannot_be_read_is_not_called_quiet(autojump_clock: object) -> None:
    class Unreadable:
        async def counts(self) -> Counts:
            raise Unavailable("closed")

    with trio.fail_after(5):
        assert not await Lifecycle().drain(cast(Store, Unreadable()), 60, ignore)


async def test_an_empty_store_is_drained_at_once(tmp_path: Path) -> None:
    told: list[Counts] = []
    async with open_store(tmp_path) as store:
        with trio.fail_after(10):
            assert await Lifecycle().drain(store, 5, told.append)
        assert told == []


def _as_store(fake: FakeStore) -> Store:
    return fake  # type: ignore[return-value]
