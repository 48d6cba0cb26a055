"""Where children come from: ``ProcessHost``, owned by one actor and lent to those who start children.

- The host process begins with the first child; until then a ProcessHost is only memory.
- A host process that was killed is noticed and replaced by the next start; its children are ended by their guardians.
- When the owner leaves, every child is ended, whoever started it, and the owner's exit waits for that.
- Only the gateway's thread of trio touches any of it; starting a child blocks it for no longer than a few calls of the
  kernel take.
"""

from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from types import TracebackType
from typing import Self
from weakref import WeakSet

import trio
from attrs import define, field

from hermes.errors import Unavailable
from hermes.process import wire
from hermes.process.child import Process
from hermes.process.command import Command, Stdin, TerminalSize
from hermes.process.connection import HostConnection, HostGone, open_connection
from hermes.process.errors import OutcomeUnknown, SpawnError, spawn_error
from hermes.process.link import GuardianLink, open_link
from hermes.process.spec import open_spec
from hermes.process.stdio import Stdio, open_pipes, open_terminal

GRACE_SECONDS = 2.0
"""Between SIGTERM and SIGKILL: enough to flush and to remove a lock file, short beside a person's patience."""

# The owner's exit waits so long for its children: the grace of most, and the time in which a guardian gives up killing.
_LEAVE_SECONDS = 15.0
# A host that is being killed takes the first request with it, and refuses the second; the third finds a new one.
_ATTEMPTS = 3


@define(eq=False)
class ProcessHost:
    """``async with ProcessHost() as host``, or ``run`` as an actor."""

    _connection: HostConnection | None = field(default=None, init=False)
    _opening: trio.Lock = field(factory=trio.Lock, init=False)
    _links: WeakSet[GuardianLink] = field(factory=WeakSet[GuardianLink], init=False)
    _open: bool = field(default=False, init=False)

    async def __aenter__(self) -> Self:
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open = False
        for link in list(self._links):
            link.let_go()
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close(_LEAVE_SECONDS)

    async def run(self, task_status: trio.TaskStatus["ProcessHost"] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; every child is ended then."""
        async with self:
            task_status.started(self)
            await trio.sleep_forever()

    @property
    def pid(self) -> int | None:
        """Of the host process; None before the first child."""
        return self._connection.pid if self._connection else None

    async def start(
        self,
        command: Command,
        *,
        stdin: Stdin = Stdin.NONE,
        merge_stderr: bool = False,
        grace: float = GRACE_SECONDS,
        terminal: TerminalSize | None = None,
    ) -> Process:
        """Start a child; the caller closes the Process.

        ``grace`` is the time in seconds between SIGTERM and SIGKILL whenever it is ended. With ``terminal`` all three
        streams are a pseudo-terminal of that size, and ``stdin`` and ``merge_stderr`` are not looked at.

        Cancelled at any point, it leaves no child. It has no time limit of its own: a working directory on a hung
        mount holds it until it is cancelled.

        Raises SpawnError when the command was not started, OutcomeUnknown when its guardian was killed at the moment of
        its start, Unavailable when nobody runs this ProcessHost.
        """
        if terminal:
            open_stdio = partial(open_terminal, terminal)
        else:
            open_stdio = partial(open_pipes, stdin, merge_stderr=merge_stderr)
        for _ in range(_ATTEMPTS):
            with suppress(HostGone):
                return await self._start(command, grace, open_stdio)
        raise SpawnError(
            f"cannot start {command.argv[0]!r}: the process host ends, or loses what it is sent: see the log"
        )

    async def _start(
        self, command: Command, grace: float, open_stdio: Callable[[ExitStack, ExitStack], Stdio]
    ) -> Process:
        """Raises HostGone when nothing of the command can have run."""
        with ExitStack() as ours, ExitStack() as theirs:
            try:
                stdio = open_stdio(ours, theirs)
                link, *descriptors = open_link(ours, theirs)
                descriptors.append(open_spec(command, grace, stdio.terminal, theirs))
                self._links.add(link)
                await self._send([*descriptors, *stdio.descriptors])
            except OSError as error:
                raise spawn_error(command, wire.STEP_DESCRIPTORS, error.errno or 0) from error
            # Their end is seen only when the gateway itself holds none of them.
            theirs.close()
            pid = await _started(link, command)
            ours.pop_all()
        return Process(pid, stdio, link)

    async def _send(self, descriptors: list[int]) -> None:
        connection = await self._connected()
        try:
            await connection.send(descriptors)
        except HostGone:
            await self._forget(connection)
            raise

    async def _connected(self) -> HostConnection:
        async with self._opening:
            self._require_open()
            if self._connection is None:
                connection = await open_connection()
                try:
                    # The owner may have left meanwhile.
                    self._require_open()
                except Unavailable:
                    await connection.discard()
                    raise
                self._connection = connection
            return self._connection

    async def _forget(self, connection: HostConnection) -> None:
        """Several starts may find out about the same host; one of them reaps it."""
        if self._connection is connection:
            self._connection = None
            await connection.discard()

    def _require_open(self) -> None:
        if not self._open:
            raise Unavailable("no child can be started: the process host is not running")


async def _started(link: GuardianLink, command: Command) -> int:
    words = await link.receive()
    if not words:
        # The guardian says that it begins before it does.
        raise HostGone
    if words == [wire.BEGUN]:
        words = await link.receive()
    match words:
        case [wire.STARTED, pid]:
            return int(pid)
        case [wire.FAILED, step, number]:
            raise spawn_error(command, step, int(number))
        case [wire.CRASHED, *report]:
            await link.receive_end()
            raise OutcomeUnknown(f"the guardian of {command.argv[0]!r} failed: {' '.join(report)}")
        case _:
            raise OutcomeUnknown(f"the guardian of {command.argv[0]!r} was killed while it started it")
