"""Memory and descriptors of the gateway stay flat over 10,000 turns of the offline model."""

from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from tests.kill.page import Page
from tests.kill.process import Gateway

pytestmark = [pytest.mark.kill, pytest.mark.proof]

CONVERSATIONS = 50
TURNS = 200
WARM_UP = 40
"""Turns of each conversation before the first reading: caches fill, the allocator finds its size."""

# What the transcripts of 50 live conversations take themselves, 320 messages each of some 300 bytes, and the unrest of
# the allocator. A leak of 1 KB a turn would show as 8 MB.
ALLOWED_GROWTH = 8 * 1024


def resident(pid: int) -> int:
    """KB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def _talk(pages: list[Page], first: int, last: int) -> None:
    async def talk(page: Page) -> None:
        for number in range(first, last):
            event_id = f"{page.chat}.{number}"
            await page.send(event_id, "say hi")
            await page.until_answered(event_id)

    with trio.fail_after(1800):
        async with trio.open_nursery() as nursery:
            for page in pages:
                nursery.start_soon(talk, page)


async def test_ten_thousand_turns_leave_memory_and_descriptors_flat(
    gateway: Gateway, record_property: Callable[[str, object], None]
) -> None:
    pages = [Page(gateway.port, f"chat-{index}") for index in range(CONVERSATIONS)]
    await gateway.start()
    pid = gateway.process.pid
    async with trio.open_nursery() as nursery:
        for page in pages:
            nursery.start_soon(page.run)
        await _talk(pages, 0, WARM_UP)
        before = resident(pid), descriptors(pid)
        await _talk(pages, WARM_UP, TURNS)
        after = resident(pid), descriptors(pid)
        nursery.cancel_scope.cancel()
    record_property("turns", CONVERSATIONS * TURNS)
    record_property("KB before and after", f"{before[0]} {after[0]}")
    record_property("descriptors before and after", f"{before[1]} {after[1]}")
    assert after[0] - before[0] < ALLOWED_GROWTH
    assert abs(after[1] - before[1]) <= 4
