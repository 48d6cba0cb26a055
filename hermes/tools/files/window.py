"""Reads some lines of a file without loading it: bounded in memory, in what is returned and in how far it looks.

Rules:

1. Only regular files are opened. A pipe, a device or a file that the kernel makes up could block or never end.
2. Lines end with ``\\n``; a carriage return before it is left out and told. Text is UTF-8, or UTF-16 with its mark;
   bytes that are neither are replaced and told.
3. What precedes the window is kept for a few KB, so that a secret of many lines is recognised although it began before.
"""

import codecs
import os
import stat
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path

from attrs import define, field, frozen

from hermes.errors import Refused
from hermes.tools.files.kind import SNIFFED, Encoding, encoding_of, mark_of
from hermes.tools.files.stamps import Stamp

# Half a minute of a slow disk; a file with more lines than that is for grep and sed.
MOST_SCANNED = 512 * 1024 * 1024
# As much as a command may print.
MOST_RETURNED = 50_000
LONGEST_LINE = 2_000
"""Characters of a line that are shown."""

Judge = Callable[[Path], None]
"""Raises ``Refused`` for a real path that must not be opened."""

_CHUNK = 256 * 1024
# A shown line has to be redacted before it is cut, and a key is no longer than this.
_KEPT_OF_LINE = 4 * LONGEST_LINE
# The longest private key in use has about 3.3 KB.
_LOOKBACK_LINES = 80
_LOOKBACK_WIDTH = 200
_KERNEL_FOLDERS = ("/proc/", "/sys/", "/dev/")
_SHARED_MEMORY = "/dev/shm/"


@frozen
class Window:
    """Lines ``first`` and after, as text, with what is around them."""

    lines: tuple[str, ...]
    first: int
    before: tuple[str, ...]
    """Up to 80 lines that precede the window."""
    more: bool
    """Whether the file goes on behind it."""
    size: int
    """Bytes of the file."""
    carriage_returns: bool
    """Every line ends with a carriage return and a newline."""
    stamp: Stamp
    """Of the file as it was read."""
    encoding: Encoding = Encoding.UTF8
    damaged: bool = False
    """Some bytes of the window are no text in this encoding, and show as U+FFFD."""


def read_window(path: Path, first: int, count: int, judge: Judge | None = None) -> Window:
    """At most ``count`` lines from line ``first`` (1 is the first line) on. Blocks.

    Raises ``Refused`` for what is no regular text file and for a line too far into it, and ``OSError``.
    """
    with open_regular(path, judge) as file:
        stamp = Stamp.of(os.fstat(file.fileno()))
        beginning = os.pread(file.fileno(), SNIFFED, 0)
        encoding = encoding_of(path, beginning, stamp.size)
        file.seek(len(mark_of(beginning)))
        chunks = _utf8(iter(lambda: file.read(_CHUNK), b""), encoding)
        return _Reader(path, first, count, stamp, encoding).read(chunks)


def _utf8(chunks: Iterator[bytes], encoding: Encoding) -> Iterator[bytes]:
    """The text of ``chunks`` as UTF-8; what is UTF-8 already passes as it is."""
    if encoding is Encoding.UTF8:
        yield from chunks
        return
    decoder = codecs.getincrementaldecoder(encoding.value)("replace")
    for chunk in chunks:
        yield decoder.decode(chunk).encode()
    yield decoder.decode(b"", final=True).encode()


def open_regular(path: Path, judge: Judge | None = None) -> FileIO:
    """Open a regular file for reading, without ever waiting for another end. Raises ``Refused`` and ``OSError``.

    ``judge`` is given the real path of what was opened, which may be another than what stood there a moment before.
    """
    refuse_special(path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        _refuse_kind(path, os.fstat(descriptor).st_mode)
        opened = opened_path(descriptor, path)
        refuse_special(opened)
        if judge is not None:
            judge(opened)
    except BaseException:
        os.close(descriptor)
        raise
    return FileIO(descriptor, "rb")


def opened_path(descriptor: int, path: Path) -> Path:
    """The real path of what was opened as ``path``."""
    try:
        return Path(f"/proc/self/fd/{descriptor}").readlink()
    except FileNotFoundError:
        # No such folder on this system: the next best is to look once more.
        return Path(os.path.realpath(path))


def refuse_special(path: Path) -> None:
    """Raise ``Refused`` for a file or a folder that the kernel makes up, by its real place."""
    real = os.path.realpath(path) + "/"
    if real.startswith(_KERNEL_FOLDERS) and not real.startswith(_SHARED_MEMORY):
        raise Refused(f"{path} is made up by the kernel and may never end: use the terminal, with head")


def _refuse_kind(path: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise Refused(f"{path} is a folder: list it with the terminal")
    if not stat.S_ISREG(mode):
        raise Refused(f"{path} is no regular file but a {_kind(mode)}")


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISFIFO, "pipe"), (stat.S_ISSOCK, "socket"), (stat.S_ISBLK, "device"), (stat.S_ISCHR, "device"))
    return next((name for matches, name in kinds if matches(mode)), "special file")


@define
class _Reader:
    path: Path
    first: int
    count: int
    stamp: Stamp
    encoding: Encoding
    number: int = 1
    """Of the line that is being read."""
    lines: list[bytes] = field(factory=list[bytes])
    before: list[bytes] = field(factory=list[bytes])
    returned: int = 0
    scanned: int = 0
    pending: bytes = b""
    """The beginning of an unfinished line; of a long one, what may be shown."""

    def read(self, chunks: Iterator[bytes]) -> Window:
        for chunk in chunks:
            self.scanned += len(chunk)
            if self._take(chunk):
                return self._window(more=True)
            if self.scanned > MOST_SCANNED:
                return self._gave_up()
        if self.pending:
            self._end_line()
        return self._window(more=False)

    def _take(self, chunk: bytes) -> bool:
        """Take in a piece of the file; True when the window is full and something is left."""
        start = self._skip(chunk)
        while start < len(chunk):
            if self._full():
                return True
            end = chunk.find(b"\n", start)
            stop = len(chunk) if end < 0 else end
            self.pending += chunk[start : min(stop, start + _KEPT_OF_LINE - len(self.pending))]
            if end < 0:
                return False
            self._end_line()
            start = end + 1
        return False

    def _skip(self, chunk: bytes) -> int:
        """Pass over whole chunks that lie well before the window, in one count; where to go on in this one."""
        newlines = chunk.count(b"\n")
        if self.number + newlines >= self.first - _LOOKBACK_LINES:
            return 0
        self.number += newlines
        self.pending = chunk[chunk.rfind(b"\n") + 1 :][:_KEPT_OF_LINE]
        return len(chunk)

    def _full(self) -> bool:
        return len(self.lines) >= self.count or self.returned >= MOST_RETURNED

    def _end_line(self) -> None:
        line, self.pending = self.pending, b""
        if self.number >= self.first:
            self.lines.append(line)
            self.returned += min(len(line), LONGEST_LINE) + 1
        elif self.number >= self.first - _LOOKBACK_LINES:
            self.before.append(line[:_LOOKBACK_WIDTH])
        self.number += 1

    def _gave_up(self) -> Window:
        if not self.lines:
            raise Refused(
                f"line {self.first:,} of {self.path} lies more than {MOST_SCANNED // 2**20} MB into the file: "
                "use the terminal, with sed or tail"
            )
        return self._window(more=True)

    def _window(self, *, more: bool) -> Window:
        if not self.lines and self.first > 1:
            raise Refused(f"{self.path} has only {self.number - 1:,} lines")
        ends = [line.endswith(b"\r") for line in self.lines]
        lines = tuple(map(_text, self.lines))
        return Window(
            lines,
            self.first,
            tuple(map(_text, self.before)),
            more,
            self.stamp.size,
            bool(ends) and all(ends),
            self.stamp,
            self.encoding,
            damaged="\ufffd" in "".join(lines),
        )


def _text(line: bytes) -> str:
    # Half a character at the end of a line that was cut is no damage of the file.
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(line.removesuffix(b"\r"), final=len(line) < _KEPT_OF_LINE)
    return text.replace("\0", "\ufffd")
