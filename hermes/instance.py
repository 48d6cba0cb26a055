"""One gateway a home: who holds the lock, and how a new one takes over.

Rules:

1. The flock on HERMES_HOME/run/gateway.lock is the only truth; what stands in the file, and gateway.pid, are
   information. The file is never removed, so no stale one can stop a start.
2. ``--replace`` replaces only the holder that was seen first, told by pid and kernel start time, so a recycled pid is
   safe, and a holder that came meanwhile makes us yield.
3. A holder that a service manager runs is not replaced from outside: its manager would only start it again.
4. A signal goes through a pidfd that is opened before the holder is identified, so it cannot hit another process.
"""

import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from attrs import frozen

from hermes.errors import HermesError
from hermes.flock import is_free, start_time, try_lock


class AlreadyRunning(HermesError):
    """Another gateway holds the home."""


@frozen
class Holder:
    """Who holds a lock, as it said of itself."""

    pid: int
    start_time: int
    """Kernel start time in clock ticks since boot: with the pid it names one process for good."""
    argv: tuple[str, ...]
    unit: str
    """The systemd unit that runs it, or empty."""

    def alive(self) -> bool:
        return start_time(self.pid) == self.start_time


def unit_of(environment: Mapping[str, str], cgroup: str) -> str:
    """The service unit that this process is run by: systemd sets INVOCATION_ID, and the control group names it."""
    if "INVOCATION_ID" not in environment:
        return ""
    last = cgroup.strip().rpartition("/")[2]
    return last if last.endswith(".service") else ""


def ourselves(argv: tuple[str, ...]) -> Holder:
    """This process, as it signs the lock."""
    cgroup = Path("/proc/self/cgroup").read_text("utf-8", "replace") if Path("/proc/self/cgroup").exists() else ""
    return Holder(os.getpid(), start_time(os.getpid()) or 0, argv, unit_of(os.environ, cgroup))


class InstanceLock:
    """The lock of one home. Close-on-exec: no child holds it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self, holder: Holder) -> bool:
        """Take it and sign it; False when another process holds it. Raises ``OSError`` when it cannot be opened."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not try_lock(descriptor):
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        _write(descriptor, holder)
        return True

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def holder(self) -> Holder | None:
        """What the file says, whoever wrote it; None when it says nothing that can be read."""
        try:
            said = json.loads(self._path.read_text("utf-8"))
            return Holder(int(said["pid"]), int(said["start_time"]), tuple(said["argv"]), str(said["unit"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def held(self) -> bool:
        """Whether somebody holds it at this moment."""
        return not is_free(self._path)


def _write(descriptor: int, holder: Holder) -> None:
    said = {"pid": holder.pid, "start_time": holder.start_time, "argv": list(holder.argv), "unit": holder.unit}
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(said).encode(), 0)
    os.fsync(descriptor)


def send_signal(holder: Holder, number: signal.Signals) -> bool:
    """Signal exactly this holder; False when it is gone. Raises ``PermissionError`` when it is somebody else's."""
    try:
        descriptor = os.pidfd_open(holder.pid)
    except ProcessLookupError:
        return False
    try:
        if not holder.alive():
            return False
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    return True


@frozen
class Patience:
    """How long a replacement waits, in seconds."""

    start: float = 5.0
    """For a holder that is just starting to listen."""
    drain: float = 10.0
    """From its agreement to a SIGTERM."""
    terminate: float = 10.0
    """From the SIGTERM to a SIGKILL."""
    kill: float = 5.0
    """From the SIGKILL to giving up."""
    sign: float = 1.0
    """From a held lock to its holder's signature."""
    poll: float = 0.05


def take(
    lock: InstanceLock,
    us: Holder,
    *,
    replace: bool,
    ask_to_leave: Callable[[Holder], bool],
    pause: Callable[[float], None],
    patience: Patience = Patience(),
) -> None:
    """Hold the lock, or raise ``AlreadyRunning`` with the line that tells why not.

    ``ask_to_leave`` asks the holder for a planned end by its control socket, and tells whether it agreed. Blocking.
    """
    if lock.acquire(us):
        return
    seen = _identify(lock, pause, patience)
    if not replace or seen is None:
        raise AlreadyRunning(_refusal(seen))
    if seen.unit:
        raise AlreadyRunning(
            f"the running gateway (pid {seen.pid}) belongs to {seen.unit}:"
            f" restart it with `systemctl restart {seen.unit}`"
        )
    try_for = partial(_take_within, lock, us, seen, partial(pause, patience.poll))
    if _ask(lambda: ask_to_leave(seen), try_for, patience):
        return
    for wait, number in ((patience.terminate, signal.SIGTERM), (patience.kill, signal.SIGKILL)):
        if try_for(wait if send_signal(seen, number) else 0.0):
            return
    raise AlreadyRunning(f"the running gateway (pid {seen.pid}) did not end, not even by SIGKILL")


def _ask(ask_to_leave: Callable[[], bool], try_for: Callable[[float], bool], patience: Patience) -> bool:
    """Ask until it agrees, since a gateway that is just starting does not listen yet; then wait for its end."""
    deadline = time.monotonic() + patience.start
    while time.monotonic() < deadline:
        if try_for(patience.drain if ask_to_leave() else 0.0):
            return True
    return False


def _identify(lock: InstanceLock, pause: Callable[[float], None], patience: Patience) -> Holder | None:
    """The holder, once it has signed: what stands in the file before may be a dead one's signature."""
    for _ in range(round(patience.sign / patience.poll)):
        holder = lock.holder()
        if holder is not None and holder.alive():
            return holder
        pause(patience.poll)
    return None


def _take_within(lock: InstanceLock, us: Holder, seen: Holder, pause: Callable[[], None], seconds: float) -> bool:
    """Try for the lock, at least once, while ``seen`` is its last holder.

    Raises ``AlreadyRunning`` when somebody else was quicker.
    """
    deadline = time.monotonic() + seconds
    while True:
        if lock.acquire(us):
            return True
        now = lock.holder()
        if now is not None and (now.pid, now.start_time) != (seen.pid, seen.start_time):
            raise AlreadyRunning(f"another gateway (pid {now.pid}) took over meanwhile; it stays")
        pause()
        if time.monotonic() >= deadline:
            return False


def _refusal(holder: Holder | None) -> str:
    who = f"pid {holder.pid}" if holder else "its process is just starting"
    return f"a gateway is running for this home already ({who}): `hermes gateway run --replace` takes its place"
