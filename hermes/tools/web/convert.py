"""HTML to markdown, as a program of its own: ``python -m hermes.tools.web.convert FILE BASE [CHARSET]``.

A page that is made to be hard to read (deep, huge, endless attributes) costs this process its limits of memory and
time, and the gateway nothing. It prints one JSON object with ``title`` and ``text``. Rules:

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

from bs4 import BeautifulSoup, Tag
from bs4.element import PreformattedString
from bs4.exceptions import ParserRejectedMarkup
from markdownify import MarkdownConverter

MOST_DEPTH = 100
MOST_CHARACTERS = 500_000
# A megabyte of HTML takes about 200 MB and 3 s on a slow machine.
_MEMORY_BYTES = 1024 * 1024 * 1024
_CPU_SECONDS = 20

_UNSEEN = [
    "script", "style", "noscript", "template", "iframe", "frame", "object", "embed", "svg", "canvas", "input",
    "button", "select", "textarea", "dialog", "nav", "footer", "audio", "video", "map", "head", "title",
]  # fmt: skip
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden")
_BLANK_LINES = re.compile(r"\n\s*\n\s*\n+")


def convert(html: bytes | str, base: str, charset: str = "") -> tuple[str, str]:
    """Title and text of a page."""
    soup = _parsed(html, charset)
    title = " ".join(soup.title.get_text(" ").split()) if soup.title else ""
    base = _own_base(soup, base)
    _drop_unseen(soup)
    _flatten(soup)
    _simplify(soup, base)
    _narrow(soup)
    main = soup.find("main") or soup.find("article")
    part = main if isinstance(main, Tag) and len(main.get_text()) > len(soup.get_text()) // 4 else soup
    text = MarkdownConverter(heading_style="ATX", bullets="-", wrap=False).convert_soup(part)
    return title, _BLANK_LINES.sub("\n\n", text).strip()[:MOST_CHARACTERS]


def _parsed(html: bytes | str, charset: str) -> BeautifulSoup:
    try:
        return _soup(html, charset)
    except ParserRejectedMarkup:
        # A declaration without an end, which the parser will not guess at.
        if isinstance(html, bytes):
            return _soup(html.replace(b"<![", b"&lt;!["), charset)
        return _soup(html.replace("<![", "&lt;!["), charset)


def _soup(html: bytes | str, charset: str) -> BeautifulSoup:
    encoding = charset if charset and isinstance(html, bytes) else None
    return BeautifulSoup(html, "html.parser", from_encoding=encoding)


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
    title, text = convert(Path(path).read_bytes(), base, charset)
    sys.stdout.write(json.dumps({"title": title[:300], "text": text}))


if __name__ == "__main__":
    main(sys.argv[1:])
