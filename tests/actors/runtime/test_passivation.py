"""A tell that meets a passivation, in every order that can be staged: it is never lost and never served twice."""

import random

import pytest
import trio
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.runtime import ChildSpec, Context, DynamicSupervisor, Reply, Restart, Supervisor, What
from actors.runtime.spec import Actor
from hermes.errors import Unavailable
from hermes.status import State
from tests.actors.runtime.stage import Puppet, acting, no_chance, supervisor


def rooms(actor: Actor[object], **options: object) -> DynamicSupervisor[object]:
    def make(key: str) -> ChildSpec:
        return ChildSpec(key, actor, **options)  # type: ignore[arg-type]

    return DynamicSupervisor[object]("rooms", make, random=no_chance)


async def idle_for(context: Context[object], seconds: float, served: list[object]) -> None:
    """Serve until nothing comes for ``seconds`` and the supervisor lets go."""
    while True:
        with trio.move_on_after(seconds) as idle:
            served.append(await context.mailbox.receive())
        if idle.cancelled_caught and await context.passivate():
            return


async def test_an_idle_child_leaves_and_the_next_tell_starts_a_fresh_one(autojump_clock: MockClock) -> None:
    served: list[object] = []
    attempts: list[int] = []

    async def converse(context: Context[object], *, task_status: trio.TaskStatus[None]) -> None:
        attempts.append(context.attempt)
        task_status.started()
        await idle_for(context, 60, served)

    dynamic = rooms(converse)
    async with acting(dynamic) as stage:
        await dynamic.tell("a", 1)
        await trio.sleep(59)
        assert len(dynamic.status().children) == 1
        await trio.sleep(2)
        assert dynamic.status().children == ()
        await dynamic.tell("a", 2)
        await wait_all_tasks_blocked()
        assert served == [1, 2]
        assert attempts == [0, 0]
        assert [report.what for report in stage.reports] == [What.STARTED, What.PASSIVATED, What.STARTED]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("ticks", range(14))
async def test_a_tell_at_any_moment_of_a_passivation_is_served_once(
    ticks: int, seed: int, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The order of tasks within one turn of the loop is chance, and here a chance that can be repeated.
    monkeypatch.setattr("trio._core._run._r", random.Random(seed))
    served: list[object] = []

    async def converse(context: Context[object], *, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        await idle_for(context, 5, served)
        for _ in range(3):
            await trio.lowlevel.checkpoint()

    dynamic = rooms(converse)
    async with acting(dynamic) as stage:
        await dynamic.tell("a", "first")
        # Both clocks strike at once; then the teller lets a number of turns of the loop pass.
        await trio.sleep(5)
        for _ in range(ticks):
            await trio.lowlevel.checkpoint()
        await dynamic.tell("a", "second")
        await wait_all_tasks_blocked()
        assert served == ["first", "second"]
        await trio.sleep(20)
        assert dynamic.status().children == ()
        assert stage.told(What.RESTARTING, What.QUARANTINED, What.STUCK) == []


async def test_refused_while_a_message_is_queued(autojump_clock: MockClock) -> None:
    answers: list[bool] = []
    dynamic = rooms(Puppet())

    async def ask_to_leave(context: Context[object]) -> None:
        await dynamic.tell("a", "meanwhile")
        answers.append(await context.passivate())

    async with acting(dynamic):
        await dynamic.tell("a", ask_to_leave)
        await wait_all_tasks_blocked()
        assert answers == [False]


async def test_refused_while_a_message_is_on_its_way_to_another_task_of_the_actor(autojump_clock: MockClock) -> None:
    served: list[object] = []
    answers: list[bool] = []
    passive = trio.Event()

    async def two_tasks(context: Context[object], *, task_status: trio.TaskStatus[None]) -> None:
        async def serve() -> None:
            async for message in context.mailbox:
                served.append(message)  # noqa: PERF401 - seen as it comes

        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            task_status.started()
            await passive.wait()
            # The message has been handed to the other task, which has not run since.
            assert dynamic.tell_nowait("a", "second")
            assert context.mailbox.depth == 0
            incarnation = context._incarnation
            answers.append(incarnation.passivate())
            await wait_all_tasks_blocked()
            answers.append(incarnation.passivate())

    dynamic = rooms(two_tasks)
    async with acting(dynamic):
        await dynamic.tell("a", "first")
        await wait_all_tasks_blocked()
        passive.set()
        await trio.sleep(1)
        assert served == ["first", "second"]
        assert answers == [False, True]
        assert dynamic.status().children == ()


async def test_granted_it_ends_the_mailbox_so_that_no_task_of_the_actor_takes_a_message_along(
    autojump_clock: MockClock,
) -> None:
    served: list[tuple[object, str]] = []
    leaving = trio.Event()

    async def two_tasks(context: Context[object], *, task_status: trio.TaskStatus[None]) -> None:
        async def serve() -> None:
            async for message in context.mailbox:
                served.append((message, name))  # noqa: PERF401 - seen as it comes
            await leaving.wait()

        name = "first" if not served else "second"
        task_status.started()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            await trio.sleep(1)
            assert await context.passivate()

    dynamic = rooms(two_tasks)
    async with acting(dynamic):
        await dynamic.tell("a", 1)
        await trio.sleep(1.5)
        await dynamic.tell("a", 2)
        await wait_all_tasks_blocked()
        assert served == [(1, "first")]
        assert dynamic.status().children[0].state is State.STOPPING
        leaving.set()
        await wait_all_tasks_blocked()
        assert served == [(1, "first"), (2, "second")]


@frozen
class Question:
    reply: Reply[str]


async def test_refused_while_an_ask_is_unanswered_in_hand(autojump_clock: MockClock) -> None:
    answers: list[bool] = []

    async def forgetful(context: Context[Question], *, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        await context.mailbox.receive()
        while not answers or not answers[-1]:
            answers.append(await context.passivate())
            await trio.sleep(2)

    dynamic = DynamicSupervisor[Question]("rooms", lambda key: ChildSpec(key, forgetful))
    async with acting(dynamic):
        with pytest.raises(Unavailable):
            await dynamic.ask("a", Question, within=5)
        await trio.sleep(5)
        assert answers == [False, False, False, True]


@pytest.mark.parametrize("restart", list(Restart))
async def test_a_tell_between_the_grant_and_the_return_is_served_by_a_fresh_child(
    restart: Restart, autojump_clock: MockClock
) -> None:
    served: list[object] = []

    async def converse(context: Context[object], *, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        await idle_for(context, 5, served)
        await trio.sleep(1)

    dynamic = rooms(converse, restart=restart)
    async with acting(dynamic) as stage:
        await dynamic.tell("a", 1)
        await trio.sleep(5.5)
        await dynamic.tell("a", 2)
        await dynamic.tell("a", 3)
        assert served == [1]
        await trio.sleep(1)
        assert served == [1, 2, 3]
        (child,) = dynamic.status().children
        assert (child.restarts, child.failure) == (0, None)
        assert len(stage.told(What.PASSIVATED)) == 1


async def test_the_grant_covers_a_child_that_came_back_from_a_crash_to_an_empty_mailbox(
    autojump_clock: MockClock,
) -> None:
    served: list[object] = []

    async def converse(context: Context[object], *, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        if context.attempt == 0 and not served:
            served.append(await context.mailbox.receive())
            raise ValueError("bug")
        await idle_for(context, 5, served)
        await trio.sleep(1)

    dynamic = rooms(converse, restart=Restart.TRANSIENT)
    async with acting(dynamic) as stage:
        await dynamic.tell("a", 1)
        await trio.sleep(5.5)
        await dynamic.tell("a", 2)
        await trio.sleep(1)
        assert served == [1, 2]
        assert len(stage.told(What.RESTARTING)) == len(stage.told(What.PASSIVATED)) == 1


async def test_a_crash_after_the_grant_is_a_crash_and_its_messages_wait(autojump_clock: MockClock) -> None:
    served: list[object] = []

    async def converse(context: Context[object], *, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        await idle_for(context, 5, served)
        await trio.sleep(1)
        raise ValueError("bug on the way out")

    dynamic = rooms(converse)
    async with acting(dynamic) as stage:
        await dynamic.tell("a", 1)
        await trio.sleep(5.5)
        await dynamic.tell("a", 2)
        await trio.sleep(1)
        assert served == [1, 2]
        assert [report.reason for report in stage.told(What.RESTARTING)] == ["ValueError: bug on the way out"]


async def test_a_child_that_does_not_return_after_the_grant_is_cut_off(autojump_clock: MockClock) -> None:
    served: list[object] = []

    async def converse(context: Context[object], *, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        await idle_for(context, 5, served)
        if context.attempt == 0:
            await trio.sleep_forever()

    dynamic = rooms(converse, shutdown=3)
    async with acting(dynamic) as stage:
        await dynamic.tell("a", 1)
        await trio.sleep(5.5)
        await dynamic.tell("a", 2)
        await trio.sleep(3)
        assert served == [1, 2]
        (report,) = stage.told(What.RESTARTING)
        assert report.reason == "ChildStuck: rooms/a went on after its passivation was granted"
        await trio.sleep(10)
        assert dynamic.status().children == ()


async def test_a_shutdown_that_meets_a_passivation_is_a_plain_stop(autojump_clock: MockClock) -> None:
    async def converse(context: Context[object], *, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        await idle_for(context, 5, [])
        await trio.sleep(2)

    dynamic = rooms(converse)
    async with acting(dynamic) as stage:
        await dynamic.tell("a", 1)
        await trio.sleep(5.5)
        await stage.stop()
        assert [report.what for report in stage.reports] == [What.STARTED, What.STOPPED]


async def test_refused_once_the_child_is_to_stop_anyway(autojump_clock: MockClock) -> None:
    answers: list[bool] = []

    async def ask_to_leave(context: Context[object]) -> None:
        answers.append(await context.passivate())

    dynamic = rooms(Puppet(on_cancel=ask_to_leave))
    async with acting(dynamic) as stage:
        await dynamic.tell("a", "x")
        await wait_all_tasks_blocked()
        await stage.stop()
    assert answers == [False]


async def test_refused_before_the_child_has_started(autojump_clock: MockClock) -> None:
    answers: list[bool] = []

    async def eager(context: Context[object], *, task_status: trio.TaskStatus[None]) -> None:
        await context.mailbox.receive()
        answers.append(await context.passivate())
        task_status.started()
        await trio.sleep_forever()

    dynamic = rooms(eager)
    async with acting(dynamic):
        await dynamic.tell("a", "x")
        await wait_all_tasks_blocked()
        assert answers == [False]


async def test_refused_under_a_supervisor_of_known_children(autojump_clock: MockClock) -> None:
    puppet = Puppet()
    async with acting(supervisor(ChildSpec("a", puppet))):
        assert not await puppet.context.passivate()


async def test_a_cancelled_request_has_granted_nothing(autojump_clock: MockClock) -> None:
    async def hasty(context: Context[object]) -> None:
        with trio.CancelScope() as scope:
            scope.cancel()
            await context.passivate()

    dynamic = rooms(Puppet())
    async with acting(dynamic):
        await dynamic.tell("a", hasty)
        await wait_all_tasks_blocked()
        assert dynamic.status().children[0].state is State.RUNNING


@given(
    pauses=st.lists(st.sampled_from([0.0, 0.0, 0.9, 1.0, 1.1, 2.0, 3.0]), min_size=1, max_size=12),
    tellers=st.integers(1, 4),
    places=st.integers(1, 3),
    seed=st.integers(0, 2**32),
)
def test_however_tells_and_passivations_interleave_every_message_is_served_once(
    pauses: list[float], tellers: int, places: int, seed: int
) -> None:
    chance = random.Random(seed)
    served: list[object] = []

    async def converse(context: Context[object], *, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        await idle_for(context, 1, served)
        await trio.sleep(chance.choice([0, 1]))

    def make(key: str) -> ChildSpec:
        return ChildSpec(key, converse, mailbox=2)

    async def scenario() -> None:
        dynamic = DynamicSupervisor[object]("rooms", make, max_children=places)

        async def tell(teller: int) -> None:
            for number, pause in enumerate(pauses):
                await trio.sleep(pause)
                await dynamic.tell(f"room {chance.randrange(3)}", (teller, number))

        async with acting(Supervisor("root", [dynamic])) as stage:
            async with trio.open_nursery() as nursery:
                for teller in range(tellers):
                    nursery.start_soon(tell, teller)
            await trio.sleep(30)
            assert dynamic.status().children == ()
            assert stage.told(What.RESTARTING, What.STUCK) == []

    trio.run(scenario, clock=MockClock(autojump_threshold=0))
    assert sorted(map(str, served)) == sorted(
        str((teller, number)) for teller in range(tellers) for number in range(len(pauses))
    )
