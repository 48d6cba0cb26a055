"""The real gateway in the middle of a provider's stream: killed, ended, started again."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from tests.hermes.models.provider import Answer, Line, Provider, chat, event, finished, said, serving
from tests.kill.page import Page
from tests.kill.process import Gateway

pytestmark = pytest.mark.kill

# Seconds for the whole of it on a machine that is busy with other tests.
WITHIN = 90.0


async def never_ending(line: Line) -> None:
    await line.head()
    await line.send(event(said("It begins ")))
    await line.until_closed()


@asynccontextmanager
async def talking(gateway: Gateway, *answers: Answer, config: str = "") -> AsyncIterator[tuple[Provider, Page]]:
    """A provider that the gateway is set up for, and a page that stays over its restarts."""
    async with serving(*answers) as provider, trio.open_nursery() as nursery:
        with (gateway.home / "config.yaml").open("a") as file:
            file.write(f"model: {{base_url: '{provider.url}/v1', default: m}}\n{config}")
        page = Page(gateway.port, "chat")
        with trio.fail_after(WITHIN):
            await gateway.start()
            nursery.start_soon(page.run)
            yield provider, page
        nursery.cancel_scope.cancel()


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
        await page.send("e1", "hello")
        await until_streaming(page)
        assert await gateway.stop() == 0
        await provider.until_closed()
        await gateway.start()
        assert await page.until_answered("e1") == "Here it is."
        assert [state for state, _ in calls(gateway)] == ["done", "done"]
    assert "Traceback" not in gateway.output()
