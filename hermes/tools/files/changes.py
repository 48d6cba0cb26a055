"""Changes several files as one: all of them, or none, also over a kill.

Rules:

1. Every new content is whole and on the disk, beside its place, before the first file is touched; a second name keeps
   each old one. What is left then are renames and removals.
2. POSIX has no rename of several files at once, so a journal stands before them (hermes/tools/files/journal.py). When
   one fails, or the program is killed among them, those before it are taken back by the second names, which are the
   old files themselves: at once, or at the next start.
3. The change stands from the moment in which its journal says so; then everything is on the disk.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from attrs import evolve, frozen

from hermes.errors import Refused
from hermes.failpoints import failpoint
from hermes.tools.files.journal import Step, journal, sync_folders
from hermes.tools.files.replace import beside, stage, status_of
from hermes.tools.files.stamps import Stamp, refuse_changed


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
    step: Step

    def apply(self) -> None:
        _refuse_other(self.change)
        if self.step.temporary is None:
            self.change.path.unlink()
        else:
            self.step.temporary.replace(self.change.path)


def commit(changes: Sequence[Change], journals: Path) -> dict[Path, Stamp | None]:
    """Make the changes, and give the stamp of each file as it is now. Blocks until they are on the disk.

    ``journals`` is the folder for their journal. Raises ``Refused`` when a file is not the one that the change was made
    for, and ``OSError``; nothing is changed then, unless it says so.
    """
    steps = [_step(change) for change in changes]
    with journal(journals, steps) as begun:
        prepared = [_prepare(change, step) for change, step in zip(changes, steps, strict=True)]
        staged = [each.step for each in prepared]
        # The second names have to be there after a loss of power, before they are the only ones.
        sync_folders(staged)
        failpoint("patch.before_staged")
        begun.staged(staged)
        failpoint("patch.after_stage")
        for number, each in enumerate(prepared):
            if number:
                failpoint("patch.between_renames")
            each.apply()
        sync_folders(staged)
        failpoint("patch.after_renames")
        begun.done()
        failpoint("patch.after_done")
    return {step.path: step.new for step in staged}


def _step(change: Change) -> Step:
    _refuse_other(change)
    return Step(
        change.path,
        before=None if change.before is None else Stamp.of(change.before),
        temporary=None if change.content is None else beside(change.path),
        kept=None if change.before is None else beside(change.path),
    )


def _prepare(change: Change, step: Step) -> _Prepared:
    new = old = None
    if change.content is not None:
        staged = stage(change.path, change.content, like=change.like, temporary=step.temporary)
        if staged.target != change.path:
            staged.drop()
            raise Refused(f"{change.path} was made a link by somebody else just now")
        new = staged.stamp
    if step.kept is not None:
        old = _keep(change.path, step.kept)
    return _Prepared(change, evolve(step, new=new, old=old))


def _refuse_other(change: Change) -> None:
    now = status_of(change.path)
    if change.before is None:
        if now is not None:
            raise Refused(f"{change.path} was made by somebody else just now: read it, then decide")
        return
    if now is None:
        raise Refused(f"{change.path} was removed by somebody else just now")
    refuse_changed(change.path, Stamp.of(change.before), now)


def _keep(path: Path, kept: Path) -> Stamp:
    """A second name of the file, or a copy where the disk has no second names."""
    try:
        os.link(path, kept)
    except OSError:
        # vfat and some network disks know no second names, and some kernels refuse them for files of others.
        return stage(path, path.read_bytes(), temporary=kept).stamp
    return Stamp.of(kept.stat())
