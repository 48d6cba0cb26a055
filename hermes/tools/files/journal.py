"""The journal of a change to several files, by which a change that was cut short is taken back.

Rules:

1. One file a change, in HERMES_HOME/changes, for its owner alone. Each of its lines is a whole record, and is on the
   disk before anything that it announces is done; the last line that can be read counts.
2. Its phases: ``named`` (these names may come to be, nothing is replaced), ``staged`` (files may have been replaced),
   ``done`` (the change stands). What is not done is taken back, whoever finds it and however often.
3. Its program holds it by flock. One that can be locked was left by a program that is gone, and whoever locks it
   settles it: no two do, and none touches a change that is under way.
4. A file is put back only while it is what the change put there. One that somebody changed since then stays.
5. Whatever was made for the change (temporary files, second names, folders that are still empty) goes with it.
"""

import contextlib
import errno
import json
import logging
import os
import secrets
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from attrs import define, evolve, frozen
from cattrs import BaseValidationError
from cattrs.preconf.json import make_converter

from hermes.errors import Refused
from hermes.flock import try_lock
from hermes.tools.files.replace import sync_folder
from hermes.tools.files.stamps import Stamp

log = logging.getLogger(__name__)

_SUFFIX = ".journal"

_TRIES = 3
"""Between its making and its lock a journal looks like one that was left, and whoever is quicker removes it."""

GIVEN_UP_AFTER = 7 * 86_400.0
"""Seconds for which taking back is tried again where a disk or a folder refuses it: by then the files have gone on."""

_json = make_converter()


class Phase(StrEnum):
    NAMED = "named"
    STAGED = "staged"
    DONE = "done"


@frozen
class Step:
    """One file of a change."""

    path: Path
    before: Stamp | None
    """Of the file that the change was made for; None: nothing stood there."""
    temporary: Path | None
    """Where its new content waits; None: the file is removed."""
    kept: Path | None
    """A second name of the old file, or a copy of it; None: there is none."""
    new: Stamp | None = None
    """Of the new file, once it is staged."""
    old: Stamp | None = None
    """Of what ``kept`` names, once it is staged."""

    def take_back(self) -> bool:
        """Put the old file back, or nothing where nothing was; False when somebody changed the file meanwhile."""
        now = _stamp(self.path)
        if now == self.before or (now is not None and now == self.old):
            return True
        if now != self.new:
            return False
        try:
            if self.kept is None:
                self.path.unlink()
            else:
                self.kept.replace(self.path)
        except FileNotFoundError:
            return False
        return True

    def drop(self) -> None:
        """Remove what was made beside the file."""
        for made in (self.temporary, self.kept):
            if made is not None:
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    made.unlink()


@frozen
class Record:
    phase: Phase
    steps: tuple[Step, ...]
    folders: tuple[Path, ...]
    """Those that the change makes, outermost first."""


@define
class Journal:
    """One change, by this program or by one that is gone. The file is open and locked."""

    path: Path
    descriptor: int
    record: Record

    def staged(self, steps: Sequence[Step]) -> None:
        """From here on files may be replaced. Raises ``OSError``."""
        self.write(evolve(self.record, phase=Phase.STAGED, steps=tuple(steps)))

    def done(self) -> None:
        """From here on the change stands. Raises ``OSError``: then it does not."""
        self.write(evolve(self.record, phase=Phase.DONE))

    def settle(self) -> list[Path]:
        """Take the change back unless it is done, and remove the journal. Gives the files that somebody changed
        meanwhile, which stay as they are. Raises ``OSError``; the journal is still there then.
        """
        record = self.record
        left = self._take_back() if record.phase is Phase.STAGED else []
        for step in record.steps:
            step.drop()
        if record.phase is not Phase.DONE:
            for folder in reversed(record.folders):
                with contextlib.suppress(OSError):
                    folder.rmdir()
        sync_folders(record.steps)
        self.path.unlink(missing_ok=True)
        return left

    def _take_back(self) -> list[Path]:
        """Each file for itself: one that cannot be put back keeps no other from it. Raises the first ``OSError``."""
        left: list[Path] = []
        failures: list[OSError] = []
        for step in reversed(self.record.steps):
            try:
                if not step.take_back():
                    left.append(step.path)
            except OSError as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return left

    def write(self, record: Record) -> None:
        """Add a line. Blocks until it is on the disk. Raises ``OSError``: then the last one counts still."""
        size = os.fstat(self.descriptor).st_size
        line = json.dumps(_json.unstructure(record)).encode() + b"\n"
        try:
            if os.pwrite(self.descriptor, line, size) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self.descriptor)
        except OSError:
            # Half of it may be there, or all of it: what is told to have failed must not be found later.
            with contextlib.suppress(OSError):
                os.ftruncate(self.descriptor, size)
            raise
        self.record = record


@contextmanager
def journal(folder: Path, steps: Sequence[Step]) -> Generator[Journal]:
    """A journal in ``folder`` for the change that the block makes. Blocks.

    When the block raises, the change is taken back. Raises what the block raises, or ``Refused`` when a file could not
    be put back, and ``OSError`` when no journal can be written.
    """
    folders = tuple(_missing(step.path.parent for step in steps if step.temporary is not None))
    begun = _begin(folder, Record(Phase.NAMED, tuple(steps), folders))
    try:
        try:
            yield begun
        except Exception as error:
            _take_back(begun, error)
            raise
        try:
            begun.settle()
        except OSError as error:
            log.warning("%s: what a change left beside its files goes at the next start: %s", begun.path, error)
    finally:
        os.close(begun.descriptor)


def settle_left(folder: Path) -> None:
    """Settle what programs that are gone left in ``folder``, and tell it to the log. Blocks."""
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        try:
            _settle(path)
        except OSError as error:
            with contextlib.suppress(FileNotFoundError):
                _tell(path, error)


def _tell(path: Path, error: OSError) -> None:
    if time.time() - path.lstat().st_mtime < GIVEN_UP_AFTER:
        log.warning("%s: a change of files that was cut short cannot be taken back yet: %s", path, error)
    else:
        log.warning("%s: a change of files that was cut short is not taken back any more: %s", path, error)
        path.unlink(missing_ok=True)


def sync_folders(steps: Iterable[Step]) -> None:
    """Make what was renamed and removed last through a loss of power. Blocks. Raises ``OSError``."""
    for folder in {step.path.parent for step in steps}:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            sync_folder(folder)


def _begin(folder: Path, record: Record) -> Journal:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for _ in range(_TRIES):
        path = folder / f"{secrets.token_hex(8)}{_SUFFIX}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        begun = Journal(path, descriptor, record)
        try:
            if try_lock(descriptor) and _is_at(descriptor, path):
                begun.write(record)
                sync_folder(folder)
                return begun
        except BaseException:
            with contextlib.suppress(OSError):
                path.unlink()
            os.close(descriptor)
            raise
        os.close(descriptor)
    raise Refused(f"no journal of the change could be begun in {folder}: try again")


def _take_back(begun: Journal, error: Exception) -> None:
    try:
        left = begun.settle()
    except OSError as trouble:
        raise Refused(
            f"the change failed ({error}), and cannot be taken back yet ({trouble}): some files are new and some old "
            "until the next patch or the next start, which try again"
        ) from error
    if left:
        raise Refused(f"the change failed ({error}) and was taken back, but for {_list(left)}: {_MEANWHILE}") from error


_MEANWHILE = "changed by somebody else meanwhile, and left as it is"


def _settle(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not try_lock(descriptor) or not _is_at(descriptor, path):
            return
        record = _last_record(descriptor)
        left = Journal(path, descriptor, record).settle()
        if record.phase is Phase.STAGED:
            log.warning("a change that was cut short was taken back: %s", _list(step.path for step in record.steps))
        for each in left:
            log.warning("%s was not put back: %s", each, _MEANWHILE)
    finally:
        os.close(descriptor)


def _last_record(descriptor: int) -> Record:
    """An empty one when there is none: then nothing was made."""
    record = Record(Phase.NAMED, (), ())
    with os.fdopen(os.dup(descriptor), "rb") as file:
        for line in file:
            try:
                record = _json.structure(json.loads(line), Record)
            except (ValueError, BaseValidationError):
                break
    return record


def _missing(folders: Iterable[Path]) -> list[Path]:
    """Those of ``folders`` and of what is above them that are not there, outermost first."""
    missing: set[Path] = set()
    for folder in folders:
        for each in (folder, *folder.parents):
            if each.exists():
                break
            missing.add(each)
    return sorted(missing, key=lambda each: len(each.parts))


def _stamp(path: Path) -> Stamp | None:
    """Of what stands there, and not behind it; None when nothing does."""
    try:
        return Stamp.of(path.lstat())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        # No disk holds a file of such a name.
        if error.errno != errno.ENAMETOOLONG:
            raise
        return None


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _list(paths: Iterable[Path]) -> str:
    return ", ".join(map(str, paths))
