"""``hermes version``. Asked often, by scripts and service managers: it imports next to nothing."""

import os
import sys

import click

from hermes import __version__


def facts() -> dict[str, str]:
    machine = os.uname()
    return {
        "version": __version__,
        "python": ".".join(map(str, sys.version_info[:3])),
        "platform": f"{machine.sysname} {machine.release} {machine.machine}",
    }


def line() -> str:
    known = facts()
    return f"Hermes {known['version']} (Python {known['python']}, {known['platform']})"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def version(as_json: bool) -> None:
    """Show the version."""
    if as_json:
        import json

        click.echo(json.dumps(facts()))
    else:
        click.echo(line())
