"""Children that come with a message: their starts, their failures, and who is told of them."""

import contextvars
import math

import pytest
import trio
from attrs import frozen
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.runtime import ChildSpec, Context, DynamicSupervisor, Reply, Restart, Supervisor, What
from hermes.errors import ActorCrashed, ConfigError, RateLimited, TransientError
from hermes.status import State
from tests.actors.runtime.rooms import Cast, note, rooms, settled
from tests.actors.runtime.stage import Puppet, acting, resting


async def test_the_first_tell_starts_a_child_and_later_ones_find_it(autojump_clock: MockClock) -> None:
    cast, seen = Cast(), list[object]()
    dynamic = rooms(cast)
    async with acting(dynamic) as stage:
        assert stage.root.status().children == ()
        assert stage.status().healthy
        for number in range(3):
            await dynamic.tell("a", note(seen, number))
        await dynamic.tell("b", note(seen, "b"))
        assert await settled(stage) == {"a": State.RUNNING, "b": State.RUNNING}
        assert [entry for entry in seen if entry != "b"] == [0, 1, 2]
        assert cast.calls == ["a", "b"]
        assert cast.puppets["a"].context.name == "rooms/a"


async def test_a_tell_does_not_wait_for_the_start(autojump_clock: MockClock) -> None:
    cast, seen = Cast(), list[object]()
    cast.puppets["a"] = Puppet(before_start=resting(20))
    dynamic = rooms(cast)
    async with acting(dynamic):
        await dynamic.tell("a", note(seen, "waited for"))
        assert trio.current_time() == 0
        await trio.sleep(21)
        assert seen == ["waited for"]


async def test_a_start_that_takes_too_long_is_cut_off(autojump_clock: MockClock) -> None:
    cast = Cast()
    cast.puppets["a"] = Puppet(before_start=resting(math.inf))
    dynamic = rooms(cast)
    async with acting(dynamic) as stage:
        await dynamic.tell("b", "something earlier")
        await trio.sleep(5)
        await dynamic.tell("a", "x")
        await trio.sleep(30.2)
        assert [report.reason for report in stage.told(What.RESTARTING)] == [
            "TransientError: not ready within 30 s of its start"
        ]


async def test_a_crash_of_one_changes_nothing_for_the_others(autojump_clock: MockClock) -> None:
    cast = Cast()
    dynamic = rooms(cast)
    async with acting(dynamic) as stage:
        await dynamic.tell("b", "x")
        for error in (ValueError("bug"), TransientError("down"), RateLimited("wait", retry_after=50)):
            await dynamic.tell("a", error)
            await wait_all_tasks_blocked()
            await trio.sleep(1)
        assert await settled(stage) == {"b": State.RUNNING, "a": State.BACKOFF}
        await trio.sleep(50)
        assert await settled(stage) == {"b": State.RUNNING, "a": State.RUNNING}
        assert (len(cast.puppets["a"].lives), len(cast.puppets["b"].lives)) == (4, 1)


async def test_a_leaf_is_quarantined_here_too_and_keeps_its_messages(autojump_clock: MockClock) -> None:
    cast, seen = Cast(), list[object]()
    dynamic = rooms(cast)
    async with acting(dynamic) as stage:
        for _ in range(6):
            await dynamic.tell("a", ValueError("bug"))
        await dynamic.tell("a", note(seen, "kept"))
        assert await settled(stage) == {"a": State.FAILED}
        await trio.sleep(301)
        assert seen == ["kept"]


async def test_a_tell_that_need_not_wait_can_be_had_without_an_await(autojump_clock: MockClock) -> None:
    cast = Cast({"mailbox": 1})
    dynamic = rooms(cast, max_children=1)
    async with acting(dynamic) as stage:
        assert dynamic.tell_nowait("a", resting(5))
        await wait_all_tasks_blocked()
        assert dynamic.tell_nowait("a", "fits")
        assert not dynamic.tell_nowait("a", "full")
        assert not dynamic.tell_nowait("b", "no room")
        assert await settled(stage) == {"a": State.RUNNING}


@frozen
class Question:
    reply: Reply[str]


async def echo(context: Context[Question], *, task_status: trio.TaskStatus[None]) -> None:
    task_status.started()
    async for question in context.mailbox:
        if context.name.endswith("crash"):
            raise ValueError("bug")
        question.reply.answer(context.name)


async def test_asks_go_by_key_as_well(autojump_clock: MockClock) -> None:
    dynamic = DynamicSupervisor[Question]("rooms", lambda key: ChildSpec(key, echo))
    async with acting(dynamic):
        assert await dynamic.ask("a", Question, within=1) == "rooms/a"
        with pytest.raises(ActorCrashed, match="rooms/crash"):
            await dynamic.ask("crash", Question, within=1)


async def test_a_transient_child_that_returns_leaves_and_serves_what_came_meanwhile(autojump_clock: MockClock) -> None:
    cast, seen = Cast({"restart": Restart.TRANSIENT}), list[object]()
    dynamic = rooms(cast)
    async with acting(dynamic) as stage:
        await dynamic.tell("a", "return")
        await dynamic.tell("a", note(seen, "after"))
        await wait_all_tasks_blocked()
        assert seen == ["after"]
        assert cast.puppets["a"].context.attempt == 0
        await dynamic.tell("a", "return")
        assert await settled(stage) == {}
        assert len(stage.told(What.DONE)) == 2


async def test_a_transient_child_that_never_looks_at_its_messages_is_not_restarted_for_ever(
    autojump_clock: MockClock,
) -> None:
    lives = 0

    async def ignore(context: Context[object], *, task_status: trio.TaskStatus[None]) -> None:
        nonlocal lives
        lives += 1
        task_status.started()

    dynamic = DynamicSupervisor[object]("rooms", lambda key: ChildSpec(key, ignore, Restart.TRANSIENT))
    async with acting(dynamic) as stage:
        await dynamic.tell("a", "x")
        assert await settled(stage) == {"a": State.FAILED}
        assert lives == 6
        assert stage.told(What.QUARANTINED)[0].reason == "EndedUnasked: returned without a look at its messages"


async def test_a_temporary_child_that_fails_drops_its_queue_and_the_next_tell_starts_anew(
    autojump_clock: MockClock,
) -> None:
    cast, seen = Cast({"restart": Restart.TEMPORARY}), list[object]()
    dynamic = rooms(cast)
    async with acting(dynamic) as stage:
        await dynamic.tell("a", ValueError("bug"))
        await dynamic.tell("a", note(seen, "dropped"))
        assert await settled(stage) == {}
        await dynamic.tell("a", note(seen, "fresh"))
        await wait_all_tasks_blocked()
        assert seen == ["fresh"]
        assert [report.what for report in stage.reports] == [What.STARTED, What.FAILED, What.STARTED]


async def test_a_teller_that_waits_for_room_when_the_child_leaves_reaches_its_successor(
    autojump_clock: MockClock,
) -> None:
    async def sleep_and_crash(context: Context[object]) -> None:
        await trio.sleep(5)
        raise ValueError("bug")

    cast, seen = Cast({"restart": Restart.TEMPORARY, "mailbox": 1}), list[object]()
    dynamic = rooms(cast)
    async with acting(dynamic):
        await dynamic.tell("a", sleep_and_crash)
        await wait_all_tasks_blocked()
        await dynamic.tell("a", note(seen, "dropped with the queue"))
        await dynamic.tell("a", note(seen, "waited at the door"))
        await wait_all_tasks_blocked()
        assert seen == ["waited at the door"]


async def test_a_request_restarts_a_living_child_and_wakes_a_quarantined_one(autojump_clock: MockClock) -> None:
    cast = Cast()
    dynamic = rooms(cast)
    dynamic_in_tree = Supervisor("root", [dynamic])
    async with acting(dynamic_in_tree) as stage:
        await dynamic.tell("a/with/slashes", ConfigError("wrong"))
        await wait_all_tasks_blocked()
        await trio.sleep(1000)
        dynamic_in_tree.restart_child("rooms/a/with/slashes", "its configuration changed")
        await wait_all_tasks_blocked()
        assert stage.status("rooms").healthy
        dynamic_in_tree.restart_child("rooms/a/with/slashes", "once more")
        await wait_all_tasks_blocked()
        assert len(cast.puppets["a/with/slashes"].lives) == 3
        with pytest.raises(LookupError, match="root/rooms has no child 'b'"):
            dynamic.restart_child("b", "changed")


async def test_what_the_factory_raises_reaches_the_teller_and_nobody_else(autojump_clock: MockClock) -> None:
    def refuse(key: str) -> ChildSpec:
        raise ConfigError(f"no such room: {key}")

    dynamic = DynamicSupervisor[object]("rooms", refuse)
    async with acting(dynamic) as stage:
        with pytest.raises(ConfigError, match="no such room: a"):
            await dynamic.tell("a", "x")
        with pytest.raises(ConfigError, match="no such room: a"):
            dynamic.tell_nowait("a", "x")
        assert stage.status().healthy


async def test_a_core_child_is_refused(autojump_clock: MockClock) -> None:
    dynamic = rooms(Cast({"core": True}))
    async with acting(dynamic):
        with pytest.raises(ValueError, match="rooms/a: a dynamic child cannot be core"):
            await dynamic.tell("a", "x")


async def test_a_child_does_not_inherit_the_context_of_whoever_told_it_first(autojump_clock: MockClock) -> None:
    who = contextvars.ContextVar("who", default="nobody")
    seen: list[str] = []

    async def look(context: Context[object]) -> None:
        seen.append(who.get())

    dynamic = rooms(Cast())
    async with acting(dynamic):
        who.set("the teller")
        await dynamic.tell("a", look)
        await wait_all_tasks_blocked()
    assert seen == ["nobody"]
