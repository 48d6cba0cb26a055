"""SIGKILL at random moments under 50 conversations in flight: 0 lost, 0 doubled, in order."""

import random
from collections.abc import Callable

import pytest
import trio

from tests.kill.page import Page
from tests.kill.process import Gateway

pytestmark = pytest.mark.kill

CONVERSATIONS = 50

# Seconds for one round of all conversations, restart included, on a machine that is busy with other tests.
WITHIN = 180.0


async def _round(page: Page, number: int) -> None:
    """One message a conversation: the next is sent once this one is answered."""
    await page.send(_id(page, number), f"count to {3 + number % 5} slowly")
    await page.until_answered(_id(page, number))


def _id(page: Page, number: int) -> str:
    """Event ids are unique over the whole account, whatever the chat."""
    return f"{page.chat}.{number}"


async def _kill_rounds(gateway: Gateway, kills: int, seed: int) -> list[Page]:
    moments = random.Random(seed)
    pages = [Page(gateway.port, f"chat-{index}") for index in range(CONVERSATIONS)]
    async with trio.open_nursery() as nursery:
        for page in pages:
            nursery.start_soon(page.run)
        await gateway.start()
        for number in range(kills):
            with trio.fail_after(WITHIN):
                async with trio.open_nursery() as talking:
                    for page in pages:
                        talking.start_soon(_round, page, number)
                    await trio.sleep(moments.uniform(0.0, 0.8))
                    await gateway.kill()
                    await gateway.start()
        await gateway.kill()
        await gateway.start()
        with trio.fail_after(WITHIN):
            for page in pages:
                await page.until_answered(_id(page, kills - 1))
        nursery.cancel_scope.cancel()
    return pages


def _count(pages: list[Page], kills: int) -> dict[str, int]:
    answered = [len(page.answers(_id(page, number))) for page in pages for number in range(kills)]
    return {
        "messages": len(answered),
        "lost": sum(count == 0 for count in answered),
        "doubled": sum(count > 1 for count in answered),
        "out of order": sum(page.order() != [_id(page, number) for number in range(kills)] for page in pages),
    }


async def _prove(gateway: Gateway, kills: int, seed: int) -> dict[str, int]:
    pages = await _kill_rounds(gateway, kills, seed)
    return _count(pages, kills)


async def test_ten_random_kills_lose_and_double_nothing(gateway: Gateway) -> None:
    assert await _prove(gateway, 10, seed=1) == {"messages": 500, "lost": 0, "doubled": 0, "out of order": 0}


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(40))
async def test_a_thousand_random_kills_lose_and_double_nothing(
    gateway: Gateway, seed: int, record_property: Callable[[str, object], None]
) -> None:
    """25 kills each: a snapshot of the page holds the newest 100 entries of a chat."""
    figures = await _prove(gateway, 25, seed=1000 + seed)
    for name, value in {"kills": 25, **figures}.items():
        record_property(name, value)
    assert figures == {"messages": 1250, "lost": 0, "doubled": 0, "out of order": 0}
