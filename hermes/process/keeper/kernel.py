"""What the host and the guardians ask of the kernel, beyond ``os``."""

import ctypes
import os
import select
import signal
import time

# <linux/prctl.h>
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36

# Looked up once, in the host: a guardian inherits it by its fork.
_prctl = ctypes.CDLL(None, use_errno=True).prctl
_prctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong)


def become_subreaper() -> None:
    """Orphans among the descendants of this process become its children. Not inherited by a fork.

    PR_SET_PDEATHSIG is no substitute: it reaches direct children only, and fires when a *thread* of the parent ends.
    """
    if _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Title:
    """What ``ps`` shows, in place of the interpreter's own name and arguments.

    Not for looks alone: whoever ends the gateway by ``pkill -9 -f`` and its name must not hit, in the paths among these
    arguments, those who then end its children. Made before the fork: making it costs memory.
    """

    def __init__(self, title: bytes) -> None:
        with open("/proc/self/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
        # proc(5), fields 48 and 49; the state, the first after the name, is field 3. The interpreter has copied them.
        self._start, end = int(fields[45]), int(fields[46])
        self._arguments = ctypes.create_string_buffer(title, end - self._start)
        # Of the name proper the kernel keeps 15 bytes.
        self._name = ctypes.create_string_buffer(title)
        self._address = ctypes.addressof(self._name)

    def take(self) -> None:
        ctypes.memmove(self._start, self._arguments, len(self._arguments))
        _prctl(_PR_SET_NAME, self._address, 0, 0, 0)


def prepare_signals() -> None:
    """Ignore requests to end, and hear of children. Inherited by a fork."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)


def child_alarm() -> tuple[int, int]:
    """A pipe that becomes readable when a child of this process ends: the end to poll, the end to keep.

    After ``prepare_signals``; a fork needs an alarm of its own.
    """
    readable, writable = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    return readable, writable


def drain(alarm: int) -> None:
    try:
        while os.read(alarm, 4096):
            pass
    except BlockingIOError:
        pass


def wait(descriptors: tuple[int, ...], seconds: float | None = None) -> set[int]:
    """Those that can be read, or have ended, as soon as there is one; none after ``seconds``."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _ in poll.poll(None if seconds is None else seconds * 1000)}


def now() -> float:
    return time.monotonic()
