"""One gateway a home: the lock, the ladder of a replacement, and signals that cannot hit a stranger."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hermes.instance import (
    AlreadyRunning,
    Holder,
    InstanceLock,
    Patience,
    ourselves,
    send_signal,
    start_time,
    take,
    unit_of,
)

HOLD = """
import sys, time
from pathlib import Path
from hermes.instance import InstanceLock, ourselves
lock = InstanceLock(Path(sys.argv[1]))
assert lock.acquire(ourselves(("holder",)))
print("held", flush=True)
time.sleep(600)
"""

QUICK = Patience(start=0.2, drain=2.0, terminate=20.0, kill=20.0, sign=2.0, poll=0.02)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gateway.lock"


@pytest.fixture
def lock(path: Path) -> Iterator[InstanceLock]:
    lock = InstanceLock(path)
    yield lock
    lock.release()


@pytest.fixture
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def nobody_agrees(_: Holder) -> bool:
    return False


def take_now(lock: InstanceLock, *, replace: bool, agree: bool = False) -> None:
    take(lock, ourselves(("test",)), replace=replace, ask_to_leave=lambda _: agree, pause=_sleep, patience=QUICK)


def _sleep(seconds: float) -> None:
    import time

    time.sleep(seconds)


def test_a_free_lock_is_taken_and_signed(lock: InstanceLock) -> None:
    take_now(lock, replace=False)
    assert lock.held()
    assert lock.holder() == ourselves(("test",))


def test_a_stale_file_stops_no_start(path: Path, lock: InstanceLock) -> None:
    path.write_text('{"pid": 1, "start_time": 1, "argv": [], "unit": "some.service"}')
    take_now(lock, replace=False)
    assert lock.held()


@pytest.mark.parametrize("said", ["", "{", "[]", "null", '{"pid": "x"}', "\x00" * 50])
def test_a_file_that_cannot_be_read_stops_no_start(path: Path, lock: InstanceLock, said: str) -> None:
    path.write_text(said)
    assert lock.holder() is None
    take_now(lock, replace=True)
    assert lock.held()


def test_a_plain_start_beside_a_running_gateway_names_it(lock: InstanceLock, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(AlreadyRunning, match=rf"pid {holder.pid}.*--replace"):
        take_now(lock, replace=False)
    assert holder.poll() is None


def test_a_holder_that_does_not_agree_is_terminated(lock: InstanceLock, holder: subprocess.Popen[str]) -> None:
    take_now(lock, replace=True)
    assert lock.held()
    assert holder.wait() == -signal.SIGTERM


def test_a_holder_that_ignores_everything_is_killed(path: Path, lock: InstanceLock) -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + HOLD
    patience = Patience(start=0.1, drain=0.1, terminate=0.2, kill=20.0, sign=2.0, poll=0.02)
    with subprocess.Popen([sys.executable, "-c", deaf, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        take(lock, ourselves(("test",)), replace=True, ask_to_leave=nobody_agrees, pause=_sleep, patience=patience)
        assert process.wait() == -signal.SIGKILL
    assert lock.held()


def test_a_holder_of_a_service_manager_is_left_alone_and_its_unit_named(path: Path, lock: InstanceLock) -> None:
    managed = HOLD.replace('ourselves(("holder",))', 'evolve(ourselves(("holder",)), unit="hermes-agent.service")')
    managed = "from attrs import evolve\n" + managed
    with subprocess.Popen([sys.executable, "-c", managed, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(AlreadyRunning, match=r"systemctl restart hermes-agent\.service"):
            take_now(lock, replace=True)
        assert process.poll() is None
        process.kill()


def test_who_comes_second_to_a_replacement_yields(
    path: Path, lock: InstanceLock, holder: subprocess.Popen[str]
) -> None:
    successor = InstanceLock(path)

    def leave(seen: Holder) -> bool:
        assert send_signal(seen, signal.SIGKILL)
        holder.wait()
        assert successor.acquire(Holder(seen.pid + 1, 1, (), ""))
        return True

    with pytest.raises(AlreadyRunning, match="took over meanwhile"):
        take(lock, ourselves(()), replace=True, ask_to_leave=leave, pause=_sleep, patience=QUICK)
    successor.release()


def test_a_recycled_pid_is_not_signalled() -> None:
    with subprocess.Popen(["sleep", "600"]) as stranger:
        recycled = Holder(stranger.pid, (start_time(stranger.pid) or 0) - 1, (), "")
        assert not send_signal(recycled, signal.SIGKILL)
        assert stranger.poll() is None
        stranger.kill()


def test_a_process_that_is_gone_is_not_signalled() -> None:
    with subprocess.Popen(["true"]) as gone:
        pass
    assert not send_signal(Holder(gone.pid, 1, (), ""), signal.SIGTERM)


def test_looking_at_a_lock_takes_nothing(lock: InstanceLock) -> None:
    assert not lock.held()
    take_now(lock, replace=False)
    assert lock.held()
    lock.release()
    assert not lock.held()


def test_no_child_inherits_the_lock(path: Path, lock: InstanceLock) -> None:
    take_now(lock, replace=False)
    with subprocess.Popen(["sleep", "600"], close_fds=False) as child:
        lock.release()
        assert not InstanceLock(path).held()
        child.kill()


def test_only_a_process_that_systemd_started_has_a_unit() -> None:
    cgroup = "0::/system.slice/hermes-agent.service\n"
    assert unit_of({"INVOCATION_ID": "x"}, cgroup) == "hermes-agent.service"
    assert unit_of({}, cgroup) == ""
    assert unit_of({"INVOCATION_ID": "x"}, "0::/user.slice/session-1.scope\n") == ""


def test_the_start_time_of_this_process_is_known() -> None:
    assert start_time(os.getpid())
    assert start_time(2**22 + 1) is None
