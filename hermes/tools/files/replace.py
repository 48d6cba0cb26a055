"""Replaces a file whole: after a crash at any point there is the old file or the new one, and never a part of one."""

import contextlib
import os
import secrets
import stat
from pathlib import Path

from attrs import frozen

from hermes.errors import Refused
from hermes.tools.files.stamps import Stamp, refuse_changed
from hermes.tools.files.window import Judge, opened_path, refuse_special


@frozen
class Replaced:
    path: Path
    """Where the bytes are: behind every symbolic link."""
    created: bool
    stamp: Stamp
    """Of the file as it stands there now."""


@frozen
class Staged:
    """A new content beside the file that it is going to replace, whole and on the disk."""

    target: Path
    temporary: Path
    before: os.stat_result | None
    """What stood at the target when it was staged; None: nothing."""
    stamp: Stamp

    def move(self) -> Replaced:
        """Put it in its place. Raises ``Refused`` when that is no longer what it was, and ``OSError``."""
        now = status_of(self.target)
        if self.before is None and now is not None:
            raise Refused(f"{self.target} was made by somebody else just now: read it, then decide")
        refuse_changed(self.target, None if self.before is None else Stamp.of(self.before), now)
        self.temporary.replace(self.target)
        return Replaced(self.target, self.before is None, self.stamp)

    def drop(self) -> None:
        """Remove what was not moved."""
        with contextlib.suppress(OSError):
            self.temporary.unlink()


def replace_file(path: Path, content: bytes, seen: Stamp | None = None, judge: Judge | None = None) -> Replaced:
    """Write ``content`` to ``path``, making the folders above it. Blocks until it is on the disk.

    An existing file keeps its mode and, where this process may set it, its owner; other names of it (hard links) keep
    the old content. A symbolic link stays, and its target is written. Raises ``Refused`` when something other than a
    regular file is there or a file that is not the one that was ``seen``, and ``OSError``; the file is as it was then.
    """
    staged = stage(path, content, seen, judge=judge)
    try:
        replaced = staged.move()
    except BaseException:
        staged.drop()
        raise
    sync_folder(replaced.path.parent)
    return replaced


def stage(
    path: Path,
    content: bytes,
    seen: Stamp | None = None,
    like: os.stat_result | None = None,
    temporary: Path | None = None,
    judge: Judge | None = None,
) -> Staged:
    """The first half of ``replace_file``: everything but the move. It leaves nothing behind when it raises, but for the
    folders above.

    A new file gets the mode and the owner of ``like``, when that is given. ``temporary``: its name until the move, from
    ``beside``; None: one is chosen. ``judge`` is given the real path that is going to be written.
    """
    target = Path(os.path.realpath(path))
    refuse_special(target)
    if judge is not None:
        judge(target)
    before = status_of(target)
    refuse_changed(path, seen, before)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary or beside(target)
    try:
        return Staged(target, temporary, before, _write(temporary, content, before or like))
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def beside(target: Path) -> Path:
    """A free name in the folder of ``target``, of a fixed length, since a name may be as long as the disk allows."""
    return target.parent / f".hermes-{secrets.token_hex(8)}.tmp"


def status_of(target: Path) -> os.stat_result | None:
    """None when nothing is there. Raises ``Refused`` when it is no regular file, and ``OSError``."""
    try:
        status = target.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise Refused(f"{target} is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise Refused(f"{target} is no regular file")
    return status


def _write(temporary: Path, content: bytes, before: os.stat_result | None) -> Stamp:
    # A new file gets what the umask leaves; the copy of a private one is never open to others, not even for a moment.
    mode = 0o666 if before is None else stat.S_IMODE(before.st_mode) & 0o700
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        _refuse_elsewhere(descriptor, temporary)
        file.write(content)
        file.flush()
        if before is not None:
            _keep_owner(descriptor, before)
            os.fchmod(descriptor, stat.S_IMODE(before.st_mode))
        os.fsync(descriptor)
        return Stamp.of(os.fstat(descriptor))


def _refuse_elsewhere(descriptor: int, temporary: Path) -> None:
    """Raise ``Refused`` when a folder on the way was swapped for a link since the place was judged."""
    opened = opened_path(descriptor, temporary)
    if opened != temporary:
        with contextlib.suppress(OSError):
            opened.unlink()
        raise Refused(f"{temporary.parent} was made another folder by somebody else just now")


def _keep_owner(descriptor: int, before: os.stat_result) -> None:
    own = os.fstat(descriptor)
    if (own.st_uid, own.st_gid) == (before.st_uid, before.st_gid):
        return
    # Only root may give a file away; for others it becomes theirs, as with any editor that replaces files.
    with contextlib.suppress(PermissionError):
        os.fchown(descriptor, before.st_uid, before.st_gid)


def sync_folder(folder: Path) -> None:
    """Make what was moved in ``folder`` last through a loss of power. Blocks."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
