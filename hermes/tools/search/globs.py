"""Globs as .gitignore files and ripgrep's ``--glob`` mean them. Standard library only: ``walk`` runs without the rest.

Rules:

1. ``*`` and ``?`` stop at a slash, ``**`` between slashes does not; ``[...]``, ``{a,b}`` and a backslash are known.
2. A glob without a slash, or with one at its end alone, means a name at any depth; any other is anchored to its folder.
3. One that ends with a slash means folders only; one that begins with ``!`` takes back what others said.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Glob:
    """One line of an ignore file, or one ``--glob``."""

    pattern: re.Pattern[str]
    """Of the whole path below its folder."""
    negated: bool
    folders_only: bool

    def matches(self, path: str, *, folder: bool) -> bool:
        """``path`` is below the glob's folder, without a slash at its beginning."""
        return (folder or not self.folders_only) and self.pattern.fullmatch(path) is not None


def parse_glob(text: str) -> Glob:
    """Raises ``ValueError`` when it is no glob."""
    negated = text.startswith("!")
    body = text[1:] if negated else text
    folders_only = body.endswith("/") and not body.endswith("\\/")
    body = body[:-1] if folders_only else body
    anchored = "/" in body
    body = body.removeprefix("/")
    if not body:
        raise ValueError(f"{text!r} is no glob")
    if not anchored:
        body = f"**/{body}"
    if body.endswith("/**"):
        body += "/*"
    return Glob(re.compile("".join(_translate(body)), re.DOTALL), negated, folders_only)


def parse_ignore_file(text: str) -> tuple[Glob, ...]:
    """The globs of a .gitignore, in order; a line that is none is passed over, as git does."""
    return tuple(_ignore_lines(text.removeprefix("\ufeff").splitlines()))


def _ignore_lines(lines: Iterable[str]) -> Iterator[Glob]:
    for line in lines:
        stripped = line if line.endswith("\\ ") else line.rstrip()
        if not stripped or stripped.startswith("#"):
            continue
        try:
            yield parse_glob(stripped)
        except (ValueError, re.error):
            continue


_TOKEN = re.compile(r"(?P<folders>(?:(?<=/)|^)\*\*/)|\[(?P<class>[!^]?\]?[^\]]*)\]|\\?.", re.DOTALL)
_MEANINGS = {"*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")"}


def _translate(glob: str) -> Iterator[str]:
    """Pieces of a regular expression. Raises ``ValueError``."""
    depth = 0
    for match in _TOKEN.finditer(glob):
        token = match[0]
        depth += {"{": 1, "}": -1}.get(token, 0)
        if depth < 0 or token == "[":
            raise ValueError(f"{glob!r} is no glob: a bracket or a brace has no other")
        if match["folders"]:
            yield "(?:.*/)?"
        elif match["class"] is not None:
            yield _class(match["class"])
        elif token == "," and depth:
            yield "|"
        else:
            yield _MEANINGS.get(token) or re.escape(token[-1])
    if depth:
        raise ValueError(f"{glob!r} is no glob: it leaves a brace open")


def _class(body: str) -> str:
    negated = body[:1] in {"!", "^"}
    inner = re.sub(r"([\\\[\]^&~|])", r"\\\1", body[1:] if negated else body)
    return f"(?!/)[{'^' if negated else ''}{inner}]"
