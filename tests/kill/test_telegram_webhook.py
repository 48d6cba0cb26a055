"""SIGKILL where updates come by webhook: what Telegram was not told that we have, it sends again."""

import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from tests.kill.bot import FIRST_USER, Bot, bot
from tests.kill.process import Gateway, free_port
from tests.kill.test_telegram import CONVERSATIONS, WITHIN

pytestmark = pytest.mark.kill

# Around the moment in which an update becomes durable, and two beyond it.
POINTS = (
    ("inbox.before_accept", 1),
    ("inbox.after_accept", 1),
    ("store.before_commit", 3),
    ("store.after_commit", 3),
    ("turn.after_claim", 1),
    ("outbox.after_send", 1),
)


@asynccontextmanager
async def hooked(gateway: Gateway, users: int = 1) -> AsyncIterator[Bot]:
    """A bot whose updates come by webhook."""
    port = free_port()
    async with bot(gateway, users) as chat:
        with (gateway.home / ".env").open("a") as file:
            file.write(f"TELEGRAM_WEBHOOK_URL=http://127.0.0.1:{port}/telegram\n")
            file.write(f"TELEGRAM_WEBHOOK_PORT={port}\nTELEGRAM_WEBHOOK_SECRET=sesame-hook\n")
        yield chat
        assert not chat.api.of("getUpdates")
        assert "sesame-hook" not in gateway.output()


@pytest.mark.parametrize(("name", "hit"), POINTS)
async def test_a_kill_loses_nothing_and_doubles_nothing_unmarked(gateway: Gateway, name: str, hit: int) -> None:
    with trio.fail_after(WITHIN):
        async with hooked(gateway) as chat:
            await gateway.start(f"{name}=kill@{hit}", wait=False)
            asked = [chat.write(text) for text in ("say hello", "say again", "say thrice")]
            assert await gateway.wait() == -signal.SIGKILL, f"{name} was not reached:\n{gateway.output()}"
            await gateway.start()
            for message_id in asked:
                await chat.until_answered(message_id)
            assert await gateway.stop() == 0
    assert chat.count() == {"messages": 3, "lost": 0, "doubled": 0, "out of order": 0}


async def test_random_kills_lose_nothing_and_double_nothing_unmarked(gateway: Gateway) -> None:
    moments = random.Random(4)
    with trio.fail_after(2 * WITHIN):
        async with hooked(gateway, CONVERSATIONS) as chat:
            await gateway.start()
            for number in range(3):
                written = [
                    (user, chat.write(f"count to {3 + number} slowly", user))
                    for user in range(FIRST_USER, FIRST_USER + CONVERSATIONS)
                ]
                await trio.sleep(moments.uniform(0.0, 0.8))
                await gateway.kill()
                await gateway.start()
                for user, message_id in written:
                    await chat.until_answered(message_id, user)
            assert await gateway.stop() == 0
    assert chat.count() == {"messages": 3 * CONVERSATIONS, "lost": 0, "doubled": 0, "out of order": 0}


async def test_going_back_to_polls_takes_the_webhook_away_and_loses_nothing(gateway: Gateway) -> None:
    with trio.fail_after(WITHIN):
        async with hooked(gateway) as chat:
            await gateway.start()
            await chat.until_answered(chat.write("say by webhook"))
            assert await gateway.stop() == 0
            asked = chat.write("say by poll")
            assert not chat.api.of("getUpdates")
            variables = (gateway.home / ".env").read_text()
            (gateway.home / ".env").write_text(variables.partition("TELEGRAM_WEBHOOK_URL")[0])
            await gateway.start()
            await chat.until_answered(asked)
            assert chat.api.webhook == ""
            assert await gateway.stop() == 0
            chat.api.calls.clear()
    assert chat.count() == {"messages": 2, "lost": 0, "doubled": 0, "out of order": 0}


async def test_without_a_secret_the_platform_does_not_start_and_says_why(gateway: Gateway) -> None:
    with trio.fail_after(WITHIN):
        async with hooked(gateway) as chat:
            variables = (gateway.home / ".env").read_text()
            (gateway.home / ".env").write_text(variables.partition("TELEGRAM_WEBHOOK_SECRET")[0])
            await gateway.start()
            while "TELEGRAM_WEBHOOK_SECRET is not set" not in gateway.output():
                await trio.sleep(0.05)
            assert not chat.api.calls
            assert await gateway.stop() == 0
