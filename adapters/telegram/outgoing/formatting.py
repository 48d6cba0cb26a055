"""Markdown as Telegram shows it: plain text, and where in it something is bold, code or a link. Pure.

Rules:

1. Markup travels as entities beside the text, never as marks inside it. So nothing needs to be escaped, and no text can
   break the markup of another.
2. What is rendered is never longer than its source, so that a text that was split to fit still fits.
3. What is not markup for certain stays as it was written.
4. No pattern gives two ways to read a run of blanks: the time for a line must not grow with their number's square.

Offsets and lengths are UTF-16 units, as Telegram counts.
"""

import re
from collections.abc import Iterator

from attrs import define, field, frozen
from telegram import MessageEntity

from hermes.split import units

# Telegram looks at this many entities of a message and drops the rest.
MOST_ENTITIES = 100

# Marks inside marks; deeper ones are shown as they were written.
_DEEPEST = 4

_MARKS = re.compile(r"[`*_~\[#>|\\-]")
_UNSEEN = dict.fromkeys((*(set(range(0x20)) - {0x09, 0x0A}), 0x7F))

_FENCE = re.compile(r"[ \t]*+(`{3,}+|~{3,}+)[ \t]*+([\w+#.-]{0,32})[^`\n]*+")
_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(\S.*)")
_RULE = re.compile(r" {0,3}(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,}")
_ITEM = re.compile(r"(\s*)[-*+][ \t]+(?=\S)(.*)")
_QUOTE = re.compile(r" {0,3}> ?(.*)")
_TABLE_LINE = re.compile(r"[ \t]*\|.*")
_TABLE_RULE = re.compile(r"[ \t]*(?:\|[ \t]*)?(?::?-+:?[ \t]*\|[ \t]*)+:?-*:?[ \t]*")

_INLINE = re.compile(
    r"(?P<escape>\\[!-/:-@\[-`{-~])"
    r"|(?<!`)(?P<ticks>`++)(?P<code>[^`\n]+|[^\n]+?)(?P=ticks)(?!`)"
    r"|\*\*\*(?=\S)(?P<both>[^\n]+?)(?<=\S)\*\*\*"
    r"|\*\*(?=\S)(?P<bold>[^\n]+?)(?<=\S)\*\*(?!\*)"
    r"|(?<!\w)__(?=\S)(?P<bold2>[^\n]+?)(?<=\S)__(?!\w)"
    r"|~~(?=\S)(?P<strike>[^\n]+?)(?<=\S)~~"
    r"|(?<![\w*])\*(?=[^\s*])(?P<italic>[^*\n]+?)(?<=\S)\*(?![\w*])"
    r"|(?<!\w)_(?=[^\s_])(?P<italic2>[^_\n]+?)(?<=\S)_(?!\w)"
    r"|!?\[(?P<label>[^\[\]\n]+)\]\((?P<url>(?:https?|tg|mailto):[^\s()<>]+(?:\([^\s()<>]*\)[^\s()<>]*)*)\)"
)

_STYLES = {
    "both": (MessageEntity.BOLD, MessageEntity.ITALIC),
    "bold": (MessageEntity.BOLD,),
    "bold2": (MessageEntity.BOLD,),
    "strike": (MessageEntity.STRIKETHROUGH,),
    "italic": (MessageEntity.ITALIC,),
    "italic2": (MessageEntity.ITALIC,),
}


@frozen
class Rendered:
    text: str
    entities: tuple[MessageEntity, ...] = ()


def visible(text: str) -> str:
    """``text`` without the control characters that Telegram drops, which would shift what stands behind them."""
    return text.translate(_UNSEEN)


def render(markdown: str) -> Rendered:
    """The text and its markup; the source itself where nothing would be left of it."""
    source = visible(markdown).strip("\n")
    if not _MARKS.search(source):
        return Rendered(source)
    page = _Page()
    _blocks(page, source.split("\n"))
    text = page.text.rstrip()
    if not text.strip():
        return Rendered(source)
    return Rendered(text, tuple(_within(page.entities, units(text)))[:MOST_ENTITIES])


@define
class _Page:
    """What is rendered so far."""

    pieces: list[str] = field(factory=list[str])
    length: int = 0
    entities: list[MessageEntity] = field(factory=list[MessageEntity])

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def put(self, text: str) -> None:
        self.pieces.append(text)
        self.length += units(text)

    def mark(self, kind: str, start: int, *, url: str | None = None, language: str | None = None) -> None:
        """What was put since ``start`` is of this kind."""
        if self.length > start:
            self.entities.append(MessageEntity(kind, start, self.length - start, url=url, language=language))


def _blocks(page: _Page, lines: list[str]) -> None:
    at = 0
    while at < len(lines):
        if at:
            page.put("\n")
        if (fence := _FENCE.fullmatch(lines[at])) is not None:
            at = _code(page, lines, at, fence)
        elif _QUOTE.fullmatch(lines[at]):
            at = _quote(page, lines, at)
        elif _is_table(lines, at):
            at = _table(page, lines, at)
        else:
            _line(page, lines[at])
            at += 1


def _code(page: _Page, lines: list[str], at: int, fence: re.Match[str]) -> int:
    """A fenced block; one that is not closed goes to the end. Returns where it goes on. Below an item of a list its
    lines are indented as its fence is, which is no part of the code."""
    end = at + 1
    while end < len(lines) and not _closes(lines[end], fence[1]):
        end += 1
    start = page.length
    page.put("\n".join(_outdented(line, fence.start(1)) for line in lines[at + 1 : end]))
    page.mark(MessageEntity.PRE, start, language=fence[2] or None)
    return end + 1


def _outdented(line: str, blanks: int) -> str:
    return line[:blanks].lstrip(" ") + line[blanks:]


def _closes(line: str, mark: str) -> bool:
    line = line.strip()
    return len(line) >= len(mark) and not line.strip(mark[0])


def _quote(page: _Page, lines: list[str], at: int) -> int:
    start = page.length
    first = at
    while at < len(lines) and (quote := _QUOTE.fullmatch(lines[at])) is not None:
        if at > first:
            page.put("\n")
        _inline(page, quote[1])
        at += 1
    page.mark(MessageEntity.BLOCKQUOTE, start)
    return at


def _is_table(lines: list[str], at: int) -> bool:
    return (
        at + 1 < len(lines)
        and _TABLE_LINE.fullmatch(lines[at]) is not None
        and _TABLE_RULE.fullmatch(lines[at + 1]) is not None
    )


def _table(page: _Page, lines: list[str], at: int) -> int:
    """In letters of one width, as it was written."""
    end = at
    while end < len(lines) and _TABLE_LINE.fullmatch(lines[end]):
        end += 1
    start = page.length
    page.put("\n".join(lines[at:end]))
    page.mark(MessageEntity.PRE, start)
    return end


def _line(page: _Page, line: str) -> None:
    start = page.length
    if (heading := _HEADING.fullmatch(line)) is not None:
        _inline(page, _unclosed(heading[1]))
        page.mark(MessageEntity.BOLD, start)
    elif _RULE.fullmatch(line):
        page.put("———")
    elif (item := _ITEM.fullmatch(line)) is not None:
        page.put(f"{item[1]}• ")
        _inline(page, item[2])
    else:
        _inline(page, line)


def _unclosed(heading: str) -> str:
    """A heading without the marks that may stand behind it, which a blank sets apart: "C#" is a name."""
    heading = heading.rstrip(" \t")
    bare = heading.rstrip("#")
    return bare.rstrip(" \t") if bare.endswith((" ", "\t")) else heading


def _inline(page: _Page, text: str, depth: int = 0) -> None:
    done = 0
    for match in _INLINE.finditer(text) if depth < _DEEPEST else ():
        page.put(text[done : match.start()])
        done = match.end()
        start = page.length
        kind = match.lastgroup or ""
        if kind == "escape":
            page.put(match["escape"][1:])
        elif match["code"] is not None:
            page.put(match["code"].strip() or match["code"])
            page.mark(MessageEntity.CODE, start)
        elif match["url"] is not None:
            _inline(page, match["label"], depth + 1)
            page.mark(MessageEntity.TEXT_LINK, start, url=match["url"])
        else:
            _inline(page, match[kind], depth + 1)
            for style in _STYLES[kind]:
                page.mark(style, start)
    page.put(text[done:])


def _within(entities: list[MessageEntity], length: int) -> Iterator[MessageEntity]:
    """What is left of them in a text that was cut to ``length``, in order."""
    for entity in sorted(entities, key=lambda each: (each.offset, -each.length)):
        if entity.offset >= length:
            continue
        if entity.offset + entity.length <= length:
            yield entity
        else:
            yield MessageEntity(
                entity.type, entity.offset, length - entity.offset, url=entity.url, language=entity.language
            )
