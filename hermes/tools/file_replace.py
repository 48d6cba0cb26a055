"""Replaces a file whole: after a crash at any point there is the old file or the new one, and never a part of one."""

import contextlib
import os
import secrets
import stat
from pathlib import Path

from attrs import frozen

from hermes.errors import Refused
from hermes.tools.file_window import refuse_special


@frozen
class Replaced:
    path: Path
    """Where the bytes are: behind every symbolic link."""
    created: bool


def replace_file(path: Path, content: bytes) -> Replaced:
    """Write ``content`` to ``path``, making the folders above it. Blocks until it is on the disk.

    An existing file keeps its mode and, where this process may set it, its owner; other names of it (hard links) keep
    the old content. A symbolic link stays, and its target is written. Raises ``Refused`` when something other than a
    regular file is there, and ``OSError``; the file is as it was then.
    """
    target = Path(os.path.realpath(path))
    refuse_special(target)
    before = _status(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Of a fixed length, since a name may already be as long as the file system allows.
    temporary = target.parent / f".hermes-{secrets.token_hex(8)}.tmp"
    try:
        _write(temporary, content, before)
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(target.parent)
    return Replaced(target, created=before is None)


def _status(target: Path) -> os.stat_result | None:
    try:
        status = target.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise Refused(f"{target} is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise Refused(f"{target} is no regular file")
    return status


def _write(temporary: Path, content: bytes, before: os.stat_result | None) -> None:
    # A new file gets what the umask leaves; the copy of a private one is never open to others, not even for a moment.
    mode = 0o666 if before is None else stat.S_IMODE(before.st_mode) & 0o700
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        if before is not None:
            _keep_owner(descriptor, before)
            os.fchmod(descriptor, stat.S_IMODE(before.st_mode))
        os.fsync(descriptor)


def _keep_owner(descriptor: int, before: os.stat_result) -> None:
    own = os.fstat(descriptor)
    if (own.st_uid, own.st_gid) == (before.st_uid, before.st_gid):
        return
    # Only root may give a file away; for others it becomes theirs, as with any editor that replaces files.
    with contextlib.suppress(PermissionError):
        os.fchown(descriptor, before.st_uid, before.st_gid)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
