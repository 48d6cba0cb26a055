"""Splits a long markdown text into messages that a platform takes, at the best place that there is.

1. No part is longer than the limit.
2. A part ends at a paragraph, else a line, else a word, else anywhere. Nothing but whitespace at a cut is lost, and no
   part is blank: a platform would refuse it.
3. A fenced code block that is cut is closed in one part and opened again, with its language, in the next. Below an item
   of a list a fence may be indented by any number of blanks.
"""

import re

_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[^`\n]*$", re.MULTILINE)

# Marks of a fence beyond this many are text: the fence would take the room of what it holds.
_LONGEST_MARK = 20

# A cut nearer to the beginning than this share of the limit would make a flood of small messages.
_EARLIEST = 0.5


def split(text: str, limit: int, *, utf16: bool = False) -> list[str]:
    """``text`` in parts of at most ``limit`` characters (at least 64); one part, unchanged, when it fits.

    ``utf16``: the limit counts UTF-16 units, of which a character outside the basic plane takes two.
    """
    if limit < 64:
        raise ValueError(f"a limit of {limit} characters leaves no room for a code fence")
    parts: list[str] = []
    opening = ""
    measure = units if utf16 else len
    while measure(opening) + measure(text) > limit:
        # Room to open the block again at the beginning.
        room = limit - measure(opening)
        part, text, opening = _part(opening, text, room, utf16=utf16)
        parts.append(part)
    parts.append(opening + text)
    return [part for part in parts if part.strip()] or parts[:1]


def _part(opening: str, text: str, room: int, *, utf16: bool) -> tuple[str, str, str]:
    """The next part, what follows it, and the opening line of the block that was cut."""
    # To close a block at the end; how long its mark is shows only when the text is cut.
    for closing in range(8, _LONGEST_MARK + 2):
        head, rest = _cut(text, _fitting(text, room - closing) if utf16 else room - closing)
        part = opening + head
        cut = _open_fence(part)
        mark = _mark(cut.strip())
        if len(mark) < closing:
            return (f"{part}\n{mark}" if cut else part), rest, cut
    raise AssertionError("no mark is longer than the longest")


def units(text: str) -> int:
    """The length of ``text`` in UTF-16 units."""
    return len(text) if text.isascii() else len(text) + sum(character > "\uffff" for character in text)


def _fitting(text: str, room: int) -> int:
    """How many characters of ``text`` fit into ``room`` UTF-16 units."""
    beginning = text[:room].encode("utf-16-le", "surrogatepass")[: 2 * room]
    return len(beginning.decode("utf-16-le", "ignore"))


def _cut(text: str, room: int) -> tuple[str, str]:
    """Where to end a part of at most ``room`` characters, and what follows."""
    for separator in ("\n\n", "\n", " "):
        place = text.rfind(separator, int(room * _EARLIEST), room + 1)
        if place > 0:
            return text[:place], text[place + len(separator) :]
    return text[:room], text[room:]


def _open_fence(part: str) -> str:
    """The opening line of the code block that ``part`` ends in, with its line break, or nothing."""
    opening = ""
    for match in _FENCE.finditer(part):
        line, mark = match.group().strip(), match.group(1)
        if not opening:
            opening = line if len(mark) <= _LONGEST_MARK else ""
        elif line == mark and mark[0] == opening[0] and len(mark) >= len(_mark(opening)):
            opening = ""
    return opening[:32] + "\n" if opening else ""


def _mark(opening: str) -> str:
    return opening[: len(opening) - len(opening.lstrip(opening[:1]))]
