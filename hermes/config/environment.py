"""Variables that stand above the configuration file.

A variable that is set to nothing is not set. Each keeps where it came from, so that a wrong value is reported under the
name that the person wrote.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from hermes.config.tree import KeyPath

OVERRIDES: Mapping[str, KeyPath] = {
    "HERMES_INFERENCE_MODEL": ("model", "default"),
    "HERMES_INFERENCE_PROVIDER": ("model", "provider"),
    "HERMES_MAX_ITERATIONS": ("agent", "max_turns"),
    "TERMINAL_CWD": ("terminal", "cwd"),
    "TERMINAL_ENV": ("terminal", "backend"),
    "MESSAGING_CWD": ("messaging_cwd",),
    "HERMES_WRITE_SAFE_ROOT": ("file", "write_roots"),
    "HERMES_TIMEZONE": ("timezone",),
    "API_SERVER_HOST": ("platforms", "web", "extra", "host"),
    "API_SERVER_PORT": ("platforms", "web", "extra", "port"),
    "API_SERVER_ENABLED": ("api_server", "enabled"),
    "API_SERVER_KEY": ("api_server", "key"),
    "SEARXNG_URL": ("search", "searxng_url"),
    "TAVILY_API_KEY": ("search", "tavily_key"),
    "BRAVE_SEARCH_API_KEY": ("search", "brave_key"),
    "API_SERVER_MODEL_NAME": ("api_server", "model_name"),
    "API_SERVER_CORS_ORIGINS": ("api_server", "cors_origins"),
    "API_SERVER_MAX_RUNS": ("api_server", "max_runs"),
}

# These hold folders, separated as those of PATH are.
_FOLDERS = frozenset({"HERMES_WRITE_SAFE_ROOT"})


@frozen
class Origin:
    """A variable, and where it was set."""

    name: str
    file: str
    """The .env file; empty: the environment of the process."""

    def __str__(self) -> str:
        return f"{self.name} ({self.file or 'environment'})"


@frozen
class Override:
    path: KeyPath
    value: str | bool | list[str]
    origin: Origin


def overrides(environ: Mapping[str, str], env_file_values: Mapping[str, str], env_file: Path) -> tuple[Override, ...]:
    """What the variables set. The environment of the process wins over the file."""
    found: list[Override] = []
    for name, path in OVERRIDES.items():
        if value := environ.get(name):
            found.append(Override(path, _read(name, value), Origin(name, "")))
        elif value := env_file_values.get(name):
            found.append(Override(path, _read(name, value), Origin(name, str(env_file))))
    return (*found, *_key_switches_on(found))


def _read(name: str, value: str) -> str | list[str]:
    return [folder for folder in value.split(os.pathsep) if folder] if name in _FOLDERS else value


def _key_switches_on(found: list[Override]) -> list[Override]:
    """A key for the HTTP interface switches it on unless somebody switched it off."""
    switch = ("api_server", "enabled")
    if any(override.path == switch for override in found):
        return []
    return [Override(switch, True, override.origin) for override in found if override.path == ("api_server", "key")]
