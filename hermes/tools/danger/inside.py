"""What runs inside a call: the command of a wrapper, the text that a shell is given, what ``find`` repeats."""

import posixpath
import re
from collections.abc import Iterator, Sequence

from attrs import evolve

from hermes.tools.danger.call import CONTAINERS, Call
from hermes.tools.danger.shell import Word, names
from hermes.tools.danger.wrappers import (
    COMMAND_VARIABLES,
    JOINED,
    LOADERS,
    MARKED,
    MARKED_FIRST,
    MARKED_INNER,
    MARKED_VALUES,
    MOVING,
    SCRIPT_OPTIONS,
    SHELL_OPTIONS,
    SHELLS,
    STDIN_SHELLS,
    WRAPPERS,
    Wrapper,
    inner_words,
    option_values,
)

STDIN_NAMES = names("- /dev/stdin /dev/fd/0 /proc/self/fd/0")
_TERMINAL_RUNS = names(
    "new new-session neww new-window splitw split-window run run-shell respawn-pane respawn-window popup display-popup"
)
"""What tmux runs a command with."""

_TERMINALS = {
    "tmux": Wrapper(names("-L -S -f -c -n -s -t -x -y -e -F -h -w -b -T"), operands=1),
    "screen": Wrapper(names("-S -c -e -h -p -s -t -T -X")),
}

_PRINTERS = names("echo printf cat grep egrep fgrep rg")
"""Programs whose words are only text."""

_UNSEEN = Word("$arguments", "", computed=True)
"""Stands for the words that xargs or find put in."""


def inner_commands(call: Call) -> list[list[Word]]:
    """The commands that a wrapper runs: one, or several with ``find``."""
    if call.program == "find":
        return _found(call)
    if call.program in CONTAINERS:
        inner = _in_container(call) or _marked(call)
    else:
        inner = _wrapped(call) or _marked(call) or _shell_in(call)
    return [inner] if inner else []


def moved_to(call: Call, inner: Sequence[Word]) -> str:
    """Where a wrapper runs the command in it: in its own folder, or where an option says; empty when it is not known.

    ``inner``: the words of that command, which are the last ones of the wrapper's.
    """
    options = MOVING.get(call.program)
    own = call.arguments[: len(call.arguments) - len(inner)]
    named = option_values(own, options) if options else []
    if not named:
        return call.directory
    return "" if named[-1].text != named[-1].bare else below(call.directory, named[-1].text)


def below(directory: str, target: str) -> str:
    """Where ``target`` is, seen from ``directory``."""
    return target if target.startswith("~") else posixpath.join(directory, target)


def _marked(call: Call) -> list[Word]:
    """What stands behind a word that says so: ``uv run``, ``npx --``, ``fd -x``."""
    if call.program not in MARKED:
        return []
    # Behind the ``--`` of git stand files, and the mark itself behind that of machinectl.
    marks = MARKED[call.program] | (set[str]() if call.program in MARKED_FIRST else {"--"})
    start = next((index for index, text in enumerate(call.texts) if text in marks), None)
    if start is None:
        return []
    inner = MARKED_INNER.get(call.program, Wrapper(names(MARKED_VALUES), assigns=True))
    return inner_words(call.arguments[start + 1 :], inner)


def _shell_in(call: Call) -> list[Word]:
    """A shell with a script among the words of any other program, which is most likely there to run it."""
    if call.program in SHELLS or call.program in _PRINTERS:
        return []
    for index, text in enumerate(call.texts):
        options = call.texts[index + 1 : index + 4]
        if posixpath.basename(text) in SHELLS and any(re.fullmatch(r"-[A-Za-z]*c", option) for option in options):
            return list(call.arguments[index:])
    return []


def _wrapped(call: Call) -> list[Word]:
    wrapper = WRAPPERS.get(call.program) or (Wrapper(frozenset()) if call.program.startswith(LOADERS) else None)
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


def _found(call: Call) -> list[list[Word]]:
    """What ``find`` runs on each of its finds; the finds stand as unseen, or as its roots when nothing filters them."""
    starts = [index + 1 for index, text in enumerate(call.texts) if re.fullmatch(r"-(exec|ok)(dir)?", text)]
    roots = find_roots(call)
    by = roots[0] if roots and not find_filters(call) else "$arguments"
    found: list[list[Word]] = []
    for start in starts:
        inner = call.arguments[start:]
        end = next((index for index, word in enumerate(inner) if word.text in {";", "+"}), len(inner))
        found.append([_replaced(word, "{}", by) for word in inner[:end]])
    return [inner for inner in found if inner]


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
    found.extend((word, {}) for word in _texts(call))
    return [(word, parameters) for word, parameters in found if word.text]


def _texts(call: Call) -> Iterator[Word]:
    """Texts that programs which are no shell hand to one."""
    match call.program:
        case "source" | "." if call.stdin and set(call.operands[:1]) <= STDIN_NAMES:
            yield Word(call.stdin, call.stdin)
        case "trap":
            yield from (word for word in call.arguments[:2] if not word.text.startswith("-"))
        case "alias":
            yield from (_value(word) for word in call.arguments)
        case "tmux" | "screen":
            yield from (word for word in call.arguments if " " in word.text)
            if set(call.operands[:1]) <= _TERMINAL_RUNS or call.program == "screen":
                yield _joined(inner_words(call.arguments, _TERMINALS[call.program]))
        case "parallel" if ":::" in call.texts:
            yield from call.arguments[call.texts.index(":::") + 1 :]
        case "sg":
            # The second operand, where -c may be left out.
            yield from (Word(text, text) for text in call.operands[1:2])
        case "git" if call.operands[:2] == ("submodule", "foreach"):
            yield from call.arguments[2:]
        case _ if _starts_shell(call) and call.stdin:
            yield Word(call.stdin, call.stdin)
        case _:
            pass
    yield from (_value(word) for word in call.assignments if word.text.partition("=")[0] in COMMAND_VARIABLES)


def _value(word: Word) -> Word:
    """What an assignment assigns; LESSOPEN has a bar in front of its command."""
    text, bare = (part.partition("=")[2].lstrip("|-@ ") for part in (word.text, word.bare))
    return Word(text, bare, word.computed, word.quoted, word.scripts)


def _starts_shell(call: Call) -> bool:
    """Whether it starts a shell that reads what it reads."""
    if call.program in {"sudo", "sudo-rs", "dzdo", "doas"}:
        return bool(call.options & {"-s", "-i"}) and not _wrapped(call)
    joined = JOINED.get(call.program)
    inner = inner_words(call.arguments, joined) if joined else _wrapped(call) or _marked(call)
    return call.program in STDIN_SHELLS and not inner


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


def _without_plus(call: Call) -> list[Word]:
    """The arguments of a shell, less what takes an option back (``+x``)."""
    return [word for word in call.arguments if not re.fullmatch(r"\+[A-NP-Za-np-z]+", word.text)]


def shell_script(call: Call) -> Word | None:
    """The text that a shell is given with ``-c``."""
    words = inner_words(_without_plus(call), SHELL_OPTIONS)
    asked = any(re.fullmatch(r"-[A-Za-z]*c[A-Za-z]*", text) for text in call.texts)
    return words[0] if asked and words else None


def reads_script(call: Call) -> bool:
    """Whether a shell reads its script from its standard input."""
    if _starts_shell(call):
        return True
    if call.program not in SHELLS or shell_script(call) is not None:
        return False
    operands = inner_words(_without_plus(call), SHELL_OPTIONS)
    return not operands or "-s" in call.options or operands[0].text in STDIN_NAMES
