"""What a change did to a text, as a unified diff that is bounded in size and in the time it takes."""

import difflib
from collections.abc import Sequence

from attrs import frozen

# Comparing lines takes time by the square of their number; a larger change is told in figures.
_MOST_COMPARED = 2_000
_CONTEXT = 3


@frozen
class Difference:
    added: int
    removed: int
    text: str
    """Unified, without the names of files; empty when it would be too large."""


def difference(old: str, new: str) -> Difference:
    """Lines that were added and removed, and how."""
    before, after = _lines(old), _lines(new)
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    removed, added = len(before) - start - end, len(after) - start - end
    if removed + added > _MOST_COMPARED:
        return Difference(added, removed, "")
    # What is the same at both ends need not be compared again, but for what is shown around the change.
    low, high = max(0, start - _CONTEXT), max(0, end - _CONTEXT)
    lines = list(difflib.unified_diff(before[low : len(before) - high], after[low : len(after) - high], lineterm=""))
    shown = [_moved(line, low) for line in lines[2:]]
    counts = [line[:1] for line in shown]
    return Difference(counts.count("+"), counts.count("-"), "\n".join(shown))


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


def _common(left: Sequence[str], right: Sequence[str]) -> int:
    pairs = zip(left, right, strict=False)
    return next((index for index, (mine, other) in enumerate(pairs) if mine != other), min(len(left), len(right)))


def _moved(line: str, by: int) -> str:
    """The head of a hunk with line numbers of the whole text."""
    if not by or not line.startswith("@@ "):
        return line
    spans = [span[0] + _span(span[1:], by) for span in line.split()[1:3]]
    return f"@@ {' '.join(spans)} @@"


def _span(span: str, by: int) -> str:
    first, comma, count = span.partition(",")
    return f"{int(first) + by}{comma}{count}"
