import logging
import os
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from traceback import TracebackException

import pytest
from attrs import define, field

from hermes import logs
from hermes.logs import LONGEST, Backlog, Channel, open_logs
from hermes.logsinks import Line, Record

SECRET = "sesame-open-9"


def hide(text: str) -> str:
    return text.replace(SECRET, "***")


@define
class Console:
    """A pipe in the place of standard error."""

    writer: int
    _reader: int

    def text(self) -> str:
        """What came until now; nothing writes any more."""
        os.close(self.writer)
        self.writer = -1
        with os.fdopen(os.dup(self._reader), "rb") as file:
            return file.read().decode()


@pytest.fixture
def console() -> Generator[Console]:
    reader, writer = os.pipe()
    console = Console(writer, reader)
    yield console
    os.close(reader)
    if console.writer >= 0:
        os.close(writer)


@contextmanager
def logged(
    folder: Path,
    *,
    gateway: bool = True,
    verbosity: int | None = None,
    stderr: int = 2,
    environ: Mapping[str, str] = {},
) -> Generator[logs.Logs]:
    """Without pytest's own handlers, which raise for log calls that are wrong on purpose."""
    root = logging.getLogger()
    others, root.handlers = root.handlers, []
    try:
        with open_logs(
            folder, redact=hide, gateway=gateway, verbosity=verbosity, stderr=stderr, environ=environ
        ) as opened:
            yield opened
    finally:
        assert root.handlers == []
        root.handlers = others


def texts(path: Path) -> list[str]:
    return [text.partition(": ")[2] for text in path.read_text().splitlines()]


def test_each_file_gets_its_part(tmp_path: Path) -> None:
    with logged(tmp_path):
        logging.getLogger("actors.runtime").info("from an actor")
        logging.getLogger("adapters.web").error("from a platform")
        logging.getLogger("hermes.agent").warning("from the agent")
        logging.getLogger("hermes.agent").debug("for nobody")
    assert texts(tmp_path / "agent.log") == ["from an actor", "from a platform", "from the agent"]
    assert texts(tmp_path / "errors.log") == ["from a platform", "from the agent"]
    assert texts(tmp_path / "gateway.log") == ["from an actor", "from a platform"]


def test_a_command_has_no_log_of_the_gateway(tmp_path: Path) -> None:
    with logged(tmp_path, gateway=False):
        logging.getLogger("actors.x").info("here")
    assert texts(tmp_path / "agent.log") == ["here"]
    assert not (tmp_path / "gateway.log").exists()


def test_everything_is_redacted_before_it_is_written(tmp_path: Path, console: Console) -> None:
    with logged(tmp_path, verbosity=0, stderr=console.writer):
        logging.warning("in the message " + SECRET)
        logging.warning("in %s %r", "arguments", {"key": SECRET})
        logging.warning("in the stack %s", SECRET, stack_info=True)
    everything = (tmp_path / "agent.log").read_text() + (tmp_path / "errors.log").read_text() + console.text()
    assert SECRET not in everything
    assert everything.count("in arguments {'key': '***'}") == 3


def test_a_traceback_is_written_and_redacted_with_its_causes(tmp_path: Path) -> None:
    def fail() -> None:
        try:
            raise ValueError(f"inner {SECRET}")
        except ValueError as error:
            raise ExceptionGroup("outer", [KeyError(SECRET)]) from error

    with logged(tmp_path):
        try:
            fail()
        except ExceptionGroup:
            logging.exception("it failed")
    text = (tmp_path / "errors.log").read_text()
    assert SECRET not in text
    for part in (
        "ERROR root: it failed\n",
        "ValueError: inner ***",
        "KeyError: '***'",
        "in fail",
        "raise ExceptionGroup",
    ):
        assert part in text
    assert all(line.startswith("    ") for line in text.splitlines()[1:])


def test_a_log_call_outside_an_error_with_exc_info_is_an_ordinary_line(tmp_path: Path) -> None:
    with logged(tmp_path):
        logging.error("nothing happened", exc_info=True)
    assert texts(tmp_path / "errors.log") == ["nothing happened"]


def test_a_record_that_is_too_long_is_cut_and_leaves_no_half_of_a_secret(tmp_path: Path) -> None:
    with logged(tmp_path):
        logging.info("x" * (LONGEST - 5) + SECRET + "y" * 100)
    (text,) = texts(tmp_path / "agent.log")
    assert text.endswith("xxx ... (cut)")
    assert len(text) < LONGEST
    assert "sesam" not in text


@pytest.mark.parametrize("arguments", [("%d", "word"), ("%s",), ("%s %s", 1), ("one", "too many")])
def test_a_log_call_that_is_wrong_is_told_and_does_no_harm(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with logged(tmp_path):
        logging.info(*arguments)
        logging.info("next")
    first, second = texts(tmp_path / "agent.log")
    if arguments == ("%s",):
        assert first == "%s"  # without arguments nothing is formatted
    else:
        assert "test_logs.py" in first
        assert "logs what cannot be formatted (TypeError)" in first
    assert second == "next"


def test_an_argument_that_cannot_be_shown_does_no_harm(tmp_path: Path) -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no")

    with logged(tmp_path):
        logging.info("%s", Broken())
    assert "cannot be formatted (RuntimeError)" in (tmp_path / "agent.log").read_text()


def test_what_cannot_be_redacted_is_not_written(tmp_path: Path) -> None:
    def broken(text: str) -> str:
        if SECRET in text:
            raise RecursionError
        return text

    with open_logs(tmp_path, redact=broken, gateway=False, verbosity=None):
        logging.info(SECRET)
        logging.info("next")
    assert texts(tmp_path / "agent.log") == ["a record is left out: it could not be redacted (RecursionError)", "next"]


def journal_of(console: Console) -> dict[str, str]:
    found = os.fstat(console.writer)
    return {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}


@pytest.mark.parametrize(
    ("journal", "verbosity", "shown"),
    [
        (True, -1, "33"),
        (True, 0, "6433"),
        (True, 1, "76433"),
        (True, 2, "76433"),
        (False, -1, "EC"),
        (False, 0, "WEC"),
        (False, 1, "IWEC"),
        (False, 2, "DIWEC"),
        (False, None, ""),
    ],
)
def test_v_and_q_choose_what_stands_on_standard_error_and_the_journal_hears_more(
    tmp_path: Path, console: Console, journal: bool, verbosity: int | None, shown: str
) -> None:
    environ = journal_of(console) if journal else {}
    with logged(tmp_path, verbosity=verbosity, stderr=console.writer, environ=environ):
        for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
            logging.log(level, "x")
    lines = console.text().splitlines()
    assert "".join(line[1] if journal else line.split()[1][0] for line in lines) == shown
    assert len(texts(tmp_path / "agent.log")) == (5 if shown[:1] in ("D", "7") else 4)


def test_under_systemd_lines_carry_a_priority(tmp_path: Path, console: Console) -> None:
    with logged(tmp_path, verbosity=0, stderr=console.writer, environ=journal_of(console)):
        logging.getLogger("actors").warning("one\ntwo")
    assert console.text() == "<4>actors: one\n<4>    two\n"


def test_libraries_that_name_each_request_are_heard_from_warnings_on(tmp_path: Path) -> None:
    before = logging.getLogger("httpx").level
    with logged(tmp_path):
        logging.getLogger("httpx").info("GET /bot123:key")
        logging.getLogger("httpx").warning("odd")
    assert texts(tmp_path / "agent.log") == ["odd"]
    assert logging.getLogger("httpx").level == before


def test_after_the_block_logging_is_as_it_was(tmp_path: Path) -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers), threading.active_count())
    with pytest.raises(KeyError), logged(tmp_path):
        raise KeyError
    logging.error("after")
    assert (root.level, root.handlers, threading.active_count()) == before
    assert not (tmp_path / "errors.log").exists()


def test_a_folder_that_cannot_be_written_is_told_on_standard_error_and_stops_nothing(
    tmp_path: Path, console: Console
) -> None:
    with logged(tmp_path / "gone", verbosity=0, stderr=console.writer) as opened:
        logging.warning("heard")
        opened.flush()
        logging.warning("again")
    lines = console.text().splitlines()
    assert [line.partition(" root: ")[2] for line in lines if " root: " in line] == ["heard", "again"]
    assert len([line for line in lines if "agent.log cannot be written (No such file or directory)" in line]) == 1


def test_flush_waits_for_what_was_logged(tmp_path: Path) -> None:
    with logged(tmp_path) as opened:
        for number in range(100):
            logging.info("%d", number)
        assert opened.flush(60)
        assert texts(tmp_path / "agent.log") == [str(number) for number in range(100)]


@define
class Stuck:
    """A disk that hangs until it is released."""

    entered: threading.Event = field(factory=threading.Event)
    released: threading.Event = field(factory=threading.Event)
    texts: list[str] = field(factory=list)
    closed: bool = False

    def write(self, lines: Iterable[Line]) -> None:
        self.entered.set()
        assert self.released.wait(60)
        self.texts += [line.text for line in lines]

    def close(self) -> None:
        self.closed = True


def record(text: str) -> Record:
    return Record(0.0, logging.INFO, "x", text)


@contextmanager
def running(sink: Stuck, bound: int, redact: Callable[[str], str] = hide) -> Generator[Backlog]:
    backlog = Backlog(bound)
    thread = threading.Thread(target=Channel(backlog, (sink,), logging.INFO, redact).run)
    thread.start()
    try:
        yield backlog
    finally:
        sink.released.set()
        backlog.close()
        thread.join(60)
        assert not thread.is_alive()
        assert sink.closed


def test_a_disk_that_hangs_blocks_no_log_call_and_what_is_dropped_is_told() -> None:
    sink = Stuck()
    with running(sink, bound=100) as backlog:
        backlog.put(record("first"))
        assert sink.entered.wait(60)
        for _ in range(50):
            backlog.put(record("x" * 10))  # a blocking call would hang here, since nobody releases the disk
        assert not backlog.wait_written(0.001)
        sink.released.set()
        assert backlog.wait_written(60)
        assert sink.texts == ["first", *["x" * 10] * 10, "40 records are lost: more came than could be written"]
        backlog.put(record("later"))
        assert backlog.wait_written(60)
    assert sink.texts[-1] == "later"


def test_what_waits_at_the_end_is_written() -> None:
    sink = Stuck()
    with running(sink, bound=1_000) as backlog:
        backlog.put(record("first"))
        assert sink.entered.wait(60)
        backlog.put(record("last"))
    assert sink.texts == ["first", "last"]


def test_after_the_end_nothing_is_taken() -> None:
    backlog = Backlog()
    backlog.close()
    backlog.put(record("late"))
    assert [taken.message for taken in backlog.take()] == ["1 records are lost: more came than could be written"]
    assert backlog.take() == []


def test_a_record_with_a_traceback_weighs_more_than_its_message() -> None:
    backlog = Backlog(bound=10_000)
    error = TracebackException.from_exception(ValueError())
    for _ in range(5):
        backlog.put(Record(0.0, logging.ERROR, "x", "", error))
    assert len([taken for taken in backlog.take() if taken.error]) == 2


def test_a_disk_that_hangs_does_not_hold_up_the_end_of_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = Stuck()
    monkeypatch.setattr(logs, "FLUSH_WITHIN", 0.01)
    monkeypatch.setattr(logs, "_files", lambda *_, **__: (sink,))
    before = threading.active_count()
    with logged(tmp_path) as opened:
        logging.info("stuck")
        assert sink.entered.wait(60)
        assert not opened.flush(0.001)
    assert threading.active_count() == before + 1
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "logs"]
    assert thread.daemon
    sink.released.set()
    thread.join(60)
    assert sink.texts == ["stuck"]


def test_threads_log_at_once_without_losing_a_line(tmp_path: Path) -> None:
    with logged(tmp_path):
        threads = [threading.Thread(target=lambda: [logging.info("x") for _ in range(200)]) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert texts(tmp_path / "agent.log") == ["x"] * 1000
