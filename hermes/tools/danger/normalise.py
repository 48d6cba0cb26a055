"""The texts that a command may be taken for: as it stands, and as a person or another program would see it.

Both are judged and the worse counts. Taking characters out can also take a command out (``ESC ] ; rm -rf / ; BEL``),
so what is cleaned never replaces the text itself.
"""

import re
import unicodedata

_TERMINAL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, cursor
    r"|\x1b\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)"  # titles, links
    r"|\x1b[PX^_][^\x1b]{0,4096}\x1b\\"
    r"|\x1b[ -/]*[0-~]"
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# Not shown, or shown so that the text reads in another order.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f\u205f-\u206f\u2800"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Part of emoji that people write.
_JOINERS = re.compile("[\u200d\ufe0f]")
# Quotes only in looks: taken for real ones they would open a quotation that bash does not see.
_WIDE_QUOTES = re.compile("[\uff02\uff07\uff40]")
# What looks like a letter, a dash or a slash of ASCII. A shell does not take it for one; who reads the command does.
_ALIKE = str.maketrans(
    "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2044\u2215\u29f8\u0430\u0435\u043e\u0440\u0441\u0445\u0443\u0456\u0458\u0455\u043a\u043c"
    "\u0442\u0432\u043d\u0433\u0501\u051b\u03bf\u03b1\u03c1\u03bd\u0131\u0261",
    "-------///aeopcxyijskmtbhrdqoapvig",
)
_CARRIAGE_RETURNS = re.compile(r"\r+\n")


def strip_terminal(text: str) -> str:
    """``text`` without the sequences that steer a terminal."""
    return _TERMINAL.sub("", text) if "\x1b" in text or "\x9b" in text else text


def strip_control(text: str) -> str:
    """``text`` without control characters other than newline and tab."""
    return _CONTROL.sub("", text)


def has_hidden(text: str) -> bool:
    """Whether a person who is shown ``text`` would not see all of it. Line ends of other systems do not count."""
    text = _JOINERS.sub("", _CARRIAGE_RETURNS.sub("\n", text))
    return bool(_CONTROL.search(text) or _INVISIBLE.search(text))


def show_hidden(text: str) -> str:
    """``text`` with what is not shown written out as escapes."""
    return _INVISIBLE.sub(_escape, _CONTROL.sub(_escape, text))


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


def readings(text: str) -> list[str]:
    """The distinct texts to judge."""
    plain = text.replace("\0", "")
    cleaned = _WIDE_QUOTES.sub("_", strip_control(_INVISIBLE.sub("", strip_terminal(plain))))
    shown = unicodedata.normalize("NFKC", cleaned.translate(_ALIKE))
    return list(dict.fromkeys((plain, _CARRIAGE_RETURNS.sub("\n", plain), shown)))
