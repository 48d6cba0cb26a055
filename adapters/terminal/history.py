"""What was typed before, in HERMES_HOME/history: one JSON string a line, oldest first, for its owner alone.

Several terminals share the file: each line is appended in one write under a lock on the file, and who trims it puts
a new file in its place under the same lock. It is a convenience: a disk that is full or read-only costs the line and
nothing else.
"""

import fcntl
import json
import logging
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

# Lines that the arrow keys go through: months of one person's chats.
MAX_LINES = 2000

# Size of the file in bytes at which the older half is dropped; it is read whole at each start.
MAX_BYTES = 1_000_000

# A longer text is a paste, which nobody looks for by the arrow keys.
MAX_LINE_BYTES = 16_384

log = logging.getLogger(__name__)


@frozen
class HistoryFile:
    """The file at ``path``; what is made here has the mode ``mode``."""

    path: Path
    mode: int = 0o600
    redact: Callable[[str], str] = str
    """Takes secrets out of what is kept."""

    def read(self) -> list[str]:
        """The newest ``MAX_LINES`` texts, oldest first. Lines that cannot be read are left out."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            log.warning("the history of the prompt cannot be read: %s", error)
            return []
        return [text for line in content.splitlines()[-MAX_LINES:] if (text := _parse(line))]

    def append(self, text: str) -> None:
        line = json.dumps(self.redact(text)).encode() + b"\n"
        if len(line) > MAX_LINE_BYTES:
            return
        try:
            with self._locked() as descriptor:
                os.write(descriptor, line if _ends_a_line(descriptor) else b"\n" + line)
                if os.fstat(descriptor).st_size > MAX_BYTES:
                    self._trim()
        except OSError as error:
            log.warning("the history of the prompt cannot be written: %s", error)

    @contextmanager
    def _locked(self) -> Generator[int]:
        """The file, open for appending and locked; never one that was just replaced."""
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, self.mode)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if os.fstat(descriptor).st_ino == self.path.stat().st_ino:
                    yield descriptor
                    return
            finally:
                os.close(descriptor)

    def _trim(self) -> None:
        kept = self.path.read_bytes()[-MAX_BYTES // 2 :].partition(b"\n")[2]
        fresh = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, self.mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(kept)
        fresh.replace(self.path)


def _ends_a_line(descriptor: int) -> bool:
    """Whether the next line can follow: a crash may have cut the last one off."""
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"


def _parse(line: bytes) -> str:
    try:
        text: object = json.loads(line)
    except ValueError:
        return ""
    return text if isinstance(text, str) else ""
