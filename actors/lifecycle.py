"""How a gateway ends: who asked for it, what is finished first, and the exit code.

    planned stop (`gateway stop`, a replacement, Ctrl-C)   0
    SIGTERM that nobody announced                          1: a supervisor that wanted it up starts it again
    SIGUSR1, /restart                                      75

Ending starts with a drain: no new messages are taken in, running turns and unsent answers get some time. What is cut
short goes on at the next start.
"""

import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import NoReturn

import trio
from attrs import define, field

from actors.platform.connection import Gate
from hermes.errors import HermesError
from hermes.store.interface import Store

log = logging.getLogger(__name__)

# Seconds between two looks at what a drain still waits for.
DRAIN_POLL = 0.05


Account = tuple[str, str]
"""A platform and one of our accounts on it."""


class ExitCode(IntEnum):
    DONE = 0
    TERMINATED = 1
    RESTART = 75


@define
class Lifecycle:
    """One gateway's end. The first request decides the exit code."""

    gate: Gate = field(factory=Gate)
    exit_code: ExitCode | None = None
    _asked: trio.Event = field(factory=trio.Event)
    _again: trio.Event = field(factory=trio.Event)

    def end(self, exit_code: ExitCode) -> None:
        """Ask for the end; asked twice, the drain is cut short."""
        if self.exit_code is None:
            self.exit_code = exit_code
            self.gate.open = False
            self._asked.set()
        else:
            self._again.set()

    async def wait(self) -> ExitCode:
        """Until somebody asks."""
        await self._asked.wait()
        assert self.exit_code is not None, "set before the event"
        return self.exit_code

    async def drain(
        self, store: Store, accounts: Sequence[Account], timeout: float, waits: Callable[[int], None]
    ) -> bool:
        """Wait until no turn of ``accounts`` runs and no answer to them is unsent, at most ``timeout`` seconds. True
        when nothing is left.

        What the journal holds of others (a chat in a terminal, a platform that was configured once) does not end here.
        ``waits`` is told once how much there is, and only if there is something to wait for.
        """
        quiet = False
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._cut_short, nursery.cancel_scope)
            with trio.move_on_after(timeout):
                quiet = await _until_quiet(store, accounts, waits)
            nursery.cancel_scope.cancel()
        return quiet

    async def _cut_short(self, scope: trio.CancelScope) -> None:
        await self._again.wait()
        scope.cancel()


async def _until_quiet(store: Store, accounts: Sequence[Account], waits: Callable[[int], None]) -> bool:
    """False when the store does not say: then there is nothing to wait for."""
    told = False
    while True:
        try:
            under_way = sum([await store.under_way(*account) for account in accounts])
        except HermesError as error:
            log.warning("the store does not say what is unfinished: %s", error)
            return False
        if not under_way:
            return True
        if not told:
            waits(under_way)
            told = True
        await trio.sleep(DRAIN_POLL)


SIGNALS = {
    signal.SIGTERM: ExitCode.TERMINATED,
    signal.SIGINT: ExitCode.DONE,
    signal.SIGUSR1: ExitCode.RESTART,
}


async def watch_signals(lifecycle: Lifecycle, *, task_status: trio.TaskStatus[None]) -> None:
    """Turn signals into requests until cancelled. Needs the main thread. SIGHUP is the terminal's goodbye: a stop."""
    with trio.open_signal_receiver(*SIGNALS, signal.SIGHUP) as signals:
        task_status.started()
        async for number in signals:
            log.info("%s received", signal.Signals(number).name)
            lifecycle.end(SIGNALS.get(signal.Signals(number), ExitCode.DONE))


def end_process(path: str) -> NoReturn:
    """The last rung of the ladder: something does not end, so the process does. The journal keeps what was not done."""
    log.critical("%s does not end: the process ends without it", path)
    logging.shutdown()
    sys.stderr.flush()
    os._exit(ExitCode.TERMINATED)
