"""The .env file: NAME=VALUE lines for keys and tokens.

1. ``export NAME=VALUE`` is the same. A value may stand in single or double quotes and may then hold line breaks;
   without quotes it ends at the end of the line or before a `` #``. Double quotes know the escapes of ``_ESCAPES``,
   single quotes only the backslash and the quote itself.
2. Nothing is replaced inside values, and the last line of a name counts.
3. A line that cannot be read is told with its number, never with its contents, and the others count.
"""

import re
import stat
from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen

from hermes.config.files import read_snapshot
from hermes.config.notice import Notice

_IGNORED = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_NAME = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*")
_SINGLE = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_BARE = re.compile(r"[^\n]*")
_COMMENT = re.compile(r"(?:^|[ \t]+)#.*")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "'": "'", "$": "$"}


@frozen
class EnvFile:
    """What the file says."""

    values: Mapping[str, str] = field(repr=False)
    notices: tuple[Notice, ...]


def read_env_file(path: Path) -> EnvFile:
    """Read ``path``; one that does not exist is empty. Raises ``ConfigError`` when it cannot be read."""
    file = read_snapshot(path)
    # As os.environ does it: bytes that are no UTF-8 survive a round trip to a child process.
    values, bad_lines = parse_env(file.content.decode("utf-8", "surrogateescape"))
    cure = "expected NAME=VALUE (quotes must be closed); the line is not used"
    notices = [Notice(f"{path}:{line}: {cure}", file=str(path)) for line in bad_lines]
    if file.mode & stat.S_IROTH:
        notices.append(Notice(f"{path} can be read by everybody: chmod 600 {path}", file=str(path)))
    return EnvFile(values, tuple(notices))


def parse_env(text: str) -> tuple[dict[str, str], list[int]]:
    """The values by name, and the numbers (from 1) of lines that could not be read."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    values: dict[str, str] = {}
    bad_lines: list[int] = []
    position = 0
    while position < len(text):
        if ignored := _IGNORED.match(text, position):
            position = ignored.end()
            continue
        read = _binding(text, position)
        if read is None:
            bad_lines.append(text.count("\n", 0, position) + 1)
            position = _next_line(text, position)
        else:
            name, values[name], position = read[0], read[1], read[2]
    return values, bad_lines


def _binding(text: str, start: int) -> tuple[str, str, int] | None:
    """Name, value and where the next line begins; None when the line cannot be read."""
    name = _NAME.match(text, start)
    if name is None:
        return None
    for quoted in (_SINGLE, _DOUBLE):
        if text[name.end() : name.end() + 1] == quoted.pattern[0]:
            found = quoted.match(text, name.end())
            rest = _IGNORED.match(text, found.end()) if found else None
            if found is None or rest is None:
                return None
            return _checked(name[1], _unescape(found[1], only="\\'" if quoted is _SINGLE else ""), rest.end())
    bare = _BARE.match(text, name.end())
    value = _COMMENT.sub("", bare[0]).strip() if bare else ""
    return _checked(name[1], value, _next_line(text, name.end()))


def _checked(name: str, value: str, end: int) -> tuple[str, str, int] | None:
    """An environment cannot hold a zero byte."""
    return None if "\0" in value else (name, value, end)


def _unescape(text: str, *, only: str) -> str:
    def one(match: re.Match[str]) -> str:
        known = match[1] in (only or _ESCAPES)
        return _ESCAPES[match[1]] if known else match[0]

    return re.sub(r"\\(.)", one, text, flags=re.DOTALL)


def _next_line(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end + 1
