"""The logs of one program: logs/{agent,errors,gateway}.log of the home, and standard error.

1. A log call formats its message, puts it into a bounded backlog and returns: it touches no disk and never raises.
2. The files have a writer thread, and standard error has one, so that a terminal that is held up does not hold up the
   files. Both live in ``open_logs``.
3. What does not fit the backlog is dropped and counted, and the count is told with the next line.
4. Everything passes ``redact`` before it is written, tracebacks too.
"""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from traceback import TracebackException

from attrs import define, field, frozen

from hermes.logsinks import Line, LogFile, Record, Sink, Stream, is_journal

Redact = Callable[[str], str]

# Characters that may wait for one thread: some twenty thousand lines, while a disk has a bad minute.
BACKLOG = 4_000_000

# What a traceback weighs in the backlog, in characters: its text is only made when it is written.
_TRACEBACK = 4_000

# Longest record that is written, in characters. A long traceback of ours has some ten thousand.
LONGEST = 64_000

# What is cut off the end of a record that was too long, so that no part of a secret stays there: longer than any key.
_CUT_SECRET = 4_096

# Seconds that the end of the program waits for the last lines.
FLUSH_WITHIN = 2.0

# Loggers of the gateway's own side: their records stand in gateway.log as well.
_GATEWAY = ("actors", "adapters")

# Libraries that tell of each request, with an address that may hold a key.
_CHATTY = ("asyncio", "httpcore", "httpx", "hypercorn", "telegram", "trio-websocket", "wsproto")


@define
class Backlog:
    """Records that wait for one writer thread. Safe between threads, and in a signal handler."""

    bound: int = BACKLOG
    _records: deque[Record] = field(factory=deque[Record], init=False, repr=False)
    """Not redacted yet."""
    _size: int = field(default=0, init=False)
    _dropped: int = field(default=0, init=False)
    _writing: bool = field(default=False, init=False)
    _closed: bool = field(default=False, init=False)
    _changed: threading.Condition = field(factory=threading.Condition, init=False)

    def put(self, record: Record) -> None:
        """Never blocks for longer than it takes to copy the list."""
        weight = len(record.message) + (_TRACEBACK if record.error else 0)
        with self._changed:
            if self._closed or self._size + weight > self.bound:
                self._dropped += 1
                return
            self._records.append(record)
            self._size += weight
            self._changed.notify_all()

    def take(self) -> list[Record]:
        """All that waits, and a record of what was dropped. Blocks until there is any; empty: closed and done."""
        with self._changed:
            self._writing = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._records or self._dropped or self._closed)
            taken = [*self._records, *self._dropped_note()]
            self._records.clear()
            self._size = self._dropped = 0
            self._writing = bool(taken)
            return taken

    def wait_written(self, within: float) -> bool:
        """Blocks at most ``within`` seconds until everything that was put is written."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._records or self._dropped or self._writing), within)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _dropped_note(self) -> list[Record]:
        if not self._dropped:
            return []
        message = f"{self._dropped} records are lost: more came than could be written"
        return [Record(time.time(), logging.WARNING, __name__, message)]


@frozen
class Channel:
    """A backlog, the thread that empties it, and where the lines go."""

    backlog: Backlog
    sinks: tuple[Sink, ...]
    level: int
    """Records below it are not even queued."""
    redact: Redact

    def run(self) -> None:
        while taken := self.backlog.take():
            lines = [Line(record, self._text(record)) for record in taken]
            for sink in self.sinks:
                sink.write(lines)
        for sink in self.sinks:
            sink.close()

    def _text(self, record: Record) -> str:
        try:
            traceback = "\n" + "".join(record.error.format()).rstrip() if record.error else ""
            text = record.message + traceback
            redacted = self.redact(text[:LONGEST])
        except Exception as error:
            # Whatever went wrong: the text has not passed the filter, so it is not written.
            return f"a record is left out: it could not be redacted ({type(error).__name__})"
        return redacted if len(text) <= LONGEST else redacted[:-_CUT_SECRET] + " ... (cut)"


class _Handler(logging.Handler):
    def __init__(self, channels: tuple[Channel, ...]) -> None:
        super().__init__()
        self._channels = channels

    def emit(self, record: logging.LogRecord) -> None:
        ours = _record(record)
        for channel in self._channels:
            if ours.level >= channel.level:
                channel.backlog.put(ours)


@frozen
class Logs:
    """The open logs of this program."""

    _channels: tuple[Channel, ...]

    def flush(self, within: float = FLUSH_WITHIN) -> bool:
        """Blocks at most ``within`` seconds; whether all that was logged before is written or counted as lost."""
        until = time.monotonic() + within
        return all(channel.backlog.wait_written(max(0.0, until - time.monotonic())) for channel in self._channels)


@contextmanager
def open_logs(
    folder: Path,
    *,
    redact: Redact,
    gateway: bool,
    verbosity: int | None = 0,
    file_mode: int = 0o600,
    stderr: int = 2,
    environ: Mapping[str, str] = os.environ,
) -> Generator[Logs]:
    """Everything that is logged inside the block goes to the files in ``folder`` and to ``stderr``.

    ``verbosity``: -1 errors only, 0 as usual (what is wrong; in the journal also what is done), 1 and 2 more, None
    nothing on ``stderr``. Leaving the block waits at most ``FLUSH_WITHIN`` seconds for the last lines. Raises nothing
    of its own: a folder that cannot be written is told on ``stderr``.
    """
    journal = is_journal(stderr, environ)
    shown = _shown_level(verbosity, journal=journal)
    kept = logging.DEBUG if shown == logging.DEBUG else logging.INFO
    files = Channel(Backlog(), _files(folder, kept, file_mode, gateway=gateway), kept, redact)
    stream = Stream(stderr, shown, journal) if shown is not None else None
    channels = (files,) if stream is None else (files, Channel(Backlog(), (stream,), stream.level, redact))
    threads = [threading.Thread(target=channel.run, name="logs", daemon=True) for channel in channels]
    for thread in threads:
        thread.start()
    with _attached(_Handler(channels), min(channel.level for channel in channels)):
        try:
            yield Logs(channels)
        finally:
            _end(channels, threads)


def _end(channels: tuple[Channel, ...], threads: list[threading.Thread]) -> None:
    """A thread that is stuck in a write stays behind: it is a daemon, and ends with the process."""
    for channel in channels:
        channel.backlog.close()
    until = time.monotonic() + FLUSH_WITHIN
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))


@contextmanager
def _attached(handler: logging.Handler, level: int) -> Generator[None]:
    root = logging.getLogger()
    loggers = [root, *map(logging.getLogger, _CHATTY)]
    before = [logger.level for logger in loggers]
    root.setLevel(level)
    for logger in loggers[1:]:
        logger.setLevel(logging.WARNING)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        for logger, old in zip(loggers, before, strict=True):
            logger.setLevel(old)


def _files(folder: Path, level: int, mode: int, *, gateway: bool) -> tuple[LogFile, ...]:
    agent = LogFile(folder / "agent.log", level, mode)
    errors = LogFile(folder / "errors.log", logging.WARNING, mode)
    return (agent, errors, LogFile(folder / "gateway.log", level, mode, _GATEWAY)) if gateway else (agent, errors)


def _shown_level(verbosity: int | None, *, journal: bool) -> int | None:
    if verbosity is None or verbosity < 0:
        return None if verbosity is None else logging.ERROR
    usual = logging.INFO if journal else logging.WARNING
    return max(logging.DEBUG, usual - 10 * verbosity)


def _record(record: logging.LogRecord) -> Record:
    try:
        message = record.getMessage()
    except Exception as error:
        # The caller's mistake must not become its crash.
        message = f"{record.pathname}:{record.lineno} logs what cannot be formatted ({type(error).__name__})"
    if record.stack_info:
        message = f"{message}\n{record.stack_info}"
    return Record(record.created, record.levelno, record.name, message, _traceback(record))


def _traceback(record: logging.LogRecord) -> TracebackException | None:
    """Without source lines, which are read from disk when it is written."""
    error = record.exc_info[1] if record.exc_info else None
    return TracebackException.from_exception(error, lookup_lines=False, compact=True) if error else None
