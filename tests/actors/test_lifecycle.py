"""How a gateway ends: who decides the exit code, and what a drain waits for."""

from pathlib import Path
from typing import cast

import pytest
import trio

from actors.lifecycle import Account, ExitCode, Lifecycle
from hermes.errors import Unavailable
from hermes.store.interface import Store
from tests.actors.stores import open_store

WEB, CHAT = ("web", "local"), ("chat", "bot")


class FakeStore:
    """Has as much under way as told, by account; the last of it stays."""

    def __init__(self, under_way: dict[Account, list[int]]) -> None:
        self._under_way = under_way

    async def under_way(self, platform: str, account: str) -> int:
        told = self._under_way[platform, account]
        return told.pop(0) if len(told) > 1 else told[0]


def ignore(_: int) -> None:
    """For a drain whose wait nobody is told of."""


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


@pytest.mark.parametrize("first", [WEB, CHAT])
async def test_a_drain_waits_for_each_account(first: Account, autojump_clock: object) -> None:
    store, told = FakeStore({WEB: [0], CHAT: [0]} | {first: [2, 1, 1, 0]}), list[int]()
    before = trio.current_time()
    assert await Lifecycle().drain(_as_store(store), (WEB, CHAT), 60, told.append)
    assert told == [2]
    assert trio.current_time() > before


async def test_a_drain_waits_for_nobody_elses_account(autojump_clock: object) -> None:
    assert await Lifecycle().drain(_as_store(FakeStore({WEB: [0], CHAT: [1]})), (WEB,), 60, ignore)


async def test_a_drain_ends_at_its_time_limit(autojump_clock: object) -> None:
    before = trio.current_time()
    assert not await Lifecycle().drain(_as_store(FakeStore({WEB: [1]})), (WEB,), 60, ignore)
    assert trio.current_time() - before == pytest.approx(60)


async def test_a_second_request_cuts_the_drain_short(autojump_clock: object) -> None:
    lifecycle = Lifecycle()
    lifecycle.end(ExitCode.DONE)
    async with trio.open_nursery() as nursery:

        async def again() -> None:
            await trio.sleep(3)
            lifecycle.end(ExitCode.DONE)

        nursery.start_soon(again)
        assert not await lifecycle.drain(_as_store(FakeStore({WEB: [1]})), (WEB,), 60, ignore)
    assert trio.current_time() < 60


async def test_a_store_that_cannot_be_read_is_not_called_quiet(autojump_clock: object) -> None:
    class Unreadable:
        async def under_way(self, platform: str, account: str) -> int:
            raise Unavailable("closed")

    with trio.fail_after(5):
        assert not await Lifecycle().drain(cast(Store, Unreadable()), (WEB,), 60, ignore)


async def test_an_empty_store_is_drained_at_once(tmp_path: Path) -> None:
    told: list[int] = []
    async with open_store(tmp_path) as store:
        with trio.fail_after(10):
            assert await Lifecycle().drain(store, (WEB,), 5, told.append)
        assert told == []


def _as_store(fake: FakeStore) -> Store:
    return fake  # type: ignore[return-value]
