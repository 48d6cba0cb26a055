"""Memory of the gateway stays flat over the turns of one session that is summed up again and again."""

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
import trio

from hermes.agent import compression
from tests.hermes.models.provider import Answer, Line, Provider, chat, finished, said, serving
from tests.kill.page import Page
from tests.kill.process import Gateway
from tests.kill.test_flat import descriptors, resident

pytestmark = [pytest.mark.kill, pytest.mark.proof]

TURNS = 900
WARM_UP = 600
"""Turns before the first reading: the caches of the database (2 MB and four times 0.5 MB) fill as it grows."""

# The unrest of the allocator, in KB. A transcript that stayed in memory would be some 4 KB a turn, 1.2 MB.
ALLOWED_GROWTH = 768

TEXT = "It was a long and winding tale. " * 40
WITHIN = 600.0


def _reply(request: list[dict[str, str]]) -> Answer:
    system, *_, last = request
    if system["content"] == compression.SYSTEM:
        return chat(said("Notes. " + TEXT), finished())
    number = int(last["content"].split()[1]) if last["role"] == "user" else 1
    if number % 3:
        return chat(said(f"answer. {TEXT}"), finished())
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "todo", "arguments": "{}"}}
    return chat(said("", tool_calls=[call]), finished("tool_calls"))


async def test_a_session_of_900_turns_leaves_memory_and_requests_flat(
    gateway: Gateway, record_property: Callable[[str, object], None]
) -> None:
    early, lengths = list[int](), list[int]()
    provider: Provider

    async def answer(line: Line) -> None:
        request = provider.requests.pop()
        (lengths if readings else early).append(len(request.raw))
        await _reply(request.body["messages"])(line)

    readings: list[int] = []
    async with serving(answer) as provider, trio.open_nursery() as nursery:
        with (gateway.home / "config.yaml").open("a") as file:
            file.write(f"model: {{base_url: '{provider.url}/v1', default: m, context_length: 24000}}\n")
        page = Page(gateway.port, "chat")
        await gateway.start()
        nursery.start_soon(page.run)
        with trio.fail_after(WITHIN):
            for number in range(TURNS + 1):
                if number >= WARM_UP and number % 50 == 0:
                    readings.append(resident(gateway.process.pid))
                await page.send(f"e{number}", f"turn {number} {TEXT}")
                assert (await page.until_answered(f"e{number}")).startswith("answer")
        open_files = descriptors(gateway.process.pid)
        nursery.cancel_scope.cancel()
    summaries = _count(gateway, "compressions")
    record_property("KB of memory each 50 turns", readings)
    record_property("bytes of the longest request of the warm-up and after it", [max(early), max(lengths)])
    record_property("summaries", summaries)
    record_property("descriptors", open_files)
    assert summaries >= 100
    assert _count(gateway, "messages") == 2 * (TURNS + 1) + 2 * len(range(0, TURNS + 1, 3))
    assert max(lengths) < 1.25 * max(early)
    assert readings[-1] - readings[0] < ALLOWED_GROWTH


def _count(gateway: Gateway, table: str) -> int:
    with closing(sqlite3.connect(gateway.home / "state.db")) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
