"""The notes of one file as a list of entries, and the three ways to change it. Pure.

Rules:

1. Entries are joined by a line that holds only ``§``. No entry is empty, none holds such a line, none stands twice.
2. A file has a limit in characters, the lines between included. Only a change that makes a too long file shorter may
   leave it too long.
3. An entry that is changed or removed is named by words that it alone holds.
4. Doing what is done already is no error, so that a call may be repeated: adding what stands there, replacing by what
   stands there.
"""

import re

from hermes.agent.injection import find_injection

DELIMITER = "\n§\n"
_BETWEEN = re.compile(r"(?:\A|\n)[ \t]*§[ \t]*(?=\n|\Z)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
# Enough to choose between entries that hold the same words.
_SHOWN = 80

Entries = tuple[str, ...]


class NotKept(Exception):
    """The change is refused; the text tells the model why, and what to do."""


def parse(text: str) -> Entries:
    """The entries of a file, as a person may have edited it."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n")
    return tuple(dict.fromkeys(entry.strip() for entry in _BETWEEN.split(lines) if entry.strip()))


def joined(entries: Entries) -> str:
    return DELIMITER.join(entries)


def usage(entries: Entries, limit: int) -> str:
    """How full the file is, in words."""
    return f"{len(joined(entries)):,} of {limit:,} characters"


def add(entries: Entries, content: str, limit: int) -> Entries:
    """Raises ``NotKept``."""
    entry = _checked(content)
    return entries if entry in entries else _fitting(entries, (*entries, entry), limit)


def replace(entries: Entries, old_text: str, content: str, limit: int) -> Entries:
    """Raises ``NotKept``."""
    entry = _checked(content)
    if entry in entries and not _holding(entries, old_text):
        return entries
    old = _only(entries, old_text)
    return _fitting(entries, tuple(dict.fromkeys(entry if one == old else one for one in entries)), limit)


def remove(entries: Entries, old_text: str) -> Entries:
    """Raises ``NotKept``."""
    old = _only(entries, old_text)
    return tuple(one for one in entries if one != old)


def _checked(content: str) -> str:
    entry = content.replace("\r\n", "\n").strip()
    if not entry:
        raise NotKept("content is empty.")
    if _BETWEEN.search(entry):
        raise NotKept("An entry holds no line of a lone §: add one entry at a time.")
    if _CONTROL.search(entry):
        raise NotKept("An entry holds no control characters.")
    problem = find_injection(entry)
    if problem:
        raise NotKept(f"This would stand in the prompt of every later session, and {problem}.")
    return entry


def _fitting(before: Entries, after: Entries, limit: int) -> Entries:
    size = len(joined(after))
    if size > limit and size >= len(joined(before)):
        raise NotKept(
            f"It would have {size:,} characters, and {limit:,} is the most. Make room first: remove what is out of "
            f"date, or replace entries by shorter ones. What stands there:\n{joined(before) or '(nothing)'}"
        )
    return after


def _only(entries: Entries, old_text: str) -> str:
    found = _holding(entries, old_text)
    if not found:
        raise NotKept(f"No entry holds these words. What stands there:\n{joined(entries) or '(nothing)'}")
    if len(found) > 1:
        shown = "\n".join(f"- {_short(one)}" for one in found)
        raise NotKept(f"{len(found)} entries hold these words; give more of the one that is meant:\n{shown}")
    return found[0]


def _holding(entries: Entries, old_text: str) -> list[str]:
    wanted = old_text.replace("\r\n", "\n").strip()
    if not wanted:
        raise NotKept("old_text is empty: give words that only the entry in question holds.")
    return [wanted] if wanted in entries else [one for one in entries if wanted in one]


def _short(entry: str) -> str:
    line = " ".join(entry.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
