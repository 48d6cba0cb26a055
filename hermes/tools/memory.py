"""The ``memory`` tool: notes that every later session of the same person begins with.

The running session keeps the prompt that it began with: what is changed here is known to it from the conversation.
"""

from enum import StrEnum
from functools import partial
from typing import Annotated

from hermes.memory import entries
from hermes.memory.entries import Entries, NotKept
from hermes.memory.shelf import FILES, Shelf, Target
from hermes.tools.contract import Effect, ToolContext, ToolOutcome, ToolResult
from hermes.tools.signature.define import tool


class Action(StrEnum):
    ADD = "add"
    REPLACE = "replace"
    REMOVE = "remove"


@tool(toolset="memory", effect=Effect.IDEMPOTENT)
async def memory(
    context: ToolContext,
    action: Action,
    target: Annotated[Target, "user: who the person is and what they like; memory: everything else"],
    content: Annotated[str | None, "one short entry"] = None,
    old_text: Annotated[str | None, "replace, remove: words that only this entry holds"] = None,
) -> ToolOutcome:
    """Keep notes for later sessions, which begin with them.

    Cancelled: a change that has begun is finished.
    """
    if context.memory is None or target not in context.memory.limits:
        return ToolResult(f"Nothing was kept: {target} is switched off in the configuration.", is_error=True)
    secret = content is not None and context.redactor.redact(content) != content
    if secret:
        return ToolResult("Nothing was kept: it holds a password, key or token.", is_error=True)
    try:
        return await _change(context.memory, action, target, content or "", old_text or "")
    except NotKept as refused:
        return ToolResult(f"{FILES[target]} was not changed. {refused}", is_error=True)


async def _change(shelf: Shelf, action: Action, target: Target, content: str, old_text: str) -> ToolResult:
    limit = shelf.limits[target]
    match action:
        case Action.ADD:
            edit = partial(entries.add, content=content, limit=limit)
        case Action.REPLACE:
            edit = partial(entries.replace, old_text=old_text, content=content, limit=limit)
        case Action.REMOVE:
            edit = partial(entries.remove, old_text=old_text)
    after = await shelf.change(target, edit)
    return ToolResult(_told(after, target, limit))


def _told(after: Entries, target: Target, limit: int) -> str:
    count = "1 entry" if len(after) == 1 else f"{len(after)} entries"
    return f"Done. {FILES[target]} has {count}, {entries.usage(after, limit)}."


TOOLS = (memory,)
