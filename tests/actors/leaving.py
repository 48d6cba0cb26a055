"""What a program that was killed leaves behind."""

import os
from pathlib import Path

from hermes.home import Home
from hermes.tools.files.journal import Phase, Record, Step, _begin
from hermes.tools.files.stamps import Stamp


def leave_a_change(home: Home, folder: Path) -> Path:
    """A file in the middle of its change: it is new, its old content has another name, and the journal names both."""
    path, kept = folder / "a.txt", folder / ".hermes-kept.tmp"
    kept.write_text("old")
    path.write_text("new")
    before = Stamp.of(kept.stat())
    step = Step(path, before, folder / ".hermes-new.tmp", kept, Stamp.of(path.stat()), before)
    begun = _begin(home.changes_dir, Record(Phase.NAMED, (step,), ()))
    begun.staged((step,))
    os.close(begun.descriptor)
    return path
