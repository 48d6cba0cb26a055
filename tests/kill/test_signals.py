"""Signals that come while the gateway ends already: its exit code stays what the first one made it."""

import signal

import pytest
import trio

from tests.kill.page import Page
from tests.kill.process import Gateway

pytestmark = pytest.mark.kill

# Seconds for the whole of it on a machine that is busy with other tests.
WITHIN = 120.0


async def test_a_sigterm_in_the_middle_of_a_planned_end_changes_nothing(gateway: Gateway) -> None:
    begun = gateway.home / "begun"
    page = Page(gateway.port, "chat")
    with trio.fail_after(WITHIN):
        await gateway.start()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(page.run)
            # It ignores its end for as long as it may, so that the gateway's own takes a while.
            await page.send("slow", f"run trap '' TERM; touch {begun}; sleep 60")
            while not begun.exists():
                await trio.sleep(0.02)
            nursery.cancel_scope.cancel()
        for _ in range(2):
            gateway.process.send_signal(signal.SIGINT)
            await trio.sleep(0.1)
        while (gateway.home / "gateway.sock").exists():
            await trio.sleep(0.01)
        gateway.process.send_signal(signal.SIGTERM)
        assert await gateway.wait() == 0
    assert not (gateway.home / "gateway.pid").exists()
