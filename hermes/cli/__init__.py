"""The command line: one module a command group, imported only when used.

``hermes`` alone is ``hermes chat``. How a command ends, and with which exit code: ``hermes.cli.outcome``.
"""

from collections.abc import Mapping
from typing import ClassVar

import click

from hermes.cli.lazy import Entry, LazyGroup
from hermes.cli.outcome import reported
from hermes.cli.standard import prepare


class Program(LazyGroup):
    default = "chat"
    entries: ClassVar[Mapping[str, Entry]] = {
        "chat": Entry("hermes.cli.chat:chat", "Talk to the agent in this terminal."),
        "gateway": Entry("hermes.cli.gateway:gateway", "Run the gateway, look at it, stop it."),
        "config": Entry("hermes.cli.config:config", "Show the configuration."),
        "version": Entry("hermes.cli.version:version", "Show the version."),
    }

    def invoke(self, ctx: click.Context) -> object:
        prepare()
        with reported():
            return super().invoke(ctx)


def _show_version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        from hermes.cli.version import line

        click.echo(line())
        context.exit()


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-V", "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
def main() -> None:
    """A personal agent behind your chats. Without a command: chat."""
