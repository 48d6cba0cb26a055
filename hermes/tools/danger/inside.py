"""What runs inside a call: the command of a wrapper, the text that a shell is given, what ``find`` repeats."""

import posixpath
import re
from collections.abc import Sequence

from attrs import evolve

from hermes.tools.danger.call import CONTAINERS, Call
from hermes.tools.danger.shell import Word, names
from hermes.tools.danger.wrappers import (
    JOINED,
    SCRIPT_OPTIONS,
    SHELL_OPTIONS,
    SHELLS,
    WRAPPERS,
    inner_words,
    option_values,
)

STDIN_NAMES = names("- /dev/stdin /dev/fd/0 /proc/self/fd/0")
_UNSEEN = Word("$arguments", "", computed=True)
"""Stands for the words that xargs or find put in."""


def inner_command(call: Call) -> list[Word]:
    """The command that a wrapper runs."""
    if call.program == "find":
        return _found(call)
    if call.program in CONTAINERS:
        return _in_container(call)
    wrapper = WRAPPERS.get(call.program)
    if wrapper is None:
        return []
    inner = inner_words(call.arguments, wrapper)
    if call.program not in {"xargs", "parallel"} or not inner:
        return inner
    marks = [word.text for word in option_values(call.arguments, ("-I", "--replace"))] or ["{}"]
    return [*(_replaced(word, marks[0], "$arguments") for word in inner), _UNSEEN]


def _replaced(word: Word, mark: str, by: str) -> Word:
    if not mark or mark not in word.text:
        return word
    return evolve(word, text=word.text.replace(mark, by), bare=word.bare.replace(mark, ""), computed=True)


def _found(call: Call) -> list[Word]:
    """What ``find`` runs on each of its finds; the finds stand as unseen, or as its roots when nothing filters them."""
    texts = call.texts
    start = next((index for index, text in enumerate(texts) if re.fullmatch(r"-(exec|ok)(dir)?", text)), None)
    if start is None:
        return []
    inner = call.arguments[start + 1 :]
    end = next((index for index, word in enumerate(inner) if word.text in {";", "+"}), len(inner))
    roots = find_roots(call)
    by = roots[0] if roots and not find_filters(call) else "$arguments"
    return [_replaced(word, "{}", by) for word in inner[:end]]


def find_roots(call: Call) -> list[str]:
    """Where a ``find`` begins."""
    roots: list[str] = []
    for text in call.texts:
        if text.startswith(("-", "(", "!")) and not re.fullmatch(r"-[HLPDO]\w*", text):
            break
        if not text.startswith("-"):
            roots.append(text)
    return roots or ["."]


_FIND_FILTER = re.compile(
    r"-(i?name|i?path|i?wholename|i?regex|i?lname|[acm](time|min)|newer\w*|size|user|group|uid|gid|empty|perm|inum|links"
    r"|nouser|nogroup|samefile|prune|fstype|used)"
)


def find_filters(call: Call) -> bool:
    """Whether a ``find`` chooses among what it meets."""
    return any(_FIND_FILTER.fullmatch(text) for text in call.texts)


def _in_container(call: Call) -> list[Word]:
    """The command of ``docker exec NAME command`` and its like; an image's own name is taken for the program's."""
    operands = [index for index, word in enumerate(call.arguments) if not word.text.startswith("-")]
    if not operands or call.texts[operands[0]] not in {"exec", "run"}:
        return []
    shells = [index for index in operands[1:] if posixpath.basename(call.texts[index]) in SHELLS]
    start = shells[0] if shells else operands[2] if len(operands) > 2 else len(call.arguments)
    return list(call.arguments[start:])


def inner_scripts(call: Call) -> list[tuple[Word, dict[str, str]]]:
    """Texts that are read by a shell, each with the parameters that it is given."""
    found: list[tuple[Word, dict[str, str]]] = []
    if call.program in SHELLS:
        found.extend(_shell_scripts(call))
    if call.program in JOINED:
        inner = inner_words(call.arguments, JOINED[call.program])
        found.append((_joined(inner), {}))
    if call.program in SCRIPT_OPTIONS:
        found.extend((word, {}) for word in option_values(call.arguments, SCRIPT_OPTIONS[call.program]))
    if call.program in {"source", "."} and call.stdin and set(call.operands[:1]) <= STDIN_NAMES:
        found.append((Word(call.stdin, call.stdin), {}))
    if call.program == "trap" and call.arguments:
        found.append((call.arguments[0], {}))
    if call.program == "alias":
        found.extend((Word(value := word.text.partition("=")[2], value), {}) for word in call.arguments)
    if call.program in {"tmux", "screen"}:
        found.extend((word, {}) for word in call.arguments if " " in word.text)
    return [(word, parameters) for word, parameters in found if word.text]


def _joined(words: Sequence[Word]) -> Word:
    return Word(" ".join(word.text for word in words), " ".join(word.bare for word in words))


def _shell_scripts(call: Call) -> list[tuple[Word, dict[str, str]]]:
    script = shell_script(call)
    if script is not None:
        index = call.arguments.index(script)
        parameters = [word.text for word in call.arguments[index + 1 :]]
        numbered = {str(number): text for number, text in enumerate(parameters[:10])}
        everything = " ".join(parameters[1:])
        return [(script, {**numbered, "@": everything, "*": everything})]
    return [(Word(call.stdin, call.stdin), {})] if reads_script(call) and call.stdin else []


def shell_script(call: Call) -> Word | None:
    """The text that a shell is given with ``-c``."""
    words = inner_words(call.arguments, SHELL_OPTIONS)
    asked = any(re.fullmatch(r"-[A-Za-z]*c[A-Za-z]*", text) for text in call.texts)
    return words[0] if asked and words else None


def reads_script(call: Call) -> bool:
    """Whether a shell reads its script from its standard input."""
    if call.program not in SHELLS or shell_script(call) is not None:
        return False
    operands = inner_words(call.arguments, SHELL_OPTIONS)
    return not operands or "-s" in call.options or operands[0].text in STDIN_NAMES
