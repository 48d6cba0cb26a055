"""The registry: what a model is told, and what becomes of whatever it calls."""

import json
import subprocess
import sys
from typing import Annotated

import pytest
import trio
from attrs import frozen

from hermes.errors import HermesError, LeaseLost, StoreFull
from hermes.redact import PLACEHOLDER, Redactor
from hermes.tools.contract import Effect, Tool, ToolContext, ToolOutcome, ToolResult
from hermes.tools.registry import Registry
from hermes.tools.signature.define import tool
from tests.hermes.tools.ports import World

_MOST_SCHEMA_BYTES = 900


@frozen
class Pair:
    left: int
    right: str = "r"


@tool(toolset="test", effect=Effect.READ_ONLY)
async def greet(
    context: ToolContext, name: str, times: Annotated[int, "how often"] = 1, pairs: list[Pair] | None = None
) -> ToolOutcome:
    """Greet somebody,
    politely.

    This paragraph is for people who read the code.
    """
    await trio.lowlevel.checkpoint()
    return ToolResult(" ".join([name] * times) + "".join(f" {type(pair).__name__}:{pair.left}" for pair in pairs or []))


def _raising(error: BaseException) -> Tool:
    @tool(toolset="test", effect=Effect.EFFECTFUL)
    async def fails(context: ToolContext) -> ToolOutcome:
        """Fail."""
        await trio.lowlevel.checkpoint()
        raise error

    return fails


async def _invoke(world: World, registry: Registry, name: str, arguments: str) -> ToolResult:
    with trio.fail_after(10):
        outcome = await registry.invoke(name, arguments, world.context())
    assert isinstance(outcome, ToolResult)
    return outcome


def test_a_tool_is_described_by_its_signature_and_the_first_paragraph_of_its_docstring() -> None:
    (schema,) = Registry.of([greet]).schemas()
    assert (schema.name, schema.description) == ("greet", "Greet somebody, politely.")
    assert schema.parameters["required"] == ["name"]
    assert list(schema.parameters["properties"]) == ["name", "times", "pairs"]


def test_schemas_are_sorted_by_name_whatever_the_order_of_the_toolsets() -> None:
    names = [schema.name for schema in Registry(["todo", "file", "terminal", "clarify"]).schemas()]
    assert names == ["clarify", "patch", "process", "read_file", "search_files", "terminal", "todo", "write_file"]
    assert Registry(["clarify", "hermes-cli"]).schemas() == Registry(["all"]).schemas()


def test_the_schema_of_a_tool_is_terse() -> None:
    schemas = Registry(["all"]).schemas()
    sizes = [
        len(
            json.dumps(
                {"name": s.name, "description": s.description, "parameters": s.parameters}, separators=(",", ":")
            )
        )
        for s in schemas
    ]
    assert sum(sizes) / len(sizes) <= _MOST_SCHEMA_BYTES


@pytest.mark.parametrize(
    ("arguments", "effect"),
    [
        ('{"action": "list"}', Effect.READ_ONLY),
        ('{"action": "poll", "session_id": "p"}', Effect.READ_ONLY),
        ('{"action": "log", "session_id": "p"}', Effect.READ_ONLY),
        ('{"action": "wait", "session_id": "p"}', Effect.EFFECTFUL),
        ('{"action": "write", "session_id": "p"}', Effect.EFFECTFUL),
        ('{"action": "nonsense"}', Effect.EFFECTFUL),
        ("not JSON", Effect.EFFECTFUL),
    ],
)
def test_a_tool_of_several_actions_has_the_effect_of_the_one_that_is_called(arguments: str, effect: Effect) -> None:
    assert Registry(["terminal"]).effect_of("process", arguments) is effect


def test_the_effect_of_a_tool_of_one_action_is_its_own() -> None:
    assert Registry(["file"]).effect_of("read_file", "{}") is Effect.READ_ONLY


def test_a_tool_that_is_not_available_is_hidden_and_comes_back_when_it_is() -> None:
    there = False

    @tool(toolset="test", effect=Effect.READ_ONLY, available=lambda: there)
    async def sometimes(context: ToolContext) -> ToolOutcome:
        """Be there."""
        raise AssertionError

    registry = Registry.of([sometimes, greet])
    assert [schema.name for schema in registry.schemas()] == ["greet"]
    there = True
    assert [schema.name for schema in registry.schemas()] == ["greet", "sometimes"]


async def test_a_tool_that_is_not_available_cannot_be_called(world: World) -> None:
    @tool(toolset="test", effect=Effect.READ_ONLY, available=lambda: False)
    async def never(context: ToolContext) -> ToolOutcome:
        """Never."""
        raise AssertionError

    result = await _invoke(world, Registry.of([never, greet]), "never", "{}")
    assert result == ToolResult("There is no tool named 'never' here. Tools: greet.", is_error=True)


def test_a_toolset_that_is_disabled_is_absent_whatever_holds_it() -> None:
    registry = Registry(["hermes-cli", "terminal"], disabled_toolsets=["terminal", "web", "nonsense"])
    names = {schema.name for schema in registry.schemas()}
    assert names.isdisjoint({"terminal", "process", "web_extract", "web_search"})
    assert {"read_file", "todo"} <= names
    assert registry.unknown_toolsets == ("nonsense",)


def test_a_tool_that_the_configuration_leaves_nothing_to_do_is_absent() -> None:
    registry = Registry(["memory", "todo"], absent={"memory"})
    assert [schema.name for schema in registry.schemas()] == ["todo"]


def test_the_effect_of_a_call_is_known_and_unknown_names_are_a_key_error() -> None:
    registry = Registry(["all"])
    assert registry.effect_of("terminal", "{}") is Effect.EFFECTFUL
    assert registry.effect_of("read_file", "{}") is Effect.READ_ONLY
    assert registry.effect_of("write_file", "{}") is Effect.EFFECTFUL
    assert registry.effect_of("todo", "{}") is Effect.IDEMPOTENT
    with pytest.raises(KeyError):
        registry.effect_of("nothing", "{}")


def test_unknown_toolsets_are_kept_for_a_warning() -> None:
    assert Registry(["todo", "telepathy"]).unknown_toolsets == ("telepathy",)


def test_two_tools_of_one_name_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="greet"):
        Registry.of([greet, greet])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ('{"name": "Ada"}', "Ada"),
        ('{"name": "Ada", "times": "2"}', "Ada Ada"),
        ('{"name": "Ada", "pairs": [{"left": "1"}]}', "Ada Pair:1"),
    ],
)
async def test_arguments_reach_the_tool_as_the_types_of_its_signature(world: World, arguments: str, said: str) -> None:
    assert await _invoke(world, Registry.of([greet]), "greet", arguments) == ToolResult(said)


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("gret", "{}", "There is no tool named 'gret' here. Tools: greet."),
        ("greet", "{", "greet was not run. The arguments are not valid JSON: "),
        ("greet", "{}", "greet was not run. Missing argument: name (a string)."),
        ("greet", '{"name": "a", "x": 1}', 'greet was not run. Unknown argument: "x". Known: name, times, pairs.'),
        ("greet", '{"name": []}', "greet was not run. Argument name must be a string, not the list []."),
        ("greet", '{"name": "a", "pairs": [{}]}', "greet was not run. Missing argument in pairs[0]: left"),
    ],
)
async def test_a_call_that_does_not_fit_ends_in_one_clear_error_for_the_model(
    world: World, name: str, arguments: str, said: str
) -> None:
    result = await _invoke(world, Registry.of([greet]), name, arguments)
    assert result.is_error
    assert result.content.startswith(said)


@pytest.mark.parametrize(
    "error",
    [
        HermesError("the world failed"),
        StoreFull("the world failed"),
        PermissionError(13, "the world failed"),
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "the world failed"),
    ],
)
async def test_what_the_world_does_to_a_tool_is_told_to_the_model(world: World, error: Exception) -> None:
    result = await _invoke(world, Registry.of([_raising(error)]), "fails", "{}")
    assert result.is_error
    assert result.content.startswith("fails failed: ")
    assert "the world failed" in result.content


async def test_the_text_of_an_error_is_redacted_and_bounded(world: World) -> None:
    world.redactor = Redactor(["hunter2hunter2"])
    registry = Registry.of([_raising(HermesError("x hunter2hunter2 " + "y" * 100_000))])
    result = await _invoke(world, registry, "fails", "{}")
    assert PLACEHOLDER in result.content
    assert "hunter2" not in result.content
    assert len(result.content) < 3_000


@pytest.mark.parametrize("error", [ValueError("bug"), RuntimeError("bug"), KeyError("bug"), LeaseLost("gone")])
async def test_a_bug_and_a_lost_lease_go_up(world: World, error: Exception) -> None:
    with pytest.raises(type(error)):
        await _invoke(world, Registry.of([_raising(error)]), "fails", "{}")


async def test_cancelling_a_call_is_passed_on(world: World) -> None:
    started = trio.Event()

    @tool(toolset="test", effect=Effect.READ_ONLY)
    async def waits(context: ToolContext) -> ToolOutcome:
        """Wait."""
        started.set()
        await trio.sleep_forever()
        raise AssertionError

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Registry.of([waits]).invoke, "waits", "{}", world.context())
            await started.wait()
            nursery.cancel_scope.cancel()
    assert nursery.cancel_scope.cancelled_caught


UNWANTED = ("commands.terminal", "files.read_write", "danger")


@pytest.mark.parametrize(
    ("toolsets", "unwanted"),
    [("todo", [*UNWANTED, "clarify"]), ("clarify", [*UNWANTED, "todo"])],
)
def test_what_is_not_chosen_is_not_imported(toolsets: str, unwanted: list[str]) -> None:
    code = (
        "import sys\nfrom hermes.tools.registry import Registry\n"
        f"Registry([{toolsets!r}])\nprint(*[name for name in sys.modules if name.startswith('hermes.tools.')])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert f"hermes.tools.{toolsets}" in loaded.split()
    assert not {f"hermes.tools.{name}" for name in unwanted} & set(loaded.split())


def test_every_tool_says_what_it_does_in_one_short_paragraph() -> None:
    descriptions = [schema.description for schema in Registry(["all"]).schemas()]
    assert [text for text in descriptions if not 10 < len(text) <= 200 or not text.endswith(".")] == []
