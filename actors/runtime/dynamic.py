"""A supervisor of children that come with their first message and leave when they are idle: OTP's
``simple_one_for_one``.

1. A key names a child (the name in its spec does not count). ``tell`` starts it if it is absent, from the spec that
   the factory makes of the key; it does not wait for ``started()``. Children start, fail, back off and are
   quarantined each on its own; none is core.
2. *Passivation.* An idle child asks (``Context.passivate``) and is let go only if nothing is queued, nothing is on
   its way to one of its tasks and no ask is unanswered in its hands. Once granted, its mailbox yields no more: what
   comes between the grant and its return waits there and starts a fresh child (attempt 0). No tell is ever lost to
   it.
3. At most ``max_children`` at a time, those in backoff and quarantine included. Beyond it a tell for an absent key
   waits its turn (first come, first served, all tells of one key at once); tells to living children pass. The status
   says how many keys wait.
4. A child that returned as its restart type allows leaves; if messages wait in its mailbox, a fresh one starts for
   them. Those of a temporary child that failed are dropped. What waits in mailboxes when the supervisor is restarted
   by the one above is served by its next run.
5. It stops all children at once, each with its grace.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

import trio
from attrs import define, field
from attrs.validators import ge

from actors.runtime.ask import Asked, Reply, ask
from actors.runtime.child import Child
from actors.runtime.failures import EndedUnasked
from actors.runtime.incarnation import Incarnation
from actors.runtime.spec import ChildSpec, Restart
from actors.runtime.supervision import Supervision
from hermes.errors import Unavailable
from hermes.status import State

M = TypeVar("M")
T = TypeVar("T")

# An idle child costs about 10 KB with a small actor in it: 100 MB in all, the memory of a small machine.
MAX_CHILDREN = 10_000


@define(eq=False)
class Waiting:
    """A key without room, and those who have something to tell it."""

    spec: ChildSpec
    admitted: trio.Event = field(factory=trio.Event, init=False)
    tellers: int = field(default=0, init=False)


@define(eq=False, repr=False)
class DynamicSupervisor(Supervision, Generic[M]):
    """``DynamicSupervisor[Nudge]("conversations", lambda key: ChildSpec(key, partial(converse, key)))``."""

    factory: Callable[[str], ChildSpec]
    max_children: int = field(default=MAX_CHILDREN, kw_only=True, validator=ge(1))
    _kept: dict[str, Child] = field(factory=dict[str, Child], init=False)
    _waiting: OrderedDict[str, Waiting] = field(factory=OrderedDict[str, Waiting], init=False)

    async def tell(self, key: str, message: M) -> None:
        """Put ``message`` in the mailbox of the child ``key``, starting it if it is absent.

        Waits while that mailbox is full or all places are taken. Cancelled, it has told nothing. Raises
        ``Unavailable`` when the tree has ended, and what the factory raises. Before the supervisor runs, messages are
        kept for its start.
        """
        await self._put(key, message)

    def tell_nowait(self, key: str, message: M) -> bool:
        """As ``tell``, but False at once where that would wait."""
        child = self._kept.get(key)
        if child is None:
            if self._full:
                return False
            self._refuse_if_ended()
            child = self._admit(key, self._spec(key))
        try:
            return child.queue.put_nowait(message)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise Unavailable(f"{self.path} has ended") from None

    async def ask(self, key: str, make: Callable[[Reply[T]], M], *, within: float) -> T:
        """As ``Address.ask``, for the child ``key``, starting it if it is absent."""

        async def put(item: Asked) -> None:
            await self._put(key, item)

        return await ask(put, make, within, f"{self.path}/{key}")

    @property
    def core(self) -> bool:
        return False

    def detail(self) -> str:
        if not self._full:
            return ""
        return f"full: {self.max_children} children, {len(self._waiting)} more wait"

    def children(self) -> Iterable[Child]:
        # A copy: a child may leave while the caller looks at it.
        return list(self._kept.values())

    def restart_child(self, name: str, why: str) -> None:
        child = self._kept.get(name)
        if child is None:
            raise LookupError(f"{self.path} has no child {name!r}")
        if not self.running:
            return
        child.forget()
        child.wanted = True
        if child.life is None:
            self._timers.clear(child)
            child.become(State.STOPPED)
            self._settle(child)
        else:
            self._stop(child, why)

    def retire(self) -> None:
        super().retire()
        self._kept = {key: child for key, child in self._kept.items() if child.life is not None}
        for waiting in self._waiting.values():
            waiting.admitted.set()
        self._waiting.clear()

    def passivation_asked(self, child: Child) -> bool:
        if not self.running or child.state is not State.RUNNING:
            return False
        self._await_leaving(child)
        return True

    async def _put(self, key: str, item: object) -> None:
        while True:
            child = self._kept.get(key)
            if child is None:
                await self._make_room(key)
                continue
            try:
                await child.queue.put(item)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                # It left for good while this task waited for room in its mailbox: its successor gets the message.
                self._refuse_if_ended()
                continue
            return

    async def _make_room(self, key: str) -> None:
        """Come back when the child ``key`` was admitted, or is worth another look."""
        self._refuse_if_ended()
        waiting = self._waiting.get(key)
        if waiting is None:
            spec = self._spec(key)
            if not self._full:
                self._admit(key, spec)
                return
            waiting = self._waiting[key] = Waiting(spec)
        waiting.tellers += 1
        try:
            await waiting.admitted.wait()
        finally:
            waiting.tellers -= 1
            if not waiting.tellers and self._waiting.get(key) is waiting:
                del self._waiting[key]

    @property
    def _full(self) -> bool:
        return len(self._kept) >= self.max_children

    def _refuse_if_ended(self) -> None:
        if self._retired:
            raise Unavailable(f"{self.path} has ended")

    def _spec(self, key: str) -> ChildSpec:
        spec = self.factory(key)
        if spec.core:
            raise ValueError(f"{self.path}/{key}: a dynamic child cannot be core")
        return spec

    def _admit(self, key: str, spec: ChildSpec) -> Child:
        child = self._kept[key] = Child(key, spec, self)
        if self.running:
            self._start(child)
        return child

    def _admit_waiting(self) -> None:
        while self._waiting and not self._full:
            key, waiting = self._waiting.popitem(last=False)
            self._admit(key, waiting.spec)
            waiting.admitted.set()

    def _begin(self, task_status: trio.TaskStatus[None]) -> None:
        for child in self.children():
            if not child.queue.depth:
                self._dismiss(child)
        super()._begin(task_status)

    def _returned(self, child: Child, life: Incarnation) -> None:
        ignored = child.queue.depth and not life.mailbox.touched and not life.passivated
        if ignored and child.spec.restart is Restart.TRANSIENT and self.running:
            # A fresh start for the messages would end the same way, at once and for ever: counted, it is stopped.
            self._ended_badly(child, life, EndedUnasked("returned without a look at its messages"))
        else:
            super()._returned(child, life)

    def _release(self, child: Child, *, failed: bool) -> None:
        if child.queue.depth and not failed:
            child.renew()
        else:
            self._dismiss(child)
            self._admit_waiting()

    def _dismiss(self, child: Child) -> None:
        del self._kept[child.name]
        child.leave_for_good()

    def _condemn_companions(self, child: Child, why: str) -> None:
        """None: each is on its own."""

    def _advance(self, changed: Child | None) -> None:
        if changed is not None:
            self._see_to(changed)
            return
        for child in self.children():
            self._see_to(child)
        self._admit_waiting()
        if self._state is State.STARTING:
            self._become(State.RUNNING)
            self._task_status.started()

    def _see_to(self, child: Child) -> None:
        if self._ending is None and child.startable:
            self._start(child)
        elif self._ending is not None:
            self._stop(child, self._ending.why)
