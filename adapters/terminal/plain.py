"""Pure: text that a terminal shows and does not obey.

A model, a tool's output or a web page may hold escape sequences: they could move the cursor over an approval, set
the clipboard or answer in the person's place. Nothing passes to the terminal but what is made here.

Rules:

1. ``harmless`` keeps what people write in all scripts, tabs and line breaks, and spells the rest out.
2. ``exact`` is for what a person decides on: every character that cannot be seen is spelled out, so that two commands
   that look alike are alike.
"""

import re
from collections.abc import Callable

_TAB = "    "

# Controls of C0 and C1 apart from tab and newline; the signs that reorder what is shown (Unicode's bidirectional
# algorithm, UAX 9); line and paragraph separators; half surrogate pairs, which no terminal can be sent.
_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)

_SEQUENCE = re.compile(
    "\x1b(?:"
    r"\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    "|[\\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\\\)"  # OSC and kin, with their texts
    "|[ -/]*[0-~]"
    ")"
)


def harmless(text: str) -> str:
    """``text`` for the screen: whole escape sequences are dropped, single signs are spelled out."""
    text = text.replace("\r\n", "\n")
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return _replace(_OBEYED, _spell, _SEQUENCE.sub("", text)).replace("\t", _TAB)


def exact(text: str) -> str:
    """``text`` with everything that cannot be seen spelled out, newlines apart."""
    return "".join(sign if sign == "\n" or sign.isprintable() else _spell(sign) for sign in text)


def one_line(text: str, limit: int) -> str:
    """The text on one line of at most ``limit`` characters, everything invisible spelled out."""
    line = exact(" ".join(text.split()))
    return line if len(line) <= limit else line[: max(0, limit - 1)] + "…"


def _replace(pattern: re.Pattern[str], spell: Callable[[str], str], text: str) -> str:
    return pattern.sub(lambda found: spell(found.group()), text)


def _spell(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")
