import errno
import fcntl
import logging
import os
import stat
import threading
from collections.abc import Generator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

import pytest

from hermes import logsinks
from hermes.logsinks import OLDER_FILES, Line, LogFile, Record, Stream, is_journal, prioritised, timed


def line(text: str, level: int = logging.INFO, logger: str = "hermes.x") -> Line:
    return Line(Record(0.25, level, logger, text), text)


def texts(path: Path) -> list[str]:
    return [text.partition(": ")[2] for text in path.read_text().splitlines()]


@pytest.fixture
def log(tmp_path: Path) -> Generator[LogFile]:
    log = LogFile(tmp_path / "agent.log", logging.INFO, 0o600)
    yield log
    log.close()


def test_a_line_has_time_level_and_logger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logsinks.time, "localtime", logsinks.time.gmtime)
    assert timed(line("hello")).startswith("1970-01-01T00:00:00.250+")
    assert timed(line("hello")).endswith(" INFO hermes.x: hello\n")


def test_a_record_cannot_forge_a_line() -> None:
    forged = "end\n2030-01-01 ERROR root: forged\r\x1b[31m\u2028\x85\x00\ttab"
    text = timed(line(forged))
    assert text.endswith(": end\n    2030-01-01 ERROR root: forged\\x0d\\x1b[31m\\u2028\\x85\\x00\ttab\n")


@pytest.mark.parametrize(
    ("level", "priority"),
    [(logging.CRITICAL, 3), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.DEBUG, 7)],
)
def test_the_journal_gets_a_priority_on_each_line_and_no_time(level: int, priority: int) -> None:
    assert prioritised(line("a\n<0>b", level)) == f"<{priority}>hermes.x: a\n<{priority}>    <0>b\n"


def test_a_file_takes_its_level_and_its_loggers(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "a.log", logging.WARNING, 0o600, ("actors", "adapters.web"))
    log.write(
        [line("low", logging.INFO, "actors"), line("1", logging.ERROR, "actors.x"), line("2", 30, "adapters.web")]
    )
    log.write([line("other", logging.ERROR, name) for name in ("hermes", "actorsx", "adapters", "adapters.webx")])
    log.close()
    assert texts(log.path) == ["1", "2"]


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_a_new_file_has_the_mode_that_is_asked_for_and_an_old_one_keeps_its_own(tmp_path: Path, mode: int) -> None:
    (tmp_path / "old.log").touch()
    (tmp_path / "old.log").chmod(0o604)
    before = os.umask(0o077)
    try:
        for name in ("new.log", "old.log"):
            log = LogFile(tmp_path / name, 0, mode)
            log.write([line("x")])
            log.close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new.log").stat().st_mode) == mode
    assert stat.S_IMODE((tmp_path / "old.log").stat().st_mode) == 0o604


def test_a_full_file_moves_aside_and_three_older_ones_are_kept(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "agent.log", 0, 0o600, bound=100)
    for number in range(9):
        log.write([line(f"{number}{'x' * 60}")])
    log.close()
    files = sorted(tmp_path.iterdir())
    assert [path.name for path in files] == ["agent.log", *(f"agent.log.{age}" for age in range(1, OLDER_FILES + 1))]
    assert [texts(path)[0][0] for path in files] == ["8", "7", "6", "5"]
    assert all(path.stat().st_size <= 120 for path in files)
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)


def test_many_lines_at_once_do_not_make_one_huge_file(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "agent.log", 0, 0o600, bound=300_000)
    log.write([line("x" * 999) for _ in range(1_000)])
    log.close()
    assert max(path.stat().st_size for path in tmp_path.iterdir()) < 600_000


def test_a_file_that_was_moved_or_removed_is_opened_anew(log: LogFile) -> None:
    log.write([line("1")])
    log.path.rename(log.path.with_name("moved"))
    log.write([line("2")])
    log.path.unlink()
    log.write([line("3")])
    assert (texts(log.path.with_name("moved")), texts(log.path)) == (["1"], ["3"])


def test_programs_that_share_a_file_lose_and_tear_no_line_while_they_rotate(tmp_path: Path) -> None:
    """Each in a thread with descriptors of its own: flock sees them as it sees processes."""

    def program(name: str) -> None:
        log = LogFile(tmp_path / "agent.log", 0, 0o600, bound=9_000)
        for number in range(60):
            log.write([line(f"{name}-{number}")])
        log.close()

    threads = [threading.Thread(target=program, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    files = sorted(tmp_path.iterdir())
    assert 1 < len(files) <= 1 + OLDER_FILES
    found = [text for path in files for text in texts(path)]
    assert sorted(found) == sorted(f"{name}-{number}" for name in "abcd" for number in range(60))


def test_a_rotation_that_somebody_else_did_meanwhile_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = LogFile(tmp_path / "agent.log", 0, 0o600, bound=50)
    log.write([line("old" + "x" * 30)])
    real = fcntl.flock

    def slow(descriptor: int, operation: int) -> None:
        if operation == fcntl.LOCK_EX:
            log.path.rename(log.path.with_name("agent.log.1"))
            log.path.touch()
        real(descriptor, operation)

    monkeypatch.setattr(logsinks.fcntl, "flock", slow)
    log.write([line("new")])
    log.close()
    assert texts(log.path) == ["new"]
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["agent.log", "agent.log.1"]


def test_what_a_full_disk_refuses_is_counted_and_told_when_there_is_room_again(tmp_path: Path, log: LogFile) -> None:
    log.path.symlink_to("/dev/full")
    log.write([line("1"), line("2"), line("debug", logging.DEBUG)])
    log.write([line("3")])
    log.path.unlink()
    log.write([line("4")])
    log.write([line("5")])
    assert texts(log.path) == ["3 earlier records are lost: they could not be written", "4", "5"]


def test_a_folder_that_is_gone_is_told_once_elsewhere_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = LogFile(tmp_path / "gone" / "agent.log", 0, 0o600)
    log.write([line("1")])
    log.write([line("2")])
    (told,) = caplog.messages
    assert told == f"{log.path} cannot be written (No such file or directory): records are lost until it can"
    log.path.parent.mkdir()
    log.write([line("3")])
    log.close()
    assert texts(log.path) == ["2 earlier records are lost: they could not be written", "3"]


def test_a_line_that_was_torn_by_a_full_disk_is_ended_before_the_next(
    log: LogFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    room = [len(timed(line("first half")).rstrip("\n"))]

    def filling_up(descriptor: int, content: bytes) -> int:
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, content[: room.pop()])

    with monkeypatch.context() as patch:
        patch.setattr(logsinks.os, "write", filling_up)
        log.write([line("first half, second half")])
    log.write([line("whole")])
    assert texts(log.path) == ["first half", "1 earlier records are lost: they could not be written", "whole"]


def test_text_that_is_no_unicode_is_written_all_the_same(log: LogFile) -> None:
    log.write([line("a\ud800b")])
    assert texts(log.path) == ["a\\ud800b"]


@contextmanager
def pipe() -> Generator[tuple[FileIO, FileIO]]:
    reader, writer = os.pipe()
    with FileIO(reader, "rb") as readable, FileIO(writer, "wb") as writable:
        yield readable, writable


def test_a_stream_takes_its_level_in_the_style_of_its_end() -> None:
    with pipe() as (reader, writer):
        Stream(writer.fileno(), logging.WARNING, journal=True).write([line("no"), line("yes", logging.ERROR)])
        Stream(writer.fileno(), logging.WARNING, journal=False).write([line("no"), line("plain", logging.ERROR)])
        Stream(writer.fileno(), logging.WARNING, journal=False).write([line("no")])
        first, second = reader.read(1_000).decode().splitlines()
    assert first == "<3>hermes.x: yes"
    assert second.endswith(" ERROR hermes.x: plain")


def test_a_reader_that_went_away_costs_lines_and_nothing_else() -> None:
    with pipe() as (reader, writer):
        reader.close()
        stream = Stream(writer.fileno(), 0, journal=True)
        stream.write([line("1"), line("2")])
        stream.close()


def test_a_stream_that_takes_nothing_for_a_while_is_waited_for_and_then_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logsinks, "_STREAM_PATIENCE", 1)
    with pipe() as (reader, writer):
        for end in (reader, writer):
            os.set_blocking(end.fileno(), False)
        while writer.write(b"x" * 4096):
            pass
        stream = Stream(writer.fileno(), 0, journal=True)
        stream.write([line("lost")])
        reader.readall()
        stream.write([line("kept")])
        told, kept = reader.readall().decode().splitlines()
    assert told == "<4>hermes.logs: 1 earlier records are lost: they could not be written"
    assert kept == "<6>hermes.x: kept"


def test_a_stream_in_non_blocking_mode_gets_all_of_a_long_line() -> None:
    with pipe() as (reader, writer):
        os.set_blocking(writer.fileno(), False)
        text = "x" * 1_000_000
        thread = threading.Thread(target=Stream(writer.fileno(), 0, journal=True).write, args=([line(text)],))
        thread.start()
        found = b""
        while not found.endswith(b"\n"):
            found += reader.read(1 << 20)
        thread.join()
    assert found.decode() == f"<6>hermes.x: {text}\n"


def test_the_journal_is_known_by_device_and_inode() -> None:
    with pipe() as (_, writer):
        found = os.fstat(writer.fileno())
        assert is_journal(writer.fileno(), {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"})
        assert not is_journal(writer.fileno(), {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino + 1}"})
        assert not is_journal(writer.fileno(), {})
        closed = os.dup(writer.fileno())
        os.close(closed)
        assert not is_journal(closed, {"JOURNAL_STREAM": "1:1"})
