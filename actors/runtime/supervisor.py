"""A supervisor of known children, started in order and stopped in reverse: OTP's ``supervisor`` over trio.

Start. Children start in the order given, each awaited to ``started()``. A leaf that fails its first try stops waiting
siblings no longer and is looked after from then on; a core child is awaited until it is up. With ``start_together``
nobody waits for anybody.

Restart. ``strategy`` names the siblings that share a failed child's fate (strategy.py); ``verdict.py`` decides when
it starts again. Under ``one_for_one`` each child is on its own: restarts wait for nobody. Otherwise a child starts
only when all before it are up, and the group that is to be restarted is stopped first, last child first, one after
the other.

Stop. In reverse order, one after the other, each with its grace; one that is stuck is left behind for escalation.

A child is a ``ChildSpec`` or another supervisor. That one is core if any child of its own is, has neither grace nor
start limit of its own, and counts as started when its own start is done.
"""

from collections.abc import Iterable, Sequence
from itertools import chain

from attrs import define, field

from actors.runtime.address import Address
from actors.runtime.child import Child
from actors.runtime.keeper import Ending
from actors.runtime.spec import ChildSpec
from actors.runtime.strategy import Strategy, companions
from actors.runtime.supervision import Supervision
from hermes.status import State


@define(eq=False, repr=False)
class Supervisor(Supervision):
    """``Supervisor("gateway", [ChildSpec("store", store, core=True), Supervisor("mcp", [...])], reports=log)``."""

    specs: Sequence[ChildSpec | Supervision]
    strategy: Strategy = field(default=Strategy.ONE_FOR_ONE, kw_only=True)
    start_together: bool = field(default=False, kw_only=True)
    """Start all at once: for siblings that need nothing of each other, so that none is late because another is slow."""
    _kept: list[Child] = field(factory=list[Child], init=False)

    def __attrs_post_init__(self) -> None:
        if self.start_together and self.strategy is not Strategy.ONE_FOR_ONE:
            raise ValueError(f"{self.name}: children of {self.strategy} start in order, not together")
        for spec in self.specs:
            self._kept.append(spec.as_child(self) if isinstance(spec, Supervision) else Child(spec.name, spec, self))
            if "/" in spec.name or sum(child.name == spec.name for child in self._kept) > 1:
                raise ValueError(f"{self.name}: the name {spec.name!r} has a slash or is taken")

    @property
    def core(self) -> bool:
        return any(child.spec.core for child in self._kept)

    def detail(self) -> str:
        return ""

    def children(self) -> Iterable[Child]:
        return self._kept

    def address(self, name: str) -> Address[object]:
        """Where to send messages for the child ``name``, or ``name/name`` for one further down. Valid from now on.

        The caller declares what the child receives: ``nudges: Address[Nudge] = supervisor.address("outbox")``. Raises
        ``LookupError`` when there is no such worker.
        """
        child, rest = self._find(name)
        if rest and isinstance(child.below, Supervisor):
            return child.below.address(rest)
        if rest or child.below is not None:
            raise LookupError(f"{self.path} has no worker {name!r}")
        return Address(child)

    def restart_child(self, name: str, why: str) -> None:
        child, rest = self._find(name)
        if rest and child.below is not None:
            child.below.restart_child(rest, why)
        elif rest:
            raise LookupError(f"{child.path} has no children")
        elif self.running:
            self._restart(child, why)

    def _restart(self, child: Child, why: str) -> None:
        child.forget()
        child.wanted = True
        if child.life is None:
            self._timers.clear(child)
            child.become(State.STOPPED)
        else:
            child.condemned = why
            self._condemn_companions(child, f"restarts together with {child.name}")
        self._settle(child)

    def _find(self, name: str) -> tuple[Child, str]:
        first, _, rest = name.partition("/")
        for child in self._kept:
            if child.name == first:
                return child, rest
        raise LookupError(f"{self.path} has no child {first!r}")

    def _release(self, child: Child, *, failed: bool) -> None:
        child.tried = True
        child.done = not failed
        child.leave_for_good()

    def _condemn_companions(self, child: Child, why: str) -> None:
        for companion in companions(self.strategy, self._kept, child):
            if companion.life is not None:
                companion.condemned = why

    def _advance(self, changed: Child | None) -> None:
        if self._ending is not None:
            self._stop_one_by_one(self._ending)
            return
        self._stop_condemned()
        self._start_waiting()
        if self._state is State.STARTING and not any(self._holds_the_start(child) for child in self._kept):
            self._become(State.RUNNING)
            self._task_status.started()

    def _stop_one_by_one(self, ending: Ending) -> None:
        for child in reversed(self._kept):
            if child.life is not None:
                self._stop(child, ending.why)
                if not child.stuck:
                    return

    def _stop_condemned(self) -> None:
        for child in reversed(self._kept):
            if child.life is not None and child.condemned:
                self._stop(child, child.condemned)
                if self.strategy is not Strategy.ONE_FOR_ONE and not child.stuck:
                    return

    def _start_waiting(self) -> None:
        for place, child in enumerate(self._kept):
            if child.startable:
                blocker = self._blocker(place, child)
                child.waits_for = "" if blocker is None else f"waits for {blocker.name}"
                if blocker is None:
                    self._start(child)

    def _blocker(self, place: int, child: Child) -> Child | None:
        """The sibling that must come first; None when ``child`` may start."""
        before = self._kept[:place]
        if self.strategy is Strategy.ONE_FOR_ONE:
            return None if self.start_together else next((other for other in before if not other.tried), None)
        leaving = (other for other in self._kept if other.condemned and other.life is not None)
        failed = (other for other in self._kept if other.state in (State.BACKOFF, State.FAILED))
        below = (other for other in before if other.state is not State.RUNNING and not other.gone)
        everybody = self.strategy is Strategy.ONE_FOR_ALL
        return next(chain(leaving, failed, below) if everybody else chain(leaving, below), None)

    def _holds_the_start(self, child: Child) -> bool:
        return not child.tried and (child.spec.core or child.life is not None)
