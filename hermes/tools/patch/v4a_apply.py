"""Applies the hunks of one file to its text. Pure.

Rules:

1. Hunks are applied in their order, each behind the one before.
2. The lines of a hunk that were there (context and removed) are looked for as hermes/tools/patch/match.py does, and
   kept as the file has them: only removed and added lines change anything.
3. A hunk that fits several places goes to the one that its ``@@`` lines or its ``*** End of File`` leave over. When
   they leave more than one, the hunk is refused; it never goes to the first.
4. Whether the last line ends with a newline stays as it is.
"""

from bisect import bisect_left
from collections.abc import Sequence

from attrs import frozen

from hermes.errors import Refused
from hermes.tools.patch.match import WAYS, Way, candidates, places, reindent, resembling, shorten
from hermes.tools.patch.v4a import Hunk


@frozen
class Patched:
    text: str
    ways: tuple[str, ...]
    """How hunks were matched, of those that were not matched as written."""


@frozen
class _Fit:
    at: int
    way: Way


def apply_hunks(text: str, hunks: Sequence[Hunk]) -> Patched:
    """Raises ``Refused``, naming the hunk and the places."""
    ended = text.endswith("\n") or not text
    lines = text.removesuffix("\n").split("\n") if text else []
    result: list[str] = []
    ways: list[str] = []
    done = 0
    for number, hunk in enumerate(hunks, 1):
        try:
            fit = _fit(lines, hunk, done)
        except Refused as error:
            raise Refused(f"hunk {number}: {error}") from None
        size = len(hunk.old)
        result += lines[done : fit.at]
        result += _patched(hunk, lines[fit.at : fit.at + size], fit.way)
        done = fit.at + size
        ways += [fit.way.name] if fit.way.name else []
    result += lines[done:]
    return Patched("\n".join(result) + ("\n" if ended and result else ""), tuple(dict.fromkeys(ways)))


def _patched(hunk: Hunk, there: Sequence[str], way: Way) -> list[str]:
    added = [line for tag, line in hunk.lines if tag == "+"]
    new = iter(reindent(added, hunk.old, there) if way.indents else added)
    old = iter(there)
    result: list[str] = []
    for tag, _ in hunk.lines:
        line = next(new if tag == "+" else old)
        if tag != "-":
            result.append(line)
    return result


def _fit(lines: Sequence[str], hunk: Hunk, start: int) -> _Fit:
    old = hunk.old
    if not old:
        return _Fit(_insertion(lines, hunk, start), WAYS[0])
    for way in WAYS:
        found = places(lines, old, way, max(start, len(lines) - len(old)) if hunk.at_end else start)
        if len(found) > 1:
            found = _after_anchors(lines, hunk, found, start)
        if len(found) > 1:
            raise Refused(f"it fits {len(found)} places ({candidates(lines, found)}): add context, or an @@ line")
        if found:
            return _Fit(found[0], way)
    raise Refused(_missing(lines, hunk, start))


def _missing(lines: Sequence[str], hunk: Hunk, start: int) -> str:
    where = f" behind line {start}" if start else ""
    first = next((line for line in hunk.old if line.strip()), "an empty line")
    said = f"its lines, from {shorten(first)!r} on, were not found{where}"
    if hunk.at_end:
        said += " at the end of the file"
    close = resembling(lines, hunk.old)
    return f"{said}; most like the first is {close}" if close else said


def _after_anchors(lines: Sequence[str], hunk: Hunk, found: list[int], start: int) -> list[int]:
    """Of these places, each that is the first behind a place of the anchors; all of them when that leaves none."""
    return _firsts(found, _anchored(lines, hunk.anchors, start)) or found


def _anchored(lines: Sequence[str], anchors: Sequence[str], start: int) -> list[int]:
    """Where the last anchor stands: behind each place of the first one, the first place of the next, and so on."""
    behind: list[int] = []
    for number, anchor in enumerate(anchors):
        own = [at for at in range(start, len(lines)) if lines[at].strip() == anchor]
        own = own or [at for at in range(start, len(lines)) if anchor in lines[at]]
        behind = _firsts(own, [at + 1 for at in behind]) if number else own
    return behind


def _firsts(found: Sequence[int], lows: Sequence[int]) -> list[int]:
    """For each of ``lows`` the first of ``found``, which is sorted, that is not below it."""
    indexes = {bisect_left(found, low) for low in lows}
    return [found[index] for index in sorted(indexes) if index < len(found)]


def _insertion(lines: Sequence[str], hunk: Hunk, start: int) -> int:
    """Where a hunk that only adds goes: behind its anchor, or to the end."""
    if hunk.at_end or not lines:
        return len(lines)
    if not hunk.anchors:
        raise Refused("it only adds lines: give a line of context, an @@ line or *** End of File")
    behind = _anchored(lines, hunk.anchors, start)
    if len(behind) != 1:
        told = f"stands at {len(behind)} places ({candidates(lines, behind)})" if behind else "was not found"
        raise Refused(f"the line {hunk.anchors[-1]!r} {told}")
    return behind[0] + 1
