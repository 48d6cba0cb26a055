"""SIGKILL at every named point between two durable states; after it every accepted message has one answer."""

import signal

import pytest
import trio

from hermes.failpoints import FAILPOINTS
from tests.kill.page import Page
from tests.kill.process import Gateway

pytestmark = pytest.mark.kill

# Seconds for one scenario, restart included, on a machine that is busy with other tests.
WITHIN = 120.0

# What is said, in order: an answer, a tool with its question, a tool without one.
SAID = {"hello": "say hello", "run": "run echo ran >> ran.txt", "todo": "todo a; b"}

# A point that is also passed before the page is served is armed for a later hit.
LATER = {"store.before_commit": (1, 3, 5), "store.after_commit": (1, 3, 5)}

# Only where answers grow by edits: tests/kill/test_telegram.py.
NEVER = {"draft.after_begin", "draft.after_send", "draft.after_sent"}

CASES = [(name, hit) for name in sorted(set(FAILPOINTS) - NEVER) for hit in LATER.get(name, (1,))]


async def _say_all(page: Page) -> None:
    for event_id, text in SAID.items():
        await page.send(event_id, text)
        await page.until_answered(event_id)


@pytest.mark.parametrize(("name", "hit"), CASES)
async def test_a_kill_at_a_failpoint_loses_and_doubles_nothing(gateway: Gateway, name: str, hit: int) -> None:
    page = Page(gateway.port, "chat")
    with trio.fail_after(WITHIN):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(page.run)
            await gateway.start(f"{name}=kill@{hit}", wait=False)
            nursery.start_soon(_say_all, page)
            assert await gateway.wait() == -signal.SIGKILL, f"{name} was not reached:\n{gateway.output()}"
            await gateway.start()
            for event_id in SAID:
                await page.until_answered(event_id)
            await gateway.kill()
            await gateway.start()
            await page.until_entry(key="todo")
            nursery.cancel_scope.cancel()
    for event_id in SAID:
        assert [entry["kind"] for entry in page.answers(event_id)] == ["answer"], page.entries
    assert page.order() == list(SAID)
    _ran_at_most_once(gateway)


def _ran_at_most_once(gateway: Gateway) -> None:
    ran = gateway.home / "ran.txt"
    assert not ran.exists() or ran.read_text() == "ran\n"
