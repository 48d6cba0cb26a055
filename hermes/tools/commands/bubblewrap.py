"""The command line that runs a command in bubblewrap: what it sees of this machine, and what it may change.

Rules:

1. The whole system is there and read-only. Writable are the working directory of the session and a /tmp of its own.
2. Not there: HERMES_HOME, files with credentials, and the folders in which other programs put their sockets (a socket
   of docker or of the session bus is a way out, and a read-only mount closes none).
3. It has a process, IPC and host name space of its own, no capabilities, no way to new privileges (bubblewrap always
   sees to that), and a network only where the configuration says so.
4. A folder that holds what rule 2 hides, or that belongs to the system, is not made writable: refused.

What is hidden is what is there when the command starts. See docs/adr/0024-sandbox.md for what this does not hold back.
"""

import os
import pwd
from collections.abc import Iterable, Iterator
from contextlib import suppress
from enum import Enum
from pathlib import Path

from attrs import frozen

from hermes.errors import ConfigError, Refused
from hermes.tools.contract import Sandbox
from hermes.tools.danger.protected import HERMES, PROTECTED, Place, protection

PROGRAM = "bwrap"

PRIVATE = ("/tmp", "/var/tmp", "/run")
"""Empty and its own for each command."""

_HIDDEN = (
    "~/.ssh",
    "~/.aws",
    "~/.azure",
    "~/.env",
    "~/.local/share/keyrings",
    "~/.mozilla",
    "~/.thunderbird",
    "~/.config/google-chrome",
    "~/.config/chromium",
)
"""Hidden beside the files with credentials of ``PROTECTED``: folders that hold more of them than those names."""

_OWN_SECRETS = ".env"
"""In the working directory itself."""

_KEPT = ("/etc/resolv.conf", "/run/current-system")
"""Needed by programs, and in a private place on some systems: there by link, or the system's programs themselves."""

_NAMESPACES = ("--unshare-user-try", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try")


@frozen
class Homes:
    """By what a sandbox is laid out."""

    writable: Path
    """The working directory of the session."""
    user: Path
    hermes: Path | None


class _Kind(Enum):
    """What a place becomes."""

    PRIVATE = "an empty folder to write into"
    SEEN = "itself, read-only"
    WRITABLE = "itself"
    HIDDEN = "empty, read-only"


@frozen
class _Mount:
    path: str
    kind: _Kind

    def arguments(self) -> tuple[str, ...]:
        match self.kind:
            case _Kind.WRITABLE:
                return "--bind", self.path, self.path
            case _Kind.SEEN:
                return "--ro-bind", self.path, self.path
            case _Kind.HIDDEN if not Path(self.path).is_dir():
                return "--ro-bind", os.devnull, self.path
            case _:
                return "--tmpfs", self.path


def wrap(
    program: str, argv: tuple[str, ...], directory: Path, homes: Homes, sandbox: Sandbox, needs: Iterable[Path] = ()
) -> tuple[str, ...]:
    """``argv`` in bubblewrap (``program``), run in ``directory``. ``needs``: folders that it reads, wherever they are.

    Looks at the disk. Raises ``ConfigError`` when the working directory cannot be made writable, and ``Refused`` when
    ``directory`` is one that the command would not see.
    """
    mounts = _mounts(homes, needs)
    _refuse_unseen(_real(directory), mounts)
    arranged = [argument for mount in mounts for argument in mount.arguments()]
    sealed = [
        argument
        for mount in mounts
        if mount.kind is _Kind.HIDDEN and Path(mount.path).is_dir()
        for argument in ("--remount-ro", mount.path)
    ]
    network = () if sandbox.network else ("--unshare-net",)
    rights = ("--cap-drop", "ALL", "--die-with-parent")
    surroundings = ("--setenv", "TMPDIR", PRIVATE[0], "--chdir", str(directory))
    base = ("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc")
    return (program, *_NAMESPACES, *network, *rights, *base, *arranged, *sealed, *surroundings, "--", *argv)


def _mounts(homes: Homes, needs: Iterable[Path]) -> list[_Mount]:
    """In the order in which they are made: what lies in a place comes after it."""
    writable = _real(homes.writable)
    hidden = set(_hidden(homes))
    private = {path for path in map(_real, PRIVATE) if Path(path).is_dir()}
    _refuse_writable(writable, hidden | private, homes)
    own = f"{writable}/{_OWN_SECRETS}"
    if os.access(own, os.F_OK):
        hidden.add(_real(own))
    readable: list[str] = [*map(_real, _KEPT), *map(_real, needs)]
    seen = {path for path in readable if os.access(path, os.F_OK)}
    found: dict[str, _Kind] = {
        **dict.fromkeys(private, _Kind.PRIVATE),
        **dict.fromkeys(seen - {writable}, _Kind.SEEN),
        **dict.fromkeys(hidden, _Kind.HIDDEN),
        writable: _Kind.WRITABLE,
    }
    made: list[_Mount] = []
    for path in sorted(found, key=lambda path: (path.count("/"), path)):
        mount = _Mount(path, found[path])
        if _changes(mount, _around(path, made)):
            made.append(mount)
    return made


def _changes(mount: _Mount, around: _Mount | None) -> bool:
    """Whether it makes a difference within what is around it; None: the system."""
    covered = around is not None and around.kind in {_Kind.PRIVATE, _Kind.HIDDEN}
    return mount.kind is _Kind.WRITABLE or covered is (mount.kind is _Kind.SEEN)


def _around(path: str, mounts: Iterable[_Mount]) -> _Mount | None:
    """The innermost of ``mounts`` that holds ``path``."""
    return max((mount for mount in mounts if _holds(mount.path, path)), key=lambda mount: len(mount.path), default=None)


def _hidden(homes: Homes) -> Iterator[str]:
    """Real paths of what a command does not see."""
    secret = [entry.path for entry in PROTECTED if entry.secret and not entry.path.startswith((HERMES, "~/.ssh/"))]
    users = {str(homes.user), *_account_home()}
    written = [
        path.replace("~", user, 1)
        for path in (HERMES, *_HIDDEN, *secret)
        for user in (sorted(users) if path.startswith("~") else [""])
        if "*" not in path
    ]
    for path in (*written, *(() if homes.hermes is None else (str(homes.hermes),))):
        if os.access(path, os.F_OK):
            yield _real(path)


def _account_home() -> Iterator[str]:
    """HOME may say something else than the account does."""
    with suppress(KeyError):
        yield pwd.getpwuid(os.getuid()).pw_dir


def _real(path: str | Path) -> str:
    return os.path.realpath(str(path))


def _holds(place: str, path: str) -> bool:
    return path == place or path.startswith(place.rstrip("/") + "/")


def _refuse_writable(writable: str, hidden: Iterable[str], homes: Homes) -> None:
    held = next((path for path in (_real(homes.user), *sorted(hidden)) if _holds(writable, path)), None)
    place = Place(hermes_home=_real(homes.hermes or HERMES), user_home=_real(homes.user))
    if held is None and protection(writable, place) is None:
        return
    reason = "belongs to the system or the agent" if held is None else f"holds {held}"
    raise ConfigError(
        f"the sandbox makes the working directory writable, and {writable} {reason}: "
        "set terminal.cwd to a folder of its own for the work",
        key="terminal.cwd",
    )


def _refuse_unseen(directory: str, mounts: Iterable[_Mount]) -> None:
    around = _around(directory, mounts)
    if around is None or around.kind in {_Kind.SEEN, _Kind.WRITABLE}:
        return
    if around.kind is _Kind.HIDDEN or around.path != directory:
        raise Refused(f"{directory} cannot be seen from within the sandbox: use a folder below the working directory")
