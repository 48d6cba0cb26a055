"""A running child, as its owner in the gateway sees it.

- ``wait`` returns when *nothing is left* of the child: neither itself nor anything it started.
- Whoever holds a Process closes it (``async with``). Closing, being cancelled while closing, and losing the last
  reference all close the lifeline, and its guardian ends the child even if nobody waits for that.
"""

import logging
from contextlib import suppress

import trio
from attrs import define, field, frozen

from hermes.process import wire
from hermes.process.command import TerminalSize
from hermes.process.errors import OutcomeUnknown
from hermes.process.link import GuardianLink
from hermes.process.stdio import Stdio, TerminalReader

_logger = logging.getLogger(__name__)


@frozen
class Exit:
    """How a child ended: exactly one of the two is set."""

    code: int | None = None
    signal: int | None = None

    @property
    def ok(self) -> bool:
        return self.code == 0

    def __str__(self) -> str:
        return f"exit code {self.code}" if self.signal is None else f"signal {self.signal}"


@define(eq=False)
class Process(trio.abc.AsyncResource):
    """Made by ``ProcessHost.start``. Its streams may be used by one task each; ``wait`` by any number of tasks."""

    pid: int
    """Of the command itself, which leads a session and a process group of its own."""
    _stdio: Stdio
    _link: GuardianLink
    _outcome: Exit | OutcomeUnknown | None = field(default=None, init=False)
    _reading: trio.Lock = field(factory=trio.Lock, init=False)

    @property
    def stdin(self) -> trio.abc.SendStream | None:
        """None unless asked for. Closing it is the child's end of input; a pseudo-terminal has none but its ^D."""
        return self._stdio.stdin

    @property
    def stdout(self) -> trio.abc.ReceiveStream:
        """Unread output stops the child when the pipe (64 KB) is full. It ends when nobody holds its other side."""
        return self._stdio.stdout

    @property
    def stderr(self) -> trio.abc.ReceiveStream | None:
        """None when it is merged into ``stdout``."""
        return self._stdio.stderr

    def resize(self, size: TerminalSize) -> None:
        """Only for a child with a pseudo-terminal."""
        assert isinstance(self._stdio.stdout, TerminalReader), "the child has no terminal"
        self._stdio.stdout.resize(size)

    async def wait(self) -> Exit:
        """Until nothing is left of the child. Cancelling the wait changes nothing for the child.

        Raises OutcomeUnknown when its guardian or the process host was killed.
        """
        async with self._reading:
            if self._outcome is None:
                self._outcome = await self._read_outcome()
                self._link.close()
        if isinstance(self._outcome, OutcomeUnknown):
            raise OutcomeUnknown(str(self._outcome))
        return self._outcome

    async def terminate(self) -> Exit:
        """End the child and all it started: SIGTERM to each, the grace of its start, then SIGKILL until none is left.

        At once when it has ended already. Cancelling gives up the wait, not the ending. Raises as ``wait`` does.
        """
        self._link.ask_to_end()
        return await self.wait()

    async def aclose(self) -> None:
        """End the child as ``terminate`` does, and close its streams; no outcome is raised.

        When cancelled the lifeline is closed already: the guardian finishes within the grace, unobserved.
        """
        self._link.let_go()
        self._stdio.close()
        try:
            with suppress(OutcomeUnknown):
                await self.wait()
        finally:
            self._link.close()

    async def _read_outcome(self) -> Exit | OutcomeUnknown:
        match await self._link.receive():
            case [wire.ENDED, code, reason, left]:
                return self._judge(code, reason, int(left))
            case [wire.CRASHED, *words]:
                await self._link.receive_end()
                return OutcomeUnknown(f"the guardian of process {self.pid} failed: {' '.join(words)}")
            case _:
                return OutcomeUnknown(f"process {self.pid} was ended, since its guardian was killed")

    def _judge(self, code: str, reason: str, left: int) -> Exit | OutcomeUnknown:
        if left:
            _logger.error("process %d: %d of its processes cannot be killed; its guardian keeps trying", self.pid, left)
        if reason == wire.HOST_GONE:
            return OutcomeUnknown(f"process {self.pid} was ended, since the process host was killed")
        if code == wire.UNKNOWN_CODE:
            return OutcomeUnknown(f"process {self.pid} cannot be killed: the kernel or another user holds it")
        number = int(code)
        return Exit(code=number) if number >= 0 else Exit(signal=-number)
