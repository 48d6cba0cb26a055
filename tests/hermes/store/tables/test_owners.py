import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hermes import flock
from hermes.flock import is_free
from hermes.store.tables import owners
from hermes.store.tables.owners import Holder, OwnerTaken, hold, lock_path, read_holder, terminal_owner

HOLD = """
import sys, time
from pathlib import Path
from hermes.store.tables.owners import hold
with hold(Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flock, "_PAUSE_SECONDS", 0.001)


def start(folder: Path, owner: str) -> "subprocess.Popen[str]":
    """Another process that holds the lock until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), owner], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def stop(process: "subprocess.Popen[str]") -> None:
    process.communicate(timeout=60)


def test_a_lock_is_held_inside_the_block_and_gone_after_it(run_folder: Path) -> None:
    with hold(run_folder, "terminal-x") as path:
        assert path == run_folder / "terminal-x.lock"
        assert not is_free(path)
    assert is_free(path)
    assert not path.exists()


def test_the_holder_signs_with_what_names_its_process_for_good(run_folder: Path) -> None:
    with hold(run_folder, "gateway") as path:
        holder = read_holder(path)
        assert holder is not None
        start_time = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
        assert (holder.pid, holder.start_time) == (os.getpid(), int(start_time))
        assert holder.argv[0] == sys.argv[0]


def test_a_taken_lock_names_its_holder(run_folder: Path) -> None:
    process = start(run_folder, "terminal-x")
    with pytest.raises(OwnerTaken, match=f"pid {process.pid}") as caught, hold(run_folder, "terminal-x"):
        pass
    assert caught.value.holder is not None
    assert caught.value.holder.pid == process.pid
    stop(process)
    with hold(run_folder, "terminal-x"):
        pass


def test_a_killed_holders_lock_is_free_whatever_stands_in_its_file(run_folder: Path) -> None:
    process = start(run_folder, "terminal-x")
    path = lock_path(run_folder, "terminal-x")
    assert not is_free(path)
    process.send_signal(signal.SIGKILL)
    stop(process)
    assert read_holder(path) is not None
    assert is_free(path)
    with hold(run_folder, "terminal-x"):
        held = read_holder(path)
        assert held is not None
        assert held.pid == os.getpid()


def test_the_next_terminal_removes_what_killed_ones_left_and_nothing_else(run_folder: Path) -> None:
    alive, dead = start(run_folder, terminal_owner("alive")), start(run_folder, terminal_owner("dead"))
    dead.kill()
    stop(dead)
    (run_folder / "gateway.lock").touch()
    with hold(run_folder, terminal_owner("next")):
        assert sorted(path.name for path in run_folder.iterdir()) == [
            "gateway.lock", "terminal-alive.lock", "terminal-next.lock"
        ]  # fmt: skip
    stop(alive)


def test_no_child_keeps_a_lock(run_folder: Path) -> None:
    with hold(run_folder, "terminal-x") as path:
        child = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, close_fds=False
        )
    try:
        assert is_free(path)
        with hold(run_folder, "terminal-x"):
            pass
    finally:
        child.communicate(timeout=60)


def test_owners_do_not_hinder_each_other(run_folder: Path) -> None:
    with hold(run_folder, "terminal-x"), hold(run_folder, "terminal-y"):
        assert not is_free(lock_path(run_folder, "terminal-x"))


def test_somebody_who_only_asks_does_not_keep_the_lock_from_its_taker(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = lock_path(run_folder, "terminal-x")
    path.touch()
    asking = os.open(path, os.O_RDONLY)
    import fcntl

    fcntl.flock(asking, fcntl.LOCK_SH)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            os.close(asking)

    monkeypatch.setattr(time, "sleep", pause)
    with hold(run_folder, "terminal-x"):
        pass
    assert len(pauses) == 3


def test_a_file_that_went_while_its_lock_was_taken_is_taken_anew(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its old holder removes it at its end: whoever opened it before then holds a lock on nothing."""
    path = lock_path(run_folder, "terminal-x")
    lock = owners.try_lock
    ends = iter(["gone", "another"])

    def locked(descriptor: int) -> bool:
        end = next(ends, "")
        if end:
            path.unlink()
        if end == "another":
            path.touch()
        return lock(descriptor)

    monkeypatch.setattr(owners, "try_lock", locked)
    with hold(run_folder, "terminal-x"):
        assert not is_free(path)


def test_many_programs_hold_one_lock_one_after_the_other(run_folder: Path) -> None:
    """Each that gets it finds no other in the block; the file comes and goes under them."""
    script = """
import os, sys
from pathlib import Path
from hermes.store.tables.owners import OwnerTaken, hold
folder, rounds = Path(sys.argv[1]), 0
while rounds < 30:
    try:
        with hold(folder, "shared"):
            mark = os.open(folder / "inside", os.O_CREAT | os.O_EXCL)
            os.close(mark)
            (folder / "inside").unlink()
            rounds += 1
    except OwnerTaken:
        pass
"""
    processes = [subprocess.Popen([sys.executable, "-c", script, str(run_folder)]) for _ in range(3)]
    assert [process.wait(120) for process in processes] == [0, 0, 0]


def test_a_lock_that_nobody_ever_took_is_free(run_folder: Path) -> None:
    assert is_free(run_folder / "absent.lock")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1, "start_time": 2}', "\0"])
def test_a_file_that_says_nothing_readable_names_nobody(run_folder: Path, content: str) -> None:
    path = run_folder / "x.lock"
    path.write_text(content)
    assert read_holder(path) is None


def test_a_holder_that_has_not_signed_yet_is_told_so(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with hold(run_folder, "terminal-x") as path:
        path.write_text("")
        with pytest.raises(OwnerTaken, match="just starting"), hold(run_folder, "terminal-x"):
            pass


def test_what_a_file_says_is_read_whole(run_folder: Path) -> None:
    path = run_folder / "x.lock"
    path.write_text('{"pid": 5, "start_time": 7, "argv": ["hermes", "chat"], "unit": ""}')
    assert read_holder(path) == Holder(5, 7, ("hermes", "chat"))


@pytest.mark.parametrize("name", ["", "x" * 65, "ä"])
def test_an_empty_or_long_name_is_refused(run_folder: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name of an owner"):
        lock_path(run_folder, name)


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "terminal:x", "/etc/passwd", "\n" * 64])
def test_whatever_a_name_holds_its_file_lies_in_the_folder(run_folder: Path, name: str) -> None:
    with hold(run_folder, name) as path:
        assert path.parent == run_folder
        assert [path] == list(run_folder.iterdir())


def test_a_terminals_owner_is_named_after_its_session() -> None:
    assert terminal_owner("20261122_084512_1a2b3c") == "terminal-20261122_084512_1a2b3c"
