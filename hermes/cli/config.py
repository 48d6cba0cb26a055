"""``hermes config``: what is set, why, and in which files. Secrets are never shown."""

import os
from typing import TYPE_CHECKING

import click

from hermes.cli.lazy import DefaultGroup
from hermes.home import Home, find_home

if TYPE_CHECKING:
    from hermes.config.load import Loaded

# Width that values are aligned to, in characters; a longer one pushes its source aside.
_VALUE_COLUMN = 32


class ConfigGroup(DefaultGroup):
    default = "show"


@click.group(cls=ConfigGroup)
def config() -> None:
    """Show the configuration. Without a command: show."""


@config.command()
def path() -> None:
    """Print where config.yaml is."""
    click.echo(find_home(os.environ).config_file)


@config.command("env-path")
def env_path() -> None:
    """Print where .env is."""
    click.echo(find_home(os.environ).env_file)


@config.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def show(as_json: bool) -> None:
    """Show every setting in force, and where it comes from."""
    from hermes.config.load import load

    home = find_home(os.environ)
    loaded = load(home, os.environ)
    if as_json:
        click.echo(_as_json(home, loaded))
        return
    click.echo(_as_text(home, loaded))
    for notice in loaded.notices:
        click.echo(f"hermes: {notice}", err=True)


def _as_json(home: Home, loaded: "Loaded") -> str:
    import json

    from hermes.config.effective import effective, unused

    return json.dumps(
        {
            "home": str(home.root),
            "config_file": str(home.config_file),
            "env_file": str(home.env_file),
            "managed_by": home.managed_by or None,
            "settings": {entry.key: {"value": entry.value, "source": entry.source} for entry in effective(loaded)},
            "unused": unused(loaded),
            "notices": [str(notice) for notice in loaded.notices],
        },
        indent=2,
        default=str,
    )


def _as_text(home: Home, loaded: "Loaded") -> str:
    from hermes.config.effective import effective, unused

    entries = effective(loaded)
    keys = max(len(entry.key) for entry in entries)
    values = min(max(len(_written(entry.value)) for entry in entries), _VALUE_COLUMN)
    lines = [str(home.config_file) + ("" if home.config_file.exists() else " (does not exist: all defaults)")]
    if home.managed:
        lines.append(f"managed by {home.managed_by}")
    lines += [f"  {entry.key:{keys}}  {_written(entry.value):{values}}  {entry.source}" for entry in entries]
    if rest := unused(loaded):
        lines += ["", "kept, and not used by this version:"]
        lines += [f"  {key}: {_written(value)}" for key, value in rest.items()]
    return "\n".join(lines)


def _written(value: object) -> str:
    import json

    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, default=str)
