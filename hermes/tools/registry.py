"""The tools of a session: chosen by toolset, told to the model, called by name.

Whatever a model writes, a call ends in a result or an ask. What the world does to a tool (a ``HermesError``, an
``OSError``, a ``UnicodeError``) becomes an error result; any other exception is a bug of ours and goes up.
"""

from collections.abc import Collection, Iterable
from importlib import import_module
from typing import Self

from attrs import define, field

from hermes.errors import HermesError, LeaseLost
from hermes.models.contract import ToolSchema
from hermes.tools.contract import Effect, Tool, ToolContext, ToolOutcome, ToolResult
from hermes.tools.signature.arguments import ArgumentError, parse_arguments
from hermes.tools.toolsets import FAMILIES, resolve

# The text of an error may quote what a tool was given.
_ERROR_CHARACTERS = 2_000


@define(init=False)
class Registry:
    """The tools of the toolsets that a configuration names."""

    unknown_toolsets: tuple[str, ...]
    """Configured names that mean nothing here; whoever reads the configuration tells the person."""
    _tools: dict[str, Tool] = field(repr=False)

    def __init__(
        self, toolsets: Iterable[str], absent: Collection[str] = (), disabled_toolsets: Iterable[str] = ()
    ) -> None:
        """Import the families that ``toolsets`` come to without those of ``disabled_toolsets``, and no other.

        ``absent``: tools that the rest of the configuration leaves nothing to do.
        """
        resolution, disabled = resolve(toolsets), resolve(disabled_toolsets)
        self.unknown_toolsets = (*resolution.unknown, *disabled.unknown)
        families = (family for family in resolution.families if family not in disabled.families)
        found = (tool for family in families for tool in _load(family))
        self._tools = _by_name(tool for tool in found if tool.name not in absent)

    @classmethod
    def of(cls, tools: Iterable[Tool]) -> Self:
        """A registry of just these tools. Raises ``ValueError`` when two share a name."""
        registry = cls(())
        registry._tools = _by_name(tools)
        return registry

    def schemas(self) -> tuple[ToolSchema, ...]:
        """What the model is told: the available tools, sorted by name."""
        return tuple(
            ToolSchema(tool.name, tool.description, dict(tool.parameters))
            for _, tool in sorted(self._tools.items())
            if tool.available()
        )

    def effect_of(self, name: str, arguments: str) -> Effect:
        """What repeating a call with these arguments does: of a tool of several actions, less than ``Tool.effect`` at
        times. Arguments that are none have the greatest effect.

        Raises ``KeyError`` when there is no such tool.
        """
        tool = self._tools[name]
        if tool.lesser_effect is None:
            return tool.effect
        try:
            return tool.lesser_effect(parse_arguments(arguments, tool.parameters))
        except ArgumentError:
            return tool.effect

    async def invoke(self, name: str, arguments: str, context: ToolContext) -> ToolOutcome:
        """Call ``name`` with ``arguments``, the JSON text of the model.

        A name that is unknown, arguments that do not fit and the world's faults are told in an error result.
        ``LeaseLost`` goes up, since then nobody may go on. Cancelled: as the tool says.
        """
        tool = self._tools.get(name)
        if tool is None or not tool.available():
            known = ", ".join(schema.name for schema in self.schemas()) or "none"
            return ToolResult(f"There is no tool named {name[:100]!r} here. Tools: {known}.", is_error=True)
        try:
            return await tool.run(context, **parse_arguments(arguments, tool.parameters))
        except ArgumentError as error:
            return ToolResult(f"{name} was not run. {error}", is_error=True)
        except LeaseLost:
            raise
        except (HermesError, OSError, UnicodeError) as error:
            return ToolResult(_told(name, error, context), is_error=True)


def _load(family: str) -> tuple[Tool, ...]:
    module = import_module(FAMILIES[family])
    tools: tuple[Tool, ...] = module.TOOLS
    return tools


def _by_name(tools: Iterable[Tool]) -> dict[str, Tool]:
    found: dict[str, Tool] = {}
    for tool in tools:
        if tool.name in found:
            raise ValueError(f"two tools are named {tool.name!r}")
        found[tool.name] = tool
    return found


def _told(name: str, error: Exception, context: ToolContext) -> str:
    said = str(error) or type(error).__name__
    return f"{name} failed: {context.redactor.redact(said)[:_ERROR_CHARACTERS]}"
