"""The ``todo`` tool: the steps of a task, kept for the life of the session."""

import json
from enum import StrEnum
from typing import Annotated

import cattrs
from attrs import frozen

from hermes.tools.contract import Effect, ToolContext, ToolOutcome, ToolResult
from hermes.tools.signature.define import tool

# A longer list is no plan.
MOST_ITEMS = 50
MOST_CHARACTERS = 500
# A value of the session may have 64 KB.
_MOST_BYTES = 60_000
_MOST_ID_CHARACTERS = 40

_KEY = "todo"


class Status(StrEnum):
    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


_MARKS = {Status.PENDING: "[ ]", Status.IN_PROGRESS: "[>]", Status.COMPLETED: "[x]", Status.CANCELLED: "[-]"}


@frozen
class Item:
    """One step."""

    id: str
    content: str
    status: Status = Status.PENDING


@tool(toolset="todo", effect=Effect.IDEMPOTENT)
async def todo(
    context: ToolContext,
    todos: Annotated[list[Item] | None, "leave out to read the list"] = None,
    merge: Annotated[bool, "change these by id, keep the rest"] = False,
) -> ToolOutcome:
    """Keep the list of steps of this task; returns all of it.

    Without ``merge`` the list is replaced. Cancelled while it is stored: the list is the old or the new one.
    """
    items = await _load(context)
    if todos is None:
        return ToolResult(render(items))
    wanted = _merged(items, todos) if merge else _merged((), todos)
    encoded = json.dumps(cattrs.unstructure(wanted), ensure_ascii=False)
    problem = _problem(wanted) or ("it would be too long" if len(encoded.encode()) > _MOST_BYTES else "")
    if problem:
        return ToolResult(f"The list was not changed: {problem}.", is_error=True)
    await context.state.put(_KEY, encoded)
    return ToolResult(render(wanted))


def render(items: tuple[Item, ...]) -> str:
    """The list as text, one line an item."""
    return "\n".join(f"{_MARKS[item.status]} {item.id}: {item.content}" for item in items) or "The list is empty."


async def _load(context: ToolContext) -> tuple[Item, ...]:
    stored = await context.state.get(_KEY)
    return tuple(cattrs.structure(json.loads(stored), list[Item])) if stored else ()


def _merged(items: tuple[Item, ...], changes: list[Item]) -> tuple[Item, ...]:
    """``items`` with ``changes`` by id, new ones at the end; of several changes of one id the last counts."""
    by_id = {item.id: item for item in items}
    by_id.update({change.id: Item(change.id, " ".join(change.content.split()), change.status) for change in changes})
    return tuple(by_id.values())


def _problem(items: tuple[Item, ...]) -> str:
    if len(items) > MOST_ITEMS:
        return f"it would have {len(items)} items, and {MOST_ITEMS} is the most"
    for item in items:
        if not item.content or len(item.content) > MOST_CHARACTERS:
            return f"the content of item {item.id[:_MOST_ID_CHARACTERS]!r} must have 1 to {MOST_CHARACTERS} characters"
        if not item.id.strip() or len(item.id) > _MOST_ID_CHARACTERS:
            return f"an id must have 1 to {_MOST_ID_CHARACTERS} characters"
    return ""


TOOLS = (todo,)
