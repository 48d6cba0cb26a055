"""Replaces a piece of a text by another, found as hermes/tools/patch/match.py finds it. Pure.

A piece need not be whole lines when it stands there as written. Of a piece that is ambiguous nothing is replaced.
"""

from itertools import accumulate, islice

from attrs import frozen

from hermes.errors import Refused
from hermes.tools.patch.match import (
    MOST_PLACES,
    WAYS,
    Way,
    candidates,
    occurrences,
    places,
    plain,
    reindent,
    resembling,
)

_NOT_FOUND = "old_string was not found"


@frozen
class Replacement:
    text: str
    count: int
    way: str
    """How it was matched, when not as written."""


def replace(text: str, old: str, new: str, *, every: bool) -> Replacement:
    """``text`` with ``old`` replaced by ``new``; with ``every``, wherever it stands.

    Raises ``Refused``, naming places, when ``old`` is not there or stands at several places.
    """
    if not old:
        raise Refused("old_string is empty: write_file makes a file, and text is inserted by naming what stands there")
    if old == new:
        raise Refused("old_string and new_string are the same")
    return _exactly(text, old, new, every=every) or _by_lines(text, old, new, every=every)


def _exactly(text: str, old: str, new: str, *, every: bool) -> Replacement | None:
    for way, haystack, needle in (("", text, old), (WAYS[1].name, plain(text), plain(old))):
        found = list(islice(occurrences(haystack, needle, step=1), 1 if every else MOST_PLACES))
        if len(found) > 1:
            raise _ambiguous(text.split("\n"), _line_numbers(text, found))
        if found:
            starts = list(occurrences(haystack, needle, step=len(old)))
            return Replacement(_spliced(text, starts, len(old), new), len(starts), way)
    return None


def _spliced(text: str, starts: list[int], length: int, new: str) -> str:
    ends = [0, *(start + length for start in starts)]
    return new.join(text[end:start] for end, start in zip(ends, (*starts, len(text)), strict=True))


def _line_numbers(text: str, found: list[int]) -> list[int]:
    """The line, from 0 on, of each place; the places ascend."""
    spans = zip((0, *found), found, strict=False)
    return list(accumulate(text.count("\n", start, end) for start, end in spans))


def _by_lines(text: str, old: str, new: str, *, every: bool) -> Replacement:
    lines = text.split("\n")
    for wanted, instead in _trimmed(_lines(old), _lines(new)):
        for way in WAYS[2:]:
            found = places(lines, wanted, way, apart=every)
            if len(found) > 1 and not every:
                raise _ambiguous(lines, found)
            if found:
                return _replaced(lines, wanted, instead, way, found)
    close = resembling(lines, _lines(old))
    raise Refused(f"{_NOT_FOUND}; most like it is {close}" if close else _NOT_FOUND)


def _lines(piece: str) -> list[str]:
    """Whole lines: the newline at the end of a piece ends its last line."""
    return piece.removesuffix("\n").split("\n") if piece else []


def _trimmed(old: list[str], new: list[str]) -> list[tuple[list[str], list[str]]]:
    """The lines as they are, and without the blank ones around them, when they have any; none of nothing but blanks."""
    if not any(line.strip() for line in old):
        return []
    head = next(index for index, line in enumerate(old) if line.strip())
    tail = next(index for index, line in enumerate(reversed(old)) if line.strip())
    if not head and not tail:
        return [(old, new)]
    return [(old, new), (old[head : len(old) - tail], _without_blanks(new, head, tail))]


def _without_blanks(lines: list[str], head: int, tail: int) -> list[str]:
    """Without as many blank lines at each end, as far as they are there."""
    start, end = 0, len(lines)
    while start < min(head, end) and not lines[start].strip():
        start += 1
    while end > max(start, len(lines) - tail) and not lines[end - 1].strip():
        end -= 1
    return lines[start:end]


def _replaced(lines: list[str], wanted: list[str], instead: list[str], way: Way, found: list[int]) -> Replacement:
    result: list[str] = []
    end = 0
    for at in found:
        there = lines[at : at + len(wanted)]
        result += lines[end:at]
        result += reindent(instead, wanted, there) if way.indents else instead
        end = at + len(wanted)
    return Replacement("\n".join((*result, *lines[end:])), len(found), way.name)


def _ambiguous(lines: list[str], found: list[int]) -> Refused:
    number = f"{MOST_PLACES} places or more" if len(found) == MOST_PLACES else f"{len(found)} places"
    return Refused(
        f"old_string stands at {number} ({candidates(lines, found)}): add lines around it, or set replace_all"
    )
