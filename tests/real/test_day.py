"""A day's work with a model over the wire: on the page, through the API, in a terminal; killed in each part of it."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import frozen

from tests.hermes.models.provider import Request, serving
from tests.hermes.tools.web.site import answer as page_of
from tests.hermes.tools.web.site import serving as serving_site
from tests.kill.process import Gateway
from tests.real.fronts import FRONTS, Front
from tests.real.puppet import SUMMARY, Puppet

pytestmark = [pytest.mark.real, pytest.mark.kill]

# Seconds for a whole day on a machine that is busy with other tests.
WITHIN = 60.0

LONG = "It was a long and winding tale, and nobody knew how it would end. " * 25


@frozen
class Day:
    front: Front
    gateway: Gateway
    puppet: Puppet
    work: Path

    async def use(self, name: str, tool: str, **arguments: Any) -> str:
        """Have a tool used; returns the answer that tells its result."""
        return await self.front.say(name, f"USE {json.dumps([[tool, arguments]])}")

    async def use_and_kill(self, name: str, tool: str, **arguments: Any) -> str:
        """The same, killed when the tool has run and the answer is being written."""
        self.puppet.hang_in("answer")
        await self.front.begin(name, f"USE {json.dumps([[tool, arguments]])}")
        await self.puppet.hanging.wait()
        await self.front.kill()
        await self.front.start()
        return await self.front.answer(name)

    def requests(self) -> list[Request]:
        assert self.puppet.provider is not None
        return self.puppet.provider.requests

    def count(self, query: str) -> int:
        with closing(sqlite3.connect(self.gateway.home / "state.db")) as connection:
            (found,) = connection.execute(query).fetchone()
        return int(found)

    async def configure(self, text: str) -> None:
        """Start again with ``text`` added to config.yaml."""
        await self.front.stop()
        with (self.gateway.home / "config.yaml").open("a") as file:
            file.write(text)
        await self.front.start()


@pytest.fixture(params=FRONTS)
def a_day(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AbstractAsyncContextManager[Day]:
    monkeypatch.setenv("API_SERVER_ENABLED", "true")
    return _day(str(request.param), Gateway(tmp_path / "home"))


@asynccontextmanager
async def _day(front: str, gateway: Gateway) -> AsyncIterator[Day]:
    puppet, work = Puppet(), gateway.home / "work"
    work.mkdir()
    with trio.fail_after(WITHIN):
        async with serving(puppet.answer) as provider, FRONTS[front](gateway) as opened:
            puppet.provider = provider
            with (gateway.home / "config.yaml").open("a") as file:
                file.write(f"model: {{base_url: '{provider.url}/v1', default: m, context_length: 16000}}\n")
                file.write(f"terminal: {{cwd: '{work}'}}\nweb: {{allowed_hosts: ['127.0.0.1']}}\n")
            try:
                await opened.start()
                yield Day(opened, gateway, puppet, work)
                await opened.stop()
            finally:
                with trio.CancelScope(shield=True):
                    await gateway.kill()


async def test_a_file_is_found_and_patched_once(a_day: AbstractAsyncContextManager[Day]) -> None:
    async with a_day as day:
        note = day.work / "note.txt"
        note.write_text("a needle\n")
        assert "note.txt" in await day.use_and_kill("one", "search_files", pattern="needle")
        told = await day.use_and_kill(
            "two", "patch", path="note.txt", old_string="needle", new_string="needle and a needle"
        )
        assert '"success": true' in told or "note.txt" in told
        assert note.read_text() == "a needle and a needle\n"


async def test_a_process_in_the_background_ends_and_is_told(a_day: AbstractAsyncContextManager[Day]) -> None:
    async with a_day as day:
        go = day.work / "go"
        command = f"while [ ! -e {go} ]; do sleep 0.1; done; printf '%s-' it is done"
        started = await day.use("one", "terminal", command=command, background=True, notify_on_complete=True)
        assert "gave" in started
        go.touch()
        await day.front.told("it-is-done-")
        told = "is told what became of the process that the kill ended, and nothing runs it again"
        go.unlink()
        await day.use_and_kill(
            "two", "terminal", command=f"{command} # {told}", background=True, notify_on_complete=True
        )
        await day.front.told("was ended when the agent was stopped or restarted")
        assert day.count("SELECT count(*) FROM messages WHERE tool_name = 'terminal' AND hidden = 0") == 2


async def test_a_page_is_fetched(a_day: AbstractAsyncContextManager[Day]) -> None:
    async with a_day as day, serving_site({"/": page_of("<h1>Tides</h1><p>High water at noon.</p>")}) as site:
        assert "High water at noon" in await day.use_and_kill("one", "web_extract", urls=[site.url()])


async def test_what_is_remembered_is_known_in_a_new_session_and_the_old_one_is_found(
    a_day: AbstractAsyncContextManager[Day],
) -> None:
    async with a_day as day:
        await day.front.say("zero", "the ferry leaves at seven")
        await day.use_and_kill("one", "memory", action="add", target="memory", content="the cat is called Miso")
        assert (day.gateway.home / "memories" / "MEMORY.md").read_text().count("Miso") == 1
        assert "unknown" in await day.front.say("two", "KNOWS called Miso"), "the prompt of a session stays what it is"
        await day.front.command("/new")
        assert "is known" in await day.front.say("three", "KNOWS called Miso")
        assert "ferry" in await day.use_and_kill("four", "session_search", query="ferry")


async def test_a_long_conversation_is_summed_up_twice(a_day: AbstractAsyncContextManager[Day]) -> None:
    async with a_day as day:
        number = 0
        for wanted in (1, 2):
            day.puppet.hang_in("summary")
            while not day.puppet.hanging.is_set():
                number += 1
                assert number < 60, "nothing is summed up"
                name = f"part{number}"
                await day.front.begin(name, f"{number} {LONG}")
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_either, day, name, nursery.cancel_scope)
            await day.front.kill()
            await day.front.start()
            assert "was heard" in await day.front.answer(f"part{number}")
            assert day.puppet.summaries == wanted
            assert day.count("SELECT count(*) FROM compressions WHERE void = 0") == wanted
            sent = json.dumps(day.requests()[-1].body["messages"])
            assert f"{SUMMARY} {wanted}" in sent
            assert f"{SUMMARY} {wanted - 1}" not in sent
        assert day.count("SELECT count(*) FROM messages WHERE role = 'user' AND hidden = 0") == number, "all is kept"


async def _either(day: Day, name: str, scope: trio.CancelScope) -> None:
    """Until it is answered, or a summary is asked for."""

    async def answered() -> None:
        await day.front.answer(name)
        scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answered)
        await day.puppet.hanging.wait()
        scope.cancel()


async def test_a_cap_is_hit_and_says_so(a_day: AbstractAsyncContextManager[Day]) -> None:
    async with a_day as day:
        assert "was heard" in await day.front.say("one", "hello")
        await day.configure("caps: {tokens_per_conversation: 1000}\n")
        asked = len(day.requests())
        await day.front.begin("two", "hello again")
        await day.front.told("caps.tokens_per_conversation")
        assert len(day.requests()) == asked
