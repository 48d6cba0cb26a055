"""The lines of an answer by which a model sends files: ``MEDIA:/path`` on a line of its own. Pure.

Rules:

1. A path is absolute or begins with ``~/``, may hold spaces, and may stand in quotes. A line that says anything else,
   and every line of a fenced code block, is text and stays where it is.
2. ``[[audio_as_voice]]``, anywhere outside of code, asks for the answer's audio files as voice messages. Both are taken
   out of the text; nothing else of it is lost but blank lines around them.
3. An answer is never nothing: one that would be is left as it was written.
"""

import re
from collections.abc import Iterator

from attrs import frozen

VOICE = "[[audio_as_voice]]"
_MEDIA = "MEDIA:"

# Characters of a path: it has to fit into a message that says why its file was not sent.
MOST_CHARACTERS = 1000

# Files of an answer: two albums; the lines of further ones stay text. Each is a row of the outbox and a message.
MOST_FILES = 20

_VOICE = re.compile(r"(?<!`)\[\[audio_as_voice\]\](?!`)[ \t]?")
_FENCE = re.compile(r"[ \t]*(?P<mark>`{3,}|~{3,})[^`\n]*")
_QUOTES = "\"'`"
_BLANK_BEGINNING = re.compile(r"\A(?:[ \t\r]*\n)+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@frozen
class MediaFile:
    """A file of an answer."""

    path: str
    """As it was written, without its quotes."""
    voice: bool = False
    """It is to be a voice message where it can be one."""

    @property
    def line(self) -> str:
        """How it stands in a text."""
        return f"{_MEDIA}{self.path}"


Piece = str | MediaFile


def pieces(text: str) -> tuple[Piece, ...]:
    """The texts and files of an answer in their order; no text is blank, and of a blank answer it is the only piece."""
    if _MEDIA not in text and VOICE not in text:
        return (text,)
    found: list[Piece] = []
    lines: list[str] = []
    voice = _asks_for_voice(text)
    files = 0
    for line, code in _lines(text):
        shown = line if code else _VOICE.sub("", line)
        path = None if code or files >= MOST_FILES else _path(shown)
        if path is not None:
            _add_text(found, lines)
            found.append(MediaFile(path, voice))
            files += 1
        elif shown.strip() or not line.strip():
            lines.append(shown)
    _add_text(found, lines)
    return tuple(found) or (text,)


def begins_with_file(text: str) -> bool:
    """Whether the first that an answer sends is a file."""
    return isinstance(pieces(text)[0], MediaFile)


def beginning(text: str) -> str:
    """What of an answer that is still being written may be shown: its text before the first file, without an end that
    may yet become one."""
    text = text[: _settled(text)]
    first = pieces(text)[0]
    return first if isinstance(first, str) and _VOICE.sub("", first).strip() else ""


def _asks_for_voice(text: str) -> bool:
    return VOICE in text and any(not code and _VOICE.search(line) for line, code in _lines(text))


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it is part of a code block. One that is not closed goes to the end."""
    mark = ""
    for line in text.split("\n"):
        before = mark
        mark = _fence_after(line, mark)
        yield line, bool(before or mark)


def _fence_after(line: str, mark: str) -> str:
    """The mark of the code block that is open behind ``line``, where ``mark`` was before it; empty for none."""
    fence = _FENCE.fullmatch(line.rstrip("\r"))
    if fence is None:
        return mark
    if not mark:
        return fence["mark"]
    closes = line.strip() == fence["mark"] and fence["mark"].startswith(mark)
    return "" if closes else mark


def _path(line: str) -> str | None:
    line = line.strip()
    if not line.startswith(_MEDIA):
        return None
    path = line.removeprefix(_MEDIA).strip()
    if len(path) > 1 and path[0] in _QUOTES and path[-1] == path[0]:
        path = path[1:-1]
    usable = path.startswith(("/", "~/")) and len(path) <= MOST_CHARACTERS and not _CONTROL.search(path)
    return path if usable else None


def _add_text(found: list[Piece], lines: list[str]) -> None:
    """Put ``lines`` behind what is found, without blank ones around them, and begin anew."""
    text = "\n".join(lines)
    lines.clear()
    if text.strip():
        found.append(_BLANK_BEGINNING.sub("", text).rstrip())


def _settled(text: str) -> int:
    """The length of ``text`` without an end that may yet become a line of a file, or the mark for voice."""
    start = text.rfind("\n") + 1
    last = _VOICE.sub("", text[start:]).lstrip()
    if last and (_MEDIA.startswith(last) or last.startswith(_MEDIA)):
        return start
    return next((len(text) - size for size in range(len(VOICE) - 1, 0, -1) if text.endswith(VOICE[:size])), len(text))
