"""Liveness as the supervisor acts on it: deaf, idle, retrying."""

import pytest
import trio
from trio.testing import MockClock

from actors.runtime import ChildSpec, Context, What
from hermes.errors import TransientError
from hermes.status import State
from tests.actors.runtime.stage import Puppet, acting, resting, supervisor


async def probe(context: Context[object], *, task_status: trio.TaskStatus[None]) -> None:
    """Proves itself every five seconds; the second life falls silent after a minute."""
    task_status.started()
    while context.attempt != 0 or trio.current_time() < 60:
        await trio.sleep(5)
        context.beat()
    await trio.sleep_forever()


async def test_a_deaf_child_is_cut_off_at_its_bound_and_restarted_with_a_pause(autojump_clock: MockClock) -> None:
    async with acting(supervisor(ChildSpec("a", probe, liveness=30), ChildSpec("b", Puppet()))) as stage:
        await trio.sleep(89.5)
        assert stage.told(What.RESTARTING) == []
        liveness = stage.status("a").liveness
        assert liveness is not None
        assert liveness.age == pytest.approx(29.5)
        assert liveness.bound == 30
        await trio.sleep(0.7)
        (report,) = stage.told(What.RESTARTING)
        assert report.reason == "LivenessExceeded: deaf: no proven round trip for 30 s"
        assert stage.status("a").state is State.BACKOFF
        assert stage.status("a").liveness is None
        failure = stage.status("a").failure
        assert failure is not None
        assert not failure.ours
        await trio.sleep(1)
        assert stage.status().healthy


async def test_a_child_that_never_beats_is_deaf_from_its_start_on(autojump_clock: MockClock) -> None:
    puppet = Puppet()
    async with acting(supervisor(ChildSpec("a", puppet, liveness=10))) as stage:
        await trio.sleep(9.9)
        assert len(puppet.lives) == 1
        await trio.sleep(400)
        assert len(puppet.lives) > 5
        assert stage.told(What.QUARANTINED) == []


async def test_restarts_that_never_prove_anything_do_not_reset_the_pauses(autojump_clock: MockClock) -> None:
    puppet = Puppet()
    async with acting(supervisor(ChildSpec("a", puppet, liveness=120))) as stage:
        await trio.sleep(120 * 9 + 0.5 + 1 + 2 + 4 + 8 + 16 + 32 + 60 + 1)
        assert len(puppet.lives) == 9
        assert stage.status("a").state is State.BACKOFF


async def test_idle_is_not_deaf(autojump_clock: MockClock) -> None:
    puppet = Puppet()
    async with acting(supervisor(ChildSpec("a", puppet))) as stage:
        await trio.sleep(50_000)
        assert len(puppet.lives) == 1
        assert stage.status("a").liveness is None
        assert stage.status().healthy


async def test_the_time_before_the_start_does_not_count(autojump_clock: MockClock) -> None:
    puppet = Puppet(before_start=resting(25))
    async with acting(supervisor(ChildSpec("a", puppet, liveness=10)), wait=False) as stage:
        await trio.sleep(34)
        assert stage.status("a").state is State.RUNNING
        await trio.sleep(2)
        assert len(stage.told(What.RESTARTING)) == 1


async def test_a_retrying_child_is_unhealthy_but_left_alone_until_it_beats(autojump_clock: MockClock) -> None:
    puppet = Puppet()
    async with acting(supervisor(ChildSpec("a", puppet, liveness=10))) as stage:
        puppet.context.retrying("connection refused")
        status = stage.status("a")
        assert (status.state, status.detail) == (State.BACKOFF, "retrying: connection refused")
        assert not stage.status().healthy
        await trio.sleep(5000)
        assert len(puppet.lives) == 1
        puppet.context.beat()
        assert stage.status().healthy
        assert stage.status("a").detail == ""
        await trio.sleep(9)
        assert len(puppet.lives) == 1
        await trio.sleep(2)
        assert len(stage.told(What.RESTARTING)) == 1


async def test_retrying_shows_for_a_child_that_is_not_watched_too(autojump_clock: MockClock) -> None:
    puppet = Puppet()
    async with acting(supervisor(ChildSpec("a", puppet))) as stage:
        puppet.context.retrying("connection refused")
        puppet.context.retrying("no route to host")
        assert not stage.status().healthy
        assert stage.status("a").detail == "retrying: no route to host"
        puppet.context.beat()
        assert stage.status().healthy


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("bug in the cleanup"), "ValueError: bug in the cleanup"),
        (TransientError("lost while closing"), "LivenessExceeded: deaf: no proven round trip for 10 s"),
    ],
)
async def test_a_cleanup_that_fails_after_the_cut_is_weighed_with_it(
    error: Exception, reason: str, autojump_clock: MockClock
) -> None:
    async def crash(context: Context[object]) -> None:
        raise error

    async with acting(supervisor(ChildSpec("a", Puppet(on_cancel=crash), liveness=10))) as stage:
        await trio.sleep(11)
        assert [report.reason for report in stage.told(What.RESTARTING)] == [reason]


async def test_a_deaf_child_that_is_stuck_is_shown_and_not_doubled(autojump_clock: MockClock) -> None:
    puppet = Puppet(on_cancel=resting(100, later=0))
    async with acting(supervisor(ChildSpec("a", puppet, liveness=10, shutdown=2))) as stage:
        await trio.sleep(11)
        assert stage.status("a").state is State.STOPPING
        await trio.sleep(2)
        assert stage.status("a").detail == "stuck: ignores its cancellation"
        await trio.sleep(90)
        assert len(puppet.lives) == 1
        await trio.sleep(8)
        assert len(puppet.lives) == 2


async def test_a_shutdown_that_meets_a_deaf_child_does_not_blame_it(autojump_clock: MockClock) -> None:
    puppet = Puppet(on_cancel=resting(3))
    async with acting(supervisor(ChildSpec("a", puppet, liveness=10))) as stage:
        await trio.sleep(11)
        await stage.stop()
    assert stage.status("a").failure is None
    assert [report.reason for report in stage.told(What.STOPPED)] == ["shutdown"]


async def test_a_shutdown_does_not_lengthen_the_grace_of_one_that_is_leaving_already(autojump_clock: MockClock) -> None:
    puppet = Puppet(on_cancel=resting(60))
    async with acting(supervisor(ChildSpec("a", puppet, liveness=10))) as stage:
        await trio.sleep(13)
        stage.scope.cancel()
        await trio.sleep(2.1)
        assert stage.escalated == ["root/a"]


async def test_started_after_the_cut_changes_nothing(autojump_clock: MockClock) -> None:
    async def late(context: Context[object], *, task_status: trio.TaskStatus[None]) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(31)
        task_status.started()
        await trio.sleep_forever()

    async with acting(supervisor(ChildSpec("a", late)), wait=False) as stage:
        await trio.sleep(31.2)
        assert stage.told(What.STARTED) == []
        assert len(stage.told(What.RESTARTING)) == 1
