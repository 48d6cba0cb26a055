"""The Protocols by which tools reach the world; actors/ implements them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from attrs import frozen

from hermes.store.found import Found


@frozen
class CommandOutput:
    """What a finished command left."""

    output: str
    """Standard output and error in order, undecodable bytes replaced, head and tail kept within the bound."""
    truncated: bool
    total_bytes: int
    code: int | None
    """Exit code, or None when a signal or the time-out ended it."""
    signal: int | None
    timed_out: bool


class Processes(Protocol):
    """Starts child processes, each under a guardian; nothing that it started outlives the call."""

    async def run(
        self, argv: tuple[str, ...], *, cwd: Path, environment: Mapping[str, str], timeout: float, limit: int
    ) -> CommandOutput:
        """Run to the end, at most ``timeout`` seconds, keeping at most ``limit`` bytes of output.

        Raises ``hermes.process.SpawnError`` when it cannot be started. Cancelled: everything that it started is ended.
        """
        ...


class Archive(Protocol):
    """Earlier conversations of those who read along in this chat, and nobody else's."""

    async def search(self, query: str, *, roles: tuple[str, ...], limit: int) -> tuple[Found, ...]:
        """Messages that hold the words of ``query``, the best first. ``roles``: whose; empty: all."""
        ...

    async def recent(self, *, limit: int) -> tuple[Found, ...]:
        """The conversations that were last spoken in, the latest first; the snippet is how each began."""
        ...


class SessionState(Protocol):
    """Small named values that live as long as the session (the todo list, approved rules)."""

    async def get(self, key: str) -> str | None: ...

    async def put(self, key: str, value: str) -> None:
        """Store at most 64 KB of text durably."""
        ...


class Approvals(Protocol):
    """What a person has allowed, and how strict the configuration is."""

    @property
    def mode(self) -> str:
        """approvals.mode: "manual", "smart" or "off". Never lifts the hard-blocked set."""
        ...

    @property
    def timeout(self) -> float:
        """Seconds, approvals.timeout."""
        ...

    @property
    def every_command(self) -> bool:
        """True where whoever writes has proven nothing (the page without a key): each command asks first."""
        ...

    async def allowed(self, rule: str) -> bool:
        """Whether ``rule`` was allowed for this session or always."""
        ...

    async def allow(self, rule: str, *, always: bool) -> None: ...


@frozen
class BackgroundCommand:
    """What is to run on when the call that started it has returned."""

    argv: tuple[str, ...]
    shown: str
    """The command as it is told, redacted."""
    cwd: Path
    environment: Mapping[str, str]
    terminal: bool = False
    """Its streams are a pseudo-terminal."""
    notify: bool = False
    """The session is told when it ends."""
    patterns: tuple[str, ...] = ()
    """The session is told when each is printed for the first time."""


@frozen
class BackgroundView:
    """One background process at a moment."""

    id: str
    command: str
    pid: int
    ending: str
    """How it ended ("exit code 0"); empty while it runs."""
    seconds: float
    """For how long it has run, or ran."""
    total_bytes: int
    """Printed, kept or not."""


@frozen
class KeptOutput:
    """What is kept of an output: the end of it."""

    first: int
    """The number of its first line, from 1 on; more than 1 when those before were dropped."""
    text: str
    """Undecodable bytes replaced, and not cleaned or redacted yet."""


class Background(Protocol):
    """The background processes of one session.

    Each method that names a process raises ``Refused`` when the session has none of that id. They end with the program;
    the session is told of each that a restart ended.
    """

    async def start(self, command: BackgroundCommand) -> BackgroundView:
        """Raises ``Refused`` when too many run, ``SpawnError`` and ``Unavailable``. Cancelled, it leaves nothing."""
        ...

    def listed(self) -> tuple[BackgroundView, ...]:
        """Those that run, and the last that ended, oldest first."""
        ...

    def view(self, process_id: str) -> BackgroundView: ...

    def output(self, process_id: str) -> KeptOutput: ...

    async def wait(self, process_id: str, seconds: float) -> BackgroundView:
        """Until it ends, ``seconds`` at most. Whoever waits has learnt of its end: the session is not told again."""
        ...

    async def end(self, process_id: str) -> BackgroundView:
        """End it and all that it started."""
        ...

    async def write(self, process_id: str, data: bytes) -> None:
        """Give it input. Raises ``Refused`` when it takes none."""
        ...

    def unfinished(self, process_id: str) -> str:
        """What was written to it since the last end of a line."""
        ...

    async def close_input(self, process_id: str) -> None:
        """The end of its input."""
        ...
