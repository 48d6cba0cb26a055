"""Calls of one reply that run at the same time."""

from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

import trio
from attrs import evolve

from hermes.messages import Message, Role, ToolCall, Usage
from hermes.models.contract import Completed, ModelPiece, ModelRequest
from hermes.tools.contract import Effect, ToolContext, ToolOutcome, ToolResult
from hermes.tools.registry import Registry
from hermes.tools.signature.define import tool
from tests.actors.house import house
from tests.actors.scripted import ScriptedModel

_present = 0
_most = 0


def _effect(arguments: Mapping[str, object]) -> Effect:
    return Effect.READ_ONLY if arguments.get("action") == "look" else Effect.EFFECTFUL


@tool(toolset="test", effect=Effect.EFFECTFUL, lesser_effect=_effect)
async def visit(context: ToolContext, action: str) -> ToolOutcome:
    """Count how many are here at once."""
    global _present, _most
    _present += 1
    _most = max(_most, _present)
    await trio.sleep(0.05)
    _present -= 1
    return ToolResult("been there")


async def _most_at_once(folder: Path, *actions: str) -> int:
    global _most
    _most = 0
    calls = tuple(ToolCall(f"c{n}", "visit", f'{{"action": "{action}"}}') for n, action in enumerate(actions))

    async def script(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        asked = request.messages[-1].role is Role.USER
        yield Completed(Message(Role.ASSISTANT, "" if asked else "done", tool_calls=calls if asked else ()), Usage())

    registry = Registry.of([visit])
    async with house(
        folder,
        model=ScriptedModel(script),
        change=lambda services: evolve(services, tools=registry, schemas=registry.schemas()),
    ) as gateway:
        await gateway.chat.say("1", "go")
        assert await gateway.chat.answer("1") == "done"
    return _most


async def test_calls_run_together_when_their_arguments_make_them_all_read_only(tmp_path: Path) -> None:
    assert await _most_at_once(tmp_path, "look", "look", "look") == 3


async def test_calls_of_the_same_tool_that_change_something_run_one_after_the_other(tmp_path: Path) -> None:
    assert await _most_at_once(tmp_path, "change", "look", "change") == 1
