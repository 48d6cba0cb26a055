"""What a file holds, told by its first bytes: text in a known encoding, an image, or something that is no text."""

from enum import Enum
from pathlib import Path

from hermes.errors import Refused

SNIFFED = 8192
"""Bytes that are looked at: a NUL comes within them in all but made-up binary files."""

_UTF8_MARK = b"\xef\xbb\xbf"

_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"\0\0\1\0", "ICO"),
)
# Formats that begin with the length or the name of their container, and then say what they are.
_BOXED_IMAGES = ((0, b"RIFF", 8, b"WEBP", "WebP"), (4, b"ftyp", 8, b"avif", "AVIF"), (4, b"ftyp", 8, b"heic", "HEIC"))
_BITMAP = b"BM"
# Where a bitmap says how long its second header is; the lengths that exist. Two letters alone begin many a text.
_BITMAP_HEADER = slice(14, 18)
_BITMAP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})
_DOCUMENTS = ((b"%PDF-", "a PDF document"), (b"PK\x03\x04", "a ZIP archive"), (b"\x1f\x8b", "a gzip archive"))


class Encoding(Enum):
    """How the text of a file is stored; the value is Python's name of the codec."""

    UTF8 = "utf-8"
    UTF16_LITTLE = "utf-16-le"
    UTF16_BIG = "utf-16-be"

    @property
    def mark(self) -> bytes:
        """The byte order mark by which a file of this encoding is recognised; UTF-8 needs none."""
        return {Encoding.UTF8: b"", Encoding.UTF16_LITTLE: b"\xff\xfe", Encoding.UTF16_BIG: b"\xfe\xff"}[self]


def encoding_of(path: Path, beginning: bytes, size: int) -> Encoding:
    """The encoding of a text file. Raises ``Refused`` for what is no text, in a line that says what it is."""
    image = _image(beginning)
    if image:
        raise Refused(f"{path} is a {image} image of {size:,} bytes: this tool knows text only")
    document = next((name for mark, name in _DOCUMENTS if beginning.startswith(mark)), "")
    if document:
        raise Refused(f"{path} is {document} of {size:,} bytes: take its text out with a command first")
    for encoding in (Encoding.UTF16_LITTLE, Encoding.UTF16_BIG):
        if beginning.startswith(encoding.mark):
            return encoding
    if b"\0" in beginning:
        raise Refused(f"{path} is a binary file of {size:,} bytes")
    return Encoding.UTF8


def mark_of(beginning: bytes) -> bytes:
    """The byte order mark that a text begins with, which is no part of it; mostly none."""
    marks = (_UTF8_MARK, *(encoding.mark for encoding in Encoding if encoding.mark))
    return next((mark for mark in marks if beginning.startswith(mark)), b"")


def _image(beginning: bytes) -> str:
    for mark, name in _IMAGES:
        if beginning.startswith(mark):
            return name
    for start, container, at, mark, name in _BOXED_IMAGES:
        if beginning.startswith(container, start) and beginning.startswith(mark, at):
            return name
    if beginning.startswith(_BITMAP) and int.from_bytes(beginning[_BITMAP_HEADER], "little") in _BITMAP_HEADERS:
        return "BMP"
    return ""
