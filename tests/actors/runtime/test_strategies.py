"""Who is stopped and started with a failed child, and in which order."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.runtime import ChildSpec, Context, Restart, Strategy, Supervisor, What
from hermes.errors import AuthError, RateLimited, TransientError
from hermes.status import State
from tests.actors.runtime.stage import Puppet, acting, resting, supervisor

GROUPS = [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE]


def troupe(journal: list[str], names: str, **options: object) -> list[ChildSpec]:
    return [ChildSpec(name, Puppet(journal), **options) for name in names]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (Strategy.ONE_FOR_ONE, ["-b", "+b"]),
        (Strategy.REST_FOR_ONE, ["-b", "-d", "-c", "+b", "+c", "+d"]),
        (Strategy.ONE_FOR_ALL, ["-b", "-d", "-c", "-a", "+a", "+b", "+c", "+d"]),
    ],
)
async def test_after_a_crash_each_strategy_stops_in_reverse_and_starts_in_order(
    strategy: Strategy, expected: list[str], autojump_clock: MockClock
) -> None:
    journal: list[str] = []
    async with acting(supervisor(*troupe(journal, "abcd"), strategy=strategy)) as stage:
        journal.clear()
        await stage.tell("b", ValueError("bug"))
        assert journal == expected
        assert stage.status().healthy


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (Strategy.ONE_FOR_ONE, ["-b", "+b"]),
        (Strategy.REST_FOR_ONE, ["-d", "-c", "-b", "+b", "+c", "+d"]),
        (Strategy.ONE_FOR_ALL, ["-d", "-c", "-b", "-a", "+a", "+b", "+c", "+d"]),
    ],
)
async def test_a_restart_by_request_keeps_the_same_order(
    strategy: Strategy, expected: list[str], autojump_clock: MockClock
) -> None:
    journal: list[str] = []
    async with acting(supervisor(*troupe(journal, "abcd"), strategy=strategy)) as stage:
        journal.clear()
        stage.root.restart_child("b", "changed")
        await wait_all_tasks_blocked()
        assert journal == expected
        assert stage.status().healthy


@pytest.mark.parametrize("strategy", GROUPS)
async def test_the_group_starts_each_only_when_those_before_are_up(
    strategy: Strategy, autojump_clock: MockClock
) -> None:
    journal: list[str] = []
    slow = Puppet(journal, before_start=resting(0, later=10))
    root = supervisor(ChildSpec("a", slow), ChildSpec("b", Puppet(journal)), strategy=strategy)
    async with acting(root) as stage:
        journal.clear()
        await stage.tell("a", ValueError("bug"))
        assert journal == ["-a", "-b", "+a"]
        assert stage.status("b").state is State.STOPPED
        assert stage.status("b").detail == "waits for a"
        await trio.sleep(11)
        assert journal == ["-a", "-b", "+a", "+b"]


@pytest.mark.parametrize("strategy", GROUPS)
async def test_the_group_waits_through_the_backoff_of_the_failed_one(
    strategy: Strategy, autojump_clock: MockClock
) -> None:
    journal: list[str] = []
    async with acting(supervisor(*troupe(journal, "abc"), strategy=strategy)) as stage:
        journal.clear()
        await stage.tell("b", RateLimited("wait", retry_after=100))
        stopped = {"a", "b", "c"} if strategy is Strategy.ONE_FOR_ALL else {"b", "c"}
        assert {entry[1] for entry in journal} == stopped
        assert stage.status("c").detail == "waits for b"
        assert stage.status("a").state is (State.STOPPED if "a" in stopped else State.RUNNING)
        await trio.sleep(99)
        assert stage.status("b").state is State.BACKOFF
        journal.clear()
        await trio.sleep(2)
        assert journal == [f"+{name}" for name in sorted(stopped)]
        assert stage.status().healthy


@pytest.mark.parametrize("strategy", GROUPS)
async def test_the_group_waits_through_a_quarantine_and_for_a_person(
    strategy: Strategy, autojump_clock: MockClock
) -> None:
    journal: list[str] = []
    async with acting(supervisor(*troupe(journal, "ab"), strategy=strategy)) as stage:
        await stage.tell("a", AuthError("token refused"))
        await trio.sleep(1000)
        assert stage.status("a").state is State.FAILED
        assert stage.status("b").state is State.STOPPED
        journal.clear()
        stage.root.restart_child("a", "a new token")
        await wait_all_tasks_blocked()
        assert journal == ["+a", "+b"]


async def test_the_other_members_crashes_are_counted_apart(autojump_clock: MockClock) -> None:
    journal: list[str] = []
    async with acting(supervisor(*troupe(journal, "ab"), strategy=Strategy.ONE_FOR_ALL)) as stage:
        for _ in range(5):
            await stage.tell("a", ValueError("bug"))
            await stage.tell("b", ValueError("bug"))
        assert stage.status().healthy
        assert stage.told(What.QUARANTINED) == []
        assert stage.status("a").restarts == 10


async def test_a_second_crash_while_the_group_stops_is_weighed_too(autojump_clock: MockClock) -> None:
    journal: list[str] = []
    leaving = trio.Event()

    async def leave_slowly(context: Context[object]) -> None:
        if context.attempt == 0:
            await leaving.wait()

    root = supervisor(
        ChildSpec("a", Puppet(journal)),
        ChildSpec("b", Puppet(journal)),
        ChildSpec("c", Puppet(journal, on_cancel=leave_slowly)),
        strategy=Strategy.ONE_FOR_ALL,
    )
    async with acting(root) as stage:
        journal.clear()
        await stage.tell("b", ValueError("first"))
        await stage.tell("a", TransientError("second"))
        assert journal == ["-b", "-a"]
        assert stage.status("c").state is State.STOPPING
        leaving.set()
        await wait_all_tasks_blocked()
        assert stage.status("a").state is State.BACKOFF
        assert journal == ["-b", "-a", "-c"]
        await trio.sleep(1)
        assert journal == ["-b", "-a", "-c", "+a", "+b", "+c"]


async def test_a_crash_while_the_group_starts_begins_the_restart_anew(autojump_clock: MockClock) -> None:
    journal: list[str] = []
    slow = Puppet(journal, before_start=resting(0, later=10))
    root = supervisor(ChildSpec("a", Puppet(journal)), ChildSpec("b", slow), strategy=Strategy.ONE_FOR_ALL)
    async with acting(root) as stage:
        await stage.tell("a", ValueError("first"))
        await trio.sleep(5)
        assert stage.status("b").state is State.STARTING
        journal.clear()
        await stage.tell("a", ValueError("second"))
        assert journal == ["-a", "-b", "+a", "+b"]
        await trio.sleep(11)
        assert stage.status().healthy


@pytest.mark.parametrize("strategy", GROUPS)
async def test_a_shutdown_in_the_middle_of_a_group_restart_ends_it(
    strategy: Strategy, autojump_clock: MockClock
) -> None:
    journal: list[str] = []
    slow = Puppet(journal, before_start=resting(0, later=20))
    root = supervisor(ChildSpec("a", slow), ChildSpec("b", Puppet(journal)), strategy=strategy)
    async with acting(root) as stage:
        await stage.tell("a", ValueError("bug"))
        before = trio.current_time()
        await stage.stop()
        assert trio.current_time() == before
    assert journal == ["+a", "+b", "-a", "-b", "+a", "-a"]


async def test_a_temporary_member_leaves_with_the_group_and_stays_away(autojump_clock: MockClock) -> None:
    journal: list[str] = []
    temporary = ChildSpec("t", Puppet(journal), Restart.TEMPORARY)
    root = supervisor(*troupe(journal, "a"), temporary, *troupe(journal, "b"), strategy=Strategy.ONE_FOR_ALL)
    async with acting(root) as stage:
        journal.clear()
        await stage.tell("b", ValueError("bug"))
        assert journal == ["-b", "-t", "-a", "+a", "+b"]
        assert [child.name for child in stage.status().children] == ["a", "b"]


async def test_a_temporary_members_own_crash_concerns_nobody(autojump_clock: MockClock) -> None:
    journal: list[str] = []
    temporary = ChildSpec("t", Puppet(journal), Restart.TEMPORARY)
    async with acting(supervisor(temporary, *troupe(journal, "a"), strategy=Strategy.ONE_FOR_ALL)) as stage:
        journal.clear()
        await stage.tell("t", ValueError("bug"))
        assert journal == ["-t"]


async def test_a_member_that_is_done_holds_up_no_restart(autojump_clock: MockClock) -> None:
    journal: list[str] = []
    root = supervisor(
        *troupe(journal, "a", restart=Restart.TRANSIENT), *troupe(journal, "bc"), strategy=Strategy.REST_FOR_ONE
    )
    async with acting(root) as stage:
        await stage.tell("a", "return")
        journal.clear()
        await stage.tell("b", ValueError("bug"))
        assert journal == ["-b", "-c", "+b", "+c"]


async def test_a_failed_member_at_the_start_holds_its_group_and_not_the_siblings_of_the_group(
    autojump_clock: MockClock,
) -> None:
    async def refuse(context: Context[object]) -> None:
        if context.attempt < 2:
            raise TransientError("unreachable")

    journal: list[str] = []
    group = Supervisor(
        "group",
        [ChildSpec("a", Puppet(journal, before_start=refuse)), ChildSpec("b", Puppet(journal))],
        strategy=Strategy.REST_FOR_ONE,
    )
    async with acting(supervisor(group, ChildSpec("c", Puppet(journal)))) as stage:
        assert stage.status("c").state is State.RUNNING
        assert stage.status("group").state is State.RUNNING
        assert stage.status("group/b").detail == "waits for a"
        await trio.sleep(5)
        assert stage.status().healthy


async def test_a_restart_by_request_of_one_that_waits_does_not_overtake_its_group(autojump_clock: MockClock) -> None:
    journal: list[str] = []
    async with acting(supervisor(*troupe(journal, "ab"), strategy=Strategy.REST_FOR_ONE)) as stage:
        await stage.tell("b", RateLimited("wait", retry_after=200))
        await stage.tell("a", RateLimited("wait", retry_after=100))
        assert stage.status("b").next_try is not None
        stage.root.restart_child("b", "impatience")
        await wait_all_tasks_blocked()
        status = stage.status("b")
        assert (status.state, status.next_try, status.detail) == (State.STOPPED, None, "waits for a")
        await trio.sleep(101)
        assert stage.status().healthy
