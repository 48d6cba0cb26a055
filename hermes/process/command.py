"""What to run, and in which environment: nothing here starts anything."""

import re
from collections.abc import Collection, Mapping
from enum import Enum
from pathlib import Path

from attrs import field, frozen
from attrs.validators import min_len

# What a program needs to find itself at home; a shell, an MCP server or a compiler works with these.
_PASSED = re.compile(r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_[A-Z_]+|TZ|TERM|TMPDIR|XDG_[A-Z_]+")
# A name that matches by its beginning alone may still be somebody's secret.
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASS|CREDENTIAL|AUTH|COOKIE")


class Stdin(Enum):
    NONE = "none"
    """Always at its end (/dev/null)."""
    PIPE = "pipe"


@frozen
class TerminalSize:
    rows: int = 24
    columns: int = 80


@frozen
class Command:
    """A program and its arguments; no shell is involved unless ``argv`` names one."""

    argv: tuple[str, ...] = field(validator=min_len(1))
    """The program first: a path, or a name to be found in PATH of ``env``."""
    cwd: Path | None = None
    """None: the working directory of the gateway."""
    env: Mapping[str, str] = field(factory=dict[str, str])
    """The whole environment, as the program sees it. See ``filtered_environment``."""
    umask: int | None = None
    """None: the one of the gateway when its first child started."""


def filtered_environment(
    base: Mapping[str, str], *, passthrough: Collection[str] = (), extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The environment of a child, out of the gateway's own (``base``), which holds keys and tokens.

    Kept are the names that say where the person is at home (PATH, HOME, USER, LANG, LC_*, TERM, SHELL, TMPDIR, XDG_*,
    LOGNAME, TZ), less those that look like a secret; then the names in ``passthrough``, whatever they are called; then
    ``extra``, which wins.
    """
    kept = {name: value for name, value in base.items() if name in passthrough or _is_harmless(name)}
    return kept | dict(extra or {})


def _is_harmless(name: str) -> bool:
    return _PASSED.fullmatch(name) is not None and _SECRET.search(name) is None
