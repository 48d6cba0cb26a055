"""Which files the file tools may touch: one place for all of them.

Rules:

1. A path is judged as it is written and behind its symbolic links, by the table of ``hermes/tools/danger``.
2. Files with credentials are not read: those of the table, and ``.env`` files wherever they lie. Nor are notes and
   conversations, which have tools that show everybody their own. They, the agent's own state and settings, SSH keys,
   what runs at log-in and the system's files are not written: the terminal can, and asks a person first.
3. What lies outside the folders of ``hermes/tools/files/roots.py`` is not touched. Where commands run in a sandbox,
   nothing is written outside the folder that it leaves them: what a wall keeps from commands, another tool must not do
   for them.
4. What was judged is what is opened: a file or a folder that is swapped for a symbolic link in between is refused.
"""

import os
import re
from pathlib import Path

from hermes.errors import Refused
from hermes.redact import PLACEHOLDER
from hermes.tools.danger.protected import Care, Protected, protection
from hermes.tools.files.roots import FilePlace, refuse_unreadable, refuse_unsandboxed, refuse_unwritable
from hermes.tools.files.window import open_regular

MOST_WRITTEN = 5_000_000
"""Characters of one file. A model that writes more has lost its way."""

NO_PATH = "Not possible: a path has no NUL characters, and is not empty."

# A folder of code keeps its keys there, wherever it lies.
_ENVIRONMENT = re.compile(r"\.env(?:rc|\..+)?")
_EXAMPLES = (".example", ".sample", ".template", ".dist", ".defaults", ".schema")

_REASONS = {
    Care.ACCOUNTS: "accounts of this machine",
    Care.KERNEL: "files of the kernel",
    Care.SYSTEM: "files of the system",
    Care.HERMES: "the agent's own state and settings",
    Care.SSH: "SSH keys and settings",
    Care.STARTUP: "what runs at log-in",
    Care.SECRETS: "files with credentials",
    Care.PRIVATE: "what people said to the agent (notes are changed with memory)",
}


def refuse_secret(path: Path, place: FilePlace) -> None:
    """Raise ``Refused`` for a file that holds credentials, and for one outside the folders that may be read."""
    if is_secret(path, place):
        entry = _protection(path, place)
        if entry is not None and entry.care is Care.PRIVATE:
            raise Refused(
                f"{path} is not read: notes are read and changed with memory, conversations by session_search"
            )
        raise Refused(f"{path} holds credentials and is not read")
    refuse_unreadable(path, place)


def is_secret(path: Path, place: FilePlace) -> bool:
    """Whether a file holds credentials or what others said, by its name."""
    entry = _protection(path, place)
    return (entry is not None and entry.secret) or _is_environment(path)


def refuse_protected(path: Path, place: FilePlace) -> None:
    """Raise ``Refused`` for a file that only a person may have changed, and for one outside the folders for it."""
    refuse_unsandboxed(path, place)
    entry = _protection(path, place)
    if entry is not None:
        reason = _REASONS[entry.care]
        raise Refused(f"{path} belongs to {reason}; if it must be changed, use the terminal, which asks a person")
    refuse_unwritable(path, place)
    if _is_environment(path) and path.exists():
        raise Refused(f"{path} holds credentials, which this tool must not show or lose: change it with the terminal")


def _is_environment(path: Path) -> bool:
    """``.env``, ``.env.local`` and the like, and not the examples that stand beside them."""
    names = (path.name, Path(os.path.realpath(path)).name) if path.is_symlink() else (path.name,)
    return any(_ENVIRONMENT.fullmatch(name) and not name.endswith(_EXAMPLES) for name in names)


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


def _protection(path: Path, place: FilePlace) -> Protected | None:
    return protection(os.path.realpath(path), place) or protection(os.path.normpath(path), place)
