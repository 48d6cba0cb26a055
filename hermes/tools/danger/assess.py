"""Judges a command before it runs: safe, dangerous (a person is asked) or blocked (never run).

What it sees: the words of the command as bash would read them, through quotes, escapes, expansions of known values,
wrappers, pipes, here-documents and nested scripts. What it cannot see, and so does not stop:

- what a program does that was written to disk before (``bash build.sh``, ``make``, ``./run``, ``python script.py``);
- what only running tells: values of the environment, files, the network. A command *name* of that kind is dangerous by
  itself, an argument mostly is not;
- the meaning of other languages. Inline Python, Perl, SQL and the like are flagged whole or by a few phrases;
- aliases, functions or a PATH changed elsewhere, a race with another process, a symbolic link to a protected file;
- whatever harm the tables do not name. Reading and sending away a file that is not in them is ordinary work.

It keeps a person from accidents and from plain tricks. It is no sandbox: what must not happen whatever the model wants
has to be forbidden by the account, the container or the machine that the agent runs on.
"""

import re
from collections.abc import Iterable, Iterator

from hermes.tools.danger.blocked import BLOCKED
from hermes.tools.danger.call import Call
from hermes.tools.danger.calls import Reading, command_words, read_calls
from hermes.tools.danger.dangerous_code import CODE
from hermes.tools.danger.dangerous_files import FILES, HISTORY
from hermes.tools.danger.dangerous_world import DATA, MACHINE, OUTSIDE, PROCESSES
from hermes.tools.danger.fresh import ONLY_TEXT, runs_written
from hermes.tools.danger.normalise import has_hidden, readings
from hermes.tools.danger.predicates import Rule
from hermes.tools.danger.protected import Place
from hermes.tools.danger.shell import Script, Simple, TooMuch, Word
from hermes.tools.danger.verdict import Finding, Level, Verdict

DANGEROUS: tuple[Rule, ...] = (*FILES, *HISTORY, *CODE, *PROCESSES, *MACHINE, *OUTSIDE, *DATA)

# The parameters of a function, whatever it is called with.
_POSITIONAL = re.compile(r"\$(?:[@*1-9]|\{[@*1-9])")
_RULED = frozenset[str]().union(*(rule.programs for rule in (*BLOCKED, *DANGEROUS))) - ONLY_TEXT

# Reading is linear, about 1 ms per KB; a longer text belongs into a file.
MOST_CHARACTERS = 32_768


def assess(command: str, place: Place | None = None) -> Verdict:
    """Judge ``command``, which would run at ``place``. Pure; never raises on any text."""
    if len(command) > MOST_CHARACTERS:
        return Verdict((Finding(Level.BLOCKED, "too-long", f"is longer than {MOST_CHARACTERS} characters"),))
    found: dict[str, Finding] = {}
    for finding in _findings(command, place or Place()):
        found.setdefault(finding.rule, finding)
    return Verdict(tuple(sorted(found.values(), key=lambda finding: finding.level is not Level.BLOCKED)))


def _findings(command: str, place: Place) -> Iterator[Finding]:
    if has_hidden(command):
        yield Finding(Level.DANGEROUS, "hidden-characters", "holds characters that are not shown")
    for text in readings(command):
        try:
            reading = read_calls(text, place.directory)
        except TooMuch:
            yield Finding(Level.BLOCKED, "too-much", "holds more commands, or deeper nesting, than can be judged")
            return
        yield from _judge(reading, place)


def _judge(reading: Reading, place: Place) -> Iterator[Finding]:
    for script in reading.scripts:
        if _is_fork_bomb(script):
            yield Finding(Level.BLOCKED, "fork-bomb", "starts copies of itself without end")
        if script.broken:
            yield Finding(
                Level.DANGEROUS, "unreadable", "ends within a quote or bracket, so part of it is not understood"
            )
    for call in reading.calls:
        yield from _matches(call, place, BLOCKED, Level.DANGEROUS if call.contained else Level.BLOCKED)
        yield from _matches(call, place, DANGEROUS, Level.DANGEROUS)
        if call.program in _RULED and any(map(_is_positional, call.arguments)):
            yield Finding(Level.DANGEROUS, "unknown-arguments", "gets words that are not known before it runs")
    if runs_written(reading.calls):
        yield Finding(Level.DANGEROUS, "fresh-script", "writes a script and runs it at once")


def _matches(call: Call, place: Place, rules: Iterable[Rule], level: Level) -> Iterator[Finding]:
    for rule in rules:
        if (not rule.programs or call.program in rule.programs) and rule.when(call, place):
            yield Finding(level, rule.id, rule.reason)


def _is_positional(word: Word) -> bool:
    return word.text != word.bare and _POSITIONAL.search(word.text) is not None


def _is_fork_bomb(script: Script) -> bool:
    """A function that calls itself twice, side by side."""
    for name in script.functions:
        heads = [[word.text for word in command_words(command.words)][:1] for command in script.commands]
        bodies = [index for index, command in enumerate(script.commands) if name in _first_words(command)]
        if not bodies:
            continue
        body = script.commands[bodies[0] :]
        end = next((index for index, command in enumerate(body) if _first_words(command)[:1] == ["}"]), len(body))
        own = [
            command
            for command, head in zip(body[:end], heads[bodies[0] :], strict=False)
            if head == [name] and command.after != "("
        ]
        if len(own) > 1 and any(command.after in {"|", "&", "|&"} for command in own):
            return True
    return False


def _first_words(command: Simple) -> list[str]:
    return [word.text for word in command.words[:4]]
