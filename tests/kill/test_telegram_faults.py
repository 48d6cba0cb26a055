"""The real gateway while Telegram is out of joint: the status is the truth, the page goes on, and all is well after."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
import trio

from tests.adapters.telegram.faults import Fault, cut, flooded, hang, lose_reply, refusing
from tests.kill.bot import FIRST_USER, bot
from tests.kill.page import Page
from tests.kill.process import Gateway

pytestmark = pytest.mark.kill

# Seconds for one scenario on a machine that is busy with other tests.
WITHIN = 120.0


async def status(gateway: Gateway) -> dict[str, Any]:
    """What `hermes gateway status --json` says of Telegram's stream."""
    command = [sys.executable, "-m", "hermes", "gateway", "status", "--json"]
    environment = {**os.environ, "HERMES_HOME": str(gateway.home)}
    done = await trio.run_process(command, capture_stdout=True, check=False, stderr=subprocess.STDOUT, env=environment)
    assert b"110201543:AA" not in done.stdout
    found = _named(json.loads(done.stdout), "telegram")
    assert found is not None, done.stdout
    return next(child for child in found["children"] if child["name"] == "inbound")


def _named(node: Any, name: str) -> dict[str, Any] | None:
    """The first object with this name, however deep."""
    if isinstance(node, dict):
        if node.get("name") == name:
            return node
        node = list(node.values())
    if isinstance(node, list):
        return next((found for inner in node if (found := _named(inner, name)) is not None), None)
    return None


async def until_status(gateway: Gateway, holds: Callable[[dict[str, Any]], bool]) -> None:
    while not holds(await status(gateway)):
        await trio.sleep(0.1)


async def the_page_answers(gateway: Gateway) -> None:
    page = Page(gateway.port, "chat")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(page.run)
        await page.send("p1", "say hello")
        assert await page.until_answered("p1")
        nursery.cancel_scope.cancel()


FAULTS = {
    "409": refusing(409, "Conflict: terminated by other getUpdates request"),
    "429": flooded(1),
    "500": refusing(500),
    "502": refusing(502, "Bad Gateway"),
    "cut": cut,
}


@pytest.mark.parametrize("name", sorted(FAULTS))
async def test_polls_that_fail_are_told_and_end_when_the_trouble_does(gateway: Gateway, name: str) -> None:
    with trio.fail_after(WITHIN):
        async with bot(gateway) as chat:
            await gateway.start()
            await chat.until_answered(chat.write("say before"))
            chat.api.always["getUpdates"] = FAULTS[name]
            chat.api.end_poll()
            await until_status(gateway, lambda child: child["state"] == "backoff")
            assert "Telegram" in (await status(gateway))["failure"]["error"]
            asked = chat.write("say after")
            await the_page_answers(gateway)
            assert chat.answers(asked) == []
            del chat.api.always["getUpdates"]
            assert await chat.until_answered(asked) == "after"
            await until_status(gateway, lambda child: child["state"] == "running")
    assert chat.count() == {"messages": 2, "lost": 0, "doubled": 0, "out of order": 0}
    assert chat.api.token not in gateway.output()


async def test_a_server_that_is_gone_and_comes_back_is_found_again(gateway: Gateway) -> None:
    with trio.fail_after(WITHIN):
        async with bot(gateway) as chat:
            chat.api.always["*"] = cut
            await gateway.start()
            asked = chat.write("say after")
            await the_page_answers(gateway)
            await until_status(gateway, lambda child: child["state"] == "backoff")
            chat.api.always.clear()
            assert await chat.until_answered(asked) == "after"


async def test_a_token_that_is_revoked_stops_this_platform_and_says_so(gateway: Gateway) -> None:
    with trio.fail_after(WITHIN):
        async with bot(gateway) as chat:
            await gateway.start()
            await chat.until_answered(chat.write("say before"))
            old, chat.api.token = chat.api.token, "1:another"
            chat.api.end_poll()
            await until_status(gateway, lambda child: child["state"] == "failed")
            assert "TELEGRAM_BOT_TOKEN" in (await status(gateway))["failure"]["error"]
            await the_page_answers(gateway)
            assert await gateway.stop() == 0
    assert old not in gateway.output()


SENDS: dict[str, tuple[list[Fault], int, int]] = {
    # The faults of the next sends; messages that stand in the chat at the end; those that are marked.
    "429": ([flooded(1)], 1, 0),
    "500": ([refusing(500)], 1, 1),
    "lost reply": ([lose_reply], 2, 1),
    "twice lost": ([lose_reply, lose_reply], 3, 2),
    "cut": ([cut], 1, 1),
    "down for a while": ([refusing(502)] * 3, 1, 1),
}


@pytest.mark.parametrize("name", sorted(SENDS))
async def test_a_send_that_fails_ends_in_the_chat_and_says_what_it_must(gateway: Gateway, name: str) -> None:
    faults, stand, marked = SENDS[name]
    with trio.fail_after(WITHIN):
        async with bot(gateway, users=2) as chat:
            await gateway.start()
            chat.api.fail("sendMessage", *faults)
            asked = chat.write("say hello")
            while len(chat.answers(asked)) < stand:
                await chat.api.change()
            second = chat.write("say again")
            await chat.until_answered(second)
            assert await gateway.stop() == 0
    assert (len(chat.answers(asked)), chat.marked()) == (stand, marked)
    assert chat.count() == {"messages": 2, "lost": 0, "doubled": 0, "out of order": 0}


async def test_a_chat_that_is_gone_or_slow_holds_up_no_other(gateway: Gateway) -> None:
    with trio.fail_after(WITHIN):
        async with bot(gateway, users=3) as chat:
            await gateway.start()
            chat.api.blocked.add(FIRST_USER + 1)
            chat.api.fail("sendMessage", hang)
            slow = chat.write("say slow", FIRST_USER + 2)
            await chat.api.until(lambda: chat.api.of("sendMessage"))
            chat.write("say blocked", FIRST_USER + 1)
            for number in range(5):
                await chat.until_answered(chat.write(f"say {number}"))
            assert chat.answers(slow, FIRST_USER + 2) == []
            attempts = [call for call in chat.api.of("sendMessage") if call["chat_id"] == FIRST_USER + 1]
            assert len(attempts) == 1
            (reason,) = _given_up(gateway)
            assert "blocked by the user" in reason


def _given_up(gateway: Gateway) -> list[str]:
    """Why messages were given up."""
    with closing(sqlite3.connect(gateway.home / "state.db")) as connection:
        return [reason for (reason,) in connection.execute("SELECT reason FROM outbox WHERE state = 'failed'")]
