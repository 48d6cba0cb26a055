"""Reads shell text as bash would: words after quote removal, in simple commands, with what is nested inside them.

Rules:

1. The reader over-approximates: each branch, loop body, function body and subshell counts as if it ran.
2. Nothing is executed. What cannot be known without running it (a variable of the environment, the output of a
   command) makes a word *computed*; its text keeps the expansion as it was written, its ``bare`` text leaves it out.
3. Text that bash would refuse to parse is read as far as it goes and marked ``broken``: bash runs what precedes an
   error.
4. Time is linear in the text for each level of nesting, and nesting is bounded.
"""

from attrs import field, frozen

# Deeper nesting is never written by hand, and each level costs a pass over its text.
MOST_NESTED = 16


@frozen
class Word:
    """One word after quote removal and expansion of what is known."""

    text: str
    bare: str
    """``text`` without the parts that are not known."""
    computed: bool = False
    """Some of it comes from an expansion."""
    quoted: bool = False
    scripts: "tuple[Script, ...]" = ()
    """What its substitutions run."""


@frozen
class Redirect:
    operator: str
    target: Word
    """The file; for ``<<`` and ``<<<`` the text itself."""


@frozen
class Simple:
    """One simple command, assignments and reserved words included."""

    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...] = ()
    before: str = ""
    """The operator in front of it: "", ";", "&", "&&", "||", "|", "(", ")" or a newline."""
    after: str = ""


@frozen
class Script:
    commands: tuple[Simple, ...] = ()
    broken: bool = False
    functions: frozenset[str] = field(default=frozenset[str]())
    fed: bool = False
    """Its first command reads what another one prints: ``>(...)``."""


def names(text: str) -> frozenset[str]:
    """The words of a table cell."""
    return frozenset(text.split())


class TooMuch(Exception):
    """More nesting, or more commands, than will be judged."""
