"""The schema as a list of keys: for the documentation, for ``hermes config show``, and to know a key from a slip."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, cast

import attrs
from attrs import frozen

from hermes.config.schema import Platform, Settings
from hermes.config.tree import KeyPath

# Stands for the name of any chat platform.
ANY_PLATFORM = "NAME"


@frozen
class Key:
    """One thing to set."""

    path: KeyPath
    default: object
    meaning: str
    variable: str
    """Set by this variable of the environment alone; empty: a key of config.yaml."""

    @property
    def dotted(self) -> str:
        """As a person writes it."""
        return self.variable or ".".join(self.path)


def schema_keys() -> tuple[Key, ...]:
    """Every key and variable, in the order of the schema; platforms other than the page as ``platforms.NAME``."""
    return (*_keys(Settings(), ()), *_keys(Platform(), ("platforms", ANY_PLATFORM)))


def markdown_table() -> str:
    """The table of docs/configuration.md."""
    rows = [f"| `{key.dotted}` | {_shown(key.default)} | {key.meaning} |" for key in schema_keys()]
    return "\n".join(("| key | default | meaning |", "|---|---|---|", *rows)) + "\n"


def _keys(section: object, path: KeyPath) -> Iterator[Key]:
    for attribute in attrs.fields(cast(type[Any], type(section))):
        value: object = getattr(section, attribute.name)
        here = (*path, attribute.name)
        if attrs.has(type(value)):
            yield from _keys(value, here)
        elif "meaning" in attribute.metadata:
            yield Key(here, value, attribute.metadata["meaning"], attribute.metadata.get("env", ""))


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, float):
        return f"`{default:g}`"
    if isinstance(default, tuple):
        return f"`[{', '.join(cast('tuple[str, ...]', default))}]`"
    if isinstance(default, Mapping):
        return "`{}`"
    return f"`{default}`" if isinstance(default, StrEnum | int) or default else "empty"
