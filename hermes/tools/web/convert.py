"""HTML to markdown, as a program of its own: ``python -m hermes.tools.web.convert FILE BASE [CHARSET]``.

A page that is made to be hard to read (deep, huge, endless attributes) costs this process its limits of memory and
time, and the gateway nothing. It prints one JSON object, the fields of ``Converted``. Rules:

1. Left out: scripts, styles, forms, frames, navigation, and what a reader of the page would not see (``hidden``,
   ``display: none``, ``aria-hidden``): text for machines alone is how pages steer agents.
2. Links are absolute. Pictures are told by their description.
3. Elements that are nested deeper than ``MOST_DEPTH`` become plain text: the libraries recurse.
"""

import json
import logging
import re
import resource
import sys
import warnings
from pathlib import Path
from urllib.parse import urljoin

from attrs import asdict, frozen
from bs4 import BeautifulSoup, Tag
from bs4.element import PreformattedString
from bs4.exceptions import ParserRejectedMarkup
from markdownify import MarkdownConverter

MOST_DEPTH = 100
MOST_CHARACTERS = 500_000
MOST_TITLE = 300
# Bytes, without scripts: ten times what is shown. The libraries take some 10 s for a megabyte on a busy machine.
MOST_HTML = 500_000
# Five times what the hardest page of that size was seen to take.
_MEMORY_BYTES = 1024 * 1024 * 1024
_CPU_SECONDS = 20

_UNSEEN = [
    "script", "style", "noscript", "template", "iframe", "frame", "object", "embed", "svg", "canvas", "input",
    "button", "select", "textarea", "dialog", "nav", "footer", "audio", "video", "map", "head", "title",
]  # fmt: skip
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden")
# The converter's patterns look at each blank of a run anew.
_LONG_BLANKS = re.compile(rb"[ \t]{100,}")
_BLANK_LINES = re.compile(r"\n\s*\n\s*\n+")


@frozen
class Converted:
    """What a page says."""

    title: str
    text: str
    whole: bool
    """False: it was cut at ``MOST_HTML`` or ``MOST_CHARACTERS``."""


def convert(html: bytes, base: str, charset: str = "") -> Converted:
    """Title and text of a page."""
    bare = _bare(html)
    soup = _parsed(bare[:MOST_HTML], charset)
    title = " ".join(soup.title.get_text(" ").split()) if soup.title else ""
    base = _own_base(soup, base)
    _drop_unseen(soup)
    _flatten(soup)
    _simplify(soup, base)
    _narrow(soup)
    main = soup.find("main") or soup.find("article")
    part = main if isinstance(main, Tag) and len(main.get_text()) > len(soup.get_text()) // 4 else soup
    markdown = MarkdownConverter(heading_style="ATX", bullets="-", wrap=False).convert_soup(part)
    text = _BLANK_LINES.sub("\n\n", markdown).strip()
    whole = len(bare) <= MOST_HTML and len(text) <= MOST_CHARACTERS
    return Converted(title[:MOST_TITLE], text[:MOST_CHARACTERS], whole)


def _bare(html: bytes) -> bytes:
    """Without what is most of many pages and none of their text, so that the text comes before the cut."""
    for name in (b"script", b"style", b"svg"):
        html = _without(html, b"<" + name, b"</" + name)
    return _LONG_BLANKS.sub(b" ", html)


def _without(html: bytes, opening: bytes, closing: bytes) -> bytes:
    """Each end stays, which means nothing by itself; a beginning without an end is left to the parser."""
    lowered = html.lower()
    kept: list[bytes] = []
    place = 0
    while (start := lowered.find(opening, place)) >= 0 and (end := lowered.find(closing, start)) >= 0:
        kept.append(html[place:start])
        place = end
    return b"".join((*kept, html[place:]))


def _parsed(html: bytes, charset: str) -> BeautifulSoup:
    try:
        return BeautifulSoup(html, "html.parser", from_encoding=charset or None)
    except ParserRejectedMarkup:
        # A declaration without an end, which the parser will not guess at.
        return BeautifulSoup(html.replace(b"<![", b"&lt;!["), "html.parser", from_encoding=charset or None)


def _own_base(soup: BeautifulSoup, base: str) -> str:
    told = soup.find("base", href=True)
    return _joined(base, str(told["href"])) if isinstance(told, Tag) else base


def _drop_unseen(soup: BeautifulSoup) -> None:
    # Comments, declarations, CDATA and their kin.
    for markup in soup.find_all(string=lambda text: isinstance(text, PreformattedString)):
        markup.extract()
    for tag in soup.find_all(_is_unseen):
        if not tag.decomposed:
            tag.decompose()


def _is_unseen(tag: Tag) -> bool:
    return (
        tag.name in _UNSEEN
        or tag.has_attr("hidden")
        or str(tag.get("aria-hidden", "")).lower() == "true"
        or _HIDDEN_STYLE.search(str(tag.get("style", "")).lower()) is not None
    )


def _flatten(soup: BeautifulSoup) -> None:
    waiting: list[tuple[Tag, int]] = [(soup, 0)]
    while waiting:
        tag, depth = waiting.pop()
        children = [child for child in tag.children if isinstance(child, Tag)]
        if depth >= MOST_DEPTH and children:
            tag.string = tag.get_text(" ")
        else:
            waiting += ((child, depth + 1) for child in children)


def _simplify(soup: BeautifulSoup, base: str) -> None:
    for image in soup.find_all("img"):
        described = " ".join(str(image.get("alt", "")).split())
        image.replace_with(f"[picture: {described}]" if described else "")
    for link in soup.find_all("a", href=True):
        target = _joined(base, str(link["href"]))
        if target.startswith(("http://", "https://", "mailto:")):
            link["href"] = target
        else:
            link.unwrap()


def _narrow(soup: BeautifulSoup) -> None:
    """A cell that spans a thousand columns would become a thousand cells."""
    for cell in soup.find_all(["td", "th"], colspan=True):
        if not re.fullmatch(r"[0-9]|1[0-9]", str(cell["colspan"])):
            del cell["colspan"]


def _joined(base: str, target: str) -> str:
    try:
        return urljoin(base, target.strip())
    except ValueError:
        return ""


def _limit(kind: int, amount: int) -> None:
    """Never above what this process was given: that would be refused."""
    _, most = resource.getrlimit(kind)
    amount = amount if most == resource.RLIM_INFINITY else min(amount, most)
    resource.setrlimit(kind, (amount, amount))


def main(arguments: list[str]) -> None:
    _limit(resource.RLIMIT_AS, _MEMORY_BYTES)
    _limit(resource.RLIMIT_CPU, _CPU_SECONDS)
    # Guesses about the page would go to the stream of the answer.
    warnings.simplefilter("ignore")
    logging.disable()
    path, base, charset = (*arguments, "")[:3]
    sys.stdout.write(json.dumps(asdict(convert(Path(path).read_bytes(), base, charset))))


if __name__ == "__main__":
    main(sys.argv[1:])
