"""Every dangerous example in every disguise, and everyday commands that nobody is asked about."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes.tools.danger.assess import assess
from hermes.tools.danger.verdict import Level
from tests.hermes.tools.danger.commands import BLOCKED, DANGEROUS
from tests.hermes.tools.danger.disguises import PREFIXES, SIMPLE, TEXTS, WORDS, Disguise
from tests.hermes.tools.danger.everyday import EVERYDAY

# Dangerous by how they look and not by what they run, which a disguise takes away.
_BY_LOOKS = {"hidden-characters", "unreadable", "history"}
_EXAMPLES = [command for command, rule in (*BLOCKED, *DANGEROUS) if rule not in _BY_LOOKS]
_SIMPLE = [command for command in _EXAMPLES if SIMPLE.fullmatch(command)]
# Another word behind these makes another command of them: ``xargs kill -1`` has a signal where that had a process.
_LAST_WORD_COUNTS = re.compile(r"(?:kill|cp|mv|rsync)\b")
_APPENDING = re.compile(r"xargs|parallel|sem\b")
# In these the examples are no longer commands, or another one: bash would not run them either.
_UNFAITHFUL = {
    "bash -c '$1' x Q": r".*[;`$]",
    "printf O | sh": r".*%",
    "eval `echo Q`": r".*\\",
}


def _fits(name: str, command: str) -> bool:
    if name in _UNFAITHFUL:
        return re.match(_UNFAITHFUL[name], command, re.DOTALL) is None
    return not (_APPENDING.search(name) and name in PREFIXES and _LAST_WORD_COUNTS.match(command))


def _cases() -> list[tuple[str, Disguise, list[str]]]:
    simple = [(name, disguise, _SIMPLE) for name, disguise in (WORDS | PREFIXES).items()]
    return [*simple, *((name, disguise, _EXAMPLES) for name, disguise in TEXTS.items())]


@pytest.mark.parametrize(("name", "disguise", "examples"), _cases())
def test_no_example_gets_through_in_any_disguise(name: str, disguise: Disguise, examples: list[str]) -> None:
    through = [example for example in examples if _fits(name, example) and not assess(disguise(example)).findings]
    assert through == []


# Characters that are not ASCII are no longer the same in an escape by bytes.
_SECOND = [name for name in sorted(TEXTS) if name not in _UNFAITHFUL and not re.search(r"\b[HO]\b", name)]


@st.composite
def _twice(draw: st.DrawFn) -> tuple[list[str], str]:
    command = draw(st.sampled_from(_SIMPLE))
    first = draw(st.sampled_from(sorted(WORDS)) | st.sampled_from(sorted(PREFIXES)))
    second = draw(st.sampled_from(_SECOND))
    if not _fits(first, command):
        return [command], command
    return [command, first, second], TEXTS[second]((WORDS | PREFIXES)[first](command))


@given(_twice())
@settings(max_examples=400)
def test_no_example_gets_through_in_two_disguises(disguised: tuple[list[str], str]) -> None:
    names, text = disguised
    assert assess(text).level is not Level.SAFE, names


@pytest.mark.parametrize("command", EVERYDAY)
def test_an_everyday_command_runs_unasked(command: str) -> None:
    assert [finding.rule for finding in assess(command).findings] == []
