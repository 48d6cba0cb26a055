"""The commands that the offline model understands, from a person's words to what is to be done. Pure and deterministic.

A command is the whole message, its verb in any case. What matches none is ``Unknown``. Nothing is guessed: a wrong
guess that runs a command would cost more than a second try.
"""

import re
from collections.abc import Callable, Mapping

from attrs import frozen

MAX_COUNT = 10_000
# As long as a foreground command may run; /stop ends it sooner.
MAX_THINK = 600.0
# Seconds a word of "count to N slowly": long enough to interrupt, short enough to wait for.
SLOWLY = 0.05
# clarify takes no more.
_MAX_CHOICES = 4
# One reply that reads more has a typing error in it.
_MAX_FILES = 8

Arguments = Mapping[str, object]


@frozen
class Speak:
    """Say this, ``pause`` seconds a word."""

    text: str
    pause: float = 0.0


@frozen
class Wait:
    """Be silent for so many seconds, then say so."""

    seconds: float


@frozen
class Call:
    """Call a tool."""

    tool: str
    arguments: Arguments


@frozen
class Help:
    """Say what can be done."""


@frozen
class Unknown:
    text: str


Command = Speak | Wait | Call | Help | Unknown

HELP = (
    ("run COMMAND", "run a shell command", "terminal"),
    ("read FILE [from LINE] [and FILE ...]", "show files", "read_file"),
    ("write FILE: TEXT", "write a file", "write_file"),
    ("todo [STEP; STEP; ...]", "make the todo list, or show it", "todo"),
    ("ask QUESTION? [A, B, C]", "ask you something", "clarify"),
    ("remember TEXT", "keep something in mind", "memory"),
    ("say TEXT", "say it", ""),
    ("count to N [slowly]", "say the numbers, word by word", ""),
    ("think N", "wait for N seconds", ""),
    ("help", "show this list", ""),
)
"""Each command, what it does, and the tool that it needs."""

# What hermes/store/compose.py writes before a message.
_NOTES = re.compile(r"(?:\[(?:sent [^\]\n]{1,20} ago|This is the edited version[^\]\n]{0,60})\]\s*)+")
_QUOTES = {'"': '"', "'": "'", "`": "`"}


def parse(text: str) -> tuple[Command, ...]:
    """What a message asks for, in order. Never empty."""
    plain = text.strip()
    notes = _NOTES.match(plain)
    plain = plain[notes.end() :] if notes else plain
    verb, rest = [*plain.split(maxsplit=1), "", ""][:2]
    rule = _RULES.get(verb.lower())
    found = rule(rest) if rule else ()
    return found or (Unknown(text.strip()),)


def _run(rest: str) -> tuple[Command, ...]:
    return (Call("terminal", {"command": _unquoted(rest, "`")}),) if rest else ()


def _read(rest: str) -> tuple[Command, ...]:
    files = [rest] if rest[:1] in _QUOTES and rest[-1:] == rest[:1] else re.split(r"\s+and\s+", rest)
    if not rest or len(files) > _MAX_FILES:
        return ()
    return tuple(_read_one(file) for file in files)


def _read_one(file: str) -> Command:
    found = re.fullmatch(r"(.+?)\s+from\s+(?:line\s+)?(\d{1,9})", file, re.DOTALL | re.IGNORECASE)
    if found is None:
        return Call("read_file", {"path": _unquoted(file)})
    return Call("read_file", {"path": _unquoted(found[1]), "offset": max(1, int(found[2]))})


def _write(rest: str) -> tuple[Command, ...]:
    path, colon, content = rest.partition(":")
    if not (colon and path.strip()):
        return ()
    # The first blank belongs to the colon, the others to the text.
    content = content[1:] if content[:1] in {" ", "\n"} else content
    return (Call("write_file", {"path": _unquoted(path.strip()), "content": content}),)


def _todo(rest: str) -> tuple[Command, ...]:
    steps = [step.strip() for step in rest.split(";") if step.strip()]
    todos = [{"id": str(n), "content": step, "status": "pending"} for n, step in enumerate(steps, 1)]
    return (Call("todo", {"todos": todos} if todos else {}),)


def _ask(rest: str) -> tuple[Command, ...]:
    head, mark, tail = rest.partition("?")
    if not rest:
        return ()
    choices = [choice.strip() for choice in tail.split(",") if choice.strip()] if mark else []
    return (
        Call("clarify", {"question": head.strip() + mark, **({"choices": choices[:_MAX_CHOICES]} if choices else {})}),
    )


def _remember(rest: str) -> tuple[Command, ...]:
    return (Call("memory", {"action": "add", "target": "memory", "content": rest}),) if rest else ()


def _say(rest: str) -> tuple[Command, ...]:
    return (Speak(rest),) if rest else ()


def _count(rest: str) -> tuple[Command, ...]:
    found = re.fullmatch(r"to\s+(\d{1,9})(\s+slowly)?", rest, re.IGNORECASE)
    if found is None or not 1 <= int(found[1]) <= MAX_COUNT:
        return ()
    return (Speak(" ".join(map(str, range(1, int(found[1]) + 1))), SLOWLY if found[2] else 0.0),)


def _think(rest: str) -> tuple[Command, ...]:
    found = re.fullmatch(r"(?:for\s+)?(\d{1,6}(?:\.\d{1,3})?)\s*(?:s|seconds?)?", rest, re.IGNORECASE)
    return (Wait(min(float(found[1]), MAX_THINK)),) if found else ()


def _help(rest: str) -> tuple[Command, ...]:
    return () if rest.strip("?!. ") else (Help(),)


def _unquoted(text: str, marks: str = "\"'`") -> str:
    return text[1:-1] if len(text) > 2 and text[0] in marks and text[-1] == text[0] else text


_RULES: Mapping[str, Callable[[str], tuple[Command, ...]]] = {
    "run": _run,
    "read": _read,
    "write": _write,
    "todo": _todo,
    "ask": _ask,
    "remember": _remember,
    "say": _say,
    "count": _count,
    "think": _think,
    "help": _help,
}
