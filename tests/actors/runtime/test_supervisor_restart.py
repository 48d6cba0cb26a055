"""What becomes of a child that failed, one by one."""

import time
from functools import partial
from itertools import pairwise

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.runtime import Backoff, ChildSpec, Context, Report, Restart, Supervisor, What
from hermes.errors import RateLimited, TransientError
from hermes.status import State
from tests.actors.runtime.stage import Puppet, acting, resting, supervisor


async def test_a_crash_restarts_the_child_and_leaves_its_siblings_alone(autojump_clock: MockClock) -> None:
    puppets = [Puppet() for _ in "abc"]
    root = supervisor(*(ChildSpec(name, puppet) for name, puppet in zip("abc", puppets, strict=True)))
    async with acting(root) as stage:
        before = trio.current_time()
        await stage.tell("b", ValueError("bug"))
        assert trio.current_time() == before
        assert [len(puppet.lives) for puppet in puppets] == [1, 2, 1]
        assert [life.attempt for life in puppets[1].lives] == [0, 1]
        status = stage.status("b")
        assert (status.state, status.restarts) == (State.RUNNING, 1)
        assert status.failure is not None
        assert (status.failure.error, status.failure.ours) == ("ValueError: bug", True)


async def test_each_change_is_one_report_of_one_shape(autojump_clock: MockClock) -> None:
    async with acting(supervisor(ChildSpec("a", Puppet()))) as stage:
        now = time.time()
        await stage.tell("a", ValueError("bug"))
        await stage.stop()
    started, failed, again, stopped = stage.reports
    assert started == Report("root", "a", What.STARTED, "", 0)
    assert failed == Report("root", "a", What.RESTARTING, "ValueError: bug", 0, failed.next_try)
    assert failed.next_try == pytest.approx(now, abs=60)
    assert again == Report("root", "a", What.STARTED, "", 1)
    assert stopped == Report("root", "a", What.STOPPED, "shutdown", 1)


async def test_the_worlds_fault_waits_ever_longer_and_is_never_given_up(autojump_clock: MockClock) -> None:
    puppet = Puppet()
    async with acting(supervisor(ChildSpec("a", puppet))) as stage:
        starts = []
        for _ in range(12):
            starts.append(trio.current_time())
            await stage.tell("a", TransientError("connection refused"))
            status = stage.status("a")
            assert status.state is State.BACKOFF
            assert status.next_try is not None
            await stage.until(What.STARTED, len(starts) + 1)
        pauses = [later - earlier for earlier, later in pairwise(starts)]
        assert pauses[:5] == [0.5, 1, 2, 4, 8]
        assert pauses[-1] == 60
        assert stage.told(What.QUARANTINED) == []


async def test_a_childs_own_backoff_goes_before_its_supervisors(autojump_clock: MockClock) -> None:
    root = supervisor(ChildSpec("a", Puppet(), backoff=Backoff(first=7)), backoff=Backoff(first=3))
    async with acting(root) as stage:
        await stage.tell("a", TransientError("down"))
        await trio.sleep(6.9)
        assert stage.status("a").state is State.BACKOFF
        await trio.sleep(0.2)
        assert stage.status("a").state is State.RUNNING


async def test_a_rate_limit_is_honoured(autojump_clock: MockClock) -> None:
    async with acting(supervisor(ChildSpec("a", Puppet()))) as stage:
        await stage.tell("a", RateLimited("flood control", retry_after=1000))
        await trio.sleep(999)
        assert stage.status("a").state is State.BACKOFF
        await trio.sleep(2)
        assert stage.status("a").state is State.RUNNING


async def test_cancelled_in_backoff_the_tree_ends_at_once(autojump_clock: MockClock) -> None:
    puppet = Puppet()
    async with acting(supervisor(ChildSpec("a", puppet), ChildSpec("b", Puppet()))) as stage:
        await stage.tell("a", RateLimited("wait", retry_after=10_000))
        before = trio.current_time()
        await stage.stop()
        assert trio.current_time() == before
        assert len(puppet.lives) == 1


async def test_a_transient_child_is_restarted_when_it_fails_and_done_when_it_returns(autojump_clock: MockClock) -> None:
    puppet = Puppet()
    async with acting(supervisor(ChildSpec("a", puppet, Restart.TRANSIENT))) as stage:
        await stage.tell("a", ValueError("bug"))
        assert len(puppet.lives) == 2
        await stage.tell("a", "return")
        await trio.sleep(1000)
        assert len(puppet.lives) == 2
        assert stage.status().children == ()
        assert stage.status().healthy
        assert [report.child for report in stage.told(What.DONE)] == ["a"]


@pytest.mark.parametrize("order", [ValueError("bug"), TransientError("down"), "return"])
async def test_a_temporary_child_is_never_restarted(order: BaseException | str, autojump_clock: MockClock) -> None:
    puppet = Puppet()
    async with acting(supervisor(ChildSpec("a", puppet, Restart.TEMPORARY))) as stage:
        await stage.tell("a", order)
        await trio.sleep(1000)
        assert len(puppet.lives) == 1
        assert len(stage.told(What.DONE if order == "return" else What.FAILED)) == 1
        assert stage.status().healthy == (order == "return")


async def test_a_permanent_child_that_returns_has_failed(autojump_clock: MockClock) -> None:
    async with acting(supervisor(ChildSpec("a", Puppet()))) as stage:
        await stage.tell("a", "return")
        status = stage.status("a")
        assert status.restarts == 1
        assert status.failure is not None
        assert status.failure.error == "EndedUnasked: ended without being asked"


async def test_a_group_of_errors_is_folded_before_it_is_judged(autojump_clock: MockClock) -> None:
    async with acting(supervisor(ChildSpec("a", Puppet()))) as stage:
        limits = [RateLimited("a", retry_after=5), RateLimited("b", retry_after=50)]
        await stage.tell("a", ExceptionGroup("two requests", [limits[0], ExceptionGroup("deep", [limits[1]])]))
        (report,) = stage.told(What.RESTARTING)
        assert report.reason == "RateLimited: b"
        await trio.sleep(49)
        assert stage.status("a").state is State.BACKOFF
        await trio.sleep(2)
        assert stage.status("a").state is State.RUNNING


@pytest.mark.parametrize(
    ("companion", "reason"),
    [
        (None, "StrayCancellation: raised a cancellation that nobody had asked for"),
        (KeyError("bug"), "KeyError: 'bug'"),
    ],
)
async def test_a_cancellation_that_nobody_asked_for_is_a_failure_of_the_child_alone(
    companion: Exception | None, reason: str, autojump_clock: MockClock
) -> None:
    async def keep_and_raise(context: Context[object]) -> None:
        kept: list[BaseException] = []
        with trio.CancelScope() as scope:
            scope.cancel()
            try:
                await trio.lowlevel.checkpoint()
            except trio.Cancelled as cancelled:
                kept.append(cancelled)
                raise
        if companion is not None:
            raise BaseExceptionGroup("mixed", [kept[0], companion])
        raise kept[0]

    async with acting(supervisor(ChildSpec("a", Puppet()), ChildSpec("b", Puppet()))) as stage:
        await stage.tell("a", keep_and_raise)
        (report,) = stage.told(What.RESTARTING)
        assert report.reason == reason
        assert stage.status().healthy
        assert stage.status("b").restarts == 0


async def test_messages_wait_through_a_crash_and_the_one_in_hand_is_gone(autojump_clock: MockClock) -> None:
    seen: list[tuple[str, int]] = []

    def note(text: str) -> object:
        async def act(context: Context[object]) -> None:
            seen.append((text, context.attempt))

        return act

    root = supervisor(ChildSpec("a", Puppet()))
    async with acting(root):
        address = root.address("a")
        for order in (note("before"), ValueError("bug"), note("after"), note("last")):
            assert address.tell_nowait(order)
        await wait_all_tasks_blocked()
        assert seen == [("before", 0), ("after", 1), ("last", 1)]


async def test_a_full_mailbox_pushes_back_and_shows_in_the_status(autojump_clock: MockClock) -> None:
    root = supervisor(ChildSpec("a", Puppet(), mailbox=2))
    async with acting(root) as stage:
        address = root.address("a")
        await stage.tell("a", resting(10))
        assert [address.tell_nowait("x") for _ in range(3)] == [True, True, False]
        status = stage.status("a")
        assert status.mailbox is not None
        assert (status.mailbox.depth, status.mailbox.bound) == (2, 2)
        began = trio.current_time()
        await address.tell("y")
        assert trio.current_time() - began == 10


async def test_reasons_and_details_pass_the_redactor(autojump_clock: MockClock) -> None:
    root = supervisor(ChildSpec("a", Puppet()), redact=lambda text: text.replace("hunter2", "***"))

    async def chatter(context: Context[object]) -> None:
        context.detail("logged in with hunter2")

    async with acting(root) as stage:
        await stage.tell("a", ValueError("refused: hunter2"))
        await stage.tell("a", chatter)
        status = stage.status("a")
        assert status.detail == "logged in with ***"
        assert status.failure is not None
        assert status.failure.error == "ValueError: refused: ***"
        assert stage.told(What.RESTARTING)[0].reason == "ValueError: refused: ***"


async def test_the_tree_and_its_parts_show_no_arguments_of_actors_when_they_are_printed(
    autojump_clock: MockClock,
) -> None:
    async def connect(context: Context[object], token: str, *, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        await trio.sleep_forever()

    spec = ChildSpec("a", partial(connect, token="hunter2"))
    root = supervisor(spec)
    async with acting(root) as stage:
        printed = repr([root, list(root.children()), root.address("a"), spec, stage.reports, stage.status()])
        assert "root/a" in printed
        assert "hunter2" not in printed


async def test_a_callback_that_fails_does_not_disturb_the_tree(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(report: Report) -> None:
        raise OSError("disk full")

    async with acting(supervisor(Supervisor("inner", [ChildSpec("a", Puppet())], reports=broken))) as stage:
        await stage.tell("inner/a", ValueError("bug"))
        assert stage.status().healthy
    assert "disk full" in caplog.text


async def test_addresses_name_workers_only(autojump_clock: MockClock) -> None:
    root = supervisor(Supervisor("inner", [ChildSpec("a", Puppet())]), ChildSpec("b", Puppet()))
    assert root.address("inner/a").path == "root/inner/a"
    for name, words in {"x": "no child 'x'", "inner": "no worker 'inner'", "b/c": "no worker 'b/c'"}.items():
        with pytest.raises(LookupError, match=words):
            root.address(name)
