"""What a search printed, as a model is told it: a page of it, by file, redacted and bounded. Pure.

Rules:

1. What does not read like an answer is passed over; when nothing else came, it is the error of the program.
2. Output that was cut counts up to the cut, and the cut is told.
3. The lines of a file are redacted together, so that a secret of several lines is recognised, and cut after that.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from attrs import frozen

from hermes.agent.ports import CommandOutput
from hermes.redact import Redactor
from hermes.tools.commands.output import OUTPUT_CHARACTERS, clean
from hermes.tools.search.command import Mode

LINE_CHARACTERS = 500
"""Of a line that is shown: enough to see what it is about; read_file shows more."""

_CUT = re.compile(r"\n\[\.\.\. \d+ bytes left out \.\.\.\]\n")
_LINE = re.compile(r"(\d+)([:-])(.*)", re.DOTALL)
_LONG = re.compile(r"\S* \[\.\.\. (?:omitted end of long line|\d+ more match(?:es)?)\]$")
_ERROR_CHARACTERS = 500


@frozen
class Hit:
    """One line of an answer."""

    path: str
    number: int = 0
    """Of the line; of a count, how many."""
    text: str = ""
    context: bool = False
    """A line around a match."""


@frozen
class Answer:
    hits: tuple[Hit, ...]
    cut: bool
    """There was more than could be kept, or it took too long."""
    error: str
    """What the program said when it gave no answer."""


@frozen
class Page:
    """Which of the answers to show: ``limit`` from ``offset`` (0 is the first) on, with lines around them."""

    offset: int
    limit: int
    context: int
    locate: Callable[[str], str]
    """A path of an answer, as the model is to write it."""


def read_answer(output: CommandOutput, mode: Mode, *, secret: Callable[[str], bool]) -> Answer:
    """Hits in the order in which they were printed, without those in files that are ``secret``."""
    text = output.output
    if output.truncated:
        # Behind the cut lies the end of the output, and the line in front of it is half a line.
        text = _CUT.split(text, 1)[0].rpartition("\0" if mode in {Mode.FILES, Mode.FILES_ONLY} else "\n")[0]
    hits = list(_hits(text, mode))
    hidden = {path for path in {hit.path for hit in hits} if secret(path)}
    shown = tuple(hit for hit in hits if hit.path not in hidden)
    # 0 and 1 are found and not found; ripgrep ends with 2 also when it could not read one of many files.
    failed = not hits and output.code not in {0, 1} and not output.timed_out
    return Answer(shown, output.truncated or output.timed_out, _error(text, output) if failed else "")


def _hits(text: str, mode: Mode) -> Iterator[Hit]:
    if mode in {Mode.FILES, Mode.FILES_ONLY}:
        yield from (Hit(_path(path)) for path in text.split("\0")[:-1])
        return
    for line in text.split("\n"):
        path, found, rest = line.partition("\0")
        if not found:
            continue
        if mode is Mode.COUNT and rest.isdecimal():
            yield Hit(_path(path), int(rest))
        elif mode is Mode.CONTENT and (match := _LINE.fullmatch(rest)):
            yield Hit(_path(path), int(match[1]), match[3].removesuffix("\r"), match[2] == "-")


def _path(printed: str) -> str:
    return printed.removeprefix("./")


def _error(text: str, output: CommandOutput) -> str:
    said = clean(text).strip()[:_ERROR_CHARACTERS]
    return said or f"the search ended by {f'signal {output.signal}' if output.code is None else f'code {output.code}'}"


def render(answer: Answer, mode: Mode, page: Page, redactor: Redactor) -> str:
    """A page of the answer, and in a last line what it is a page of."""
    found = [index for index, hit in enumerate(answer.hits) if not hit.context]
    chosen = found[page.offset : page.offset + page.limit]
    hits = _around(answer.hits, chosen, page.context)
    body = _by_file(hits, page.locate, redactor) if mode is Mode.CONTENT else _listed(hits, mode, page.locate)
    kept, shown = _bounded(body)
    return "\n".join((*kept, _foot(answer, len(found), page.offset, min(shown, len(chosen)), mode)))


def _around(hits: Sequence[Hit], chosen: Sequence[int], context: int) -> list[Hit]:
    """The chosen matches and the lines of context that belong to them."""
    indexes: set[int] = set(chosen)
    for index in chosen:
        for step in (-1, 1):
            at = index + step
            while 0 <= at < len(hits) and hits[at].context and _near(hits[index], hits[at], context):
                indexes.add(at)
                at += step
    return [hits[index] for index in sorted(indexes)]


def _near(hit: Hit, other: Hit, context: int) -> bool:
    return hit.path == other.path and abs(hit.number - other.number) <= context


def _listed(hits: Iterable[Hit], mode: Mode, locate: Callable[[str], str]) -> Iterator[tuple[str, bool]]:
    for hit in hits:
        yield f"{locate(hit.path)}: {hit.number}" if mode is Mode.COUNT else locate(hit.path), True


def _by_file(hits: Iterable[Hit], locate: Callable[[str], str], redactor: Redactor) -> Iterator[tuple[str, bool]]:
    """Lines, each with whether it is a match."""
    for path, group in groupby(hits, key=lambda hit: hit.path):
        of_file = list(group)
        texts = redactor.redact("\n".join(clean(_whole(hit.text)) for hit in of_file)).split("\n")
        yield locate(path), False
        previous = of_file[0].number
        for hit, text in zip(of_file, texts, strict=True):
            if hit.number > previous + 1 and any(each.context for each in of_file):
                yield "--", False
            previous = hit.number
            yield f"{hit.number}{'-' if hit.context else ':'} {_cut(text)}", not hit.context


def _whole(text: str) -> str:
    """Of a line that was cut, no half word: it may be half a secret."""
    return _LONG.sub("...", text)


def _cut(text: str) -> str:
    return text if len(text) <= LINE_CHARACTERS else text[:LINE_CHARACTERS] + "..."


def _bounded(lines: Iterable[tuple[str, bool]]) -> tuple[list[str], int]:
    """As many lines as fit, and how many of them are answers."""
    kept: list[str] = []
    size = answers = 0
    for line, is_answer in lines:
        size += len(line) + 1
        if size > OUTPUT_CHARACTERS:
            break
        kept.append(line)
        answers += is_answer
    return kept, answers


def _foot(answer: Answer, total: int, offset: int, shown: int, mode: Mode) -> str:
    what = "matches" if mode is Mode.CONTENT else "files"
    more = "; there are more: narrow the search" if answer.cut else ""
    if not shown:
        behind = f" from offset {offset} on, {total:,} in all" if total else ""
        return f"[no {what}{behind}{more}]"
    if offset == 0 and shown == total:
        return f"[{total:,} {what}{more}]"
    last = offset + shown
    following = f"; continue with offset={last}" if last < total else ""
    return f"[{what} {offset + 1}-{last} of {total:,}{following}{more}]"
