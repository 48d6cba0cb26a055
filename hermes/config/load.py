"""Reads the configuration of a home: config.yaml over the defaults, variables of the environment over both.

1. Reading changes nothing on disk and nothing in ``os.environ``.
2. What is wrong is a ``ConfigError`` with one line for each wrong value; what is odd and harmless is a ``Notice``.
3. ``${NAME}`` sees the variables of the process and of .env, the process first.
4. A secret stands in no message, whatever is wrong with it.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import evolve, field, frozen

from hermes.config.choice import AUTO, OFFLINE, Choice, choose, default_model
from hermes.config.describe import schema_keys
from hermes.config.document import Document, decode, parse
from hermes.config.dotenv import read_env_file
from hermes.config.environment import Origin, Override, overrides
from hermes.config.expand import expand
from hermes.config.files import read_snapshot
from hermes.config.notice import Notice
from hermes.config.schema import Settings
from hermes.config.secrecy import find_secrets, masked
from hermes.config.structure import Problem, Unfit, structure
from hermes.config.tree import KeyPath, Tree, as_items, as_tree, at, dotted
from hermes.config.unknown import unknown_keys
from hermes.errors import ConfigError
from hermes.home import Home, expanded

# More lines than a screen holds help nobody; the rest is counted.
REPORTED = 20

# What ``model.provider`` has where nobody named one.
_NOT_NAMED = (None, "", AUTO)

# Longest part of a wrong value that is shown, in characters.
_SHOWN = 60


@frozen
class Loaded:
    """Settings, and how they came about."""

    settings: Settings
    environment: Mapping[str, str] = field(repr=False)
    """.env below the environment of the process: where models and adapters look up keys. Not for child processes."""
    raw: Tree = field(repr=False)
    """The file as it is meant: variables replaced, older keys moved, keys without a meaning kept."""
    sources: Mapping[str, str]
    """By dotted key, of each that the file or a variable sets: "file", or the variable and where it was set."""
    notices: tuple[Notice, ...]


@frozen
class _File:
    """config.yaml on its way to settings."""

    path: Path
    document: Document
    values: dict[object, object]
    lines: Mapping[KeyPath, int]
    missing: Mapping[str, KeyPath]

    def place(self, path: KeyPath) -> str:
        above = (path[:end] for end in range(len(path), 0, -1))
        line = next((self.lines[part] for part in above if part in self.lines), None)
        return f"{self.path}:{line}" if line else str(self.path)


def load(home: Home, environ: Mapping[str, str]) -> Loaded:
    """Read the configuration; a home that does not exist gives the defaults.

    Blocks for two small files. Raises ``ConfigError``.
    """
    env_file = read_env_file(home.env_file)
    environment = {**env_file.values, **environ}
    file = _read(home.config_file, environment)
    secrets = find_secrets(environment, file.values)
    above = overrides(environ, env_file.values, home.env_file)
    above = (*above, *_provider_by_key(file, above, environ, environment, home.env_file))
    settings = _settings(file, above, secrets)
    notices = (*env_file.notices, *unknown_keys(file.document, file.path), *_open_keys(file))
    odd = tuple(_odd_timezone(settings, file, above))
    settings = evolve(settings, timezone="") if odd else settings
    notices = (*notices, *_unset(file), *odd, *_missing_folders(settings, file))
    return Loaded(settings, environment, file.values, _sources(file.values, above), notices)


def _read(path: Path, environment: Mapping[str, str]) -> _File:
    document = parse(decode(read_snapshot(path).content, path), path)
    values, missing = expand(document.data, environment)
    lines = dict(document.lines)
    if isinstance(values.get("model"), str):
        values["model"] = {"default": values["model"]}
    _move_max_turns(values, lines)
    _move_fallback(values, lines)
    return _File(path, document, values, lines, missing)


def _move_max_turns(values: dict[object, object], lines: dict[KeyPath, int]) -> None:
    """The root key of older files; agent.max_turns wins where both are set."""
    older = values.pop("max_turns", None)
    agent = as_tree(values.get("agent") or {})
    if older is not None and agent is not None and agent.get("max_turns") is None:
        values["agent"] = {**agent, "max_turns": older}
        lines[("agent", "max_turns")] = lines.get(("max_turns",), 1)


def _move_fallback(values: dict[object, object], lines: dict[KeyPath, int]) -> None:
    """The older key for a single fallback stands behind those of the list."""
    older = values.pop("fallback_model", None)
    newer = as_items(values.get("fallback_providers") or [])
    if older and newer is not None:
        values["fallback_providers"] = [*newer, older]
        lines.setdefault(("fallback_providers",), lines.get(("fallback_model",), 1))


def _provider_by_key(
    file: _File, above: tuple[Override, ...], environ: Mapping[str, str], environment: Mapping[str, str], env_file: Path
) -> Iterator[Override]:
    """A provider that a key in the environment speaks for, where nobody named one."""
    values = dict(file.values)
    for override in above:
        _put(values, override.path, override.value)
    chosen = _chosen(as_tree(values.get("model") or {}), environment)
    if chosen is not None and chosen.variable:
        origin = Origin(chosen.variable, "" if environ.get(chosen.variable) else str(env_file))
        yield Override(("model", "provider"), chosen.provider, origin)


def _chosen(model: Tree | None, environment: Mapping[str, str]) -> Choice | None:
    """None where a provider is named, or what stands there is of the wrong kind and reported later."""
    if model is None or model.get("provider") not in _NOT_NAMED:
        return None
    default, base_url = model.get("default") or "", model.get("base_url") or ""
    return choose(default, base_url, environment) if isinstance(default, str) and isinstance(base_url, str) else None


def _settings(file: _File, above: tuple[Override, ...], secrets: tuple[str, ...]) -> Settings:
    values: dict[object, object] = {name: file.values[name] for name in _sections_of_file() if name in file.values}
    for override in above:
        _put(values, override.path, override.value)
    _complete_model(values)
    try:
        return evolve(structure(values), secrets=secrets)
    except Unfit as unfit:
        raise _wrong(file, {override.path: override.origin for override in above}, unfit, secrets) from None


def _wrong(file: _File, origins: Mapping[KeyPath, Origin], unfit: Unfit, secrets: tuple[str, ...]) -> ConfigError:
    lines: list[str] = []
    for problem in unfit.problems[:REPORTED]:
        path = _path_in_file(problem.path)
        origin = origins.get(problem.path)
        subject = str(origin) if origin else f"{file.place(path)}: {dotted(path)}"
        lines.append(f"{subject}: expected {problem.expected}, found {_found(problem, secrets)}")
    if len(unfit.problems) > REPORTED:
        lines.append(f"{file.path}: and {len(unfit.problems) - REPORTED} more")
    return ConfigError("\n".join(lines), file=str(file.path), key=dotted(_path_in_file(unfit.problems[0].path)))


def _sections_of_file() -> Iterator[str]:
    """The top-level keys of the file that have a meaning."""
    yield from dict.fromkeys(key.path[0] for key in schema_keys() if not key.variable)


def _path_in_file(path: KeyPath) -> KeyPath:
    return ("platforms", *path[2:]) if path[:2] == ("platforms", "others") else path


def _put(values: dict[object, object], path: KeyPath, value: object) -> None:
    """Set one key, copying the mappings on the way; what is no mapping there stays, to be reported as wrong."""
    if len(path) == 1:
        values[path[0]] = value
        return
    section = as_tree(values.get(path[0]) or {})
    if section is not None:
        inner = dict(section)
        _put(inner, path[1:], value)
        values[path[0]] = inner


def _complete_model(values: dict[object, object]) -> None:
    """Which provider is meant when only half is said. One of the network needs the name of a model of its own."""
    model = as_tree(values.get("model"))
    if model is None:
        return
    said = {key: value for key, value in model.items() if value not in (None, "")}
    if said.get("provider") == AUTO:
        del said["provider"]
    chosen = _chosen(said, {})
    if chosen is not None and chosen.provider != OFFLINE:
        said["provider"] = chosen.provider
    provider = said.get("provider", OFFLINE)
    if isinstance(provider, str) and provider != OFFLINE:
        said.setdefault("default", default_model(provider))
    values["model"] = said


def _found(problem: Problem, secrets: tuple[str, ...]) -> str:
    if as_tree(problem.found) is not None:
        return "a section"
    if as_items(problem.found) is not None:
        return "a list"
    name = next((part for part in reversed(problem.path) if not part.isdigit()), "")
    text = repr(masked(problem.found, secrets, name))
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _sources(values: Tree, above: tuple[Override, ...]) -> dict[str, str]:
    keys = (key for key in schema_keys() if not key.variable and at(values, key.path) is not None)
    from_file = {dotted(key.path): "file" for key in keys}
    return from_file | {dotted(override.path): str(override.origin) for override in above}


def _unset(file: _File) -> Iterator[Notice]:
    for name, path in file.missing.items():
        problem = f"${{{name}}} is set neither in the environment nor in .env: it stays as it is written"
        yield Notice(f"{file.place(path)}: {dotted(path)}: {problem}", str(file.path), dotted(path))


def _open_keys(file: _File) -> Iterator[Notice]:
    """Keys that stand in the file itself, which is shown around and copied more freely than .env."""
    data = file.document.data
    fallbacks = (data.get("fallback_model"), *(as_items(data.get("fallback_providers")) or ()))
    sums_up = (as_tree(data.get("auxiliary")) or {}).get("compression")
    holders: tuple[tuple[KeyPath, object], ...] = (
        (("model",), data.get("model")),
        (("auxiliary", "compression"), sums_up),
        *((("fallback_providers",), fallback) for fallback in fallbacks),
    )
    for where, holder in holders:
        key = (as_tree(holder) or {}).get("api_key")
        if isinstance(key, str) and key and "${" not in key:
            problem = "a key is safer in .env, under the name of the provider's variable: it is used as it is"
            path = (*where, "api_key")
            yield Notice(f"{file.place(path)}: {dotted(path)}: {problem}", str(file.path), dotted(path))


def _odd_timezone(settings: Settings, file: _File, above: tuple[Override, ...]) -> Iterator[Notice]:
    if settings.timezone and not _is_timezone(settings.timezone):
        path: KeyPath = ("timezone",)
        origin = next((override.origin for override in above if override.path == path), None)
        subject = str(origin) if origin else f"{file.place(path)}: timezone"
        problem = "is unknown here and not used: expected a name such as Europe/Vienna"
        yield Notice(f"{subject}: {settings.timezone!r} {problem}", "" if origin else str(file.path), "timezone")


def _missing_folders(settings: Settings, file: _File) -> Iterator[Notice]:
    path: KeyPath = ("skills", "external_dirs")
    for folder in settings.skills.external_dirs:
        if not expanded(folder).is_dir():
            problem = f"there is no folder {folder!r}, so no skills of it are offered"
            yield Notice(f"{file.place(path)}: {dotted(path)}: {problem}", str(file.path), dotted(path))


def _is_timezone(name: str) -> bool:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
