"""Core children fail upward, level by level, and nothing else does."""

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.runtime import ChildSpec, DynamicSupervisor, Intensity, IntensityExceeded, Supervisor, What
from hermes.errors import TransientError
from hermes.status import State
from tests.actors.runtime.stage import Puppet, acting, supervisor


async def test_a_core_child_beyond_its_intensity_fails_its_supervisor_and_that_the_root(
    autojump_clock: MockClock,
) -> None:
    journal: list[str] = []
    store = Puppet(journal)
    core = Supervisor("core", [ChildSpec("store", store, core=True), ChildSpec("user", Puppet(journal))])
    root = supervisor(core, ChildSpec("leaf", Puppet(journal)), intensity=Intensity(3, 60.0))
    async with acting(root) as stage:
        for failures_of_core in range(1, 4):
            for _ in range(6):
                await stage.tell("core/store", ValueError("bug"))
            assert stage.status("core").restarts == failures_of_core
            assert stage.status("core/store").state is State.RUNNING
        for _ in range(6):
            await stage.tell("core/store", ValueError("bug"))
        await stage.over.wait()
        assert isinstance(stage.failure, IntensityExceeded)
        assert "root/core failed more often than 3 restarts in 60 s" in str(stage.failure)
        assert "ValueError: bug" in str(stage.failure)
        assert [report.child for report in stage.told(What.GAVE_UP)] == ["store"] * 4 + ["core"]
        assert len(store.lives) == 24
    assert journal.count("+leaf") == 1
    assert journal[-2:] == ["-user", "-leaf"]


async def test_the_root_forgets_failures_older_than_its_period(autojump_clock: MockClock) -> None:
    core = Supervisor("core", [ChildSpec("store", Puppet(), core=True)])
    async with acting(supervisor(core, intensity=Intensity(3, 60.0))) as stage:
        for _ in range(10):
            for _ in range(6):
                await stage.tell("core/store", ValueError("bug"))
            await trio.sleep(25)
        assert stage.status().healthy
        assert stage.status("core").restarts == 10


async def test_the_worlds_fault_never_fails_the_core(autojump_clock: MockClock) -> None:
    async with acting(supervisor(ChildSpec("store", Puppet(), core=True))) as stage:
        for _ in range(30):
            await stage.tell("store", TransientError("disk full"))
            await trio.sleep(61)
        assert stage.status().healthy


async def test_a_leaf_in_a_core_supervisor_is_still_quarantined(autojump_clock: MockClock) -> None:
    core = Supervisor("core", [ChildSpec("store", Puppet(), core=True), ChildSpec("leaf", Puppet())])
    async with acting(supervisor(core)) as stage:
        for _ in range(6):
            await stage.tell("core/leaf", ValueError("bug"))
        assert stage.status("core/leaf").state is State.FAILED
        assert stage.status("core").restarts == 0


async def test_siblings_of_a_core_child_are_stopped_before_its_supervisor_fails(autojump_clock: MockClock) -> None:
    journal: list[str] = []
    core = Supervisor("core", [ChildSpec("store", Puppet(journal), core=True), ChildSpec("b", Puppet(journal))])
    async with acting(supervisor(core)) as stage:
        for _ in range(6):
            await stage.tell("core/store", ValueError("bug"))
        assert journal[-4:] == ["-store", "-b", "+store", "+b"]
        failure = stage.status("core").failure
        assert failure is not None
        assert failure.error.startswith("IntensityExceeded: root/core/store failed more often")


def test_a_supervisor_is_core_exactly_when_something_below_it_is() -> None:
    plain = Supervisor("plain", [ChildSpec("a", Puppet())])
    deep = Supervisor("deep", [Supervisor("middle", [ChildSpec("a", Puppet(), core=True)])])
    dynamic = DynamicSupervisor[object]("dynamic", lambda key: ChildSpec(key, Puppet()))
    assert (plain.core, deep.core, dynamic.core) == (False, True, False)


async def test_a_shutdown_during_the_failure_of_the_core_is_a_plain_cancellation(autojump_clock: MockClock) -> None:
    async def slow_goodbye(context: object) -> None:
        await trio.sleep(3)

    root = supervisor(
        ChildSpec("store", Puppet(), core=True),
        ChildSpec("b", Puppet(on_cancel=slow_goodbye)),
        intensity=Intensity(0, 60.0),
    )
    async with acting(root) as stage:
        await stage.tell("store", ValueError("bug"))
        assert stage.status("b").state is State.STOPPING
        assert stage.status("store").state is State.FAILED
        stage.scope.cancel()
        await wait_all_tasks_blocked()
        await stage.over.wait()
    assert stage.failure is None
    assert [report.child for report in stage.told(What.GAVE_UP)] == ["store"]
