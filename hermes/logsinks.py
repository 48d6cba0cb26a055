"""Where log lines end: files that rotate, and a stream that may be systemd's journal.

1. Several programs of one home write to the same files. Each line is one append; a rotation happens under flock, and
   whoever finds that the file at the path is no longer the one it holds opens it anew.
2. What cannot be written is counted here, and the count stands before the next line that can.
3. A record cannot forge a line: what follows its first line is indented, and control characters are spelled out.
"""

import errno
import fcntl
import logging
import os
import select
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from traceback import TracebackException
from typing import Protocol

from attrs import define, field, frozen

_log = logging.getLogger("hermes.logs")

# As the established product has it: 5 MB a file, three older ones kept.
FILE_BYTES = 5_000_000
OLDER_FILES = 3

# Characters that are put into one write: large enough to be quick, small enough to rotate close to the bound.
_CHUNK = 256_000

# Milliseconds that a stream in non-blocking mode may take until it takes the next bytes.
_STREAM_PATIENCE = 1_000

_INDENT = "    "
_LINE_ENDS = {0x2028: "\\u2028", 0x2029: "\\u2029"}
_CONTROL = _LINE_ENDS | {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in b"\n\t"}

# sd-daemon(3): the priorities of syslog, from the highest level down.
_PRIORITIES = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.NOTSET, 7))


@frozen
class Record:
    """One log record on its way to a sink."""

    at: float
    """Unix time in seconds."""
    level: int
    logger: str
    message: str
    error: TracebackException | None = None


@frozen
class Line:
    """A record and its final text: redacted, several lines perhaps, without a line end."""

    record: Record
    text: str


class Sink(Protocol):
    def write(self, lines: Iterable[Line]) -> None:
        """Write what this sink wants of them. A destination that fails raises nothing here; one that hangs hangs."""
        ...

    def close(self) -> None: ...


@define
class LogFile:
    """One file of the folder and its older ones; takes records of its level, and of its loggers if it names any."""

    path: Path
    level: int
    mode: int
    loggers: tuple[str, ...] = ()
    bound: int = FILE_BYTES
    _descriptor: int | None = field(default=None, init=False)
    _lost: int = field(default=0, init=False)
    _torn: bool = field(default=False, init=False)

    def write(self, lines: Iterable[Line]) -> None:
        chunk: list[str] = []
        size = 0
        for line in filter(self._wants, lines):
            chunk.append(timed(line))
            size += len(line.text)
            if size > _CHUNK:
                self._append(chunk)
                chunk, size = [], 0
        if chunk:
            self._append(chunk)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _wants(self, line: Line) -> bool:
        name = line.record.logger
        ours = not self.loggers or any(name == one or name.startswith(one + ".") for one in self.loggers)
        return ours and line.record.level >= self.level

    def _append(self, chunk: list[str]) -> None:
        note = _lost_note(self._lost, timed)
        content = (("\n" if self._torn else "") + note + "".join(chunk)).encode(errors="backslashreplace")
        written = 0
        try:
            descriptor = self._ready(len(content))
            while written < len(content):
                written += _write(descriptor, content[written:])
        except OSError as error:
            if not self._lost:
                # To the other destinations; here it is one more lost record.
                _log.warning("%s cannot be written (%s): records are lost until it can", self.path, error.strerror)
            self._lost += len(chunk)
            self._torn = self._torn or written > 0
            self.close()
        else:
            self._lost, self._torn = 0, False

    def _ready(self, coming: int) -> int:
        """A descriptor of the file at the path, with room for ``coming`` bytes."""
        descriptor = self._current()
        size = os.fstat(descriptor).st_size
        if size == 0 or size + coming <= self.bound:
            return descriptor
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            if self._is_current(descriptor):
                self._rotate()
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        return self._current()

    def _current(self) -> int:
        if self._descriptor is not None and not self._is_current(self._descriptor):
            self.close()
        if self._descriptor is None:
            self._descriptor = _open_log(self.path, self.mode)
        return self._descriptor

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self.path.stat())
        except FileNotFoundError:
            return False

    def _rotate(self) -> None:
        names = [self.path, *(self.path.with_name(f"{self.path.name}.{age}") for age in range(1, OLDER_FILES + 1))]
        for newer, older in reversed(list(pairwise(names))):
            if newer.exists():
                newer.replace(older)


@define
class Stream:
    """Standard error: of a terminal or a pipe with times, of the journal with priorities."""

    descriptor: int
    level: int
    journal: bool
    _lost: int = field(default=0, init=False)

    def write(self, lines: Iterable[Line]) -> None:
        style = prioritised if self.journal else timed
        wanted = [style(line) for line in lines if line.record.level >= self.level]
        if not wanted:
            return
        note = _lost_note(self._lost, style)
        try:
            _write_all(self.descriptor, (note + "".join(wanted)).encode(errors="backslashreplace"))
        except OSError:
            self._lost += len(wanted)
        else:
            self._lost = 0

    def close(self) -> None:
        """The descriptor is not ours."""


def is_journal(descriptor: int, environ: Mapping[str, str]) -> bool:
    """Whether ``descriptor`` is the journal's: systemd.exec(5), $JOURNAL_STREAM names its device and inode."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM", "") == f"{found.st_dev}:{found.st_ino}"


def timed(line: Line) -> str:
    """With time and level, and a line end."""
    moment = time.localtime(line.record.at)
    second = time.strftime("%Y-%m-%dT%H:%M:%S", moment)
    at = f"{second}.{int(line.record.at % 1 * 1000):03d}{time.strftime('%z', moment)}"
    text = _harmless(line.text).replace("\n", "\n" + _INDENT)
    return f"{at} {logging.getLevelName(line.record.level)} {line.record.logger}: {text}\n"


def prioritised(line: Line) -> str:
    """With a priority before each line, and a line end: the journal keeps time and level itself."""
    mark = next(f"<{priority}>" for level, priority in _PRIORITIES if line.record.level >= level)
    text = _harmless(line.text).replace("\n", f"\n{mark}{_INDENT}")
    return f"{mark}{line.record.logger}: {text}\n"


def _harmless(text: str) -> str:
    return text.translate(_CONTROL)


def _lost_note(count: int, style: Callable[[Line], str]) -> str:
    record = Record(time.time(), logging.WARNING, "hermes.logs", "")
    return style(Line(record, f"{count} earlier records are lost: they could not be written")) if count else ""


def _open_log(path: Path, mode: int) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        return os.open(path, flags)
    os.fchmod(descriptor, mode)  # not cut by the umask
    return descriptor


def _write(descriptor: int, content: bytes) -> int:
    """Bytes written, at least one: a device that takes nothing and reports no error must not keep us for ever."""
    written = os.write(descriptor, content)
    if not written:
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    return written


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        try:
            content = content[_write(descriptor, content) :]
        except BlockingIOError:
            poll = select.poll()
            poll.register(descriptor, select.POLLOUT)
            if not poll.poll(_STREAM_PATIENCE):
                raise
