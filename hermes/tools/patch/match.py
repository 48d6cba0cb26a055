"""Finds the lines that a model means in a text, although it may have written them a little differently.

Rules:

1. Ways are tried from the strictest to the loosest: as written; with typographic quotes, dashes and spaces taken for
   plain ones; whatever blanks end a line; whatever blanks stand between its words; whatever indents it; without blank
   lines around it. The first way that finds anything decides.
2. A loose way compares whole lines only, and never words: text that the model did not write is never taken for what it
   meant. There is no matching by resemblance.
3. Nothing here chooses between two places: all are returned, and the caller refuses.
4. Time grows with the size of the text, whatever is in it.
"""

import difflib
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, islice

from attrs import frozen

_PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        **dict.fromkeys("\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "),
    }
)
"""One character for one, so that a place in the plain text is a place in the text."""

MOST_PLACES = 1_000
"""Places that overlap, as told to a model: more of them say nothing more, and each costs a comparison of it all."""

# Looking for a resembling line is only for an error's text; it compares a window with each line.
_MOST_COMPARED = 20_000
_SHOWN_CHARACTERS = 160


def plain(text: str) -> str:
    """``text`` with typographic quotes, dashes and spaces as plain ones; as long as before."""
    return text.translate(_PLAIN)


def _ending(line: str) -> str:
    return plain(line).rstrip()


def _between(line: str) -> str:
    body = plain(line).lstrip()
    return line[: len(line) - len(body)] + " ".join(body.split())


def _indented(line: str) -> str:
    return " ".join(plain(line).split())


@frozen
class Way:
    """One way of comparing lines."""

    name: str
    """Ends the sentence "matched ..." for the model; empty: as written."""
    key: Callable[[str], str]
    """Two lines are taken for the same when this is."""
    indents: bool = False
    """Lines may be indented otherwise than they were written, so that what replaces them is indented anew."""


WAYS = (
    Way("", lambda line: line),
    Way("with plain quotes and dashes", plain),
    Way("with other blanks at the ends of lines", _ending),
    Way("with other blanks between words", _between),
    Way("with another indentation", _indented, indents=True),
)


def places(lines: Sequence[str], wanted: Sequence[str], way: Way, start: int = 0, *, apart: bool = False) -> list[int]:
    """Each index from ``start`` on at which all of ``wanted`` stands.

    With ``apart`` from the left and not overlapping, without it overlaps too, and ``MOST_PLACES`` at most.
    """
    keys = [way.key(line) for line in lines[start:]]
    # One search in one string: the same lines repeated a thousand times cost no more than others. Each line begins
    # with a newline, so that a place is always the beginning of one.
    text = "".join(f"\n{key}" for key in keys) + "\n"
    offsets = list(accumulate((len(key) + 1 for key in keys), initial=0))
    needle = "".join(f"\n{way.key(line)}" for line in wanted) + "\n"
    found = occurrences(text, needle, step=len(needle) - 1 if apart else 1)
    return [start + bisect_left(offsets, at) for at in (found if apart else islice(found, MOST_PLACES))]


def occurrences(text: str, wanted: str, *, step: int) -> Iterator[int]:
    """Each place of ``wanted`` in ``text``, at least ``step`` characters from the one before."""
    at = text.find(wanted)
    while at >= 0:
        yield at
        at = text.find(wanted, at + step)


def reindent(new: Sequence[str], written: Sequence[str], found: Sequence[str]) -> list[str]:
    """New lines as the text indents them, by the example of lines that were ``written`` and those that were ``found``.

    An indentation that stands in the example becomes its counterpart; a deeper one keeps what it has more than the
    deepest of the example that it begins with.
    """
    pairs = zip(map(indent, written), map(indent, found), [line.strip() for line in written], strict=True)
    counterparts: dict[str, str] = {}
    for mine, theirs, body in pairs:
        if body:
            counterparts.setdefault(mine, theirs)
    return [_reindented(line, counterparts) for line in new]


def _reindented(line: str, counterparts: Mapping[str, str]) -> str:
    if not line.strip():
        return line
    own = indent(line)
    known = next((own[:size] for size in range(len(own), -1, -1) if own[:size] in counterparts), None)
    return line if known is None else counterparts[known] + line[len(known) :]


def indent(line: str) -> str:
    """The blanks at the beginning of a line."""
    return line[: len(line) - len(line.lstrip())]


def candidates(lines: Sequence[str], found: Sequence[int], most: int = 5) -> str:
    """Places for an error's text: numbers from 1 on, each with its line."""
    shown = [f"line {index + 1}: {shorten(lines[index])}" for index in found[:most]]
    more = [f"and {len(found) - most} more"] if len(found) > most else []
    return "; ".join((*shown, *more))


def resembling(lines: Sequence[str], wanted: Sequence[str]) -> str:
    """The place whose line is most like the first wanted one that says something, for an error's text; or nothing."""
    line = next((line.strip() for line in wanted if line.strip()), "")
    if not line or len(lines) > _MOST_COMPARED:
        return ""
    stripped = [each.strip()[:_SHOWN_CHARACTERS] for each in lines]
    close = difflib.get_close_matches(line[:_SHOWN_CHARACTERS], stripped, n=1, cutoff=0.6)
    return candidates(lines, [stripped.index(close[0])]) if close else ""


def shorten(line: str) -> str:
    """A line as an error's text shows it."""
    text = line.strip()
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."
