"""Which files the file tools may touch: one place for all of them.

Rules:

1. A path is judged as it is written and behind its symbolic links, by the table of ``hermes/tools/danger``.
2. Files with credentials are not read. They, the agent's own state and settings, SSH keys, what runs at log-in and the
   system's files are not written: the terminal can, and asks a person first.
3. Where commands run in a sandbox, nothing is written outside the folder that it leaves them: what a wall keeps from
   commands, another tool must not do for them.
"""

import os
from pathlib import Path

from attrs import frozen

from hermes.errors import Refused
from hermes.redact import PLACEHOLDER
from hermes.tools.contract import ToolContext
from hermes.tools.danger.protected import Care, Place, Protected, protection
from hermes.tools.files.window import open_regular

MOST_WRITTEN = 5_000_000
"""Characters of one file. A model that writes more has lost its way."""

NO_PATH = "Not possible: a path has no NUL characters, and is not empty."

_REASONS = {
    Care.ACCOUNTS: "accounts of this machine",
    Care.KERNEL: "files of the kernel",
    Care.SYSTEM: "files of the system",
    Care.HERMES: "the agent's own state and settings",
    Care.SSH: "SSH keys and settings",
    Care.STARTUP: "what runs at log-in",
    Care.SECRETS: "files with credentials",
}


@frozen
class _Confined(Place):
    """Where commands run in a sandbox."""

    writable: str = "/"
    """The real path of the folder that they may change."""


def place_of(context: ToolContext) -> Place:
    """By what a path is judged. Blocks for a moment: it looks behind symbolic links."""
    hermes_home = "" if context.hermes_home is None else os.path.realpath(context.hermes_home)
    user_home = os.path.realpath(context.environment.get("HOME") or "/")
    if context.sandbox is None:
        return Place(hermes_home=hermes_home, user_home=user_home)
    return _Confined(hermes_home=hermes_home, user_home=user_home, writable=os.path.realpath(context.cwd))


def refuse_secret(path: Path, place: Place) -> None:
    """Raise ``Refused`` for a file that holds credentials."""
    if is_secret(path, place):
        raise Refused(f"{path} holds credentials and is not read")


def is_secret(path: Path, place: Place) -> bool:
    """Whether a file holds credentials, by its name."""
    entry = _protection(path, place)
    return entry is not None and entry.secret


def refuse_protected(path: Path, place: Place) -> None:
    """Raise ``Refused`` for a file that only a person may have changed, and for one outside of a sandbox."""
    if isinstance(place, _Confined) and not Path(os.path.realpath(path)).is_relative_to(place.writable):
        raise Refused(
            f"{path} lies outside {place.writable}, and with terminal.backend: sandbox nothing else is changed"
        )
    entry = _protection(path, place)
    if entry is not None:
        reason = _REASONS[entry.care]
        raise Refused(f"{path} belongs to {reason}; if it must be changed, use the terminal, which asks a person")


def refuse_marks(path: Path, content: bytes) -> None:
    """Raise ``Refused`` when the content has a redaction mark where the file has a secret."""
    mark = PLACEHOLDER.encode()
    if mark not in content:
        return
    try:
        with open_regular(path) as file:
            present = file.read(MOST_WRITTEN).count(mark)
    except FileNotFoundError:
        return
    if content.count(mark) > present:
        raise Refused(
            f"{path} has a secret where the content has {PLACEHOLDER}, and it would be lost: "
            "change only the lines that need it, with patch"
        )


def _protection(path: Path, place: Place) -> Protected | None:
    return protection(os.path.realpath(path), place) or protection(os.path.normpath(path), place)
