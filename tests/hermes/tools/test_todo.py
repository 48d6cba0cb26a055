"""The list of steps."""

import json

import pytest

from hermes.tools.contract import ToolResult
from hermes.tools.registry import Registry
from hermes.tools.todo import todo
from tests.hermes.tools.ports import World


def _item(name: str, content: str = "do it", status: str = "pending") -> dict[str, str]:
    return {"id": name, "content": content, "status": status}


async def test_the_list_is_kept_and_returned_whole(world: World) -> None:
    result = await world.result(
        todo, todos=[_item("1", "one", "completed"), _item("2", "two", "in_progress"), _item("3", "three")]
    )
    assert result.content == "[x] 1: one\n[>] 2: two\n[ ] 3: three"
    assert await world.result(todo) == result


async def test_a_new_list_replaces_the_old_one(world: World) -> None:
    await world.result(todo, todos=[_item("1"), _item("2")])
    assert (await world.result(todo, todos=[_item("3", "x", "cancelled")])).content == "[-] 3: x"
    assert (await world.result(todo, todos=[])).content == "The list is empty."


async def test_merging_changes_items_by_id_and_adds_new_ones_at_the_end(world: World) -> None:
    await world.result(todo, todos=[_item("1", "one"), _item("2", "two")])
    result = await world.result(todo, todos=[_item("1", "one", "completed"), _item("3", "three")], merge=True)
    assert result.content == "[x] 1: one\n[ ] 2: two\n[ ] 3: three"


async def test_doing_it_twice_is_the_same_as_once(world: World) -> None:
    for merge in (True, False):
        once = await world.result(todo, todos=[_item("1"), _item("2")], merge=merge)
        assert await world.result(todo, todos=[_item("1"), _item("2")], merge=merge) == once


async def test_a_content_of_several_lines_becomes_one(world: World) -> None:
    assert (await world.result(todo, todos=[_item("1", "a\n  b\tc")])).content == "[ ] 1: a b c"


@pytest.mark.parametrize(
    ("todos", "problem"),
    [
        ([_item(str(number)) for number in range(51)], "it would have 51 items, and 50 is the most"),
        ([_item("1", "x" * 501)], "the content of item '1' must have 1 to 500 characters"),
        ([_item("1", " ")], "the content of item '1' must have 1 to 500 characters"),
        ([_item("", "x")], "an id must have 1 to 40 characters"),
        ([_item("x" * 41, "x")], "an id must have 1 to 40 characters"),
    ],
)
async def test_what_does_not_fit_changes_nothing(world: World, todos: list[dict[str, str]], problem: str) -> None:
    await world.result(todo, todos=[_item("1", "kept")])
    result = await world.result(todo, todos=todos)
    assert result.is_error
    assert result.content == f"The list was not changed: {problem}."
    assert (await world.result(todo)).content == "[ ] 1: kept"


@pytest.mark.parametrize("character", ["x", "\U0001f600", "\n", '"'])
async def test_what_is_stored_fits_into_a_value_of_the_session(world: World, character: str) -> None:
    await world.result(todo, todos=[_item(f"{number:040}", character * 500) for number in range(50)])
    assert len(world.state.values.get("todo", "").encode()) <= 64_000


async def test_a_list_that_the_session_could_not_store_is_refused(world: World) -> None:
    result = await world.result(todo, todos=[_item(str(number), "\U0001f600" * 500) for number in range(50)])
    assert result == ToolResult("The list was not changed: it would be too long.", is_error=True)


async def test_a_model_may_write_ids_as_numbers_and_leave_out_the_status(world: World) -> None:
    registry = Registry(["todo"])
    arguments = json.dumps({"todos": json.dumps([{"id": 1, "content": "one"}])})
    outcome = await registry.invoke("todo", arguments, world.context())
    assert getattr(outcome, "content", None) == "[ ] 1: one"
