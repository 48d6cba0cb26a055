"""``hermes config``: what is set, why, and in which files. Secrets are never shown."""

import os
from typing import TYPE_CHECKING

import click

from hermes.cli.lazy import DefaultGroup
from hermes.home import Home, find_home

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hermes.config.effective import Effective
    from hermes.config.load import Loaded

# Width that values are aligned to, in characters; a longer one pushes its source aside.
_VALUE_COLUMN = 32

# How the variables begin that only the adapters of chat platforms read. They are shown where they are set: which there
# are, and what they are without, their adapters know.
_OF_PLATFORMS = ("GATEWAY_ALLOW", "TELEGRAM_")


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

    from hermes.config.effective import unused

    return json.dumps(
        {
            "home": str(home.root),
            "config_file": str(home.config_file),
            "env_file": str(home.env_file),
            "managed_by": home.managed_by or None,
            "settings": {entry.key: {"value": entry.value, "source": entry.source} for entry in _entries(home, loaded)},
            "unused": unused(loaded),
            "notices": [str(notice) for notice in loaded.notices],
        },
        indent=2,
        default=str,
    )


def _as_text(home: Home, loaded: "Loaded") -> str:
    from hermes.config.effective import unused

    entries = _entries(home, loaded)
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


def _entries(home: Home, loaded: "Loaded") -> "tuple[Effective, ...]":
    from hermes.config.effective import effective

    return (*effective(loaded), *_of_platforms(home, loaded))


def _of_platforms(home: Home, loaded: "Loaded") -> "Iterator[Effective]":
    from hermes.config.effective import Effective
    from hermes.config.environment import Origin
    from hermes.config.secrecy import masked

    for name, value in sorted(loaded.environment.items()):
        if value and name.startswith(_OF_PLATFORMS):
            origin = Origin(name, "" if os.environ.get(name) else str(home.env_file))
            yield Effective(name, masked(value, loaded.settings.secrets, name), str(origin))


def _written(value: object) -> str:
    """On one line; what could not be told from its surroundings in quotes."""
    import json

    plain = isinstance(value, str) and value == value.strip() and value.isprintable()
    return str(value) if plain and value else json.dumps(value, ensure_ascii=False, default=str)
