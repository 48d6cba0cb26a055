"""Quarantine and return; and restarts that somebody asks for."""

import time

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.runtime import ChildSpec, Context, Restart, Supervisor, What
from hermes.errors import AuthError, ConfigError, TransientError
from hermes.status import State
from tests.actors.runtime.stage import Puppet, acting, resting, supervisor


async def test_our_own_crashes_quarantine_a_leaf_which_returns_by_itself(autojump_clock: MockClock) -> None:
    puppet, sibling = Puppet(), Puppet()
    inner = Supervisor("inner", [ChildSpec("a", puppet), ChildSpec("b", sibling)])
    async with acting(supervisor(inner)) as stage:
        for _ in range(6):
            await stage.tell("inner/a", ValueError("bug"))
        status = stage.status("inner/a")
        assert status.state is State.FAILED
        assert status.restarts == 5
        assert status.next_try == pytest.approx(time.time() + 300, abs=60)
        assert status.failure is not None
        assert status.failure.error == "ValueError: bug"
        assert len(stage.told(What.QUARANTINED)) == 1
        await trio.sleep(299)
        assert stage.status("inner/a").state is State.FAILED
        await trio.sleep(2)
        assert stage.status("inner/a").state is State.RUNNING
        assert (len(sibling.lives), stage.status("inner").restarts) == (1, 0)
        assert stage.status().healthy


async def test_back_from_quarantine_one_crash_sends_it_back(autojump_clock: MockClock) -> None:
    puppet = Puppet()
    async with acting(supervisor(ChildSpec("a", puppet))) as stage:
        for _ in range(6):
            await stage.tell("a", ValueError("bug"))
        for turn in (2, 3):
            await trio.sleep(301)
            await stage.tell("a", ValueError("still there"))
            assert stage.status("a").state is State.FAILED
            assert len(stage.told(What.QUARANTINED)) == turn


async def test_a_message_for_a_quarantined_child_waits_for_its_return(autojump_clock: MockClock) -> None:
    done: list[int] = []

    async def note(context: Context[object]) -> None:
        done.append(context.attempt)

    async with acting(supervisor(ChildSpec("a", Puppet()))) as stage:
        for _ in range(6):
            await stage.tell("a", ValueError("bug"))
        await stage.tell("a", note)
        status = stage.status("a")
        assert status.mailbox is not None
        assert status.mailbox.depth == 1
        await trio.sleep(301)
        assert done == [6]


@pytest.mark.parametrize("error", [AuthError("token refused"), ConfigError("port: no number")])
async def test_what_a_person_must_mend_waits_for_that_person(error: Exception, autojump_clock: MockClock) -> None:
    async with acting(supervisor(ChildSpec("a", Puppet()), ChildSpec("b", Puppet()))) as stage:
        await stage.tell("a", error)
        await trio.sleep(10_000)
        status = stage.status("a")
        assert (status.state, status.next_try) == (State.FAILED, None)
        (report,) = stage.told(What.QUARANTINED)
        assert report.next_try is None
        stage.root.restart_child("a", "its configuration changed")
        await wait_all_tasks_blocked()
        assert stage.status("a").state is State.RUNNING
        assert stage.status().healthy


async def test_a_request_starts_a_child_in_backoff_at_once_and_forgets_its_past(autojump_clock: MockClock) -> None:
    async with acting(supervisor(ChildSpec("a", Puppet()))) as stage:
        for _ in range(5):
            await stage.tell("a", TransientError("down"))
            stage.root.restart_child("a", "the network is back")
            await wait_all_tasks_blocked()
            assert stage.status("a").state is State.RUNNING
        await stage.tell("a", TransientError("down"))
        await trio.sleep(0.6)
        assert stage.status("a").state is State.RUNNING


async def test_a_request_restarts_a_running_child_which_is_no_failure(autojump_clock: MockClock) -> None:
    journal: list[str] = []
    async with acting(supervisor(ChildSpec("a", Puppet(journal)), ChildSpec("b", Puppet(journal)))) as stage:
        stage.root.restart_child("a", "its configuration changed")
        assert stage.status("a").state is State.STOPPING
        await wait_all_tasks_blocked()
        assert journal == ["+a", "+b", "-a", "+a"]
        assert stage.status("a").failure is None
        assert [report.reason for report in stage.told(What.STOPPED)] == ["its configuration changed"]


async def test_a_request_reaches_further_down_and_names_what_it_does_not_find(autojump_clock: MockClock) -> None:
    puppet = Puppet()
    root = supervisor(Supervisor("inner", [ChildSpec("a", puppet)]), ChildSpec("b", Puppet()))
    root.restart_child("inner/a", "not running yet: nothing happens")
    async with acting(root):
        root.restart_child("inner/a", "changed")
        await wait_all_tasks_blocked()
        assert len(puppet.lives) == 2
        unknown = {"x": "root has no child 'x'", "inner/x": "root/inner has no child", "b/c": "root/b has no children"}
        for name, words in unknown.items():
            with pytest.raises(LookupError, match=words):
                root.restart_child(name, "changed")


async def test_a_nested_supervisor_can_be_restarted_as_a_whole(autojump_clock: MockClock) -> None:
    journal: list[str] = []
    inner = Supervisor("inner", [ChildSpec("a", Puppet(journal)), ChildSpec("b", Puppet(journal))])
    async with acting(supervisor(inner)) as stage:
        root = stage.root
        assert isinstance(root, Supervisor)
        address = root.address("inner/a")
        root.restart_child("inner", "changed")
        await wait_all_tasks_blocked()
        assert journal == ["+a", "+b", "-b", "-a", "+a", "+b"]
        assert stage.status("inner").restarts == 1
        assert stage.status("inner/a").restarts == 1
        await address.tell(ValueError("still the same address"))
        await wait_all_tasks_blocked()
        assert stage.status("inner/a").restarts == 2


async def test_the_next_run_of_a_nested_supervisor_is_a_fresh_start(autojump_clock: MockClock) -> None:
    journal: list[str] = []
    done = Puppet(journal)
    inner = Supervisor(
        "inner",
        [
            ChildSpec("slow", Puppet(journal, before_start=resting(1))),
            ChildSpec("done", done, Restart.TRANSIENT),
            ChildSpec("broken", Puppet(journal)),
        ],
    )
    async with acting(supervisor(inner)) as stage:
        await stage.tell("inner/done", "return")
        await stage.tell("inner/broken", AuthError("token refused"))
        stage.root.restart_child("inner", "changed")
        journal.clear()
        await wait_all_tasks_blocked()
        assert journal == ["-slow", "+slow"]
        await trio.sleep(2)
        assert journal == ["-slow", "+slow", "+done", "+broken"]
        assert stage.status().healthy
        await stage.tell("inner/done", "return")
        assert len(done.lives) == 2


@pytest.mark.parametrize("restart", [Restart.TRANSIENT, Restart.TEMPORARY])
async def test_a_child_that_is_gone_comes_back_on_request(restart: Restart, autojump_clock: MockClock) -> None:
    puppet = Puppet()
    async with acting(supervisor(ChildSpec("a", puppet, restart))) as stage:
        await stage.tell("a", "return")
        stage.root.restart_child("a", "once more")
        await wait_all_tasks_blocked()
        assert stage.status("a").state is State.RUNNING
        stage.root.restart_child("a", "and again while it runs")
        await wait_all_tasks_blocked()
        assert len(puppet.lives) == 3
        await stage.tell("a", "return")
        assert len(stage.told(What.DONE)) == 2
