"""A stage for supervised actors: puppets that do what they are told, and a tree that runs around a test."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import trio
from attrs import define, field
from trio.testing import wait_all_tasks_blocked

from actors.runtime import Address, ChildSpec, Context, Report, Supervisor, What
from actors.runtime.supervision import Supervision
from hermes.status import ChildStatus

# Virtual seconds: longer than anything a test waits for, short enough to name the test that hangs.
PATIENCE = 100_000.0

Order: TypeAlias = BaseException | str | Callable[[Context[object]], Awaitable[None]]


@define(eq=False)
class Puppet:
    """An actor that is ready at once and then does as it is told: raises errors, returns at "return", awaits functions.

    ``before_start`` is awaited before ``started()``; what it raises is a crash at start.
    """

    journal: list[str] = field(factory=list)
    """Shared by puppets whose order matters: ``+name`` for a start, ``-name`` for an end."""
    before_start: Callable[[Context[object]], Awaitable[None]] | None = None
    on_cancel: Callable[[Context[object]], Awaitable[None]] | None = None
    lives: list[Context[object]] = field(factory=list)

    async def __call__(self, context: Context[object], *, task_status: trio.TaskStatus[None]) -> None:
        self.lives.append(context)
        name = context.name.rpartition("/")[2]
        self.journal.append(f"+{name}")
        try:
            if self.before_start is not None:
                await self.before_start(context)
            task_status.started()
            await self._serve(context)
        except trio.Cancelled:
            if self.on_cancel is not None:
                with trio.CancelScope(shield=True):
                    await self.on_cancel(context)
            raise
        finally:
            self.journal.append(f"-{name}")

    async def _serve(self, context: Context[object]) -> None:
        async for order in context.mailbox:
            if isinstance(order, BaseException):
                raise order
            if order == "return":
                return
            if callable(order):
                await order(context)

    @property
    def context(self) -> Context[object]:
        """Of the present or last life."""
        return self.lives[-1]


@define(eq=False)
class Stage:
    """A running tree, what it reported, and what became of it."""

    root: Supervision
    reports: list[Report] = field(factory=list)
    escalated: list[str] = field(factory=list)
    failure: BaseException | None = None
    over: trio.Event = field(factory=trio.Event)
    scope: trio.CancelScope = field(factory=trio.CancelScope)

    _heard: trio.Event = field(factory=trio.Event)

    def hear(self, report: Report) -> None:
        self.reports.append(report)
        self._heard.set()
        self._heard = trio.Event()

    async def until(self, what: What, count: int = 1) -> None:
        """Wait until ``count`` reports of a kind have come in all."""
        while len(self.told(what)) < count:
            await self._heard.wait()

    async def tell(self, name: str, order: Order) -> None:
        """Give an order and wait until everybody has done what follows from it at once."""
        assert isinstance(self.root, Supervisor)
        address: Address[object] = self.root.address(name)
        await address.tell(order)
        await wait_all_tasks_blocked()

    def status(self, name: str = "") -> ChildStatus:
        found = self.root.status()
        for part in filter(None, name.split("/")):
            found = next(child for child in found.children if child.name == part)
        return found

    def told(self, *whats: What) -> list[Report]:
        return [report for report in self.reports if report.what in whats]

    async def stop(self) -> None:
        """Cancel the tree and wait until it has ended."""
        self.scope.cancel()
        with trio.fail_after(PATIENCE):
            await self.over.wait()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        try:
            with self.scope:
                await self.root.run(task_status=task_status)
        except (Exception, KeyboardInterrupt, SystemExit) as error:
            self.failure = error
        finally:
            self.over.set()


@asynccontextmanager
async def acting(root: Supervision, *, wait: bool = True) -> AsyncIterator[Stage]:
    """Run ``root`` around the block. Unless ``wait`` is False the block begins when it has started."""
    stage = Stage(root)
    root.reports = stage.hear
    root.escalate = stage.escalated.append
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            if wait:
                await nursery.start(stage.run)
            else:
                nursery.start_soon(stage.run)
            await wait_all_tasks_blocked()
            yield stage
            stage.scope.cancel()


def no_chance() -> float:
    """Instead of random numbers: every pause at its full length."""
    return 0.0


def supervisor(*children: ChildSpec | Supervision, **options: object) -> Supervisor:
    """A root named ``root`` whose backoff has no jitter."""
    return Supervisor("root", children, random=no_chance, **options)  # type: ignore[arg-type]


def resting(seconds: float, *, later: float | None = None) -> Callable[[Context[object]], Awaitable[None]]:
    """What a puppet can be told: to sleep, for another time in its ``later`` lives."""

    async def rest(context: Context[object]) -> None:
        await trio.sleep(seconds if context.attempt == 0 or later is None else later)

    return rest


def tasks_below(task: trio.lowlevel.Task) -> Iterator[trio.lowlevel.Task]:
    """``task`` and every task in nurseries below it."""
    yield task
    for nursery in task.child_nurseries:
        for child in nursery.child_tasks:
            yield from tasks_below(child)
