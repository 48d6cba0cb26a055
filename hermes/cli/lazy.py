"""Groups of commands that import nothing until a command is used, and that may mean one command when none is named."""

from collections.abc import Mapping
from importlib import import_module
from typing import ClassVar, NamedTuple, cast

import click


class Entry(NamedTuple):
    """A command that is not imported yet. (No attrs here: importing it costs more than all of ``hermes version``.)"""

    target: str
    """``module:attribute``"""
    help: str
    """The first line of the command's docstring."""


class DefaultGroup(click.Group):
    """A group whose ``default`` command is meant when the arguments name none: ``hermes -q A`` is ``hermes chat -q A``.

    A first argument that is neither an option nor a command is still an error: a slip of the pen starts nothing.
    """

    default: ClassVar[str]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {option for parameter in self.get_params(ctx) for option in parameter.opts}
        if not args or (args[0].startswith("-") and args[0] not in own):
            args = [self.default, *args]
        return super().parse_args(ctx, args)


class LazyGroup(DefaultGroup):
    """A group whose commands stand in a table; help is written from the table alone."""

    entries: ClassVar[Mapping[str, Entry]]

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        return cast(click.Command, getattr(import_module(module), attribute))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.entries:
            from difflib import get_close_matches

            near = get_close_matches(args[0], self.entries, n=1)
            ctx.fail(f"no such command: {args[0]}" + (f" (did you mean {near[0]}?)" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self.entries.items()])
