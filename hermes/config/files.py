"""The files of the configuration: read within a bound, replaced whole or not at all.

1. Reading never blocks: only a regular file is read.
2. Replacing goes through a synced temporary file and a rename, follows a symbolic link to its target, and keeps mode
   and owner. A crash at any moment leaves the old file or the new one.
3. Every failure is a ``ConfigError`` that names the file and the cure.
"""

import os
import stat
import tempfile
from pathlib import Path

from attrs import frozen

from hermes.errors import ConfigError

# Thousands of times the size of a long configuration; beyond it somebody pointed us at the wrong file.
SIZE_LIMIT = 1_000_000


@frozen
class Snapshot:
    """What a file held when it was read, and how to recognise that it was changed since."""

    content: bytes
    identity: tuple[int, int, int, int] | None
    """Device, inode, size and modification time in nanoseconds; None: there was no file."""
    mode: int = 0
    """Its permission bits."""


def read_snapshot(path: Path) -> Snapshot:
    """The bytes of ``path``, or empty bytes when it does not exist. Blocks for the disk only."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as error:
        if path.is_symlink():
            raise _error(
                f"{path} is a link to {path.readlink()}, which does not exist: repair or remove it", path
            ) from error
        return Snapshot(b"", None)
    except OSError as error:
        raise _error(f"{path} cannot be read ({error.strerror}): repair its owner or its mode", path) from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise _error(f"{path} is no regular file: move it away", path)
        content = _read(descriptor)
    except OSError as error:
        raise _error(f"{path} cannot be read ({error.strerror})", path) from error
    finally:
        os.close(descriptor)
    if len(content) > SIZE_LIMIT:
        raise _error(f"{path} is larger than {SIZE_LIMIT} bytes: is it the right file?", path)
    return Snapshot(content, _identity(found), stat.S_IMODE(found.st_mode))


def _read(descriptor: int) -> bytes:
    """All of it, or a little more than the limit."""
    content = b""
    while len(content) <= SIZE_LIMIT and (piece := os.read(descriptor, SIZE_LIMIT + 1)):
        content += piece
    return content


def replace_file(path: Path, content: bytes, before: Snapshot, *, mode: int) -> None:
    """Put ``content`` in the place of ``before``; ``mode`` is that of a file that did not exist.

    Raises ``ConfigError`` when the file was changed since ``before`` was read, when its owner cannot be kept, or when
    the disk refuses. Blocks until the disk has it.
    """
    target = path.resolve()
    try:
        _replace(target, content, before, mode)
    except OSError as error:
        raise _error(f"{target} cannot be written ({error.strerror}); nothing was changed", target) from error


def _replace(target: Path, content: bytes, before: Snapshot, mode: int) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".new", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            _keep_owner_and_mode(descriptor, target, before, mode)
            os.fsync(descriptor)
        if _current_identity(target) != before.identity:
            raise _error(f"{target} was changed by somebody else at this moment: try again", target)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _keep_owner_and_mode(descriptor: int, target: Path, before: Snapshot, mode: int) -> None:
    if before.identity is None:
        os.fchmod(descriptor, mode)
        return
    old, new = target.stat(), os.fstat(descriptor)
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        try:
            os.fchown(descriptor, old.st_uid, old.st_gid)
        except PermissionError as error:
            raise _error(f"{target} belongs to another user ({old.st_uid}): change it as that user", target) from error
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _current_identity(target: Path) -> tuple[int, int, int, int] | None:
    try:
        return _identity(target.stat())
    except FileNotFoundError:
        return None


def _identity(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _error(text: str, path: Path) -> ConfigError:
    return ConfigError(text, file=str(path))
