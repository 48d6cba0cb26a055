"""The watchdog actor: tells systemd the truth (sd_notify(3)): READY once, STATUS in words, WATCHDOG while the loop
turns and the store answers.

The store answers when a read comes through, and a write: each has threads of its own, and either may hang alone. Any
word of it is an answer ("disk full", "damaged"): no restart would help, and a person is told. A hang is none: then
nothing is sent, and systemd restarts the process.
"""

import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping

import trio
from attrs import frozen

from actors.messages import Look
from actors.runtime import Context
from hermes.errors import HermesError, Unavailable
from hermes.status import ChildStatus
from hermes.store.interface import Journal

log = logging.getLogger(__name__)

# Seconds between two status lines where no watchdog sets the pace.
STATUS_EVERY = 30.0


@frozen
class Notifier:
    """The datagram socket of the service manager; without one every call is a no-op."""

    address: str
    """NOTIFY_SOCKET: a path, or an abstract name behind "@"."""

    def send(self, *lines: str) -> None:
        """Send one notification; a manager that does not listen is no reason to fail."""
        if not self.address:
            return
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        # A path in a line may hold bytes that are no UTF-8, and a socket may be one file too many.
        try:
            with socket.socket(socket.AF_UNIX, kind) as manager:
                manager.sendto("\n".join(lines).encode("utf-8", "replace"), address)
        except OSError as error:
            log.warning("the service manager was not told %s: %s", lines[0], error)


def watchdog_interval(environment: Mapping[str, str]) -> float | None:
    """Seconds between two pings: a third of WATCHDOG_USEC, if it is meant for this process (sd_watchdog_enabled(3))."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    usec = environment.get("WATCHDOG_USEC", "")
    return int(usec) / 3e6 if usec.isdecimal() and int(usec) > 0 else None


async def watchdog(
    context: Context[Look],
    notifier: Notifier,
    interval: float | None,
    answers: Callable[[], Awaitable[object]],
    describe: Callable[[], ChildStatus],
    *,
    task_status: trio.TaskStatus[None],
) -> None:
    """Feed the watchdog until cancelled. Started last, so READY means that everything below has started."""
    task_status.started()
    notifier.send("READY=1", f"STATUS={_summary(describe())}")
    pace = STATUS_EVERY if interval is None else interval
    while True:
        said = await _answer(answers, pace)
        if said is None:
            context.detail("the store does not answer")
            notifier.send("STATUS=the store does not answer")
        else:
            context.detail(said)
            notifier.send("WATCHDOG=1", f"STATUS={said or _summary(describe())}")
        await trio.sleep(pace)


async def store_answers(store: Journal) -> None:
    """Until both ways into ``store`` have answered. Raises what either says of its trouble."""
    try:
        await store.ping_readers()
    finally:
        # Also after a word of the readers: it says nothing of the writer.
        await store.ping()


async def _answer(answers: Callable[[], Awaitable[object]], within: float) -> str | None:
    """What is wrong with the store in its own words, empty when nothing is; None when it does not answer."""
    with trio.move_on_after(within):
        try:
            await answers()
        except Unavailable:
            return None
        except HermesError as error:
            return " ".join(str(error).split())
        return ""
    return None


def _summary(tree: ChildStatus) -> str:
    ailing = [child.name for child in tree.children if not child.healthy]
    return f"not well: {', '.join(ailing)}" if ailing else "serving"
