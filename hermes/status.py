"""What the supervision tree looks like from outside: frozen, serialisable, and free of the tree itself.

Adapters, the control socket and ``hermes gateway status`` see these types and never the actors behind them.
"""

from enum import StrEnum

from attrs import frozen


class State(StrEnum):
    """Where a child stands in its life."""

    STARTING = "starting"
    RUNNING = "running"
    BACKOFF = "backoff"
    """The world failed it; it waits before its next start."""
    FAILED = "failed"
    """Quarantined: it is tried again later, or when its configuration changes."""
    STOPPING = "stopping"
    STOPPED = "stopped"


class Kind(StrEnum):
    SUPERVISOR = "supervisor"
    WORKER = "worker"


@frozen
class Failure:
    """The last end that was not asked for."""

    error: str
    """Type and message of the error, redacted, at most 500 characters."""
    at: float
    """Unix time in seconds."""
    ours: bool
    """True for a bug, False for the world's fault."""


@frozen
class MailboxStatus:
    depth: int
    bound: int


@frozen
class LivenessStatus:
    age: float
    """Seconds since the last proven round trip, or since the child reported itself started."""
    bound: float
    """Seconds; an older age is unhealthy."""


@frozen
class ChildStatus:
    """One node of the tree, its children inside."""

    name: str
    kind: Kind
    state: State
    restarts: int
    """Starts after the first since the process began."""
    since: float
    """Unix time in seconds of the last change of state."""
    next_try: float | None = None
    """Unix time in seconds of the next start, while in backoff or failed."""
    detail: str = ""
    """A few words of the actor's own ("retrying: connection refused", "3 in flight")."""
    failure: Failure | None = None
    mailbox: MailboxStatus | None = None
    liveness: LivenessStatus | None = None
    children: tuple["ChildStatus", ...] = ()

    @property
    def healthy(self) -> bool:
        """Running, not deaf, and so is everything below."""
        deaf = self.liveness is not None and self.liveness.age > self.liveness.bound
        return self.state is State.RUNNING and not deaf and all(child.healthy for child in self.children)
