import json
import os
import stat
from pathlib import Path

import pytest

from adapters.terminal import history
from adapters.terminal.history import HistoryFile


@pytest.fixture
def file(tmp_path: Path) -> HistoryFile:
    return HistoryFile(tmp_path / "history")


def test_what_was_typed_is_read_again_whole_and_in_order(file: HistoryFile) -> None:
    for text in ("one", "two\nlines", "ä \u2028 \x1b"):
        file.append(text)
    assert file.read() == ["one", "two\nlines", "ä \u2028 \x1b"]


def test_the_file_is_its_owners_alone_whatever_the_umask(file: HistoryFile) -> None:
    before = os.umask(0)
    try:
        file.append("one")
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_secrets_are_taken_out_before_they_are_kept(tmp_path: Path) -> None:
    file = HistoryFile(tmp_path / "history", redact=lambda text: text.replace("hunter2", "***"))
    file.append("my key is hunter2")
    assert file.read() == ["my key is ***"]


def test_a_paste_is_not_kept(file: HistoryFile) -> None:
    file.append("x" * history.MAX_LINE_BYTES)
    assert not file.path.exists() or file.read() == []


def test_lines_that_cannot_be_read_are_left_out(file: HistoryFile) -> None:
    file.path.write_bytes(b'"good"\n\xff\xfe\n{"an": "object"}\n"cut off')
    file.append("new")
    assert file.read() == ["good", "new"]


def test_it_is_bounded_and_keeps_the_newest(file: HistoryFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_BYTES", 1000)
    for number in range(300):
        file.append(f"line {number}")
        assert file.path.stat().st_size <= 1000 + 20
    texts = file.read()
    assert texts[-1] == "line 299"
    assert texts == [f"line {number}" for number in range(300 - len(texts), 300)]
    assert [path.name for path in file.path.parent.iterdir()] == ["history"]


def test_only_the_newest_lines_are_offered(file: HistoryFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_LINES", 3)
    file.path.write_text("".join(json.dumps(str(number)) + "\n" for number in range(10)))
    assert file.read() == ["7", "8", "9"]


def test_a_file_that_another_terminal_replaces_meanwhile_is_not_written_to(
    file: HistoryFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.append("one")
    lock = history.fcntl.flock
    replaced: list[bool] = []

    def flock(descriptor: int, operation: int) -> None:
        if not replaced:
            replaced.append(True)
            fresh = file.path.with_name("fresh")
            fresh.write_text('"trimmed"\n')
            fresh.replace(file.path)
        lock(descriptor, operation)

    monkeypatch.setattr(history.fcntl, "flock", flock)
    file.append("two")
    assert file.read() == ["trimmed", "two"]


def test_a_disk_that_cannot_be_written_costs_the_line_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    HistoryFile(tmp_path / "absent" / "history").append("one")
    assert "cannot be written" in caplog.text
    assert HistoryFile(tmp_path).read() == []
    assert "cannot be read" in caplog.text
