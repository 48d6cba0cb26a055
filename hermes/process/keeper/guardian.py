"""One guardian: it starts one command and ends everything that comes from it.

- It is the subreaper of all that the command starts: what makes a session of its own, or forks twice, comes back to it.
- It ends them all when the command ends, when it is asked to, at the end of the lifeline (the gateway, or the owner of
  the child, is gone) and at the end of the host's line: SIGTERM to the command's group and to every other descendant,
  a grace, then SIGKILL until no child is left.
- A grace is over when the host ends: the gateway kills it when it waits no longer.
- It says ``ended`` when nothing is left, or that something cannot be killed (a process of another user, or one that
  the kernel holds): that it keeps trying to end, and reaps.
- It exits with 0 only when nothing is left; after any other end of it the host kills what it kept.
"""

import os
import signal

from hermes.process import wire
from hermes.process.keeper import descendants, kernel
from hermes.process.keeper.spawn import StartFailed, spawn

# SIGKILL is not always obeyed at once (a process inside a hung mount): after so long it is reported as left.
_KILL_SECONDS = 5.0
# SIGKILL is repeated for those that were forked meanwhile. Most rounds begin earlier, with the SIGCHLD of the last.
_ROUND_SECONDS = 0.02
# The same for those that were reported as left.
_LINGER_SECONDS = 1.0


class Guardian:
    """Owns the reading ends of the lifeline and of the host's line, and the writing end of the status pipe."""

    def __init__(self, *, status: int, lifeline: int, host_line: int) -> None:
        self._status = status
        self._lifeline = lifeline
        self._host_line = host_line
        self._alarm, self._alarm_source = kernel.child_alarm()
        self._command = 0
        self._code: int | None = None
        self._terminal = False

    def run(self, spec: wire.Spec, stdio: tuple[int, int, int]) -> None:
        """Returns when nothing is left. Closes ``stdio``."""
        if self._is_abandoned():
            return
        self._report(wire.begun())
        try:
            self._command = spawn(spec, stdio)
        except StartFailed as failure:
            self._report(wire.failed(failure.step, failure.number))
            return
        finally:
            for descriptor in set(stdio):
                os.close(descriptor)
        self._terminal = bool(spec.terminal)
        self._report(wire.started(self._command))
        reason = self._watch()
        left = self._end(spec.grace, reason)
        self._report(wire.ended(self._code, reason, left))
        if left:
            self._linger()

    def _is_abandoned(self) -> bool:
        """The owner was cancelled, or the gateway ended, before there was anything to start."""
        return bool(kernel.wait((self._lifeline,), 0))

    def _report(self, line: bytes) -> None:
        try:
            os.write(self._status, line)
        except BrokenPipeError:
            pass  # nobody is left to know

    def _watch(self) -> str:
        """Until the command ends or somebody wants it ended; returns the reason."""
        while True:
            ready = kernel.wait((self._alarm, self._lifeline, self._host_line))
            if self._alarm in ready:
                self._reap()
                if self._code is not None:
                    return wire.BY_ITSELF
            if self._lifeline in ready:
                return wire.ASKED if os.read(self._lifeline, 1) else wire.OWNER_GONE
            if self._host_line in ready:
                return wire.HOST_GONE

    def _end(self, grace: float, reason: str) -> int:
        """End everything; returns how many could not be ended."""
        if self._reap():
            return 0
        asked = self._ask_all_to_end()
        lines = (self._alarm,) if reason == wire.HOST_GONE else (self._alarm, self._host_line)
        if self._is_alone_within(grace, asked, lines):
            return 0
        deadline = kernel.now() + _KILL_SECONDS
        while kernel.now() < deadline:
            if self._kill_all(_ROUND_SECONDS):
                return 0
        return max(1, len(descendants.children()))

    def _linger(self) -> None:
        while not self._kill_all(_LINGER_SECONDS):
            pass

    def _ask_all_to_end(self) -> set[int]:
        """SIGTERM to each; returns their pids."""
        # A stopped process is ended by SIGTERM only when it goes on. An interactive shell ignores SIGTERM, but not the
        # loss of its terminal.
        hangup = (signal.SIGHUP,) if self._terminal else ()
        # Until the command is reaped nobody else can have its pid as a group. One signal reaches a whole group at once,
        # those that are being forked included.
        group = 0 if self._code is not None else self._command
        numbers = (signal.SIGTERM, *hangup, signal.SIGCONT)
        if not group:
            return descendants.send(numbers)
        # Counted before the signal: what is forked after it is of the group too, and was not asked.
        asked = descendants.of_group(group)
        descendants.send_to_group(group, numbers)
        return asked | descendants.send(numbers, except_group=group)

    def _ask_orphans_to_end(self, asked: set[int]) -> None:
        """Those that were forked while the others were asked, and have lost their parent since.

        What still has its parent may be part of that one's clean end.
        """
        for pid in descendants.children():
            if pid not in asked:
                asked.add(pid)
                descendants.send_to_child(pid, (signal.SIGTERM,))

    def _kill_all(self, seconds: float) -> bool:
        """One round; True when nothing is left after it."""
        descendants.send((signal.SIGKILL,))
        kernel.wait((self._alarm,), seconds)
        return self._reap()

    def _is_alone_within(self, seconds: float, asked: set[int], lines: tuple[int, ...]) -> bool:
        deadline = kernel.now() + seconds
        while (rest := deadline - kernel.now()) > 0:
            ready = kernel.wait(lines, rest)
            if self._reap():
                return True
            if self._host_line in ready:
                return False
            self._ask_orphans_to_end(asked)
        return False

    def _reap(self) -> bool:
        """Every child that has ended, the command or an orphan that came back; True when none is left."""
        kernel.drain(self._alarm)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            if pid == self._command:
                self._code = os.waitstatus_to_exitcode(status)
