"""What expansions come to, as far as that is known without running anything: variables, braces, echo, printf."""

import re
from collections.abc import Mapping, Sequence

from attrs import define, frozen

from hermes.tools.danger.shell import Script, TooMuch, Word

UNKNOWN = "\x00"
"""The value of what only running would tell; no command holds this character."""

# One word that expands to more is written to hide something, or costs more to judge than to refuse.
_MOST_WORDS = 64
_MOST_MARKS = 512
# Braces of brace expansion, told apart from quoted ones until the word is whole.
OPEN, COMMA, CLOSE = "\ue000", "\ue001", "\ue002"
# A blank that came with a value, where it separates words.
SPLIT = "\ue003"
_MARK = re.compile(f"[{OPEN}{COMMA}{CLOSE}]")
# The parameters of a shell that was given none.
_NO_PARAMETERS = dict.fromkeys("123456789@*", "")
# Their values are a convention and no trick: they do not make a word computed.
FIXED = {"HOME": "~", "PWD": ".", "IFS": " "}
# Values that feed on each other ("b=$a$a; c=$b$b") would grow without end.
_LONGEST_VALUE = 4096
_MOST_EXPANDED = 65536
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)\+?=")


@define
class Variables:
    """The variables whose values are known, as the reader walks through the text."""

    values: dict[str, str]
    spent: int = 0
    """Characters that expansions have put in so far."""

    @classmethod
    def of(cls, known: Mapping[str, str]) -> "Variables":
        return cls({"0": "bash", **_NO_PARAMETERS, **FIXED, **known})

    def get(self, name: str) -> str:
        """The value of ``name``, or ``UNKNOWN``."""
        value = self.values.get(name, UNKNOWN)
        self.spent += len(value)
        return value if self.spent < _MOST_EXPANDED else UNKNOWN

    def put(self, name: str, value: str) -> None:
        self.values[name] = value if len(value) <= _LONGEST_VALUE else UNKNOWN

    def forget_parameters(self) -> None:
        """From here on ``$1`` and its like are those of a function, or were set."""
        for name in _NO_PARAMETERS:
            self.values[name] = UNKNOWN

    def assign(self, word: Word) -> None:
        """Take in ``NAME=value``."""
        self.put(assigned(word), word.text.partition("=")[2] if word.text == word.bare else UNKNOWN)

    def loop_over(self, name: str, word: Word, *, first: bool) -> None:
        """``for name in ... word``: the variable stands for all of them."""
        earlier = "" if first else self.values.get(name, UNKNOWN) + " "
        self.put(name, UNKNOWN if earlier.startswith(UNKNOWN) or word.text != word.bare else earlier + word.text)


def is_assignment(text: str) -> bool:
    return _ASSIGNMENT.match(text) is not None


def assigned(word: Word) -> str:
    """The name that ``word`` assigns to, or an empty string."""
    match = _ASSIGNMENT.match(word.text)
    return match[1] if match else ""


def braces(text: str) -> list[str]:
    """Brace expansion; braces that expand come as private characters, and those that do not are put back.

    Raises ``TooMuch``.
    """
    pending, done = [text], list[str]()
    while pending:
        item = pending.pop()
        group = _first_group(item) if len(pending) + len(done) < _MOST_WORDS else None
        if group is None:
            done.append(item.replace(OPEN, "{").replace(COMMA, ",").replace(CLOSE, "}"))
            continue
        cuts = [*group.cuts, group.end]
        choices = [item[start + 1 : end] for start, end in zip([group.start, *group.cuts], cuts, strict=True)]
        pending.extend(item[: group.start] + choice + item[group.end + 1 :] for choice in reversed(choices))
    return done


@frozen
class _Group:
    start: int
    end: int
    cuts: tuple[int, ...]
    """Where its commas are."""


def _first_group(text: str) -> _Group | None:
    """The leftmost pair of braces with a comma of its own between them."""
    if OPEN not in text:
        return None
    marks = list(_MARK.finditer(text))
    if len(marks) > _MOST_MARKS:
        raise TooMuch
    found: list[_Group] = []
    opened: list[tuple[int, list[int]]] = []
    for mark in marks:
        if mark[0] == OPEN:
            opened.append((mark.start(), []))
        elif opened and mark[0] == COMMA:
            opened[-1][1].append(mark.start())
        elif opened:
            start, cuts = opened.pop()
            found.append(_Group(start, mark.start(), tuple(cuts)))
    return min((group for group in found if group.cuts), key=lambda group: group.start, default=None)


_SIMPLE_ESCAPES = {
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    "E": "\x1b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}
_ESCAPE = re.compile(
    r"\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})|c(.)|(.))", re.DOTALL
)


def decode_ansi_c(text: str) -> str:
    """The inside of ``$'...'`` after its escapes."""
    return _ESCAPE.sub(_unescaped, text)


def _unescaped(match: re.Match[str]) -> str:
    two, four, eight, octal, control, other = match.groups()
    if control:
        return chr(ord(control) & 0x1F)
    if other:
        return _SIMPLE_ESCAPES.get(other, other)
    number = int(octal, 8) & 0xFF if octal else int(two or four or eight, 16)
    return chr(number) if number <= 0x10FFFF else ""


@frozen
class _Printed:
    program: str
    arguments: tuple[Word, ...]


def output_of(script: Script) -> str:
    """What ``$(...)`` gives when it only prints known words; ``UNKNOWN`` otherwise."""
    if [[word.text for word in command.words] for command in script.commands] == [["pwd"]]:
        return FIXED["PWD"]
    printed = _printing(script)
    if printed is None or any(word.text != word.bare for word in printed.arguments):
        return UNKNOWN
    texts = [word.text for word in printed.arguments]
    if printed.program == "printf":
        return format_printf(texts)
    options = len(texts) - len(list(_without_options(texts)))
    text = " ".join(texts[options:])
    escapes = any("e" in option for option in texts[:options])
    return (decode_ansi_c(text) if escapes else text).rstrip("\n")


def _printing(script: Script) -> _Printed | None:
    if len(script.commands) != 1 or not script.commands[0].words or script.commands[0].redirects:
        return None
    program, *arguments = script.commands[0].words
    return _Printed(program.text, tuple(arguments)) if program.text in {"echo", "printf"} else None


def _without_options(texts: Sequence[str]) -> Sequence[str]:
    index = 0
    while index < len(texts) and re.fullmatch(r"-[neE]+", texts[index]):
        index += 1
    return texts[index:]


def format_printf(texts: Sequence[str]) -> str:
    """The output of ``printf`` for formats of plain text and ``%s``; ``UNKNOWN`` for others."""
    if not texts or texts[0].startswith("-"):
        return UNKNOWN
    pieces = re.split(r"%[sb]", decode_ansi_c(texts[0]))
    if any("%" in piece for piece in pieces):
        return UNKNOWN
    if len(pieces) == 1:
        return pieces[0].rstrip("\n")
    values = iter(texts[1:])
    out = pieces[0]
    for piece in pieces[1:]:
        out += next(values, "") + piece
    rest = list(values)
    return (out + "".join(rest)).rstrip("\n")
