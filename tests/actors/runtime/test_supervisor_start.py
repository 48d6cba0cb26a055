"""How children start, and what holds or does not hold the start of others."""

import math

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.runtime import ChildSpec, Context, IntensityExceeded, Restart, Strategy, Supervisor, What
from hermes.errors import AuthError, ConfigError, TransientError, Unavailable
from hermes.status import State
from tests.actors.runtime.stage import Puppet, acting, resting, supervisor


class Gate:
    """Holds a start until it is opened."""

    def __init__(self) -> None:
        self.open = trio.Event()

    async def __call__(self, context: Context[object]) -> None:
        await self.open.wait()


def crashing(*errors: BaseException) -> Puppet:
    """Raises the errors at its first starts, then starts well."""
    left = list(errors)

    async def crash(context: Context[object]) -> None:
        if left:
            raise left.pop(0)

    return Puppet(before_start=crash)


async def test_children_start_in_order_each_awaited_and_stop_in_reverse(autojump_clock: MockClock) -> None:
    journal: list[str] = []
    gate = Gate()
    children = [Puppet(journal), Puppet(journal, before_start=gate), Puppet(journal)]
    root = supervisor(*(ChildSpec(name, puppet) for name, puppet in zip("abc", children, strict=True)))
    async with acting(root, wait=False) as stage:
        assert journal == ["+a", "+b"]
        assert [stage.status(name).state for name in "abc"] == [State.RUNNING, State.STARTING, State.STOPPED]
        assert stage.status("c").detail == "waits for b"
        assert stage.status().state is State.STARTING
        gate.open.set()
        await wait_all_tasks_blocked()
        assert journal == ["+a", "+b", "+c"]
        assert stage.status().state is State.RUNNING
        assert stage.status().healthy
        await stage.stop()
    assert journal == ["+a", "+b", "+c", "-c", "-b", "-a"]
    assert stage.status().state is State.STOPPED
    assert stage.failure is None


async def test_a_leaf_that_fails_its_first_start_holds_nobody(autojump_clock: MockClock) -> None:
    slow = crashing(*[TransientError("unreachable")] * 3)
    async with acting(supervisor(ChildSpec("slow", slow), ChildSpec("other", Puppet()))) as stage:
        assert stage.status("slow").state is State.BACKOFF
        assert stage.status("other").state is State.RUNNING
        assert stage.status().state is State.RUNNING
        assert not stage.status().healthy
        await trio.sleep(10)
        assert stage.status("slow").state is State.RUNNING
        assert stage.status("slow").restarts == 3
        assert stage.status().healthy


async def test_a_core_child_is_awaited_until_it_is_up(autojump_clock: MockClock) -> None:
    store = crashing(TransientError("busy"), ValueError("bug"))
    async with acting(
        supervisor(ChildSpec("store", store, core=True), ChildSpec("user", Puppet())), wait=False
    ) as stage:
        assert stage.status("store").state is State.BACKOFF
        assert stage.status("user").detail == "waits for store"
        assert stage.status().state is State.STARTING
        await trio.sleep(1)
        assert stage.status().healthy
        assert [report.child for report in stage.told(What.STARTED)] == ["store", "user"]


async def test_started_together_nobody_waits_for_a_slow_one(autojump_clock: MockClock) -> None:
    gate = Gate()
    root = supervisor(ChildSpec("slow", Puppet(before_start=gate)), ChildSpec("other", Puppet()), start_together=True)
    async with acting(root, wait=False) as stage:
        assert stage.status("other").state is State.RUNNING
        assert stage.status().state is State.STARTING
        gate.open.set()
        await wait_all_tasks_blocked()
        assert stage.status().healthy


async def test_a_start_that_takes_too_long_is_cut_off_and_tried_again(autojump_clock: MockClock) -> None:
    puppet = Puppet(before_start=resting(40, later=20))
    async with acting(supervisor(ChildSpec("slow", puppet)), wait=False) as stage:
        await trio.sleep(29)
        assert stage.reports == []
        await trio.sleep(1.1)
        (report,) = stage.told(What.RESTARTING)
        assert report.reason == "TransientError: not ready within 30 s of its start"
        failure = stage.status("slow").failure
        assert failure is not None
        assert not failure.ours
        await trio.sleep(25)
        assert stage.status("slow").state is State.RUNNING


async def test_a_leaf_that_is_stuck_in_its_start_holds_nobody_beyond_its_limit(autojump_clock: MockClock) -> None:
    stuck = Puppet(before_start=resting(math.inf), on_cancel=resting(60))
    async with acting(supervisor(ChildSpec("stuck", stuck), ChildSpec("other", Puppet())), wait=False) as stage:
        await trio.sleep(29)
        assert stage.status("other").detail == "waits for stuck"
        await trio.sleep(1.1)
        assert stage.status("other").state is State.RUNNING
        assert stage.status().state is State.RUNNING
        await trio.sleep(5)
        assert stage.status("stuck").detail == "stuck: ignores its cancellation"


async def test_an_own_start_limit_is_kept(autojump_clock: MockClock) -> None:
    puppet = Puppet(before_start=resting(50))
    async with acting(supervisor(ChildSpec("slow", puppet, start_within=60)), wait=False) as stage:
        await trio.sleep(51)
        assert stage.told(What.RESTARTING) == []
        assert stage.status("slow").state is State.RUNNING


async def test_started_twice_is_a_bug_of_the_actor(autojump_clock: MockClock) -> None:
    async def eager(context: Context[object], *, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        if context.attempt == 0:
            task_status.started()
        await trio.sleep_forever()

    async with acting(supervisor(ChildSpec("eager", eager))) as stage:
        (report,) = stage.told(What.RESTARTING)
        assert report.reason == "RuntimeError: started() was called twice by one incarnation"


async def test_a_permanent_child_that_returns_before_it_is_ready_has_failed(autojump_clock: MockClock) -> None:
    async def absent(context: Context[object], *, task_status: trio.TaskStatus[None]) -> None:
        if context.attempt:
            task_status.started()
            await trio.sleep_forever()

    async with acting(supervisor(ChildSpec("absent", absent))) as stage:
        (report,) = stage.told(What.RESTARTING)
        assert report.reason == "EndedUnasked: ended without being asked"


async def test_a_core_child_that_is_done_holds_no_start(autojump_clock: MockClock) -> None:
    async def migrate(context: Context[object], *, task_status: trio.TaskStatus[None]) -> None:
        await trio.sleep(1)

    migration = ChildSpec("migration", migrate, Restart.TRANSIENT, core=True)
    async with acting(supervisor(migration, ChildSpec("user", Puppet()))) as stage:
        assert stage.status("user").state is State.RUNNING
        assert stage.status().healthy


@pytest.mark.parametrize("error", [AuthError("token refused"), ConfigError("port: no number")])
async def test_a_core_child_that_needs_a_person_fails_the_start_with_its_own_error(
    error: Exception, autojump_clock: MockClock
) -> None:
    inner = Supervisor("inner", [ChildSpec("store", crashing(error), core=True)])
    async with acting(
        supervisor(ChildSpec("first", Puppet()), inner, ChildSpec("never", Puppet())), wait=False
    ) as stage:
        await stage.over.wait()
        assert stage.failure is error
        assert [(report.child, report.attempt) for report in stage.told(What.GAVE_UP)] == [("store", 0), ("inner", 0)]
        assert "never" not in [report.child for report in stage.told(What.STARTED)]


async def test_a_core_child_that_never_starts_fails_the_start(autojump_clock: MockClock) -> None:
    root = supervisor(ChildSpec("store", crashing(*[ValueError("bug")] * 9), core=True))
    async with acting(root, wait=False) as stage:
        await stage.over.wait()
        assert isinstance(stage.failure, IntensityExceeded)
        assert "root/store failed more often than 5 restarts in 30 s allow; the last time: ValueError: bug" in str(
            stage.failure
        )
        assert isinstance(stage.failure.__cause__, ValueError)


async def test_a_supervisor_without_children_starts_and_stops(autojump_clock: MockClock) -> None:
    async with acting(supervisor()) as stage:
        assert stage.status().healthy
        await stage.stop()
    assert stage.failure is None


async def test_cancelled_before_its_first_step_a_tree_starts_nobody(autojump_clock: MockClock) -> None:
    journal: list[str] = []
    root = supervisor(ChildSpec("a", Puppet(journal)))
    with trio.fail_after(60), trio.CancelScope() as scope:
        scope.cancel()
        await root.run()
    assert scope.cancelled_caught
    assert journal == []
    with pytest.raises(Unavailable):
        await root.address("a").tell("anyone?")


async def test_a_nested_supervisor_counts_as_started_when_its_children_do(autojump_clock: MockClock) -> None:
    gate, journal = Gate(), list[str]()
    inner = Supervisor("inner", [ChildSpec("slow", Puppet(journal, before_start=gate))])
    async with acting(supervisor(inner, ChildSpec("after", Puppet(journal))), wait=False) as stage:
        assert journal == ["+slow"]
        assert stage.status("inner").state is State.STARTING
        await trio.sleep(20)
        gate.open.set()
        await wait_all_tasks_blocked()
        assert journal == ["+slow", "+after"]
        assert stage.status("inner").healthy


async def test_a_tree_runs_once_at_a_time_and_only_once(autojump_clock: MockClock) -> None:
    root = supervisor(ChildSpec("a", Puppet()))
    async with acting(root) as stage:
        with pytest.raises(RuntimeError, match="root runs already"):
            await root.run()
        await stage.stop()
        with pytest.raises(RuntimeError, match="has ended for good"):
            await root.run()


@pytest.mark.parametrize("names", [["a", "a"], ["a/b"]])
def test_names_are_unique_and_without_slashes(names: list[str]) -> None:
    with pytest.raises(ValueError, match="has a slash or is taken"):
        supervisor(*(ChildSpec(name, Puppet()) for name in names))


def test_starting_together_contradicts_a_group_strategy() -> None:
    with pytest.raises(ValueError, match="start in order, not together"):
        supervisor(strategy=Strategy.REST_FOR_ONE, start_together=True)


def test_a_supervisor_has_one_place_in_one_tree() -> None:
    inner = Supervisor("inner", [])
    supervisor(inner)
    with pytest.raises(ValueError, match="root/inner has a supervisor already"):
        supervisor(inner)


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"shutdown": -1.0}, {"mailbox": 0}, {"liveness": 0.0}, {"start_within": 0.0}]
)
def test_a_senseless_spec_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ChildSpec(**{"name": "a", "actor": Puppet(), **wrong})  # type: ignore[arg-type]
