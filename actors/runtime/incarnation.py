"""One life of a child, from a start to the end that follows it: its cancel scope, its pulse, its end of the mailbox.

An incarnation is cut off in one of two ways. *Asked* to stop (shutdown, a restart of its group or by a person), its
end is no failure, whatever it raises on the way out. Cut off for a *cause* (not started in time, deaf), the cause is
its failure, and an error of its cleanup is weighed together with it. An incarnation that was asked is never blamed
for a cause.
"""

import time
from typing import Never, Protocol

import trio
from attrs import define, field

from actors.runtime.liveness import Pulse
from actors.runtime.mailbox import Mailbox


class Host(Protocol):
    """The child that an incarnation reports to."""

    since: float

    def has_started(self) -> None: ...
    def grants_passivation(self) -> bool: ...


@define(eq=False, repr=False)
class Incarnation:
    """Also the ``task_status`` that its actor is handed."""

    host: Host
    attempt: int
    pulse: Pulse
    mailbox: Mailbox[Never]
    scope: trio.CancelScope = field(factory=trio.CancelScope, init=False)
    asked: str | None = field(default=None, init=False)
    """Why it was asked to stop."""
    cause: Exception | None = field(default=None, init=False)
    passivated: bool = field(default=False, init=False)
    stuck: bool = field(default=False, init=False)
    detail: str = field(default="", init=False)

    def started(self, value: None = None) -> None:
        """The actor is ready to serve. Raises ``RuntimeError`` the second time, as trio's own task status does."""
        if self.pulse.started_at is not None:
            raise RuntimeError("started() was called twice by one incarnation")
        self.pulse.start(trio.current_time())
        self.host.has_started()

    def beat(self) -> None:
        if self.pulse.retrying is not None:
            self.host.since = time.time()
        self.pulse.beat(trio.current_time())

    def retry(self, why: str) -> None:
        if self.pulse.retrying is None:
            self.host.since = time.time()
        self.pulse.retry(why, trio.current_time())

    def passivate(self) -> bool:
        """True once: the mailbox has ended, and the actor must return. See actors/runtime/dynamic.py."""
        if not self.mailbox.quiet or not self.host.grants_passivation():
            return False
        self.passivated = True
        self.mailbox.close()
        return True

    def ask_to_stop(self, why: str) -> None:
        self.asked = why
        self.scope.cancel()

    def cut_off(self, cause: Exception) -> None:
        self.cause = cause
        self.scope.cancel()

    def end(self, whose: str) -> None:
        """Its task has left the actor: nothing comes out of its mailbox any more, and asks in its hands fail."""
        self.mailbox.end(whose)
