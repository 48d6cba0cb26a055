"""The ladder: cancel, bounded grace, escalation; and what else may happen on the way down."""

import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.runtime import ChildSpec, ChildStuck, Context, Strategy, Supervisor, What
from hermes.errors import TransientError, Unavailable
from hermes.status import State
from tests.actors.runtime.stage import Puppet, acting, resting, supervisor


class Thread:
    """An actor whose work is in a thread that no cancellation reaches."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.entered = trio.Event()
        self.lives = 0

    async def __call__(self, context: Context[object], *, task_status: trio.TaskStatus[None]) -> None:
        self.lives += 1
        task_status.started()
        self.entered.set()
        await trio.to_thread.run_sync(self.release.wait)
        await trio.sleep_forever()


@contextmanager
def released(*threads: Thread) -> Iterator[None]:
    """Let the threads go in the end, whatever happened."""
    try:
        yield
    finally:
        for thread in threads:
            thread.release.set()


async def stubborn(context: Context[object]) -> None:
    await trio.sleep(60)


async def test_a_child_that_ignores_cancellation_in_a_thread_is_named_and_escalated() -> None:
    journal: list[str] = []
    thread = Thread()
    root = supervisor(
        ChildSpec("first", Puppet(journal)),
        Supervisor("inner", [ChildSpec("stuck", thread, shutdown=0.01), ChildSpec("b", Puppet(journal))]),
        ChildSpec("last", Puppet(journal)),
    )
    with released(thread):
        async with acting(root) as stage:
            await thread.entered.wait()
            stage.scope.cancel()
            await stage.until(What.STUCK)
            await wait_all_tasks_blocked()
            assert stage.escalated == ["root/inner/stuck"]
            assert journal == ["+first", "+b", "+last", "-last", "-b", "-first"]
            assert stage.status("inner/stuck").state is State.STOPPING
            assert stage.status("inner/stuck").detail == "stuck: ignores its cancellation"
            assert stage.status("inner").detail == "stuck: ignores its cancellation"
            assert not stage.over.is_set()
            thread.release.set()
            await stage.over.wait()
    assert stage.failure is None
    assert thread.lives == 1


async def test_a_shielded_cleanup_is_bounded_too(autojump_clock: MockClock) -> None:
    journal: list[str] = []
    root = supervisor(ChildSpec("a", Puppet(journal)), ChildSpec("b", Puppet(journal, on_cancel=stubborn), shutdown=3))
    async with acting(root) as stage:
        stage.scope.cancel()
        await trio.sleep(2.9)
        assert stage.escalated == []
        assert journal == ["+a", "+b"]
        await trio.sleep(0.2)
        assert stage.escalated == ["root/b"]
        assert journal == ["+a", "+b", "-a"]
        (stuck,) = stage.told(What.STUCK)
        assert stuck.reason == "ignores its cancellation since 3 s"
        await stage.stop()
        assert trio.current_time() >= 60


async def test_within_its_grace_a_child_may_take_its_time(autojump_clock: MockClock) -> None:
    async def goodbye(context: Context[object]) -> None:
        await trio.sleep(4)

    async with acting(supervisor(ChildSpec("a", Puppet(on_cancel=goodbye)))) as stage:
        before = trio.current_time()
        await stage.stop()
        assert trio.current_time() - before == 4
        assert stage.escalated == []


async def test_no_grace_at_all_means_the_next_moment(autojump_clock: MockClock) -> None:
    async with acting(supervisor(ChildSpec("a", Puppet(), shutdown=0))) as stage:
        await stage.stop()
        assert stage.failure is None


async def test_all_that_are_stuck_are_escalated_together_when_the_rest_is_down(autojump_clock: MockClock) -> None:
    journal: list[str] = []
    root = supervisor(
        ChildSpec("a", Puppet(journal, on_cancel=stubborn), shutdown=1),
        ChildSpec("b", Puppet(journal)),
        ChildSpec("c", Puppet(journal, on_cancel=resting(30)), shutdown=1),
    )
    async with acting(root) as stage:
        stage.scope.cancel()
        await trio.sleep(1.5)
        assert stage.escalated == []
        await trio.sleep(1)
        assert stage.escalated == ["root/a", "root/c"]
        await stage.stop()
        assert stage.escalated == ["root/a", "root/c"]


async def test_a_crash_in_the_shutdown_is_told_and_no_failure(autojump_clock: MockClock) -> None:
    async def crash(context: Context[object]) -> None:
        raise ValueError("bug in the cleanup")

    journal: list[str] = []
    root = supervisor(ChildSpec("a", Puppet(journal)), ChildSpec("b", Puppet(journal, on_cancel=crash), core=True))
    async with acting(root) as stage:
        await stage.stop()
    assert stage.failure is None
    assert journal == ["+a", "+b", "-b", "-a"]
    assert [(report.child, report.reason) for report in stage.told(What.STOPPED)] == [
        ("b", "ValueError: bug in the cleanup"),
        ("a", "shutdown"),
    ]
    assert stage.status("b").failure is None


async def test_a_group_that_mixes_cancellation_and_errors_in_the_shutdown_is_split(autojump_clock: MockClock) -> None:
    async def two_tasks(context: Context[object]) -> None:
        async def fails_in_cleanup() -> None:
            try:
                await trio.sleep_forever()
            finally:
                raise TransientError("connection lost while closing")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            nursery.start_soon(fails_in_cleanup)

    async with acting(supervisor(ChildSpec("a", Puppet()))) as stage:
        await stage.tell("a", two_tasks)
        await stage.stop()
    assert stage.failure is None
    (report,) = stage.told(What.STOPPED)
    assert report.reason == "TransientError: connection lost while closing"


async def test_a_crash_of_its_own_while_others_stop_is_told_and_not_repaired(autojump_clock: MockClock) -> None:
    puppet = Puppet()
    async with acting(
        supervisor(ChildSpec("a", puppet, core=True), ChildSpec("b", Puppet(on_cancel=stubborn)))
    ) as stage:
        stage.scope.cancel()
        await wait_all_tasks_blocked()
        await stage.tell("a", ValueError("bug"))
        (report,) = stage.told(What.FAILED)
        assert (report.child, report.reason, report.next_try) == ("a", "ValueError: bug", None)
        failure = stage.status("a").failure
        assert failure is not None
        assert failure.error == "ValueError: bug"
        await stage.stop()
    assert stage.failure is None
    assert len(puppet.lives) == 1


async def test_a_return_while_others_stop_is_an_ordinary_end(autojump_clock: MockClock) -> None:
    async with acting(supervisor(ChildSpec("a", Puppet()), ChildSpec("b", Puppet(on_cancel=stubborn)))) as stage:
        stage.scope.cancel()
        await wait_all_tasks_blocked()
        await stage.tell("a", "return")
        (report,) = stage.told(What.STOPPED)
        assert report.reason == "returned while its supervisor ends"


async def test_a_stuck_leaf_of_a_running_tree_is_not_doubled_and_starts_again_when_it_leaves(
    autojump_clock: MockClock,
) -> None:
    async def stubborn_once(context: Context[object]) -> None:
        if context.attempt == 0:
            await trio.sleep(1000)

    puppet, sibling = Puppet(on_cancel=stubborn_once), Puppet()
    async with acting(supervisor(ChildSpec("a", puppet), ChildSpec("b", sibling))) as stage:
        stage.root.restart_child("a", "changed")
        await trio.sleep(900)
        assert len(puppet.lives) == 1
        assert stage.status("a").state is State.STOPPING
        assert not stage.status().healthy
        assert stage.status("b").healthy
        assert stage.escalated == []
        await trio.sleep(200)
        assert len(puppet.lives) == 2
        assert stage.status().healthy
        assert len(sibling.lives) == 1


async def test_a_stuck_member_of_a_group_keeps_the_group_down_until_it_leaves(autojump_clock: MockClock) -> None:
    async def stubborn_once(context: Context[object]) -> None:
        if context.attempt == 0:
            await trio.sleep(1000)

    journal: list[str] = []
    root = supervisor(
        ChildSpec("a", Puppet(journal)),
        ChildSpec("b", Puppet(journal)),
        ChildSpec("c", Puppet(journal, on_cancel=stubborn_once)),
        strategy=Strategy.ONE_FOR_ALL,
    )
    async with acting(root) as stage:
        journal.clear()
        await stage.tell("b", ValueError("bug"))
        await trio.sleep(900)
        assert journal == ["-b", "-a"]
        assert stage.status("a").detail == "waits for c"
        await trio.sleep(200)
        assert journal == ["-b", "-a", "-c", "+a", "+b", "+c"]


async def test_a_stuck_core_child_ends_the_tree_in_order_and_escalates(autojump_clock: MockClock) -> None:
    journal: list[str] = []
    inner = Supervisor("inner", [ChildSpec("store", Puppet(journal, on_cancel=stubborn), core=True)])
    async with acting(supervisor(ChildSpec("a", Puppet(journal)), inner, ChildSpec("b", Puppet(journal)))) as stage:
        stage.root.restart_child("inner/store", "changed")
        await trio.sleep(6)
        assert journal == ["+a", "+store", "+b", "-b", "-a"]
        assert stage.escalated == ["root/inner/store"]
        await stage.over.wait()
        assert isinstance(stage.failure, ChildStuck)
        assert str(stage.failure) == "root/inner/store ignores its cancellation since 5 s"


async def test_a_core_supervisor_that_cannot_end_for_a_stuck_leaf_ends_the_tree(autojump_clock: MockClock) -> None:
    core = Supervisor("core", [ChildSpec("store", Puppet(), core=True), ChildSpec("leaf", Puppet(on_cancel=stubborn))])
    async with acting(supervisor(core, ChildSpec("b", Puppet()))) as stage:
        for _ in range(6):
            await stage.tell("core/store", ValueError("bug"))
        await trio.sleep(6)
        assert stage.escalated == ["root/core/leaf"]
        await stage.over.wait()
        assert isinstance(stage.failure, ChildStuck)
        assert str(stage.failure) == "root/core cannot end for root/core/leaf"


async def test_a_child_that_is_stuck_already_when_the_shutdown_begins_is_escalated_at_once(
    autojump_clock: MockClock,
) -> None:
    root = supervisor(ChildSpec("a", Puppet(on_cancel=resting(1000))), ChildSpec("b", Puppet()))
    async with acting(root) as stage:
        root.restart_child("a", "changed")
        await trio.sleep(10)
        before = trio.current_time()
        stage.scope.cancel()
        await wait_all_tasks_blocked()
        assert trio.current_time() == before
        assert stage.escalated == ["root/a"]


async def test_without_anybody_to_escalate_to_a_stuck_child_is_waited_for(autojump_clock: MockClock) -> None:
    root = supervisor(ChildSpec("a", Puppet(on_cancel=stubborn)))
    with trio.move_on_after(1):
        await root.run()
    assert trio.current_time() == 61


async def test_a_tell_to_a_child_that_the_shutdown_has_stopped_is_unavailable(autojump_clock: MockClock) -> None:
    refused: list[str] = []
    root = supervisor(ChildSpec("a", Puppet()), ChildSpec("b", Puppet(), mailbox=1))

    async def tell_b(context: Context[object]) -> None:
        try:
            while True:
                await root.address("b").tell("anything")
        except Exception as error:
            refused.append(str(error))

    async with acting(root) as stage:
        await stage.tell("b", resting(math.inf))
        await stage.tell("a", tell_b)
        await stage.stop()
    assert refused == ["root/b is gone"]


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), SystemExit(3)])
async def test_an_interrupt_of_a_child_ends_the_tree_in_order_and_comes_out_as_it_is(
    interrupt: BaseException, autojump_clock: MockClock
) -> None:
    async def raise_in_a_nursery(context: Context[object]) -> None:
        async with trio.open_nursery():
            raise interrupt

    journal: list[str] = []
    inner = Supervisor("inner", [ChildSpec("a", Puppet(journal)), ChildSpec("b", Puppet(journal))])
    async with acting(supervisor(inner, ChildSpec("c", Puppet(journal)))) as stage:
        await stage.tell("inner/a", raise_in_a_nursery)
        await stage.over.wait()
        assert stage.failure is interrupt
        assert journal == ["+a", "+b", "+c", "-a", "-b", "-c"]
        assert stage.told(What.RESTARTING, What.GAVE_UP) == []


async def test_an_interrupt_outranks_the_cancellation_it_meets(autojump_clock: MockClock) -> None:
    async def interrupt(context: Context[object]) -> None:
        raise KeyboardInterrupt

    async with acting(supervisor(ChildSpec("a", Puppet(on_cancel=interrupt)))) as stage:
        await stage.stop()
    assert isinstance(stage.failure, KeyboardInterrupt)


async def press_control_c(context: Context[object]) -> None:
    """From a thread, so that it reaches the main task and not this one."""
    await trio.to_thread.run_sync(signal.raise_signal, signal.SIGINT)
    await trio.sleep_forever()


def test_control_c_stops_the_tree_in_order() -> None:
    journal: list[str] = []
    root = supervisor(ChildSpec("a", Puppet(journal)), ChildSpec("b", Puppet(journal)), ChildSpec("c", Puppet(journal)))
    assert root.address("b").tell_nowait(press_control_c)
    with pytest.raises(KeyboardInterrupt):
        trio.run(root.run)
    assert journal == ["+a", "+b", "+c", "-c", "-b", "-a"]


@pytest.fixture
def control_c() -> Iterator[None]:
    """Ctrl-C as a program in the foreground has it: in the background of a script it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("control_c")
def test_the_second_control_c_does_not_wait_for_the_order() -> None:
    first_is_leaving = trio.Event()

    async def leave(context: Context[object]) -> None:
        first_is_leaving.set()

    async def press_again(context: Context[object]) -> None:
        await trio.to_thread.run_sync(signal.raise_signal, signal.SIGINT)
        with trio.fail_after(20):
            await first_is_leaving.wait()

    journal: list[str] = []
    # In order, the first child would leave after the second, whose cleanup waits for just that.
    root = supervisor(
        ChildSpec("a", Puppet(journal, on_cancel=leave)),
        ChildSpec("b", Puppet(journal, on_cancel=press_again), shutdown=math.inf),
    )
    assert root.address("b").tell_nowait(press_control_c)

    async def scenario() -> None:
        with pytest.raises(KeyboardInterrupt):
            await root.run()
        states = [root.status().state, *(child.state for child in root.status().children)]
        assert states == [State.STOPPED] * 3

    trio.run(scenario)
    assert journal == ["+a", "+b", "-a", "-b"]
    with pytest.raises(Unavailable):
        root.address("a").tell_nowait("anyone?")


async def test_two_interrupts_at_once_end_the_tree_once(autojump_clock: MockClock) -> None:
    first, second = SystemExit(3), SystemExit(4)
    root = supervisor(ChildSpec("a", Puppet()), ChildSpec("b", Puppet()))
    async with acting(root) as stage:
        assert root.address("a").tell_nowait(first)
        assert root.address("b").tell_nowait(second)
        await stage.over.wait()
        assert stage.failure in (first, second)
