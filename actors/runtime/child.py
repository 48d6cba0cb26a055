"""A child as its supervisor knows it: the spec, where it stands in its life, and the task that is its incarnation.

One task a living child and none between two lives. The task runs the actor in a cancel scope of its own and tells the
owner, in its last step, how it ended: every decision is made there or by the supervisor's own timers, in plain
functions without an await, so that nothing can happen between a fact and what follows from it.
"""

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import trio
from attrs import define, field

from actors.runtime.context import Context
from actors.runtime.failures import StrayCancellation, describe, one_line, take_apart
from actors.runtime.incarnation import Incarnation
from actors.runtime.liveness import Pulse
from actors.runtime.mailbox import Queue
from actors.runtime.spec import ChildSpec
from actors.runtime.verdict import History, is_ours
from hermes.status import ChildStatus, Failure, Kind, LivenessStatus, MailboxStatus, State

if TYPE_CHECKING:
    from actors.runtime.supervision import Supervision


class Owner(Protocol):
    """The supervisor of a child. None of these may raise or wait."""

    @property
    def path(self) -> str: ...
    def child_started(self, child: "Child") -> None: ...
    def child_ended(self, child: "Child", life: Incarnation, failure: Exception | None) -> None: ...
    def tree_interrupted(self, interrupt: BaseException) -> None: ...
    def passivation_asked(self, child: "Child") -> bool: ...


@define(eq=False, repr=False)
class Child:
    """State of one child over all its incarnations. Written by its owner."""

    name: str
    spec: ChildSpec
    owner: Owner
    below: "Supervision | None" = None
    """The supervisor that this child is, if it is one. It has a mailbox like any actor, but no address is given out."""
    queue: Queue = field(init=False)
    state: State = State.STOPPED
    since: float = field(factory=time.time)
    life: Incarnation | None = field(default=None, init=False)
    starts: int = field(default=0, init=False)
    failure: Failure | None = field(default=None, init=False)
    waits_for: str = field(default="", init=False)
    """What a stopped child waits for before its next start."""
    due: float = field(default=math.inf, init=False)
    gone: bool = field(default=False, init=False)
    """Done, or temporary and ended: started again only on request."""
    done: bool = field(default=False, init=False)
    """Gone without a failure: no part of the tree any more, as far as its status goes."""
    condemned: str = field(default="", init=False)
    """Why it is to be stopped and started again; empty if it is not."""
    wanted: bool = field(default=False, init=False)
    """A person asked for its next start, whatever its restart type says."""
    tried: bool = field(default=False, init=False)
    """In this run of the supervisor it has been up or, unless it is core, has failed: its siblings wait no longer."""
    _history: History | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.queue = Queue(self.spec.mailbox)

    def __repr__(self) -> str:
        return f"<Child {self.path}>"

    @property
    def path(self) -> str:
        return f"{self.owner.path}/{self.name}"

    @property
    def attempt(self) -> int:
        """The number of the present or last incarnation, 0 for the first."""
        return max(0, self.starts - 1)

    @property
    def startable(self) -> bool:
        """Stopped for now, and free to be started whenever its turn comes."""
        return self.life is None and self.state is State.STOPPED and not self.gone

    @property
    def stuck(self) -> bool:
        """It, or all that still lives below it, ignores cancellation beyond its grace."""
        return self.life is not None and (self.life.stuck or (self.below is not None and self.below.stuck))

    @property
    def history(self) -> History:
        # Made at the first failure: most of a thousand conversations never have one.
        if self._history is None:
            self._history = History()
        return self._history

    def has_been_tried(self) -> None:
        """Its try has failed: a leaf holds up nobody any more."""
        self.tried = self.tried or not self.spec.core

    def forget(self) -> None:
        """Earlier failures no longer count; what was gone may be started again."""
        self._history = None
        self.done = False
        if self.gone:
            self.gone = False
            self.queue.reopen()

    def renew(self) -> None:
        """Its next start is that of a new child, which has no past."""
        self.starts = 0
        self.failure = self._history = None

    def leave_for_good(self) -> None:
        """Done: its address goes dead."""
        self.gone = True
        self.queue.close(self.path)

    def become(self, state: State) -> None:
        if state is not self.state:
            self.state = state
            self.since = time.time()

    def fail(self, error: Exception, redact: Callable[[str], str]) -> str:
        """Record ``error`` as the last failure and return it as one line."""
        reason = describe(error, redact)
        self.failure = Failure(error=reason, at=time.time(), ours=is_ours(error))
        return reason

    def start(self, nursery: trio.Nursery) -> None:
        """Begin the next incarnation in ``nursery``; it is waited for by nobody."""
        self.condemned = ""
        self.wanted = False
        self.life = Incarnation(self, self.starts, Pulse(self.spec.liveness), self.queue.open_mailbox())
        self.starts += 1
        self.become(State.STARTING)
        nursery.start_soon(self._live, self.life, name=self.name)

    def has_started(self) -> None:
        self.owner.child_started(self)

    def grants_passivation(self) -> bool:
        return self.owner.passivation_asked(self)

    async def _live(self, life: Incarnation) -> None:
        failure: Exception | None = None
        try:
            with life.scope:
                await self.spec.actor(Context(self.path, life.mailbox, life), task_status=life)
        except BaseException as raised:
            parts = take_apart(raised)
            failure = parts.failure
            self._leave(life)
            if parts.interrupt is not None:
                self.owner.tree_interrupted(parts.interrupt)
            if parts.onward is not None:
                if trio.current_effective_deadline() == -math.inf:
                    raise parts.onward from None
                # Kept from a scope that is long closed, and raised out of it: nobody outside would ever catch it.
                failure = failure or StrayCancellation("raised a cancellation that nobody had asked for")
        else:
            self._leave(life)
        self.owner.child_ended(self, life, failure)

    def _leave(self, life: Incarnation) -> None:
        self.life = None
        life.end(self.path)

    def status(self, redact: Callable[[str], str]) -> ChildStatus:
        """What is true of it at this moment."""
        now, life = trio.current_time(), self.life
        age = None if life is None else life.pulse.age(now)
        return ChildStatus(
            name=self.name,
            kind=Kind.WORKER if self.below is None else Kind.SUPERVISOR,
            state=self._visible_state(),
            restarts=self.attempt,
            since=self.since,
            next_try=None if self.due == math.inf or life is not None else time.time() + self.due - now,
            detail=one_line(self._detail(), redact),
            failure=self.failure,
            mailbox=MailboxStatus(self.queue.depth, self.queue.bound) if self.below is None else None,
            liveness=None if age is None or self.spec.liveness is None else LivenessStatus(age, self.spec.liveness),
            children=() if self.below is None else self.below.children_status(),
        )

    def _visible_state(self) -> State:
        retrying = self.state is State.RUNNING and self.life is not None and self.life.pulse.retrying is not None
        return State.BACKOFF if retrying else self.state

    def _detail(self) -> str:
        if self.life is None:
            return self.waits_for
        if self.stuck:
            return "stuck: ignores its cancellation"
        if self.below is not None:
            return self.below.detail()
        retrying = self.life.pulse.retrying
        return self.life.detail if retrying is None else f"retrying: {retrying}"
