"""Changes of several files as one, whatever cuts them short; the journal that they leave."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from hermes.errors import Refused
from hermes.failpoints import ARM, FAILPOINTS
from hermes.tools.files import changes as file_changes
from hermes.tools.files import journal as file_journal
from hermes.tools.files.changes import Change, commit
from hermes.tools.files.journal import GIVEN_UP_AFTER, Journal, Step, journal, settle_left
from hermes.tools.files.stamps import Stamp
from tests.hermes.tools.files.disk import mode_of, names_in, put

OLD = {"a": "old a", "b": "old b", "c": "old c"}
NEW = {"a": "new a", "c": "new c", "sub/deep/d": "new d"}

CASES = [
    *((name, 1) for name in sorted(FAILPOINTS) if name.startswith("patch.")),
    *(("patch.between_renames", hit) for hit in (2, 3)),
]

_KILLED = """
import os, sys
from pathlib import Path
from tests.hermes.tools.files import test_changes
def refuse(*_): raise PermissionError(1, "Operation not permitted")
if sys.argv[3]: os.link = refuse
commit = test_changes.commit(test_changes.changes(Path(sys.argv[1])), Path(sys.argv[2]))
"""


def changes(folder: Path) -> list[Change]:
    """An update, a removal, another update, and a new file in a new folder."""
    contents = {name: NEW[name].encode() if name in NEW else None for name in OLD}
    updates = [Change(folder / name, content, (folder / name).stat()) for name, content in contents.items()]
    return [*updates, Change(folder / "sub/deep/d", NEW["sub/deep/d"].encode(), None)]


def state(folder: Path) -> dict[str, str]:
    """Every file, those beside them included, and every empty folder."""
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*")}
    return {
        name: path.read_text() if path.is_file() else "(folder)"
        for name, path in found.items()
        if path.is_file() or not any(path.iterdir())
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    for name, content in OLD.items():
        put(folder / name, content, 0o640)
    return folder


@pytest.fixture
def journals(tmp_path: Path) -> Path:
    return tmp_path / "changes"


def kill_at(name: str, hit: int, folder: Path, journals: Path, *, copies: bool = False) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(folder), str(journals), "copies" * copies],
        env={**os.environ, ARM: f"{name}=kill@{hit}"},
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert len(names_in(journals)) == 1


def test_all_is_changed_and_nothing_else_is_left(folder: Path, journals: Path) -> None:
    stamps = commit(changes(folder), journals)
    assert state(folder) == NEW
    assert state(journals) == {}
    assert mode_of(folder / "a") == 0o640
    expected: Mapping[Path, Stamp | None] = {
        folder / name: Stamp.of((folder / name).stat()) if name in NEW else None for name in (*OLD, *NEW)
    }
    assert stamps == expected


@pytest.mark.parametrize("copies", [False, True])
@pytest.mark.parametrize(("name", "hit"), CASES)
def test_a_kill_anywhere_leaves_all_or_nothing_after_the_next_look(
    folder: Path, journals: Path, name: str, hit: int, copies: bool
) -> None:
    kill_at(name, hit, folder, journals, copies=copies)
    assert state(folder) not in (OLD, NEW), "something lies beside the files"
    for _ in range(2):
        settle_left(journals)
        assert state(folder) == (NEW if name == "patch.after_done" else OLD)
        assert state(journals) == {}
    assert mode_of(folder / "a") == 0o640
    commit([Change(folder / "a", b"newer", (folder / "a").stat())], journals)
    assert (folder / "a").read_text() == "newer"


@pytest.mark.parametrize("copies", [False, True])
@pytest.mark.parametrize("at", range(11))
def test_taking_back_that_is_cut_short_itself_goes_on(
    folder: Path,
    journals: Path,
    at: int,
    copies: bool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    kill_at("patch.after_renames", 1, folder, journals, copies=copies)
    with monkeypatch.context() as broken:
        refused = _break_from(broken, at)
        settle_left(journals)
        assert refused
        assert len(names_in(journals)) == 1
    settle_left(journals)
    assert (state(folder), state(journals)) == (OLD, {})


def _break_from(monkeypatch: pytest.MonkeyPatch, at: int) -> list[str]:
    """From its ``at``-th rename or removal on the disk refuses everything; those that it refused."""
    let: list[str] = []
    refused: list[str] = []

    def breaks(name: str) -> Callable[..., object]:
        original = getattr(Path, name)

        def sometimes(*arguments: object, **options: object) -> object:
            if len(let) == at:
                refused.append(name)
                raise OSError(5, "Input/output error")
            let.append(name)
            return original(*arguments, **options)

        return sometimes

    for name in ("replace", "unlink"):
        monkeypatch.setattr(Path, name, breaks(name))
    return refused


def test_what_somebody_changed_after_the_kill_stays_and_is_told(
    folder: Path, journals: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kill_at("patch.after_renames", 1, folder, journals)
    put(folder / "a", "somebody's a")
    put(folder / "b", "somebody's b")
    put(folder / "sub/other", "somebody's")
    settle_left(journals)
    assert state(folder) == {"a": "somebody's a", "b": "somebody's b", "c": "old c", "sub/other": "somebody's"}
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [text.partition(": ")[0] for text in told] == [
        "a change that was cut short was taken back",
        f"{folder}/b was not put back",
        f"{folder}/a was not put back",
    ]
    assert state(journals) == {}


def test_what_somebody_changed_before_the_renames_stays_and_the_rest_is_as_it_was(folder: Path, journals: Path) -> None:
    kill_at("patch.after_stage", 1, folder, journals)
    put(folder / "a", "somebody's a")
    settle_left(journals)
    assert state(folder) == {**OLD, "a": "somebody's a"}


def test_a_name_that_no_disk_takes_changes_nothing(folder: Path, journals: Path) -> None:
    with pytest.raises(OSError, match="File name too long"):
        commit([*changes(folder), Change(folder / "other" / ("x" * 300), b"new", None)], journals)
    assert state(folder) == OLD
    assert state(journals) == {}


def test_a_file_that_cannot_be_put_back_keeps_no_other_from_it(
    folder: Path, journals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_at("patch.after_renames", 1, folder, journals)
    take_back = Step.take_back

    def fails(step: Step) -> bool:
        if step.path.name == "d":
            raise PermissionError(1, "Operation not permitted")
        return take_back(step)

    with monkeypatch.context() as broken:
        broken.setattr(Step, "take_back", fails)
        settle_left(journals)
    assert {name: text for name, text in state(folder).items() if name in {*OLD, *NEW}} == {
        **OLD,
        "sub/deep/d": "new d",
    }
    settle_left(journals)
    assert state(folder) == OLD
    assert state(journals) == {}


def test_files_whose_folder_is_gone_hold_nothing_up(folder: Path, journals: Path) -> None:
    kill_at("patch.after_renames", 1, folder, journals)
    folder.rename(folder.with_name("elsewhere"))
    settle_left(journals)
    assert state(journals) == {}


def test_a_change_that_is_under_way_is_left_alone(folder: Path, journals: Path) -> None:
    with journal(journals, [Step(folder / "a", Stamp.of((folder / "a").stat()), None, None)]):
        (name,) = names_in(journals)
        assert mode_of(journals / name) == 0o600
        assert mode_of(journals) == 0o700
        settle_left(journals)
        assert names_in(journals) == [name]
    assert names_in(journals) == []


def test_of_several_programs_that_start_at_once_one_takes_it_back(
    folder: Path, journals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_at("patch.after_renames", 1, folder, journals)
    settled: list[Path] = []
    settle, together = Journal.settle, threading.Barrier(8, timeout=30)

    def slowly(self: Journal) -> list[Path]:
        settled.append(self.path)
        time.sleep(0.1)
        return settle(self)

    def start() -> None:
        together.wait()
        settle_left(journals)

    monkeypatch.setattr(Journal, "settle", slowly)
    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(settled) == 1
    assert (state(folder), state(journals)) == (OLD, {})


@pytest.mark.parametrize("cut", [0, 1, 40])
def test_a_line_that_was_torn_does_not_count(folder: Path, journals: Path, cut: int) -> None:
    """A loss of power in the middle of a line: what it would have announced was not begun."""
    kill_at("patch.before_staged", 1, folder, journals)
    (left,) = journals.iterdir()
    named = left.read_bytes()
    left.write_bytes(named + named.replace(b'"named"', b'"staged"')[: cut * (len(named) - 1) // 40])
    settle_left(journals)
    assert (state(folder), state(journals)) == (OLD, {})


@pytest.mark.parametrize("content", [b"", b"\n", b"{}\n", b"\xff\xfe", b'{"phase": "other"}\n'])
def test_a_journal_that_says_nothing_is_removed(journals: Path, content: bytes) -> None:
    journals.mkdir()
    put(journals / "x.journal", content)
    settle_left(journals)
    assert names_in(journals) == []


@pytest.mark.parametrize("writes", range(3))
def test_a_full_disk_at_any_line_of_the_journal_changes_nothing(
    folder: Path, journals: Path, writes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = 0
    write = os.pwrite

    def full(descriptor: int, data: bytes, offset: int) -> int:
        nonlocal done
        done += 1
        return write(descriptor, data[: len(data) // 2] if done > writes else data, offset)

    monkeypatch.setattr(file_journal.os, "pwrite", full)
    with pytest.raises(OSError, match="No space left"):
        commit(changes(folder), journals)
    assert (state(folder), state(journals)) == (OLD, {})


def test_a_line_that_may_not_be_on_the_disk_is_taken_out_again(
    folder: Path, journals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says "done", the change is told to have failed, and a kill comes before it is taken back."""
    sync = os.fsync

    def fails(descriptor: int) -> None:
        written = Path(f"/proc/self/fd/{descriptor}")
        if written.is_file() and b'"done"' in written.read_bytes():
            raise OSError(5, "Input/output error")
        sync(descriptor)

    with monkeypatch.context() as broken:
        broken.setattr(file_journal.os, "fsync", fails)
        broken.setattr(Step, "take_back", _refuse)
        with pytest.raises(Refused, match="cannot be taken back yet"):
            commit([Change(folder / "a", b"new a", (folder / "a").stat())], journals)
    settle_left(journals)
    assert (state(folder), state(journals)) == (OLD, {})


def test_what_fails_and_cannot_be_taken_back_is_said_and_taken_back_later(
    folder: Path, journals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        _break_after_two(broken)
        with pytest.raises(Refused, match=r"cannot be taken back yet .*: some files are new and some old"):
            commit(changes(folder), journals)
    assert state(folder) != OLD
    settle_left(journals)
    assert (state(folder), state(journals)) == (OLD, {})


def _break_after_two(monkeypatch: pytest.MonkeyPatch) -> None:
    apply = file_changes._Prepared.apply
    applied: list[Path] = []

    def breaks(prepared: file_changes._Prepared) -> None:
        if len(applied) == 2:
            monkeypatch.setattr(Path, "replace", _refuse)
        applied.append(prepared.change.path)
        apply(prepared)

    monkeypatch.setattr(file_changes._Prepared, "apply", breaks)


def _refuse(*_: object) -> None:
    raise OSError(5, "Input/output error")


def test_what_fails_does_not_undo_what_somebody_wrote_meanwhile(
    folder: Path, journals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = file_changes._Prepared.apply

    def meddle(prepared: file_changes._Prepared) -> None:
        if prepared.change.path.name == "d":
            put(folder / "a", "somebody's a")
            _refuse()
        apply(prepared)

    monkeypatch.setattr(file_changes._Prepared, "apply", meddle)
    with pytest.raises(Refused, match=f"was taken back, but for {folder}/a: changed by somebody else meanwhile"):
        commit(changes(folder), journals)
    assert state(folder) == {**OLD, "a": "somebody's a"}


def test_names_that_cannot_be_removed_do_not_undo_a_change_that_stands(
    folder: Path, journals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Step, "drop", _refuse)
        commit(changes(folder), journals)
    assert NEW.items() <= state(folder).items()
    settle_left(journals)
    assert (state(folder), state(journals)) == (NEW, {})


def test_what_is_refused_for_a_week_is_given_up(
    folder: Path, journals: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kill_at("patch.after_renames", 1, folder, journals)
    (left,) = journals.iterdir()
    monkeypatch.setattr(Step, "take_back", _refuse)
    settle_left(journals)
    assert "cannot be taken back yet" in caplog.text
    old = time.time() - GIVEN_UP_AFTER - 60
    os.utime(left, (old, old))
    settle_left(journals)
    assert "is not taken back any more" in caplog.text
    assert state(journals) == {}


def test_a_name_that_is_no_text_is_put_back_too(folder: Path, journals: Path) -> None:
    path = folder / os.fsdecode(b"\xff\xfe")
    put(path, "old")
    begun = file_journal._begin(
        journals,
        file_journal.Record(file_journal.Phase.NAMED, (Step(path, Stamp.of(path.stat()), None, folder / "kept"),), ()),
    )
    path.rename(folder / "kept")
    begun.staged(begun.record.steps)
    os.close(begun.descriptor)
    settle_left(journals)
    assert path.read_text() == "old"
