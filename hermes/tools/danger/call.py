"""One command as it would run, with what is around it."""

import posixpath
import re
from collections.abc import Sequence
from functools import cached_property

from attrs import evolve, frozen

from hermes.tools.danger.shell import Redirect, Word, names

CONTAINERS = names("docker podman podman-remote nerdctl kubectl lxc incus crictl")
"""Programs whose inner command runs elsewhere."""


_GNU = names(
    "rm dd timeout nice env time mv cp ln tee chmod chown chgrp shred truncate xargs find stdbuf nohup"
    " kill rmdir unlink install"
)
"""Programs that other systems have with a ``g`` before the name."""

_VERSIONED = re.compile(
    r"(python|pypy|ipython|perl|ruby|php|lua|luajit|tclsh|node|pip|bash|zsh|ksh)-?\d[\d.]*[a-z]?(?:-(?:dbg|x86_64|aarch64).*)?"
)
"""Programs that are installed under the name of their version, too: ``python3.11``."""


@frozen
class Call:
    """One command as it would run."""

    program: str
    """Base name, lower case; empty for a redirection or an assignment alone."""
    arguments: tuple[Word, ...] = ()
    redirects: tuple[Redirect, ...] = ()
    via: frozenset[str] = frozenset()
    """The wrappers around it."""
    source: "Call | None" = None
    """The call whose output it reads."""
    stdin: str = ""
    """What it reads, as far as that is known."""
    computed: bool = False
    """The name of the program is the result of an expansion."""
    assignments: tuple[Word, ...] = ()
    """``NAME=value`` anywhere among the words of the command that it is, or is in."""
    directory: str = ""
    """Where it runs, when a ``cd`` before it says so."""

    @cached_property
    def texts(self) -> tuple[str, ...]:
        return tuple(word.text for word in self.arguments)

    @cached_property
    def options(self) -> frozenset[str]:
        """Long ones without their value; short ones letter by letter, and as they were written."""
        found: set[str] = set()
        for text in self.texts:
            if text == "--":
                break
            if text.startswith("--"):
                found.add(text.partition("=")[0])
            elif text.startswith("-") and len(text) > 1:
                found.add(text)
                found.update("-" + letter for letter in text[1:20])
        return frozenset(found)

    @cached_property
    def operands(self) -> tuple[str, ...]:
        end = self.texts.index("--") if "--" in self.texts else len(self.texts)
        before = (text for text in self.texts[:end] if not text.startswith("-") or text == "-")
        return (*before, *self.texts[end + 1 :])

    @property
    def contained(self) -> bool:
        return bool(self.via & CONTAINERS)


def call_of(words: Sequence[Word], like: Call) -> Call:
    """``words`` as a call in the surroundings of ``like``."""
    if not words:
        return evolve(like, program="", arguments=(), computed=False)
    head = words[0]
    name = posixpath.basename((head.text if head.text == head.bare else head.bare).rstrip("/")).lower()
    name = name[1:] if name.startswith("g") and name[1:] in _GNU else name
    name = versioned[1] if (versioned := _VERSIONED.fullmatch(name)) else name
    computed = head.computed or (name not in {"[", "[["} and bool(re.search(r"[*?\[]", name)))
    return evolve(like, program=name, arguments=tuple(words[1:]), computed=computed)
