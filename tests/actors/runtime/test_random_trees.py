"""Random crashes over a random tree: nothing outlives its owner, faults stay in their rooms, the status never lies."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest
import trio
from attrs import define, field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.runtime import ChildSpec, Context, DynamicSupervisor, Intensity, Restart, Strategy, Supervisor, What
from hermes.errors import ActorCrashed, AuthError, RateLimited, TransientError, Unavailable
from hermes.status import ChildStatus, State
from tests.actors.runtime.stage import Stage, acting, no_chance, tasks_below


@frozen
class Leaf:
    restart: Restart
    core: bool
    goodbye: float
    """Seconds that its cleanup takes, shielded; its grace is 2."""


@frozen
class Branch:
    strategy: Strategy
    below: tuple["Leaf | Branch", ...]


Plan: TypeAlias = Leaf | Branch

leaves = st.builds(
    Leaf,
    st.sampled_from([Restart.PERMANENT, Restart.PERMANENT, Restart.TRANSIENT, Restart.TEMPORARY]),
    st.sampled_from([False, False, False, True]),
    st.sampled_from([0.0, 0.0, 1.0, 7.0]),
)


def branches(below: st.SearchStrategy[Plan]) -> st.SearchStrategy[Branch]:
    return st.builds(Branch, st.sampled_from(Strategy), st.lists(below, min_size=1, max_size=3).map(tuple))


trees = st.recursive(leaves, branches)
EVENTS: dict[str, Callable[[], Exception]] = {
    "bug": lambda: ValueError("bug"),
    "group": lambda: ExceptionGroup("two", [TransientError("down"), KeyError("bug")]),
    "down": lambda: TransientError("down"),
    "limited": lambda: RateLimited("wait", retry_after=40),
    "token": lambda: AuthError("token refused"),
}
events = st.tuples(
    st.integers(0, 30), st.sampled_from([*EVENTS, "bug", "bug", "return", "restart", "retrying", "beat", "tell", "ask"])
)
pauses = st.sampled_from([0.0, 0.0, 0.0, 0.1, 1.0, 50.0, 400.0])


@define(eq=False)
class Actor:
    """A leaf that counts its lives and holds something that must be let go."""

    path: str
    plan: Leaf
    lives: int = 0
    living: int = 0
    context: Context[object] | None = None
    order: trio.Event = field(factory=trio.Event)
    next_end: Exception | None = None

    async def __call__(self, context: Context[object], *, task_status: trio.TaskStatus[None]) -> None:
        self.lives += 1
        self.living += 1
        self.context, self.order, self.next_end = context, trio.Event(), None
        try:
            task_status.started()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.receive, context)
                await self.order.wait()
                if self.next_end is not None:
                    raise self.next_end
                nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(self.plan.goodbye)
            self.living -= 1

    async def receive(self, context: Context[object]) -> None:
        async for _ in context.mailbox:
            pass

    def end(self, error: Exception | None) -> None:
        self.next_end = error
        self.order.set()


@define(eq=False)
class Grove:
    """A tree of supervisors grown from a plan, and its leaves."""

    plan: Branch
    actors: list[Actor] = field(factory=list)
    root: Supervisor = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.root = self.grow(self.plan, "root", "root")

    def grow(self, branch: Branch, name: str, path: str) -> Supervisor:
        children = [self.child(plan, f"{name}{at}", f"{path}/{name}{at}") for at, plan in enumerate(branch.below)]
        return Supervisor(name, children, strategy=branch.strategy, intensity=Intensity(2, 30.0), random=no_chance)

    def child(self, plan: Plan, name: str, path: str) -> ChildSpec | Supervisor:
        if isinstance(plan, Branch):
            return self.grow(plan, name, path)
        actor = Actor(path, plan)
        self.actors.append(actor)
        return ChildSpec(name, actor, plan.restart, shutdown=2, core=plan.core)

    def siblings(self, actor: Actor) -> list[Actor]:
        """Leaves beside it under the same supervisor, if that keeps faults apart."""
        above = actor.path.rpartition("/")[0]
        branch: Plan = self.plan
        for part in above.split("/")[1:]:
            assert isinstance(branch, Branch)
            branch = branch.below[int(part[-1])]
        assert isinstance(branch, Branch)
        if branch.strategy is not Strategy.ONE_FOR_ONE:
            return []
        return [other for other in self.actors if other is not actor and other.path.rpartition("/")[0] == above]


def nodes(status: ChildStatus, path: str = "") -> Iterator[tuple[str, ChildStatus]]:
    path = f"{path}/{status.name}" if path else status.name
    yield path, status
    for child in status.children:
        yield from nodes(child, path)


def the_status_is_true(grove: Grove, stage: Stage) -> None:
    said = dict(nodes(stage.root.status()))
    for actor in grove.actors:
        if actor.path not in said:
            assert actor.plan.restart is not Restart.PERMANENT
            assert not actor.living
            continue
        status = said[actor.path]
        retrying = status.detail.startswith("retrying: ")
        alive = status.state in (State.STARTING, State.RUNNING, State.STOPPING) or retrying
        assert actor.living == alive, (actor.path, status)
        assert status.restarts == max(0, actor.lives - 1)
        assert (status.next_try is not None) <= (status.state in (State.BACKOFF, State.FAILED))
        assert status.mailbox is not None
        assert status.mailbox.depth <= status.mailbox.bound
        if status.state in (State.BACKOFF, State.FAILED) and not retrying:
            assert status.failure is not None
            waits_for_a_person = status.failure.error.startswith("AuthError")
            assert status.failure.ours == (status.state is State.FAILED and not waits_for_a_person)
            gave_up = status.state is State.FAILED and actor.plan.core
            assert (status.next_try is None) == (waits_for_a_person or gave_up)
        if status.state is State.RUNNING:
            assert said[actor.path.rpartition("/")[0]].state in (State.STARTING, State.RUNNING, State.STOPPING)
    well = all(status.state is State.RUNNING for status in said.values())
    assert stage.root.status().healthy == well


async def happen(grove: Grove, actor: Actor, event: str) -> None:
    assert actor.context is not None
    match event:
        case "restart":
            grove.root.restart_child(actor.path.removeprefix("root/"), "on request")
        case "retrying":
            actor.context.retrying("connection refused")
        case "beat":
            actor.context.beat()
        case "tell" | "ask":
            await send(grove, actor, event)
        case "return":
            actor.end(None)
        case _:
            actor.end(EVENTS[event]())


async def send(grove: Grove, actor: Actor, event: str) -> None:
    address = grove.root.address(actor.path.removeprefix("root/"))
    try:
        if event == "tell":
            address.tell_nowait("x")
        else:
            await address.ask(lambda reply: "x", within=0.5)
    except (Unavailable, ActorCrashed):
        pass


async def play(grove: Grove, story: list[tuple[tuple[int, str], float]]) -> Stage:
    before = trio.lowlevel.current_statistics().tasks_living
    async with acting(grove.root, wait=False) as stage:
        await trio.sleep(1)
        the_status_is_true(grove, stage)
        for (which, event), pause in story:
            actor = grove.actors[which % len(grove.actors)]
            others = {other.path: other.lives for other in grove.siblings(actor)}
            if (actor.living or event == "restart") and not stage.over.is_set():
                moment = trio.current_time()
                await happen(grove, actor, event)
                await wait_all_tasks_blocked()
                if not actor.plan.core and trio.current_time() == moment and not stage.over.is_set():
                    assert {other.path: other.lives for other in grove.siblings(actor)} == others
            the_status_is_true(grove, stage)
            await trio.sleep(pause)
            await wait_all_tasks_blocked()
            the_status_is_true(grove, stage)
        await stage.stop()
        the_status_is_true(grove, stage)
    # The tree, its supervisors and its leaves are gone; what is left is what was there before.
    assert trio.lowlevel.current_statistics().tasks_living == before
    return stage


def check(grove: Grove, stage: Stage) -> None:
    assert [actor.path for actor in grove.actors if actor.living] == []
    for actor in grove.actors:
        with pytest.raises(Unavailable):
            grove.root.address(actor.path.removeprefix("root/")).tell_nowait("anyone?")
    stubborn = {actor.path for actor in grove.actors if actor.plan.goodbye > 2}
    assert set(stage.escalated) <= stubborn
    assert {f"{report.supervisor}/{report.child}" for report in stage.told(What.STUCK)} <= stubborn
    if not any(actor.plan.core for actor in grove.actors):
        assert stage.failure is None


@settings(max_examples=150)
@given(
    branch=branches(trees),
    story=st.lists(st.tuples(events, pauses), max_size=25),
)
def test_random_crashes_over_a_random_tree(branch: Branch, story: list[tuple[tuple[int, str], float]]) -> None:
    grove = Grove(branch)
    stage = trio.run(play, grove, story, clock=MockClock(autojump_threshold=0))
    check(grove, stage)


@settings(max_examples=60)
@given(
    story=st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(["x", "bug", "down", "limited", "token", "leave"]), pauses),
        max_size=30,
    ),
    restart=st.sampled_from(Restart),
    goodbye=st.sampled_from([0.0, 1.0]),
)
def test_random_crashes_of_dynamic_children(
    story: list[tuple[int, str, float]], restart: Restart, goodbye: float
) -> None:
    living: dict[str, int] = {}

    async def room(context: Context[str], *, task_status: trio.TaskStatus[None]) -> None:
        living[context.name] = living.get(context.name, 0) + 1
        assert living[context.name] == 1
        try:
            task_status.started()
            async for message in context.mailbox:
                if message == "leave":
                    await context.passivate()
                elif message != "x":
                    raise EVENTS[message]()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(goodbye)
            living[context.name] -= 1

    async def scenario() -> None:
        before = trio.lowlevel.current_statistics().tasks_living
        dynamic = DynamicSupervisor[str]("rooms", lambda key: ChildSpec(key, room, restart), max_children=4)
        async with acting(Supervisor("root", [dynamic], random=no_chance)) as stage:
            for key, message, pause in story:
                with trio.move_on_after(20):
                    await dynamic.tell(str(key), message)
                await trio.sleep(pause)
                await wait_all_tasks_blocked()
                children = stage.status("rooms").children
                assert len(children) <= 4
                alive = {f"root/rooms/{child.name}" for child in children if child.state in ALIVE}
                assert alive == {name for name, lives in living.items() if lives}
            await stage.stop()
            assert stage.failure is None
        assert trio.lowlevel.current_statistics().tasks_living == before
        assert dynamic.status().children == ()

    trio.run(scenario, clock=MockClock(autojump_threshold=0))
    assert not any(living.values())


ALIVE = (State.STARTING, State.RUNNING, State.STOPPING)


async def test_the_counting_of_tasks_above_sees_a_task_that_is_left(autojump_clock: MockClock) -> None:
    before = trio.lowlevel.current_statistics().tasks_living
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        assert trio.lowlevel.current_statistics().tasks_living == before + 1
        assert len(list(tasks_below(trio.lowlevel.current_task()))) == 2
        nursery.cancel_scope.cancel()
