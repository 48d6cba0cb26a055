"""Changes several files as one: all of them, or none.

Rules:

1. Every new content is whole and on the disk, beside its place, before the first file is touched; a second name keeps
   each old one.
2. What is left then are renames. When one fails, those before it are taken back by the second names, which are the old
   files themselves.
3. A kill or a loss of power between two renames leaves each single file whole, old or new; the old ones that were moved
   away lie beside them as ``.hermes-*.tmp``. POSIX has no rename of several files at once.
"""

import contextlib
import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from attrs import frozen

from hermes.errors import Refused
from hermes.tools.file_replace import Staged, beside, stage, status_of, sync_folder
from hermes.tools.file_stamps import Stamp, refuse_changed


@frozen
class Change:
    """What is to become of one file."""

    path: Path
    """Its real place."""
    content: bytes | None
    """None: it is removed."""
    before: os.stat_result | None
    """Of the file that the change was made for; None: nothing stood there."""
    like: os.stat_result | None = None
    """Whose mode a new file gets; None: what the umask leaves."""


@frozen
class _Prepared:
    change: Change
    staged: Staged | None
    kept: Path | None
    """Another name of the old file."""

    def apply(self) -> None:
        if self.staged is not None:
            self.staged.move()
        else:
            _refuse_other(self.change)
            self.change.path.unlink()

    def take_back(self) -> None:
        if self.kept is not None:
            self.kept.replace(self.change.path)
        else:
            self.change.path.unlink()


def commit(changes: Sequence[Change]) -> dict[Path, Stamp | None]:
    """Make the changes, and give the stamp of each file as it is now. Blocks until they are on the disk.

    Raises ``Refused`` when a file is not the one that the change was made for, and ``OSError``; nothing is changed
    then.
    """
    with ExitStack() as cleaning:
        prepared = [_prepare(change, cleaning) for change in changes]
        with ExitStack() as undoing:
            for each in prepared:
                each.apply()
                undoing.callback(each.take_back)
            undoing.pop_all()
    for folder in {change.path.parent for change in changes}:
        sync_folder(folder)
    return {each.change.path: each.staged.stamp if each.staged else None for each in prepared}


def _prepare(change: Change, cleaning: ExitStack) -> _Prepared:
    _refuse_other(change)
    staged = None
    if change.content is not None:
        staged = stage(change.path, change.content, like=change.like)
        cleaning.callback(staged.drop)
    return _Prepared(change, staged, None if change.before is None else _keep(change.path, cleaning))


def _refuse_other(change: Change) -> None:
    now = status_of(change.path)
    if change.before is None:
        if now is not None:
            raise Refused(f"{change.path} was made by somebody else just now: read it, then decide")
        return
    if now is None:
        raise Refused(f"{change.path} was removed by somebody else just now")
    refuse_changed(change.path, Stamp.of(change.before), now)


def _keep(path: Path, cleaning: ExitStack) -> Path:
    """A second name of the file, or a copy where the disk has no second names."""
    kept = beside(path)
    cleaning.callback(_forget, (kept,))
    try:
        os.link(path, kept)
    except OSError:
        # vfat and some network disks know no second names, and some kernels refuse them for files of others.
        staged = stage(path, path.read_bytes())
        staged.temporary.replace(kept)
    return kept


def _forget(paths: Iterable[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()
