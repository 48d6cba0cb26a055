"""A text file as a change to it sees it: its text, and how to store a changed text in the same way.

Rules:

1. What is not touched stays, byte for byte: encoding, byte order mark, line ends, and bytes that are no text.
2. Of a file whose lines all end with a carriage return and a newline the text has newlines only, and what is stored has
   both again. Of one that mixes them the text is as it stands.
"""

import os
from pathlib import Path

from attrs import frozen

from hermes.errors import Refused
from hermes.tools.files.guard import MOST_WRITTEN
from hermes.tools.files.kind import SNIFFED, Encoding, encoding_of, mark_of
from hermes.tools.files.stamps import Stamp
from hermes.tools.files.window import open_regular

# Stands for a byte that is no text, and becomes that byte again.
_ERRORS = "surrogateescape"


@frozen
class Form:
    """How a text is stored."""

    encoding: Encoding = Encoding.UTF8
    mark: bytes = b""
    carriage_returns: bool = False

    def encode(self, text: str) -> bytes:
        """Raises ``UnicodeError`` for what is no text."""
        stored = text.replace("\r\n", "\n").replace("\n", "\r\n") if self.carriage_returns else text
        return self.mark + stored.encode(self.encoding.value, _ERRORS)


@frozen
class FileText:
    """A file that was read whole."""

    text: str
    form: Form
    status: os.stat_result

    @property
    def stamp(self) -> Stamp:
        return Stamp.of(self.status)


def read_text(path: Path) -> FileText:
    """Read a text file whole. Blocks. Raises ``Refused`` for what is no text or too large, and ``OSError``."""
    with open_regular(path) as file:
        status = os.fstat(file.fileno())
        encoding = encoding_of(path, os.pread(file.fileno(), SNIFFED, 0), status.st_size)
        if status.st_size > MOST_WRITTEN:
            raise Refused(f"{path} has {status.st_size:,} bytes, and {MOST_WRITTEN:,} is the most: use sed")
        data = file.read(MOST_WRITTEN + 1)
    if len(data) > MOST_WRITTEN:
        raise Refused(f"{path} grows while it is read")
    mark = mark_of(data)
    text = data.removeprefix(mark).decode(encoding.value, _ERRORS)
    carriage_returns = "\n" in text and text.count("\n") == text.count("\r\n")
    form = Form(encoding, mark, carriage_returns)
    return FileText(text.replace("\r\n", "\n") if carriage_returns else text, form, status)
