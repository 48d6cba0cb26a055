"""SIGKILL at each step of a compression that a turn makes in the middle of its tool calls, and behind it."""

import re
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest
import trio
from attrs import define, field

from hermes.agent import compression
from hermes.failpoints import FAILPOINTS
from tests.hermes.models.provider import Line, Provider, chat, finished, said
from tests.kill.page import Page
from tests.kill.process import Gateway
from tests.kill.talking import never_ending, talking

pytestmark = pytest.mark.kill

# Commands that the turn runs, each with some 7 KB of output: a summary is due twice before the last.
STEPS = 12
WANTED = "please take all twelve steps"
CONFIG = "approvals: {mode: 'off'}\ncompression: {protect_first_n: 0}\n"

_STEP = re.compile(r"step-(\d+)")

CASES = [
    *((name, hit) for name in sorted(FAILPOINTS) if name.startswith("compression.") for hit in (1, 2)),
    # With the marker in the turn that is taken up again.
    ("turn.after_model", 11),
    ("turn.after_append", 21),
    ("turn.before_finish", 1),
]


@define
class Worker:
    """A model that works step by step, by what it is told alone, and checks what that is."""

    provider: Provider | None = None
    turns: list[list[dict[str, Any]]] = field(factory=list[list[dict[str, Any]]])
    """The messages of each request but those for summaries."""
    summaries: int = 0
    hangs: bool = False
    """The next summary never comes to its end."""

    async def answer(self, line: Line) -> None:
        assert self.provider is not None
        system, *messages = self.provider.requests[-1].body["messages"]
        if system["content"] == compression.SYSTEM:
            self.summaries += 1
            if self.hangs:
                self.hangs = False
                await never_ending(line)
                return
            await chat(said(f"Notes, number {self.summaries}."), finished())(line)
            return
        self.turns.append(messages)
        last = messages[-1]
        step = int(_STEP.findall(last["content"])[-1]) + 1 if last["role"] == "tool" else 0
        await (chat(said("All steps are taken."), finished()) if step == STEPS else _run(step))(line)


def _run(step: int) -> Any:
    function = {"name": "terminal", "arguments": f'{{"command": "seq 1 1600; echo step-{step} | tee -a ran.txt"}}'}
    call = {"index": 0, "id": f"call-{step}", "type": "function", "function": function}
    return chat(said("", tool_calls=[call]), finished("tool_calls"))


def check(messages: list[dict[str, Any]]) -> None:
    """Every call is followed by its result, and the person's words are there."""
    waited: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            waited.remove(message["tool_call_id"])
            continue
        assert not waited
        waited = [call["id"] for call in message.get("tool_calls", ())]
    assert not waited
    assert messages[0]["role"] == "user"
    assert WANTED in messages[0]["content"]


@asynccontextmanager
async def working(gateway: Gateway) -> AsyncIterator[tuple[Worker, Page]]:
    worker = Worker()
    async with talking(gateway, worker.answer, model=", context_length: 24000", config=CONFIG) as (provider, page):
        worker.provider = provider
        yield worker, page


@pytest.mark.parametrize(("name", "hit"), CASES)
async def test_a_turn_that_is_killed_around_its_compression_goes_on_and_runs_nothing_twice(
    gateway: Gateway, name: str, hit: int
) -> None:
    async with working(gateway) as (worker, page):
        await gateway.start(f"{name}=kill@{hit}")
        await page.send("e1", WANTED)
        assert await gateway.wait() == -signal.SIGKILL, f"{name} was not reached:\n{gateway.output()}"
        await _go_on(gateway, worker, page)


async def test_a_turn_that_is_killed_while_it_is_summed_up_is_summed_up_again(gateway: Gateway) -> None:
    async with working(gateway) as (worker, page):
        worker.hangs = True
        await gateway.start()
        await page.send("e1", WANTED)
        while not worker.summaries:
            await trio.sleep(0.02)
        await gateway.kill()
        await _go_on(gateway, worker, page)
        assert worker.summaries >= 3


async def _go_on(gateway: Gateway, worker: Worker, page: Page) -> None:
    """Started again, it ends its work, with nothing lost and nothing run twice."""
    await gateway.start()
    assert await page.until_answered("e1") == "All steps are taken."
    assert len(page.answers("e1")) == 1
    assert (gateway.home / "ran.txt").read_text().split() == [f"step-{step}" for step in range(STEPS)]
    for messages in worker.turns:
        check(messages)
    assert any("Notes, number" in messages[0]["content"] for messages in worker.turns)
    assert max(map(len, worker.turns)) < 2 * STEPS
    roles, markers = _kept(gateway)
    assert roles == ["user", *["assistant", "tool"] * STEPS, "assistant"]
    assert markers == sorted(set(markers))
    assert len(markers) >= 2


def _kept(gateway: Gateway) -> tuple[list[str], list[int]]:
    """The roles of all that was said, and where the markers stand."""
    with closing(sqlite3.connect(gateway.home / "state.db")) as connection:
        roles = [role for (role,) in connection.execute("SELECT role FROM messages WHERE hidden = 0 ORDER BY id")]
        markers = [until for (until,) in connection.execute("SELECT until FROM compressions WHERE void = 0")]
    return roles, markers
