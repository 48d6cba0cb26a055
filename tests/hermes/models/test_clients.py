"""Clients of one provider: lent to one stream at a time, kept for a while, and closed in the end."""

import httpx
import pytest
import trio
from attrs import define, field
from trio.testing import MockClock

from hermes.models.clients import KEPT_CLIENTS, KEPT_FOR, Clients


@define
class Maker:
    made: list[httpx.AsyncClient] = field(factory=list[httpx.AsyncClient])

    def __call__(self, limits: httpx.Limits) -> httpx.AsyncClient:
        self.made.append(httpx.AsyncClient(limits=limits, verify=False))
        return self.made[-1]

    @property
    def open(self) -> list[httpx.AsyncClient]:
        return [client for client in self.made if not client.is_closed]


async def hold(clients: Clients, seconds: float = 1.0) -> None:
    async with clients.lent():
        await trio.sleep(seconds)


async def hold_at_once(clients: Clients, count: int) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(hold, clients)


async def test_streams_at_one_time_have_clients_of_their_own_and_later_ones_the_same(autojump_clock: MockClock) -> None:
    make = Maker()
    clients = Clients(make)
    await hold_at_once(clients, 3)
    assert len(make.made) == 3
    await hold_at_once(clients, 2)
    assert len(make.made) == len(make.open) == 3
    await clients.aclose()
    assert not make.open


async def test_the_one_that_was_used_last_is_lent_first(autojump_clock: MockClock) -> None:
    clients = Clients(Maker())
    async with clients.lent() as first, clients.lent() as second:
        pass
    async with clients.lent() as again:
        assert again is first
    assert second is not first
    await clients.aclose()


async def test_what_many_at_once_have_left_is_closed_while_few_are_used(autojump_clock: MockClock) -> None:
    make = Maker()
    clients = Clients(make)
    await hold_at_once(clients, 5)
    for _ in range(3):
        await hold(clients, KEPT_FOR / 2)
    assert len(make.open) == 1
    await clients.aclose()


async def test_no_more_are_kept_than_the_bound(autojump_clock: MockClock) -> None:
    make = Maker()
    clients = Clients(make)
    await hold_at_once(clients, KEPT_CLIENTS + 5)
    assert len(make.open) == KEPT_CLIENTS
    await clients.aclose()


async def test_a_lent_one_is_closed_when_it_comes_back_after_the_closing(autojump_clock: MockClock) -> None:
    make = Maker()
    clients = Clients(make)
    async with clients.lent() as lent:
        await clients.aclose()
        assert not lent.is_closed
        async with clients.lent() as fresh:
            assert fresh is not lent
    assert make.open == [fresh]
    await clients.aclose()


@pytest.mark.parametrize("cancelled", [False, True])
async def test_one_that_is_left_by_an_error_or_by_cancellation_is_closed(
    cancelled: bool, autojump_clock: MockClock
) -> None:
    make = Maker()
    clients = Clients(make)

    async def fail() -> None:
        async with clients.lent():
            if cancelled:
                await trio.sleep_forever()
            raise ValueError("mine")

    with trio.move_on_after(1):
        try:
            await fail()
        except ValueError:
            assert not cancelled
    assert not make.open
    await hold(clients)
    assert len(make.made) == 2
    await clients.aclose()
    assert not make.open
