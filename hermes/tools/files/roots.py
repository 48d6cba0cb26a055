"""The folders that the file tools keep to: what lies outside is neither a slip's nor an injection's to touch.

Rules:

1. Folders and files are compared by their real paths, behind every symbolic link and ``..``.
2. Where nothing is set, everything may be read that holds no credentials, and what a day's work needs may be written:
   the working directory, the home of whoever runs this, the agent's own home, and the folders for temporary files.
3. What is set is all there is: the working directory too is out of reach when no folder of the setting holds it.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

from hermes.errors import Refused
from hermes.tools.contract import ToolContext
from hermes.tools.danger.protected import Place
from hermes.tools.files.place import locate

READ_KEY, WRITE_KEY = "file.read_roots", "file.write_roots"

TEMPORARY = ("/tmp", "/var/tmp")
"""Where programs leave what nobody keeps, beside TMPDIR."""

EVERYWHERE = ("/",)

# Folders that a refusal names.
_MOST_TOLD = 6


@frozen
class FilePlace(Place):
    """By what a path of the file tools is judged. Real paths."""

    readable: tuple[str, ...] = EVERYWHERE
    writable: tuple[str, ...] = EVERYWHERE
    sandbox: str = ""
    """The one folder that commands may change where they run in a sandbox; empty: they run in none."""


def place_of(context: ToolContext) -> FilePlace:
    """Blocks for a moment: it looks behind symbolic links."""
    roots = context.roots
    return FilePlace(
        hermes_home="" if context.hermes_home is None else os.path.realpath(context.hermes_home),
        user_home=os.path.realpath(context.environment.get("HOME") or "/"),
        readable=_real(locate(context, root) for root in roots.read) or EVERYWHERE,
        writable=_real(locate(context, root) for root in roots.write) or _usual(context),
        sandbox="" if context.sandbox is None else os.path.realpath(context.cwd),
    )


def _usual(context: ToolContext) -> tuple[str, ...]:
    named = (context.environment.get("HOME"), context.environment.get("TMPDIR"), *TEMPORARY)
    # A service without a home of its own has "/" for one, which means none.
    found = [Path(folder) for folder in named if folder and folder != "/"]
    return _real((context.cwd, *found, *(() if context.hermes_home is None else (context.hermes_home,))))


def _real(folders: Iterable[Path]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(os.path.realpath(folder) for folder in folders))


def refuse_unreadable(path: Path, place: FilePlace) -> None:
    """Raise ``Refused`` for what lies in none of the folders that may be read."""
    _refuse(path, place.readable, READ_KEY, "read")


def refuse_unwritable(path: Path, place: FilePlace) -> None:
    """Raise ``Refused`` for what lies in none of the folders that may be written to."""
    _refuse(path, place.writable, WRITE_KEY, "changed")


def refuse_unsandboxed(path: Path, place: FilePlace) -> None:
    """Raise ``Refused`` for what commands could not write to either."""
    if place.sandbox and not _inside(path, (place.sandbox,)):
        raise Refused(
            f"{path} lies outside {place.sandbox}, and with terminal.backend: sandbox nothing else is changed"
        )


def _refuse(path: Path, roots: tuple[str, ...], key: str, done: str) -> None:
    if not _inside(path, roots):
        told = ", ".join(roots[:_MOST_TOLD]) + (", ..." if len(roots) > _MOST_TOLD else "")
        raise Refused(f"{path} lies outside the folders in which files are {done} ({key}: {told})")


def _inside(path: Path, roots: tuple[str, ...]) -> bool:
    real = Path(os.path.realpath(path))
    return any(real.is_relative_to(root) for root in roots)
