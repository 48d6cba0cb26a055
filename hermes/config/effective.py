"""What is in force and why: every key with its value, without secrets, and where the value comes from."""

from collections.abc import Iterator

from attrs import frozen

from hermes.config.describe import ANY_PLATFORM, schema_keys
from hermes.config.load import Loaded
from hermes.config.secrecy import masked
from hermes.config.structure import plain
from hermes.config.tree import KeyPath, Tree, as_tree, at, dotted


@frozen
class Effective:
    """One key as it may be shown to anybody."""

    key: str
    """As a person writes it: a dotted key of config.yaml, or a variable."""
    value: object
    source: str
    """"default", "file", or the variable and where it was set."""


def effective(loaded: Loaded) -> tuple[Effective, ...]:
    """Every key that has a meaning, in the order of the schema, then each other platform of the file."""
    values = plain(loaded.settings)
    return tuple(_shown(loaded, values, path, name) for path, name in _paths(loaded))


def unused(loaded: Loaded) -> Tree:
    """What the file holds beside them, in the shape of the file, without secrets."""
    own = {path for path, _ in _paths(loaded)}
    rest = _without(loaded.raw, own, ())
    return as_tree(masked(rest, loaded.settings.secrets)) or {}


def _paths(loaded: Loaded) -> Iterator[tuple[KeyPath, str]]:
    """The path in the settings, and the name that a person knows."""
    any_platform: list[KeyPath] = []
    for key in schema_keys():
        if key.path[:2] == ("platforms", ANY_PLATFORM):
            any_platform.append(key.path[2:])
        else:
            yield key.path, key.dotted
    for name in loaded.settings.platforms.others:
        for rest in any_platform:
            yield ("platforms", name, *rest), dotted(("platforms", name, *rest))


def _shown(loaded: Loaded, values: Tree, path: KeyPath, name: str) -> Effective:
    value = masked(at(values, path), loaded.settings.secrets, path[-1])
    in_file = path[0] == "platforms" and at(loaded.raw, path) is not None
    source = loaded.sources.get(dotted(path), "file" if in_file else "default")
    return Effective(name, value, source)


def _without(values: Tree, own: set[KeyPath], above: KeyPath) -> Tree:
    rest: dict[object, object] = {}
    for key, value in values.items():
        path = (*above, str(key))
        section = as_tree(value)
        if path in own:
            continue
        inner = value if section is None else _without(section, own, path)
        if section is None or inner or not section:
            rest[key] = inner
    return rest
