"""What both kinds of supervisor share: the run, the place in the tree, and the end of it all.

1. ``run`` returns or raises only when every task of every child has ended. Its children live in a nursery that is
   shielded from the outside: a cancellation is noticed by a task beside them and becomes an orderly stop.
2. A child that is stuck (keeper.py) is not waited for while its siblings stop. When nothing but stuck children keeps
   an ending tree alive, the root calls ``escalate`` with the path of each. In production that ends the process.
3. What a supervisor is not given (``reports``, ``escalate``, ``redact``, ``random``, ``backoff``) it takes from the
   one above.
4. Mailboxes outlive every restart of a supervisor. They end with the root's run, or with a child that is gone for
   good.
5. ``KeyboardInterrupt`` and ``SystemExit`` of a child end the tree in order and come out of the root's ``run`` as
   they are; a second ``KeyboardInterrupt`` does not wait.
"""

import contextvars
import math
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator

import trio
from attrs import define, field

from actors.runtime.backoff import Backoff
from actors.runtime.child import Child
from actors.runtime.context import Context
from actors.runtime.failures import ChildStuck
from actors.runtime.keeper import Ending, Keeper
from actors.runtime.report import Report
from actors.runtime.services import Overrides, Services
from actors.runtime.spec import ChildSpec
from hermes.status import ChildStatus, Kind, State


@define(eq=False, repr=False)
class Supervision(Keeper):
    """Base of the supervisors. A supervisor is an actor too, and so can be a child."""

    reports: Callable[[Report], None] | None = field(default=None, kw_only=True)
    escalate: Callable[[str], None] | None = field(default=None, kw_only=True)
    redact: Callable[[str], str] | None = field(default=None, kw_only=True)
    random: Callable[[], float] | None = field(default=None, kw_only=True)
    backoff: Backoff | None = field(default=None, kw_only=True)

    _parent: "Supervision | None" = field(default=None, init=False)
    _record: Child | None = field(default=None, init=False)
    """Itself, as the supervisor above knows it."""
    _state: State = field(default=State.STOPPED, init=False)
    _since: float = field(factory=time.time, init=False)
    _escalated: bool = field(default=False, init=False)
    _task_status: trio.TaskStatus[None] = field(default=trio.TASK_STATUS_IGNORED, init=False)

    @property
    @abstractmethod
    def core(self) -> bool:
        """True when its own failure must fail the supervisor above."""

    @abstractmethod
    def detail(self) -> str:
        """A few words for the status."""

    @abstractmethod
    def children(self) -> Iterable[Child]:
        """All children, in order of start."""

    @abstractmethod
    def restart_child(self, name: str, why: str) -> None:
        """Start the child anew, now: a living one is stopped first, one in backoff or quarantine is tried at once.

        Its earlier failures are forgotten. Nothing happens while the supervisor itself does not run, since its next
        run starts everything afresh. Raises ``LookupError`` when there is no such child.
        """

    @abstractmethod
    def _advance(self, changed: Child | None) -> None:
        """Stop and start whatever is due after ``changed`` changed; None for a change of the supervisor itself."""

    def __repr__(self) -> str:
        # Not the whole tree below, and not what its actors were given: that may hold secrets.
        return f"<{type(self).__name__} {self.path}>"

    @property
    def path(self) -> str:
        return self.name if self._parent is None else f"{self._parent.path}/{self.name}"

    @property
    def running(self) -> bool:
        """It starts and restarts children: not before its run, and not once it ends."""
        return self._nursery is not None and self._ending is None

    @property
    def stuck(self) -> bool:
        """It ends, and whatever still lives below it ignores cancellation beyond its grace."""
        if self._ending is None or not self._alive or not self._some_stuck:
            return False
        return all(child.stuck for child in self.children() if child.life is not None)

    def as_child(self, parent: "Supervision") -> Child:
        """The runtime's: take a place below ``parent``."""
        if self._parent is not None:
            raise ValueError(f"{self.path} has a supervisor already")
        # No grace and no time limit of its own: its children's bound both.
        spec = ChildSpec(self.name, self, shutdown=math.inf, start_within=math.inf, core=self.core, mailbox=1)
        self._parent = parent
        self._record = Child(self.name, spec, parent, below=self)
        return self._record

    async def __call__(self, context: Context[object], *, task_status: trio.TaskStatus[None]) -> None:
        """A supervisor as an actor."""
        await self.run(task_status=task_status)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Start the children, keep them running, and stop them in reverse order when cancelled.

        ``task_status.started()`` is called when each child has had its first try and each core child is up. Raises
        ``IntensityExceeded``, ``AuthError`` or ``ConfigError`` when a core child failed for good, ``ChildStuck`` when
        one did not leave, and ``RuntimeError`` when it runs already or was the root of a tree that has ended. Leaves
        no task behind.
        """
        if self._state is not State.STOPPED or self._retired:
            raise RuntimeError(f"{self.path} runs already or has ended for good")
        self._begin(task_status)
        try:
            # Cancelled before it began, it starts nobody.
            await trio.lowlevel.checkpoint_if_cancelled()
            async with trio.open_nursery() as outside:
                outside.start_soon(self._notice_cancellation)
                with trio.CancelScope(shield=True):
                    async with trio.open_nursery() as self._nursery:
                        self._settle(None)
                        await self._attend()
                outside.cancel_scope.cancel()
        finally:
            self._finish()
            # Here, since an interrupt outranks the cancellation that may be on its way through.
            self._raise_interrupt()
        if self._ending is not None and self._ending.error is not None:
            raise self._ending.error

    def status(self) -> ChildStatus:
        """What is true of it and of everything below it at this moment. Only inside of ``trio.run``."""
        if self._record is not None:
            return self._record.status(self._services.redact)
        return ChildStatus(
            name=self.name,
            kind=Kind.SUPERVISOR,
            state=self._state,
            restarts=0,
            since=self._since,
            detail=self.detail(),
            children=self.children_status(),
        )

    def children_status(self) -> tuple[ChildStatus, ...]:
        """All children but those that are done: they are not missed."""
        return tuple(child.status(self._services.redact) for child in self.children() if not child.done)

    def retire(self) -> None:
        """The runtime's: this run was the last one, here and below."""
        self._retired = True
        for child in self.children():
            if child.life is None:
                child.leave_for_good()
            if child.below is not None:
                child.below.retire()

    def tree_interrupted(self, interrupt: BaseException) -> None:
        self._end(Ending(f"interrupted by {type(interrupt).__name__}", interrupt))

    def passivation_asked(self, child: Child) -> bool:
        return False

    def _begin(self, task_status: trio.TaskStatus[None]) -> None:
        own = Overrides(self.reports, self.escalate, self.redact, self.random, self.backoff)
        self._services = own.over(Services() if self._parent is None else self._parent._services)
        self._task_context = contextvars.copy_context()
        self._task_status = task_status
        self._ending = None
        self._some_stuck = False
        self._become(State.STARTING)
        for child in self.children():
            child.forget()
            child.tried = False

    def _finish(self) -> None:
        self._nursery = None
        self._alive = 0
        for child in self.children():
            self._timers.clear(child)
            child.become(State.STOPPED)
            child.waits_for = ""
        if self._parent is None or self._retired:
            self.retire()
        self._become(State.STOPPED)

    def _raise_interrupt(self) -> None:
        error = None if self._ending is None else self._ending.error
        if error is not None and not isinstance(error, Exception):
            raise error

    async def _notice_cancellation(self) -> None:
        try:
            await trio.sleep_forever()
        finally:
            self._end(Ending("shutdown", None))

    async def _attend(self) -> None:
        while self._ending is None or self._alive:
            try:
                await self._wait()
                while (child := self._timers.pop(trio.current_time())) is not None:
                    self._attend_to(child)
            except KeyboardInterrupt as interrupt:
                if self._ending is not None:
                    raise
                self.tree_interrupted(interrupt)

    async def _wait(self) -> None:
        """Until the bell or the next timer."""
        self._bell = trio.Event()
        self._wakes_at = self._timers.next()
        with trio.move_on_at(self._wakes_at):
            await self._bell.wait()

    def _become(self, state: State) -> None:
        if state is not self._state:
            self._state = state
            self._since = time.time()

    def _end(self, ending: Ending) -> None:
        outranks = not isinstance(ending.error, Exception | None) and self._ending is not None
        if self._ending is not None and not outranks:
            return
        self._ending = ending
        self._become(State.STOPPING)
        if self._parent is None:
            self.retire()
        self._settle(None)

    def _end_tree(self, ending: Ending) -> None:
        if self._parent is None:
            self._end(ending)
        else:
            self._parent._end_tree(ending)

    def _settle(self, changed: Child | None) -> None:
        self._advance(changed)
        if self.stuck:
            self._pass_on_stuck()
        if self._ending is not None:
            self._bell.set()

    def _pass_on_stuck(self) -> None:
        if self._parent is not None:
            if self.core:
                named = ", ".join(self.stuck_paths())
                self._end_tree(Ending(f"{self.path} is stuck", ChildStuck(f"{self.path} cannot end for {named}")))
            self._parent._some_stuck = True
            self._parent._settle(self._record)
        elif not self._escalated:
            self._escalated = True
            for path in self.stuck_paths():
                self._services.escalate(path)

    def stuck_paths(self) -> Iterator[str]:
        """The living leaves below, by their paths."""
        for child in self.children():
            if child.life is not None and child.below is not None:
                yield from child.below.stuck_paths()
            elif child.life is not None:
                yield child.path
