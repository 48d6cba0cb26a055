"""The bound of dynamic children and the line before it; their supervisor's end and next run."""

import math

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.runtime import Supervisor, What
from hermes.errors import Unavailable
from tests.actors.runtime.rooms import Cast, note, passivate, rooms, settled
from tests.actors.runtime.stage import Puppet, acting, resting


async def test_beyond_the_bound_tells_wait_in_line_and_the_status_says_so(autojump_clock: MockClock) -> None:
    cast, seen = Cast(), list[object]()
    dynamic = rooms(cast, max_children=2)
    async with acting(dynamic) as stage:
        await dynamic.tell("a", "x")
        await dynamic.tell("b", "x")
        assert dynamic.status().detail == "full: 2 children, 0 more wait"
        async with trio.open_nursery() as nursery:
            for key in "cdc":
                nursery.start_soon(dynamic.tell, key, note(seen, key))
                await wait_all_tasks_blocked()
            assert dynamic.status().detail == "full: 2 children, 2 more wait"
            assert set(await settled(stage)) == {"a", "b"}
            await dynamic.tell("a", passivate)
            assert set(await settled(stage)) == {"b", "c"}
            assert seen == ["c", "c"]
            await dynamic.tell("c", passivate)
            assert set(await settled(stage)) == {"b", "d"}
        await dynamic.tell("b", passivate)
        await wait_all_tasks_blocked()
        assert dynamic.status().detail == ""
        assert cast.calls == ["a", "b", "c", "d"]


async def test_a_teller_that_gives_up_in_the_line_leaves_it(autojump_clock: MockClock) -> None:
    cast = Cast()
    dynamic = rooms(cast, max_children=1)
    async with acting(dynamic) as stage:
        await dynamic.tell("a", "x")
        with trio.move_on_after(5):
            await dynamic.tell("b", "given up")
        assert dynamic.status().detail == "full: 1 children, 0 more wait"
        await dynamic.tell("a", passivate)
        assert await settled(stage) == {}


async def test_one_of_two_tellers_of_a_key_may_give_up(autojump_clock: MockClock) -> None:
    cast, seen = Cast(), list[object]()
    dynamic = rooms(cast, max_children=1)
    async with acting(dynamic):
        await dynamic.tell("a", "x")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(dynamic.tell, "b", note(seen, "patient"))
            with trio.move_on_after(5):
                await dynamic.tell("b", note(seen, "impatient"))
            await dynamic.tell("a", passivate)
        await wait_all_tasks_blocked()
        assert seen == ["patient"]


async def test_messages_told_before_the_run_are_served_by_it(autojump_clock: MockClock) -> None:
    cast, seen = Cast(), list[object]()
    dynamic = rooms(cast, max_children=1)
    await dynamic.tell("a", note(seen, "early"))
    dynamic.restart_child("a", "not running: nothing happens")
    assert not dynamic.tell_nowait("b", "no room")
    async with acting(dynamic):
        assert seen == ["early"]


async def test_a_restart_of_the_supervisor_keeps_what_is_queued_and_drops_the_idle(autojump_clock: MockClock) -> None:
    cast, seen = Cast(), list[object]()
    dynamic = rooms(cast, max_children=2)
    root = Supervisor("root", [dynamic])
    async with acting(root) as stage:
        await dynamic.tell("idle", "x")
        await dynamic.tell("busy", resting(math.inf))
        await wait_all_tasks_blocked()
        await dynamic.tell("busy", note(seen, "queued"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(dynamic.tell, "waiting", note(seen, "in line"))
            await wait_all_tasks_blocked()
            root.restart_child("rooms", "changed")
        await wait_all_tasks_blocked()
        assert sorted(child.name for child in stage.status("rooms").children) == ["busy", "waiting"]
        assert sorted(map(str, seen)) == ["in line", "queued"]
        assert len(cast.puppets["busy"].lives) == 2


async def test_children_stop_all_at_once_each_with_its_grace(autojump_clock: MockClock) -> None:
    cast = Cast()
    for key in "abc":
        cast.puppets[key] = Puppet(on_cancel=resting(4))
    dynamic = rooms(cast)
    async with acting(dynamic) as stage:
        for key in "abc":
            await dynamic.tell(key, "x")
        await wait_all_tasks_blocked()
        before = trio.current_time()
        await stage.stop()
        assert trio.current_time() - before == 4
        assert len(stage.told(What.STOPPED)) == 3


async def test_stuck_children_are_escalated_together(autojump_clock: MockClock) -> None:
    cast = Cast({"shutdown": 1})
    for key in "ab":
        cast.puppets[key] = Puppet(on_cancel=resting(60))
    dynamic = rooms(cast)
    async with acting(Supervisor("root", [dynamic])) as stage:
        for key in "abc":
            await dynamic.tell(key, "x")
        await wait_all_tasks_blocked()
        stage.scope.cancel()
        await trio.sleep(2)
        assert stage.escalated == ["root/rooms/a", "root/rooms/b"]


async def test_after_the_end_of_the_tree_nobody_can_be_told_anything(autojump_clock: MockClock) -> None:
    cast = Cast({"mailbox": 1})
    dynamic = rooms(cast, max_children=1)
    refused: list[str] = []

    async def tell(key: str) -> None:
        try:
            while True:
                await dynamic.tell(key, "x")
        except Unavailable as error:
            refused.append(f"{key}: {error}")

    async with acting(dynamic) as stage, trio.open_nursery() as nursery:
        await dynamic.tell("a", resting(math.inf))
        await wait_all_tasks_blocked()
        nursery.start_soon(tell, "a")
        nursery.start_soon(tell, "b")
        await wait_all_tasks_blocked()
        await stage.stop()
    assert sorted(refused) == ["a: rooms has ended", "b: rooms has ended"]
    with pytest.raises(Unavailable):
        dynamic.tell_nowait("c", "x")
    assert dynamic.status().children == ()


async def test_told_without_waiting_while_the_tree_ends_a_stopped_child_is_unavailable(
    autojump_clock: MockClock,
) -> None:
    cast = Cast()
    cast.puppets["slow"] = Puppet(on_cancel=resting(3))
    dynamic = rooms(cast)
    async with acting(dynamic) as stage:
        await dynamic.tell("slow", "x")
        await dynamic.tell("quick", "x")
        await wait_all_tasks_blocked()
        stage.scope.cancel()
        await wait_all_tasks_blocked()
        for key in ("quick", "new"):
            with pytest.raises(Unavailable):
                dynamic.tell_nowait(key, "x")
            with pytest.raises(Unavailable):
                await dynamic.tell(key, "x")
