"""The watchdog actor: tells systemd the truth (sd_notify(3)): READY once, STATUS in words, WATCHDOG while the loop
turns and the store answers.

"Disk full" is an answer; a hang is not: then nothing is sent, and systemd restarts the process.
"""

import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping

import trio
from attrs import frozen

from actors.messages import Look
from actors.runtime import Context
from hermes.errors import StoreFull, Unavailable
from hermes.status import ChildStatus

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
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as manager:
            try:
                manager.sendto("\n".join(lines).encode(), address)
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
    store_answers: Callable[[], Awaitable[object]],
    describe: Callable[[], ChildStatus],
    *,
    task_status: trio.TaskStatus[None],
) -> None:
    """Feed the watchdog until cancelled. Started last, so READY means that everything below has started."""
    task_status.started()
    notifier.send("READY=1", f"STATUS={_summary(describe())}")
    pace = STATUS_EVERY if interval is None else interval
    while True:
        if await _answers(store_answers, pace):
            context.detail("")
            notifier.send("WATCHDOG=1", f"STATUS={_summary(describe())}")
        else:
            context.detail("the store does not answer")
            notifier.send("STATUS=the store does not answer")
        await trio.sleep(pace)


async def _answers(store_answers: Callable[[], Awaitable[object]], within: float) -> bool:
    with trio.move_on_after(within):
        try:
            await store_answers()
        except StoreFull:
            return True
        except Unavailable:
            return False
        return True
    return False


def _summary(tree: ChildStatus) -> str:
    ailing = [child.name for child in tree.children if not child.healthy]
    return f"not well: {', '.join(ailing)}" if ailing else "serving"
