"""The files that shape a system prompt: the agent's character, what is known of the person, the project's instructions.

1. A file is taken whole or left out with a reason that the prompt tells; it is never left out in silence.
2. Files are read as they are at the beginning of a session; later changes count for the next one.
3. A file of the working directory counts only if it really lies in the project: a link that leads out of it could put a
   secret into the prompt. The files of HERMES_HOME belong to the owner and may be links.
4. Nothing here can block on a pipe or a device, or read more than ``MAX_BYTES``.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from hermes.agent.injection import find_injection

# About 5,000 tokens in every request. Of a longer file the head and the tail are kept: what it is and how it ends.
MAX_CHARS = 20_000
_HEAD, _TAIL = 0.7, 0.2
# Ten times what can be shown: anything larger is not meant for a reader.
MAX_BYTES = 800_000
# What .cursor/rules may hold.
_MAX_RULES = 20

_PROJECT_FILES = ("AGENTS.md", "CLAUDE.md", ".cursorrules")
_HERMES_FILES = (".hermes.md", "HERMES.md")


@frozen
class ContextFile:
    """A file that was found."""

    name: str
    """As it is called in the prompt and in the log."""
    text: str
    """Empty when it was left out."""
    problem: str = ""
    """Why it was left out."""

    def shown(self) -> str:
        """Its place in the prompt: the text, or the line that tells why there is none."""
        return self.text or f"[{self.name} was left out: {self.problem}]"


def soul(home: Path, cwd: Path) -> ContextFile | None:
    """The agent's character: SOUL.md of HERMES_HOME, else of the working directory."""
    return read_file(home / "SOUL.md", "SOUL.md") or read_file(cwd / "SOUL.md", "SOUL.md", inside=_project(cwd))


def profile(cwd: Path) -> ContextFile | None:
    """What the working directory says of the agent's person: its USER.md."""
    return read_file(cwd / "USER.md", "USER.md", inside=_project(cwd))


def project_context(cwd: Path) -> ContextFile | None:
    """The project's instructions: the first that there is.

    .hermes.md or HERMES.md in ``cwd`` or above it up to the root of the git repository; AGENTS.md, CLAUDE.md,
    .cursorrules, .cursor/rules/*.mdc in ``cwd``.
    """
    root = _project(cwd)
    for path in _candidates(cwd, root):
        found = read_file(path, path.name, inside=root)
        if found:
            return found
    return _cursor_rules(cwd, root)


def _candidates(cwd: Path, root: Path) -> Iterator[Path]:
    above = (folder for folder in cwd.parents if folder.is_relative_to(root))
    for folder in (cwd, *above):
        yield from (folder / name for name in _HERMES_FILES)
    yield from (cwd / name for name in _PROJECT_FILES)


def _project(cwd: Path) -> Path:
    """The root of the git repository around ``cwd``, else ``cwd`` itself."""
    return next((folder for folder in (cwd, *cwd.parents) if os.path.lexists(folder / ".git")), cwd)


def _cursor_rules(cwd: Path, root: Path) -> ContextFile | None:
    folder = cwd / ".cursor" / "rules"
    rules = sorted(folder.glob("*.mdc"))[:_MAX_RULES]
    found = [rule for path in rules if (rule := read_file(path, f".cursor/rules/{path.name}", inside=root))]
    return (
        ContextFile(".cursor/rules", clip("\n\n".join(rule.shown() for rule in found), ".cursor/rules"))
        if found
        else None
    )


def read_file(path: Path, name: str, *, inside: Path | None = None, limit: int = MAX_CHARS) -> ContextFile | None:
    """Read one file; None when it is absent or holds nothing. ``inside``: the folder that it must really lie in."""
    found = read_text(path, name, inside=inside)
    if found is None or found.problem:
        return found
    problem = find_injection(found.text)
    return ContextFile(name, "", problem) if problem else ContextFile(name, clip(found.text, name, limit))


def read_text(path: Path, name: str, *, inside: Path | None = None) -> ContextFile | None:
    """As ``read_file``, but whole and not looked at: the caller sees to what a prompt must not hold."""
    try:
        if inside is not None and not _lies_in(path, inside):
            return ContextFile(name, "", "it is a link that leads out of the project")
        data = _read(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return ContextFile(name, "", f"it cannot be read ({error.strerror})")
    if data is None:
        return ContextFile(name, "", "it is no ordinary file")
    if len(data) > MAX_BYTES:
        return ContextFile(name, "", f"it is larger than {MAX_BYTES:,} bytes")
    text = data.decode(errors="replace").removeprefix("\ufeff").replace("\r\n", "\n").replace("\0", "\ufffd").strip()
    return ContextFile(name, text) if text else None


def _lies_in(path: Path, folder: Path) -> bool:
    # Not Path.resolve, which raises RuntimeError for links in a circle.
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def _read(path: Path) -> bytes | None:
    # O_NONBLOCK: opening a pipe would otherwise wait for its other end.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(MAX_BYTES + 1) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None


def clip(text: str, name: str, limit: int = MAX_CHARS) -> str:
    """``text`` if it has at most ``limit`` characters, else its first 70 % and last 20 % of that, a mark between."""
    if len(text) <= limit:
        return text
    head, tail = int(limit * _HEAD), int(limit * _TAIL)
    left_out = len(text) - head - tail
    return f"{text[:head]}\n\n[{left_out:,} characters of {name} left out here]\n\n{text[-tail:]}"
