"""The store actor: batches in a thread, nobody's writes left out, a hang that costs no turn."""

import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import define, field

from actors import store as module
from actors.platform import inbound
from actors.requests import Requests
from actors.runtime import ChildSpec
from actors.store import MAILBOX, ActorCommit, store_actor
from hermes.errors import StoreFull, Unavailable
from hermes.store import store as facade
from hermes.store.engine.database import Database
from hermes.store.engine.readers import Readers
from tests.actors.house import House, house
from tests.actors.trees import supervised


@define
class Hang:
    """A disk that stalls: while it is on, no commit comes to its end."""

    free: threading.Event = field(factory=threading.Event)

    def on(self) -> None:
        self.free.clear()

    def off(self) -> None:
        self.free.set()


@pytest.fixture
def hang(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hang]:
    commit, hang = Database.commit, Hang()

    def stalling(database: Database, batch: Any) -> list[object]:
        # Bounded, so that a test that fails ends.
        hang.free.wait(20)
        return commit(database, batch)

    hang.off()
    monkeypatch.setattr(Database, "commit", stalling)
    yield hang
    hang.off()


async def test_a_write_that_was_given_up_while_it_waited_is_not_made(
    tmp_path: Path, hang: Hang, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WRITE_WITHIN", 0.2)
    made: list[str] = []

    def write(name: str) -> Any:
        return lambda _: made.append(name)

    spec = ChildSpec("store", _actor(tmp_path / "state.db"), mailbox=MAILBOX)
    async with supervised(spec) as tree:
        commit = ActorCommit(tree.address("store"))
        hang.on()
        for name in ("in hand", "waiting"):
            with pytest.raises(Unavailable):
                await commit(write(name))
        hang.off()
        monkeypatch.setattr(module, "WRITE_WITHIN", 20.0)
        await commit(write("wanted"))
    assert made == ["in hand", "wanted"]


async def test_a_batch_that_nobody_waits_for_any_more_is_no_transaction(
    tmp_path: Path, hang: Hang, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, batches = Database.commit, list[int]()

    def counted(database: Database, batch: Any) -> list[object]:
        batches.append(len(batch))
        return commit(database, batch)

    monkeypatch.setattr(Database, "commit", counted)
    spec = ChildSpec("store", _actor(tmp_path / "state.db"), mailbox=MAILBOX)
    async with supervised(spec) as tree:
        commits = ActorCommit(tree.address("store"))
        hang.on()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(commits, lambda _: None)
            await trio.testing.wait_all_tasks_blocked(0.05)
            with trio.move_on_after(0.05):
                await commits(lambda _: None)
            hang.off()
        with trio.fail_after(20):
            while tree.status().children[0].mailbox.depth:  # type: ignore[union-attr]
                await trio.sleep(0.01)
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert batches == [1]
        await commits(lambda _: None)
        assert batches == [1, 1]


async def test_the_results_go_to_those_who_asked(tmp_path: Path) -> None:
    def fail(_: sqlite3.Connection) -> None:
        raise ValueError("not this one")

    spec = ChildSpec("store", _actor(tmp_path / "state.db"), mailbox=MAILBOX)
    async with supervised(spec) as tree:
        commit = ActorCommit(tree.address("store"))
        assert await commit(lambda _: 1) == 1
        with pytest.raises(ValueError, match="not this one"):
            await commit(fail)
        assert await commit(lambda _: 2) == 2


async def test_a_new_database_has_the_mode_that_the_home_wants(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with supervised(ChildSpec("store", _actor(path, mode=0o640), mailbox=MAILBOX)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o640


async def test_a_full_disk_stands_in_the_status_until_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_FOR_ROOM", 0.01)
    full, looks = threading.Event(), list[Path]()
    full.set()

    def look(folder: Path) -> bool:
        looks.append(folder)
        return full.is_set()

    monkeypatch.setattr(module, "disk_is_full", look)

    def no_room(_: sqlite3.Connection) -> None:
        raise StoreFull("no space left")

    spec = ChildSpec("store", _actor(tmp_path / "state.db"), mailbox=MAILBOX)
    async with supervised(spec) as tree:
        commit = ActorCommit(tree.address("store"))
        for _ in range(2):
            with pytest.raises(StoreFull):
                await commit(no_room)
            # That one write finds room says nothing of the next.
            assert await commit(lambda _: 1) == 1
            (store,) = tree.status().children
            assert (store.healthy, store.detail) == (False, "retrying: no space left")
            looks.clear()
            with trio.fail_after(20):
                while len(looks) < 3:
                    await trio.sleep(0.01)
            assert not tree.status().children[0].healthy, "each look found it full"
            full.clear()
            with trio.fail_after(20):
                while not tree.status().children[0].healthy:
                    await trio.sleep(0.01)
            full.set()
    assert set(looks) == {tmp_path}


async def test_a_store_that_hangs_for_longer_than_a_write_may_take_fails_no_turn(
    tmp_path: Path, hang: Hang, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound, "SWEEP", 0.05)
    async with house(tmp_path) as gateway:
        store, path = gateway.tree.base.store, "conversations/session:c"
        await store.accept(gateway.chat.event("1", "count to 10"), time.time())
        monkeypatch.setattr(facade, "WRITE_DEADLINE", 0.3)
        hang.on()
        # What hangs is nobody's turn, so that all that the conversation asks for waits behind it.
        with pytest.raises(Unavailable):
            await store.ping()
        # Each life of the conversation asks for its turn anew, and gives up.
        await gateway.until(lambda: path in gateway.children() and gateway.children()[path].restarts >= 4)
        monkeypatch.setattr(facade, "WRITE_DEADLINE", 20.0)
        hang.off()
        assert (await gateway.chat.answer("1")).endswith("10")
        assert [event for message in gateway.chat.seen for event in message.answers] == ["1"]


async def status(gateway: House) -> dict[str, Any]:
    requests = Requests(
        root=lambda: gateway.tree.root,
        journal=gateway.tree.base.store,
        homes=gateway.tree.base.homes,
        lifecycle=Any,  # type: ignore[arg-type]
        start_time=0,
    )
    counts, problem = await requests._counts()
    return {"counts": counts, "problem": problem}


async def test_the_status_tells_of_a_writer_that_hangs_though_reading_works(
    tmp_path: Path, hang: Hang, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.requests.COUNTS_WITHIN", 0.3)
    async with house(tmp_path) as gateway:
        assert (await status(gateway))["problem"] == ""
        hang.on()
        assert "does not answer" in (await status(gateway))["problem"]
        hang.off()
        with trio.fail_after(20):
            while (await status(gateway))["problem"]:
                await trio.sleep(0.01)


async def test_the_end_leaves_the_file_alone_and_another_start_reads_on(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    readers = Readers(path)
    for _ in range(2):
        async with supervised(ChildSpec("store", _actor(path, readers), mailbox=MAILBOX)) as tree:
            await ActorCommit(tree.address("store"))(lambda connection: connection.execute("PRAGMA user_version"))
            assert await readers.read(lambda connection: connection.execute("SELECT 1").fetchone()) == (1,)
        # Without its log a copy of the file is a copy of the store.
        assert {found.name for found in tmp_path.iterdir()} == {"state.db"}


def _actor(path: Path, readers: Readers | None = None, *, mode: int = 0o600) -> Any:
    return partial(store_actor, path=path, readers=readers or Readers(path), mode=mode)
