"""The yardstick: the calls of a turn with no agent between them, on the libraries of the gateway. Starts alone:

    python -m benchmarks.bare --model http://127.0.0.1:PORT/v1 --bot http://127.0.0.1:PORT/bot --at-once 50

A turn is one streamed request of a model, read to its end, two calls of the Bot API, and three durable commits of
SQLite (``synchronous=FULL``), where all that wait at one time share a transaction. What it costs is CPU time of this
process.

Each of those that run at once has a connection pool of its own: a pool of httpcore looks at all its connections
whenever a request begins or ends, which with 50 in one pool costs more than the turns themselves.
"""

import argparse
import json
import math
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpcore
import trio
from attrs import define, field

_COMMITS = 3


@define(eq=False)
class Journal:
    """Rows from many tasks, in one transaction each time the thread is free."""

    _database: sqlite3.Connection
    _waiting: list[trio.Event] = field(factory=list[trio.Event])
    _asked: trio.Event = field(factory=trio.Event)

    @classmethod
    def open(cls, path: Path) -> "Journal":
        database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        for line in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "CREATE TABLE rows (content TEXT)"):
            database.execute(line)
        return cls(database)

    async def commit(self) -> None:
        """Returns when the row is on the disk."""
        done = trio.Event()
        self._waiting.append(done)
        self._asked.set()
        await done.wait()

    async def run(self) -> None:
        """The writer, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked = trio.Event()
            batch, self._waiting = self._waiting, []
            await trio.to_thread.run_sync(self._write, len(batch))
            for done in batch:
                done.set()

    def _write(self, rows: int) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany("INSERT INTO rows VALUES (?)", [("x" * 200,)] * rows)
        self._database.execute("COMMIT")


@define(eq=False)
class Turns:
    """Turns, one after the other, over connections of their own."""

    _journal: Journal
    _model: str
    _bot: str
    _pool: httpcore.AsyncConnectionPool = field(factory=lambda: httpcore.AsyncConnectionPool(keepalive_expiry=math.inf))

    async def run(self, over: Callable[[], bool]) -> int:
        """At least one turn, until it is over; returns how many."""
        turns = 0
        while not (turns and over()):
            await self._one()
            turns += 1
        return turns

    async def aclose(self) -> None:
        await self._pool.aclose()

    async def _one(self) -> None:
        await self._journal.commit()
        await self._post(f"{self._bot}1:x/sendChatAction", {"chat_id": 1, "action": "typing"})
        answer = await self._ask()
        await self._journal.commit()
        await self._post(f"{self._bot}1:x/sendMessage", {"chat_id": 1, "text": answer})
        await self._journal.commit()

    async def _ask(self) -> str:
        asked = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        lines = (await self._post(f"{self._model}/chat/completions", asked)).splitlines()
        events = [json.loads(line[6:]) for line in lines if line.startswith(b"data: {")]
        return "".join(choice["delta"].get("content", "") for event in events for choice in event["choices"])

    async def _post(self, url: str, content: object) -> bytes:
        body = json.dumps(content).encode()
        headers = [
            ("Host", urlsplit(url).netloc),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
        ]
        async with self._pool.stream("POST", url, headers=headers, content=body) as response:
            return b"".join([piece async for piece in response.aiter_stream()])


async def measure(model: str, bot: str, at_once: int, seconds: float) -> tuple[int, float, float]:
    """Turns, CPU seconds and seconds, after each has made one turn to warm up."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal.open(Path(folder) / "journal.db")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.run)
            everybody = [Turns(journal, model, bot) for _ in range(at_once)]
            await _all(everybody, lambda: True)
            begun, cpu = time.monotonic(), time.process_time()
            turns = await _all(everybody, lambda: time.monotonic() >= begun + seconds)
            measured = turns, time.process_time() - cpu, time.monotonic() - begun
            for one in everybody:
                await one.aclose()
            nursery.cancel_scope.cancel()
    return measured


async def _all(everybody: list[Turns], over: Callable[[], bool]) -> int:
    made: list[int] = []

    async def run(one: Turns) -> None:
        made.append(await one.run(over))

    async with trio.open_nursery() as nursery:
        for one in everybody:
            nursery.start_soon(run, one)
    return sum(made)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The calls of a turn with no agent between them.")
    parser.add_argument("--model", required=True)
    parser.add_argument("--bot", required=True)
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=4.0)
    given = parser.parse_args()
    turns, cpu, seconds = trio.run(measure, given.model, given.bot, given.at_once, given.seconds)
    print(json.dumps({"turns": turns, "cpu": cpu, "seconds": seconds}))
