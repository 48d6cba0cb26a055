"""What a patch would do to the files, worked out before any of them is touched.

Rules:

1. Operations follow each other: a later one sees what an earlier one would leave.
2. Every file is judged (hermes/tools/files/guard.py) before it is read.
3. Nothing that nobody has looked at is lost: a file that is to be added or moved to must not be there, and one that
   changed since the session read it is not deleted.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import define, evolve, field, frozen

from hermes.errors import Refused
from hermes.redact import PLACEHOLDER
from hermes.tools.files.changes import Change
from hermes.tools.files.guard import MOST_WRITTEN, refuse_protected
from hermes.tools.files.replace import status_of
from hermes.tools.files.roots import FilePlace
from hermes.tools.files.stamps import Stamp, refuse_changed
from hermes.tools.files.text import FileText, Form, read_text
from hermes.tools.patch.replace import replace
from hermes.tools.patch.v4a import Add, Delete, Operation, Update
from hermes.tools.patch.v4a_apply import apply_hunks

_NEW = Form()


@frozen
class Entry:
    """One file, before and after."""

    path: Path
    was: FileText | None
    """None: it was not there."""
    text: str | None
    """None: it is not there any more."""
    form: Form = _NEW
    like: os.stat_result | None = None

    @property
    def change(self) -> Change:
        content = None if self.text is None else self.form.encode(self.text)
        return Change(self.path, content, None if self.was is None else self.was.status, self.like)

    @property
    def changed(self) -> bool:
        return self.text != (None if self.was is None else self.was.text)


@define
class Plan:
    """Files as a patch would leave them."""

    locate: Callable[[str], Path]
    place: FilePlace
    seen: Mapping[Path, Stamp | None]
    """What the session has seen, by the real place."""
    entries: dict[Path, Entry] = field(factory=dict[Path, Entry])
    notes: list[str] = field(factory=list[str])

    def replace(self, path: str, old: str, new: str, *, every: bool) -> None:
        """One piece of one file. Raises ``Refused`` and ``OSError``."""
        entry = self._present(path)
        done = replace(entry.text or "", old, new, every=every)
        _refuse_marks(path, entry.text or "", done.text)
        self._note(path, (done.way,) if done.way else ())
        if done.count > 1:
            self.notes.append(f"{path}: {done.count} places")
        self._put(evolve(entry, text=done.text))

    def take(self, operation: Operation) -> None:
        """One operation of a patch. Raises ``Refused``, naming the file, and ``OSError``."""
        try:
            match operation:
                case Add(path, content):
                    self._put(evolve(self._absent(path), text=content))
                case Delete(path):
                    self._delete(path)
                case Update():
                    self._update(operation)
        except Refused as error:
            said = str(error)
            raise Refused(said if operation.path in said else f"{operation.path}: {said}") from None

    def changes(self) -> list[Change]:
        """What is to be done. Raises ``Refused`` when a file would grow beyond the bound."""
        changes = [entry.change for entry in self.entries.values() if entry.changed]
        for change in changes:
            if change.content is not None and len(change.content) > MOST_WRITTEN:
                raise Refused(f"{change.path} would have more than {MOST_WRITTEN:,} bytes")
        return changes

    def _update(self, update: Update) -> None:
        entry = self._present(update.path)
        if update.hunks:
            patched = apply_hunks(entry.text or "", update.hunks)
            _refuse_marks(update.path, entry.text or "", patched.text)
            self._note(update.path, patched.ways)
            entry = evolve(entry, text=patched.text)
        if not update.move_to:
            self._put(entry)
            return
        self._refuse_link(update.path)
        target = self._absent(update.move_to)
        self._put(evolve(target, text=entry.text, form=entry.form, like=entry.was.status if entry.was else None))
        self._put(evolve(entry, text=None))

    def _delete(self, path: str) -> None:
        self._refuse_link(path)
        entry = self._present(path)
        if entry.was is not None:
            refuse_changed(entry.path, self.seen.get(entry.path), entry.was.status)
        self._put(evolve(entry, text=None))

    def _refuse_link(self, path: str) -> None:
        if self.locate(path).is_symlink():
            raise Refused(f"{path} is a symbolic link: use the terminal to remove or rename it")

    def _present(self, path: str) -> Entry:
        entry = self._entry(path)
        if entry.text is None:
            raise Refused(f"{path} does not exist")
        return entry

    def _absent(self, path: str) -> Entry:
        entry = self._entry(path)
        if entry.text is not None:
            raise Refused(f"{path} exists already: update it, or replace it by write_file")
        return entry

    def _entry(self, path: str) -> Entry:
        if not path or "\0" in path:
            raise Refused("a path has no NUL characters, and is not empty")
        located = self.locate(path)
        real = Path(os.path.realpath(located))
        for each in (located, real):
            refuse_protected(each, self.place)
        if real not in self.entries:
            was = None if status_of(real) is None else read_text(real)
            self.entries[real] = Entry(real, was, was.text if was else None, was.form if was else _NEW)
        return self.entries[real]

    def _put(self, entry: Entry) -> None:
        self.entries[entry.path] = entry

    def _note(self, path: str, ways: tuple[str, ...]) -> None:
        self.notes += [f"{path}: matched {way}" for way in ways]


def _refuse_marks(path: str, before: str, after: str) -> None:
    """A redaction mark that comes new into a file was copied from what was read, and stands for a secret there."""
    if after.count(PLACEHOLDER) > before.count(PLACEHOLDER):
        raise Refused(
            f"{path}: {PLACEHOLDER} would take the place of a secret, and it would be lost: leave that line out"
        )
