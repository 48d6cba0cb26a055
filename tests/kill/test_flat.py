"""Memory and descriptors of the gateway stay flat over 10,000 turns of the offline model."""

from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from tests.kill.page import Page
from tests.kill.process import Gateway

pytestmark = [pytest.mark.kill, pytest.mark.proof]

CONVERSATIONS = 50
TURNS = 300
WARM_UP = 100
"""Turns of each conversation before the first reading: SQLite's page caches (2 MB and four times 0.5 MB) fill only as
the database grows, and the allocator finds its size."""

SESSION = 20
"""Turns of a session: a request holds all of its session, so sessions that grew would take more for good reason."""

# The unrest of the allocator, in KB. A leak of 0.4 KB a turn would show as much.
ALLOWED_GROWTH = 4 * 1024


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
            if number % SESSION == 0:
                await page.send(f"{event_id}.new", "/new")
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
    record_property("turns", CONVERSATIONS * (TURNS - WARM_UP))
    record_property("KB before and after", f"{before[0]} {after[0]}")
    record_property("descriptors before and after", f"{before[1]} {after[1]}")
    assert after[0] - before[0] < ALLOWED_GROWTH
    assert abs(after[1] - before[1]) <= 4
