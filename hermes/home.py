"""HERMES_HOME: the one folder that holds everything of an installation, and where each thing lies in it.

Rules:

1. Only this module knows the names. Finding a home reads two things (its mode, ``.managed``) and writes nothing.
2. What is made here is for its owner alone: folders 0700, files 0600. ``HERMES_HOME_MODE`` (octal, say 0750) widens
   both; a managed home (``HERMES_MANAGED``, or a ``.managed`` file) lends the mode of its root to whatever is made
   below it.
3. A folder that exists keeps its mode, with one exception: a root that nobody manages, that is ours and that is wider
   than rule 2 is narrowed.
4. The control socket always lies in the home, whatever the length of its path: see ``socket_address``.
"""

import os
import stat
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from hermes.errors import ConfigError

_OWNER_ONLY = 0o700
_FALSE = {"", "0", "false", "no", "off"}
_TRUE = {"1", "true", "yes", "on"}
_DEFAULT_MANAGER = "NixOS"

# unix(7): sun_path has 108 bytes on Linux, the closing zero included.
_SOCKET_PATH_BYTES = 107

# SQLite takes paths of at most 512 bytes (SQLITE_MAX_PATHNAME), and the names of its files go behind.
_ROOT_BYTES = 400


@frozen
class Home:
    """Where everything lies. All paths are absolute."""

    root: Path
    managed_by: str = ""
    """Who owns the configuration instead of a person ("NixOS"); empty: a person does."""
    folder_mode: int = _OWNER_ONLY
    """Mode of the folders that are made here."""

    @property
    def file_mode(self) -> int:
        """Mode of the files that are made here: the folder's without the right to enter."""
        return self.folder_mode & 0o666

    @property
    def managed(self) -> bool:
        return bool(self.managed_by)

    @property
    def config_file(self) -> Path:
        return self.root / "config.yaml"

    @property
    def env_file(self) -> Path:
        return self.root / ".env"

    @property
    def state_db(self) -> Path:
        return self.root / "state.db"

    @property
    def run_dir(self) -> Path:
        """Locks of the programs that run turns, one file an owner."""
        return self.root / "run"

    @property
    def logs_dir(self) -> Path:
        return self.root / "logs"

    @property
    def cache_dir(self) -> Path:
        return self.root / "cache"

    @property
    def skills_dir(self) -> Path:
        return self.root / "skills"

    @property
    def memories_dir(self) -> Path:
        return self.root / "memories"

    @property
    def changes_dir(self) -> Path:
        """Journals of changes to files that are under way."""
        return self.root / "changes"

    @property
    def history_file(self) -> Path:
        """What was typed into ``hermes chat``."""
        return self.root / "history"

    @property
    def gateway_lock(self) -> Path:
        """Held by flock while a gateway lives: the truth about "is one running"."""
        return self.run_dir / "gateway.lock"

    @property
    def gateway_pid(self) -> Path:
        """Information only; ``gateway_lock`` decides."""
        return self.root / "gateway.pid"

    @property
    def control_socket(self) -> Path:
        """Bind and connect through ``socket_address``, which serves paths of any length."""
        return self.root / "gateway.sock"

    def touch(self, path: Path) -> None:
        """Make an empty file with this home's mode unless it exists; an existing one keeps its mode."""
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, self.file_mode)
        except FileExistsError:
            return
        try:
            os.fchmod(descriptor, self.file_mode)
        finally:
            os.close(descriptor)


def expanded(path: str) -> Path:
    """``path`` with its ``~`` written out; that of a user whom nobody knows stays, and leads nowhere."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 -- the other way of the library raises for such a user


def find_home(environ: Mapping[str, str]) -> Home:
    """The home that ``environ`` names: HERMES_HOME, else ~/.hermes. It need not exist.

    Raises ``ConfigError`` when no path can be told, or HERMES_HOME_MODE is no octal mode.
    """
    root = _root(environ)
    manager = _manager(environ.get("HERMES_MANAGED", ""), root)
    return Home(root, manager, _folder_mode(environ.get("HERMES_HOME_MODE", ""), root, managed=bool(manager)))


def make_home(home: Home) -> None:
    """Make what is absent of the home, and check that it can be worked in.

    Raises ``ConfigError`` naming the path and the cure. Repeating it is harmless.
    """
    _make_folder(home.root, home.folder_mode)
    _check_access(home.root)
    _narrow(home)
    kept = (home.logs_dir, home.cache_dir, home.skills_dir, home.memories_dir)
    for folder in (home.run_dir, home.changes_dir, *kept):
        _make_folder(folder, home.folder_mode)
    for folder in (home.run_dir, home.logs_dir):
        _check_access(folder)


@contextmanager
def socket_address(path: Path) -> Generator[str]:
    """An address for ``bind`` or ``connect`` that means ``path``, valid inside the block.

    A Unix socket's address holds 107 bytes. A longer path is reached through a descriptor of its folder
    (/proc/self/fd), so that server and client meet at one place whatever their environments say. Raises ``ConfigError``
    when the path is too long and there is no /proc, or when its folder cannot be entered.
    """
    if len(os.fsencode(path)) <= _SOCKET_PATH_BYTES:
        yield str(path)
        return
    if not sys.platform.startswith("linux"):
        raise _home_error(f"{path} is too long for a Unix socket: set HERMES_HOME to a shorter path", path)
    try:
        folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _home_error(f"cannot enter {path.parent}: {error.strerror}", path.parent) from error
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _root(environ: Mapping[str, str]) -> Path:
    named = environ.get("HERMES_HOME", "")
    if "\0" in named:
        raise ConfigError("HERMES_HOME holds a zero byte: set it to a path", key="HERMES_HOME")
    try:
        return _bounded(Path(named or "~/.hermes").expanduser().absolute())
    except (RuntimeError, OSError) as error:
        raise ConfigError(
            f"cannot tell where HERMES_HOME is ({error}): set HERMES_HOME to an absolute path", key="HERMES_HOME"
        ) from error


def _bounded(root: Path) -> Path:
    size = len(os.fsencode(root))
    if size > _ROOT_BYTES:
        raise ConfigError(
            f"HERMES_HOME has {size} bytes and may have at most {_ROOT_BYTES}: set it to a shorter path",
            key="HERMES_HOME",
        )
    return root


def _manager(named: str, root: Path) -> str:
    if named.strip().lower() in _TRUE:
        return _DEFAULT_MANAGER
    if named.strip().lower() not in _FALSE:
        return named.strip()
    try:
        marker = root / ".managed"
        return (marker.read_text(errors="replace").strip() or _DEFAULT_MANAGER) if marker.is_file() else ""
    except PermissionError:
        return ""  # a root that cannot be entered is reported by whoever needs it


def _folder_mode(named: str, root: Path, *, managed: bool) -> int:
    if named:
        return _octal(named)
    if managed:
        try:
            return stat.S_IMODE(root.stat().st_mode) | _OWNER_ONLY
        except OSError:
            return _OWNER_ONLY
    return _OWNER_ONLY


def _octal(named: str) -> int:
    try:
        mode = int(named, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o7777 or mode & _OWNER_ONLY != _OWNER_ONLY:
        raise ConfigError(
            f"HERMES_HOME_MODE: expected an octal mode that gives its owner all rights, such as 0750, found {named!r}",
            key="HERMES_HOME_MODE",
        )
    return mode


def _make_folder(folder: Path, mode: int) -> None:
    try:
        if folder.is_dir():
            return
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=_OWNER_ONLY)
        folder.chmod(mode)  # mkdir's own mode is cut by the umask
    except FileExistsError as error:
        if not folder.is_dir():
            raise _home_error(
                f"{folder} is no folder: move it away, or set HERMES_HOME to another path", folder
            ) from error
    except OSError as error:
        raise _home_error(
            f"cannot make {folder}: {error.strerror}."
            f" Make it writable for {_user()}, or set HERMES_HOME to another path",
            folder,
        ) from error


def _check_access(folder: Path) -> None:
    needed = os.R_OK | os.W_OK | os.X_OK
    effective = os.access in os.supports_effective_ids
    if not os.access(folder, needed, effective_ids=effective):
        raise _home_error(
            f"{folder} cannot be read and written by {_user()}:"
            f" change its owner (chown) or its mode (chmod u+rwx), or set HERMES_HOME to another path",
            folder,
        )


def _narrow(home: Home) -> None:
    found = home.root.stat()
    too_wide = stat.S_IMODE(found.st_mode) & ~home.folder_mode & 0o077
    if too_wide and not home.managed and found.st_uid == os.geteuid():
        try:
            home.root.chmod(stat.S_IMODE(found.st_mode) & ~too_wide)
        except OSError:
            return  # a file system without modes: nothing here can make it narrower


def _user() -> str:
    return f"user {os.geteuid()}"


def _home_error(text: str, path: Path) -> ConfigError:
    return ConfigError(text, file=str(path), key="HERMES_HOME")
