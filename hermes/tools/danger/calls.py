"""What a script would run: a ``Call`` for each simple command, and for each one inside a wrapper or a nested script.

Rules:

1. A wrapper (sudo, env, xargs, bash -c ...) gives two calls, its own and the inner one.
2. A call inside a container is marked by its wrapper: it does not touch this machine's files.
3. There are at most ``MOST_CALLS``; a longer script is refused, since judging it would hold up everything else.
"""

from collections.abc import Sequence

from attrs import define, evolve, field, frozen

from hermes.tools.danger.call import Call, call_of
from hermes.tools.danger.expand import UNKNOWN, assigned, output_of
from hermes.tools.danger.inside import below, inner_commands, inner_scripts, moved_to
from hermes.tools.danger.lexer import RESERVED, parse
from hermes.tools.danger.shell import MOST_NESTED, Redirect, Script, Simple, TooMuch, Word

# Judging one takes up to 50 microseconds; a thousand are more than anybody writes on one line.
MOST_CALLS = 1000

_PIPES = frozenset({"|", "|&"})
# Stands for the command whose output a process substitution reads.
_OTHER = Call("(another)")


@frozen
class Reading:
    """All that a command would run."""

    calls: tuple[Call, ...]
    scripts: tuple[Script, ...]


def read_calls(text: str, directory: str = "") -> Reading:
    """Every call of ``text``, which runs in ``directory``.

    Raises ``TooMuch``.
    """
    walker = _Walker(directory)
    walker.script(parse(text), 0, frozenset())
    return Reading(tuple(walker.calls), tuple(walker.scripts))


@define
class _Walker:
    directory: str
    calls: list[Call] = field(factory=list[Call])
    scripts: list[Script] = field(factory=list[Script])

    def script(self, script: Script, depth: int, via: frozenset[str], outer: Call | None = None) -> None:
        """``outer`` is what runs it; its commands read what that one reads."""
        if depth > MOST_NESTED:
            raise TooMuch
        self.scripts.append(script)
        last: Call | None = _OTHER if script.fed else None
        for simple in script.commands:
            piped = simple.before in _PIPES or last is _OTHER
            last = self._simple(simple, last if piped else None, depth, via, None if piped else outer)

    def _simple(self, simple: Simple, source: Call | None, depth: int, via: frozenset[str], outer: Call | None) -> Call:
        for word in (*simple.words, *(redirect.target for redirect in simple.redirects)):
            for script in word.scripts:
                self.script(script, depth + 1, via)
        call = call_of(command_words(simple.words), Call("", redirects=simple.redirects, via=via, source=source))
        assignments = tuple(word for word in simple.words if assigned(word))
        stdin = _stdin(simple.redirects, source)
        if outer is not None and not simple.redirects:
            stdin, call = outer.stdin, evolve(call, source=outer.source)
        call = evolve(call, stdin=stdin, assignments=assignments, directory=self.directory)
        self._change_directory(call)
        return self._emit(call, depth)

    def _change_directory(self, call: Call) -> None:
        if call.program in {"cd", "pushd"}:
            target = call.operands[0] if call.operands else "~"
            known = target != "-" and not any(word.text != word.bare for word in call.arguments)
            self.directory = below(self.directory, target) if known else ""

    def _emit(self, call: Call, depth: int) -> Call:
        """Take in a call and all inside it; the innermost, which is what prints."""
        if len(self.calls) >= MOST_CALLS or depth > MOST_NESTED:
            raise TooMuch
        self.calls.append(call)
        last = call
        for inner in inner_commands(call):
            like = evolve(call, via=call.via | {call.program}, directory=moved_to(call, inner))
            last = self._emit(call_of(command_words(inner), like), depth + 1)
            if call.program in {"command", "builtin"}:
                self._change_directory(last)
        for word, parameters in inner_scripts(call):
            script = parse(word.text, parameters, depth + 1)
            self.script(script, depth + 1, call.via | {call.program}, call)
        return last


def command_words(words: Sequence[Word]) -> list[Word]:
    """``words`` from the program on: without reserved words and assignments."""
    rest = list(words)
    while rest and (rest[0].text in RESERVED or assigned(rest[0])):
        del rest[0]
    opened = next((index for index, word in enumerate(rest[:3]) if word.text == "{" and not word.quoted), None)
    return rest if opened is None else command_words(rest[opened + 1 :])


def _stdin(redirects: Sequence[Redirect], source: Call | None) -> str:
    """The text that a here-document, a here-string or an ``echo`` before the pipe hands over."""
    # Of several the last counts.
    for redirect in reversed(redirects):
        if redirect.operator in {"<<", "<<-", "<<<"}:
            return redirect.target.text
    if source is None:
        return ""
    if source.program == "cat" and not source.arguments:
        return source.stdin
    printed = output_of(Script((Simple((Word(source.program, source.program), *source.arguments)),)))
    return "" if printed == UNKNOWN else printed
