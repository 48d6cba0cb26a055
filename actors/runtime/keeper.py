"""How a supervisor keeps one child: its start, its deadlines, the shutdown ladder, and what follows from its end.

1. Ladder: a child is cancelled and has ``ChildSpec.shutdown`` seconds to leave. One that stays is *stuck* (a thread,
   a shielded cleanup): it is reported, and no second incarnation is ever started beside it. A core child that is
   stuck (a supervisor too, when a stuck leaf keeps it from ending) ends the tree; any other is seen in the status, and
   starts again if it ever leaves.
2. An end that was asked for is no failure. Any other is judged by ``verdict.py``: exactly one report each, before
   whatever follows from it.
3. Every decision is a plain function. What is due to other children follows in ``_settle``, the last step of each.
"""

import contextvars
import math
import time
from abc import ABC, abstractmethod

import trio
from attrs import define, field, frozen

from actors.runtime.child import Child
from actors.runtime.failures import ChildStuck, EndedUnasked, IntensityExceeded, blame, describe, one_line
from actors.runtime.incarnation import Incarnation
from actors.runtime.intensity import Intensity
from actors.runtime.report import Report, What, deliver
from actors.runtime.services import Services
from actors.runtime.spec import Restart
from actors.runtime.timers import Timers
from actors.runtime.verdict import Remedy, Rules, Verdict
from hermes.errors import AuthError, ConfigError, LivenessExceeded, TransientError
from hermes.status import State


@frozen
class Ending:
    """Why a supervisor ends, and what its ``run`` raises; None where it was asked to."""

    why: str
    error: BaseException | None


@define(eq=False, repr=False)
class Keeper(ABC):
    """The half of a supervisor that deals with one child at a time."""

    name: str
    intensity: Intensity = field(factory=Intensity, kw_only=True)
    _services: Services = field(factory=Services, init=False)
    _ending: Ending | None = field(default=None, init=False)
    _retired: bool = field(default=False, init=False)
    """It will not run again: mailboxes close as their children end."""
    _alive: int = field(default=0, init=False)
    _some_stuck: bool = field(default=False, init=False)
    """In this run a child was stuck, here or further down: spares the others the search."""
    _timers: Timers[Child] = field(factory=Timers[Child], init=False)
    _nursery: trio.Nursery | None = field(default=None, init=False)
    _task_context: contextvars.Context = field(factory=contextvars.copy_context, init=False)
    _bell: trio.Event = field(factory=trio.Event, init=False)
    _wakes_at: float = field(default=math.inf, init=False)

    @property
    @abstractmethod
    def path(self) -> str:
        """Its place in the tree, names joined by slashes."""

    @abstractmethod
    def tree_interrupted(self, interrupt: BaseException) -> None:
        """A child raised what ends the whole program."""

    @abstractmethod
    def passivation_asked(self, child: Child) -> bool:
        """``child`` is idle and asks to be let go."""

    @abstractmethod
    def _end(self, ending: Ending) -> None:
        """Stop all children, then let ``run`` end."""

    @abstractmethod
    def _end_tree(self, ending: Ending) -> None:
        """End the supervisor at the top."""

    @abstractmethod
    def _settle(self, changed: Child | None) -> None:
        """Do what is due after ``changed`` changed; None for a change of the supervisor itself."""

    @abstractmethod
    def _release(self, child: Child, *, failed: bool) -> None:
        """``child`` has ended and its restart type wants no other life for it."""

    @abstractmethod
    def _condemn_companions(self, child: Child, why: str) -> None:
        """``child`` will start again: see to the siblings that share its fate."""

    def _start(self, child: Child) -> None:
        assert self._nursery is not None
        self._alive += 1
        # In the context of the supervisor's own task: whoever told a message has no part in the child that it starts.
        self._task_context.run(child.start, self._nursery)
        self._set_timer(child, trio.current_time() + child.spec.start_within)

    def _set_timer(self, child: Child, due: float) -> None:
        self._timers.set(child, due)
        if due < self._wakes_at:
            self._bell.set()

    def _stop(self, child: Child, why: str) -> None:
        """First rung of the ladder. A child that is being cut off already keeps its running grace."""
        life = child.life
        if life is None or life.asked is not None:
            return
        fresh = not life.scope.cancel_called
        life.ask_to_stop(why)
        if fresh:
            self._await_leaving(child)

    def _cut_off(self, child: Child, life: Incarnation, cause: Exception) -> None:
        life.cut_off(cause)
        child.has_been_tried()
        self._await_leaving(child)
        self._settle(child)

    def _await_leaving(self, child: Child) -> None:
        child.become(State.STOPPING)
        self._set_timer(child, trio.current_time() + child.spec.shutdown)

    def _attend_to(self, child: Child) -> None:
        """The timer of ``child`` has run out."""
        if child.life is None:
            child.become(State.STOPPED)
            self._settle(child)
        elif child.state is State.STARTING:
            late = TransientError(f"not ready within {child.spec.start_within:g} s of its start")
            self._cut_off(child, child.life, late)
        elif child.state is State.RUNNING:
            self._watch(child, child.life)
        else:
            self._grace_is_over(child, child.life)

    def _watch(self, child: Child, life: Incarnation) -> None:
        now = trio.current_time()
        again = life.pulse.check(now)
        if again is not None:
            self._set_timer(child, again)
            return
        age = now - life.pulse.proven_at
        self._cut_off(child, life, LivenessExceeded(f"deaf: no proven round trip for {age:.0f} s"))

    def _grace_is_over(self, child: Child, life: Incarnation) -> None:
        if not life.scope.cancel_called:
            self._cut_off(child, life, ChildStuck(f"{child.path} went on after its passivation was granted"))
            return
        life.stuck = self._some_stuck = True
        reason = f"ignores its cancellation since {child.spec.shutdown:g} s"
        self._report(child, What.STUCK, reason)
        if child.spec.core and self._ending is None:
            self._end_tree(Ending(f"{child.path} is stuck", ChildStuck(f"{child.path} {reason}")))
        self._settle(child)

    def child_started(self, child: Child) -> None:
        """``started()`` was called. One that is leaving already stays what it is."""
        life = child.life
        if life is None or child.state is not State.STARTING:
            return
        child.become(State.RUNNING)
        child.tried = True
        self._watch(child, life)
        self._report(child, What.STARTED, "")
        self._settle(child)

    def child_ended(self, child: Child, life: Incarnation, failure: Exception | None) -> None:
        """The task of ``life`` is about to end; ``failure`` is what came out of the actor."""
        self._alive -= 1
        self._timers.clear(child)
        child.has_been_tried()
        child.become(State.STOPPED)
        error = blame(life.cause, failure)
        if life.asked is not None:
            self._ended_as_asked(child, life.asked if failure is None else describe(failure, self._services.redact))
        elif error is None:
            self._returned(child, life)
        else:
            self._ended_badly(child, life, error)
        if self._retired:
            child.leave_for_good()
        self._settle(child)

    def _ended_as_asked(self, child: Child, reason: str) -> None:
        self._report(child, What.STOPPED, reason)
        if child.spec.restart is Restart.TEMPORARY and not child.wanted and self._ending is None:
            self._release(child, failed=False)

    def _returned(self, child: Child, life: Incarnation) -> None:
        if self._ending is not None:
            self._report(child, What.STOPPED, "returned while its supervisor ends")
        elif life.passivated:
            self._report(child, What.PASSIVATED, "")
            self._release(child, failed=False)
        elif child.spec.restart is Restart.PERMANENT:
            self._ended_badly(child, life, EndedUnasked("ended without being asked"))
        else:
            self._report(child, What.DONE, "")
            self._release(child, failed=False)

    def _ended_badly(self, child: Child, life: Incarnation, error: Exception) -> None:
        reason = child.fail(error, self._services.redact)
        if self._ending is not None or child.spec.restart is Restart.TEMPORARY:
            self._report(child, What.FAILED, reason)
            if self._ending is None:
                self._release(child, failed=True)
            return
        now = trio.current_time()
        rules = Rules(
            intensity=self.intensity,
            backoff=child.spec.backoff or self._services.backoff,
            core=child.spec.core,
            random=self._services.random,
        )
        verdict = child.history.judge(error, rules, now=now, healthy_for=life.pulse.healthy_for(now))
        self._carry_out(child, verdict, error, reason)

    def _carry_out(self, child: Child, verdict: Verdict, error: Exception, reason: str) -> None:
        if verdict.remedy is Remedy.GIVE_UP:
            child.become(State.FAILED)
            self._report(child, What.GAVE_UP, reason)
            self._end(Ending(f"{child.path} failed", self._upward(child, error, reason)))
            return
        if verdict.remedy is not Remedy.RESTART:
            child.become(State.FAILED if verdict.remedy is Remedy.QUARANTINE else State.BACKOFF)
            self._set_timer(child, trio.current_time() + verdict.delay)
        what = What.QUARANTINED if verdict.remedy is Remedy.QUARANTINE else What.RESTARTING
        self._report(child, what, reason, delay=verdict.delay)
        self._condemn_companions(child, f"restarts together with {child.name}")

    def _upward(self, child: Child, error: Exception, reason: str) -> Exception:
        if isinstance(error, AuthError | ConfigError):
            return error
        exceeded = IntensityExceeded(
            f"{child.path} failed more often than {self.intensity} allow; the last time: {reason}"
        )
        exceeded.__cause__ = error
        return exceeded

    def _report(self, child: Child, what: What, reason: str, *, delay: float = math.inf) -> None:
        report = Report(
            supervisor=self.path,
            child=child.name,
            what=what,
            reason=one_line(reason, self._services.redact),
            attempt=child.attempt,
            next_try=None if delay == math.inf else time.time() + delay,
        )
        deliver(report, self._services.reports)
