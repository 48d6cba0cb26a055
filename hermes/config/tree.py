"""Values as YAML gives them, before anything is known of their shape."""

from collections.abc import Mapping, Sequence
from typing import cast

KeyPath = tuple[str, ...]

Tree = Mapping[object, object]


def as_tree(value: object) -> Tree | None:
    """``value`` if it is a mapping."""
    return cast(Tree, value) if isinstance(value, Mapping) else None


def as_items(value: object) -> Sequence[object] | None:
    """``value`` if it is a list; text is none."""
    return cast(Sequence[object], value) if isinstance(value, list | tuple) else None


def at(values: Tree, path: KeyPath) -> object:
    """The value at ``path``, or None."""
    found: object = values
    for name in path:
        section = as_tree(found)
        found = None if section is None else section.get(name)
    return found


def dotted(path: KeyPath) -> str:
    return ".".join(path)
