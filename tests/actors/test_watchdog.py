"""What the service manager is told, over a real datagram socket."""

import errno
import os
import socket
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import trio

from actors.runtime import ChildSpec
from actors.watchdog import Notifier, store_answers, watchdog, watchdog_interval
from hermes.errors import HermesError, StoreFull, TransientError, Unavailable
from hermes.status import ChildStatus, Kind, State
from hermes.store.engine.readers import READERS
from tests.actors.stores import open_store
from tests.actors.trees import supervised

WELL = ChildStatus("gateway", Kind.SUPERVISOR, State.RUNNING, restarts=0, since=0.0)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        yield manager


def heard(manager: socket.socket) -> list[str]:
    lines: list[str] = []
    while True:
        try:
            lines += manager.recv(4096).decode().split("\n")
        except BlockingIOError:
            return lines


async def run_for(seconds: float, manager: socket.socket, answers: Callable[[], Awaitable[object]]) -> list[str]:
    actor = partial(
        watchdog,
        notifier=Notifier(str(manager.getsockname())),
        interval=10.0,
        answers=answers,
        describe=lambda: WELL,
    )
    async with supervised(ChildSpec("watchdog", actor)):
        await trio.sleep(seconds)
    return heard(manager)


async def answers() -> None:
    """A store that is there."""


async def is_full() -> None:
    raise StoreFull("no space left")


async def is_gone() -> None:
    raise Unavailable("nobody there")


async def is_locked() -> None:
    raise TransientError("locked by another program")


async def is_damaged() -> None:
    raise HermesError("the file is damaged:\nrestore it")


async def test_it_says_ready_once_and_then_feeds(manager: socket.socket, autojump_clock: object) -> None:
    lines = await run_for(35, manager, answers)
    assert lines.count("READY=1") == 1
    assert lines.count("WATCHDOG=1") == 4


async def test_a_full_disk_is_an_answer(manager: socket.socket, autojump_clock: object) -> None:
    assert (await run_for(5, manager, is_full)).count("WATCHDOG=1") == 1


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (is_full, "no space left"),
        (is_locked, "locked by another program"),
        (is_damaged, "the file is damaged: restore it"),
    ],
)
async def test_what_the_store_says_of_its_trouble_is_an_answer_and_is_passed_on(
    manager: socket.socket, autojump_clock: object, answer: Callable[[], Awaitable[object]], told: str
) -> None:
    lines = await run_for(35, manager, answer)
    assert lines.count("WATCHDOG=1") == 4
    assert lines.count(f"STATUS={told}") == 4
    assert lines.count("READY=1") == 1


@pytest.mark.parametrize("hang", [trio.sleep_forever, is_gone])
async def test_a_store_that_does_not_answer_starves_the_watchdog(
    manager: socket.socket, autojump_clock: object, hang: Callable[[], Awaitable[object]]
) -> None:
    lines = await run_for(65, manager, hang)
    assert "WATCHDOG=1" not in lines
    assert "STATUS=the store does not answer" in lines


async def test_readers_that_hang_leave_the_store_unproven_though_it_writes(tmp_path: Path) -> None:
    freed = threading.Event()

    def hang(_: sqlite3.Connection) -> None:
        freed.wait(30)

    async with open_store(tmp_path) as store, trio.open_nursery() as nursery:
        with trio.fail_after(30):
            await store_answers(store)
        try:
            for _ in range(READERS):
                nursery.start_soon(store._readers.read, hang)
            with trio.fail_after(30):
                while store._readers._limiter.available_tokens:
                    await trio.sleep(0.01)
                await store.ping()
            with trio.move_on_after(0.3) as scope:
                await store_answers(store)
            assert scope.cancelled_caught
        finally:
            freed.set()


async def test_what_the_readers_say_of_their_trouble_covers_up_no_writer_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_store(tmp_path) as store:
        monkeypatch.setattr(store, "ping_readers", is_locked)
        with pytest.raises(TransientError):
            await store_answers(store)
        monkeypatch.setattr(store, "ping", is_gone)
        with pytest.raises(Unavailable):
            await store_answers(store)


async def test_without_a_manager_nothing_is_sent_and_nothing_fails(autojump_clock: object) -> None:
    Notifier("").send("READY=1")
    Notifier("/nonexistent/notify").send("READY=1")


def test_a_line_with_bytes_that_are_no_utf8_is_told_without_them(manager: socket.socket) -> None:
    Notifier(str(manager.getsockname())).send("STATUS=no space left for /home/\udcff/state.db")
    assert heard(manager) == ["STATUS=no space left for /home/?/state.db"]


def test_a_process_without_a_free_descriptor_goes_on_untold(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_more(*_: object) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    address = str(manager.getsockname())
    monkeypatch.setattr("actors.watchdog.socket.socket", no_more)
    Notifier(address).send("WATCHDOG=1")
    assert "was not told WATCHDOG=1" in caplog.text


async def test_an_abstract_address_is_understood() -> None:
    name = f"hermes-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name}")
        manager.setblocking(False)
        Notifier(f"@{name}").send("READY=1", "STATUS=x")
        assert heard(manager) == ["READY=1", "STATUS=x"]


def test_the_interval_is_a_third_of_what_systemd_set_for_this_process() -> None:
    assert watchdog_interval({"WATCHDOG_USEC": "30000000"}) == 10.0
    assert watchdog_interval({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}) == 10.0
    assert watchdog_interval({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}) is None
    assert watchdog_interval({}) is None
    assert watchdog_interval({"WATCHDOG_USEC": "nonsense"}) is None
