"""The real gateway in the middle of a provider's stream: killed, ended, started again."""

import sqlite3

import pytest
import trio

from tests.hermes.models.provider import Line, chat, event, finished, said
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


def outputs(gateway: Gateway) -> list[int]:
    """Tokens that each call's answer has, or may have."""
    with sqlite3.connect(gateway.home / "state.db") as connection:
        found = connection.execute("SELECT output_tokens FROM model_calls ORDER BY at").fetchall()
    connection.close()
    return [tokens for (tokens,) in found]


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


async def test_an_answer_that_was_killed_beyond_its_first_reserve_stays_counted(gateway: Gateway) -> None:
    """100,000 bytes are more than what is reserved at first for an answer of 32,000 tokens."""
    piece = "x" * 10_000

    async def long_and_never_ending(line: Line) -> None:
        await line.head()
        for _ in range(10):
            await line.send(event(said(piece)))
        await line.until_closed()

    config = "caps: {tokens_per_day: 100000}\n"
    async with talking(gateway, long_and_never_ending, config=config) as (provider, page):
        await gateway.start()
        await page.send("e1", "hello")
        while not any(reserved > 32_000 for reserved in outputs(gateway)):
            await trio.sleep(0.05)
        await gateway.kill()
        await provider.until_closed()
        assert provider.requests[0].body["max_tokens"] == 32_000
        assert outputs(gateway)[0] >= len(piece) * 10 / 3
        await gateway.start()
        await provider.until_asked(2)
        asked = provider.requests[1].body["max_tokens"]
        assert asked <= 100_000 - outputs(gateway)[0], "what the killed one had is not lent again"


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
