"""The real gateway in the middle of a provider's stream: killed, ended, started again."""

import sqlite3

import pytest
import trio

from tests.hermes.models.provider import chat, finished, said
from tests.kill.page import Page
from tests.kill.process import Gateway
from tests.kill.talking import never_ending, talking

pytestmark = pytest.mark.kill


def calls(gateway: Gateway) -> list[tuple[str, str]]:
    """State and model of each call that was written down."""
    with sqlite3.connect(gateway.home / "state.db") as connection:
        found = connection.execute("SELECT state, model FROM model_calls ORDER BY at").fetchall()
    connection.close()
    return found


async def until_streaming(page: Page) -> None:
    """The first draft says that it thinks, the second has words."""
    while page.drafts.total() < 2:
        await trio.sleep(0.02)


async def test_a_stream_that_was_killed_is_asked_for_again_and_answered_once(gateway: Gateway) -> None:
    async with talking(gateway, never_ending, chat(said("Here it is."), finished())) as (provider, page):
        await gateway.start()
        await page.send("e1", "hello")
        await until_streaming(page)
        await gateway.kill()
        await provider.until_closed()
        await gateway.start()
        assert await page.until_answered("e1") == "Here it is."
        assert len(page.answers("e1")) == 1
        first, second = (request.body["messages"] for request in provider.requests)
        assert first == second
        # What the cut call did cost is not known, so it stays at its most.
        assert [state for state, _ in calls(gateway)] == ["open", "done"]


async def test_a_planned_end_closes_the_stream_and_the_next_start_goes_on(gateway: Gateway) -> None:
    config = "agent: {restart_drain_timeout: 0}\n"
    answers = (never_ending, chat(said("Here it is."), finished()))
    async with talking(gateway, *answers, config=config) as (provider, page):
        await gateway.start()
        await page.send("e1", "hello")
        await until_streaming(page)
        assert await gateway.stop() == 0
        await provider.until_closed()
        await gateway.start()
        assert await page.until_answered("e1") == "Here it is."
        assert [state for state, _ in calls(gateway)] == ["done", "done"]
    assert "Traceback" not in gateway.output()
