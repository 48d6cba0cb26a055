"""``@tool``: makes a tool out of a typed async function."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import get_type_hints

import cattrs

from hermes.tools.contract import Effect, Tool, ToolContext, ToolFunction, ToolOutcome
from hermes.tools.signature.schema import parameters_schema


def _always() -> bool:
    return True


def tool(
    *,
    toolset: str,
    effect: Effect,
    available: Callable[[], bool] = _always,
    lesser_effect: Callable[[Mapping[str, object]], Effect] | None = None,
) -> Callable[[Callable[..., Awaitable[ToolOutcome]]], Tool]:
    """Make a ``Tool`` of ``async def name(context: ToolContext, argument: type, ...) -> ToolOutcome``.

    The name is the function's, the description the first paragraph of its docstring, the schema comes from its
    signature (hermes/tools/signature/schema.py). ``available`` is asked each time the tools are listed; a tool that is
    not available is hidden.
    """

    def define(function: Callable[..., Awaitable[ToolOutcome]]) -> Tool:
        return Tool(
            name=function.__name__,
            toolset=toolset,
            effect=effect,
            run=_structuring(function),
            description=_first_paragraph(inspect.getdoc(function) or ""),
            parameters=parameters_schema(function),
            available=available,
            lesser_effect=lesser_effect,
        )

    return define


def _structuring(function: Callable[..., Awaitable[ToolOutcome]]) -> ToolFunction:
    """``function``, called with plain JSON values, which become the types of its signature."""
    hints = get_type_hints(function)

    @wraps(function)
    async def run(context: ToolContext, /, **arguments: object) -> ToolOutcome:
        typed = {name: cattrs.structure(value, hints[name]) for name, value in arguments.items()}
        return await function(context, **typed)

    return run


def _first_paragraph(text: str) -> str:
    return " ".join(text.partition("\n\n")[0].split())
