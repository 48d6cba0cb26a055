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

# What is said, in order: an answer, a message that fills the window, a tool with its question, a tool without one.
SAID = {
    "hello": "say hello",
    "long": "note this: " + "word " * 10_000,
    "run": "run echo ran >> ran.txt",
    "todo": "todo a; b",
}

# The long message is summed up before what follows it is answered.
SMALL_WINDOW = "model: {context_length: 24000}\ncompression: {protect_first_n: 1, protect_last_n: 1}\n"

# A point that is also passed before the page is served is armed for a later hit.
LATER = {"store.before_commit": (1, 3, 5), "store.after_commit": (1, 3, 5)}

# Those of a change of files are reached in tests/kill/test_patch.py, those of answers that grow by edits in
# tests/kill/test_telegram.py.
ELSEWHERE = ("patch.", "draft.")

CASES = [(name, hit) for name in sorted(FAILPOINTS) if not name.startswith(ELSEWHERE) for hit in LATER.get(name, (1,))]


@pytest.fixture
def config() -> str:
    return SMALL_WINDOW


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
