"""A script that a command writes and runs in one: what is in it was read by nobody."""

import posixpath
from collections.abc import Iterable, Iterator

from hermes.tools.danger.call import Call
from hermes.tools.danger.predicates import written
from hermes.tools.danger.shell import names
from hermes.tools.danger.wrappers import SHELLS

ONLY_TEXT = names("awk gawk mawk sed gsed make gmake node php ssh scp vim nvim vi") | SHELLS
"""Programs for which ``$1`` may stand in a text of theirs, or is judged as a script is."""

_RUNNERS = SHELLS | names(
    "source . python pypy ipython perl ruby node nodejs deno bun php lua luajit tclsh pwsh rscript julia make at"
)
_IGNORED = names("/dev/null /dev/stdout /dev/stderr")


def runs_written(calls: Iterable[Call]) -> bool:
    """Whether one of ``calls`` runs a file that one before it has written."""
    files: set[str] = set()
    for call in calls:
        if any(posixpath.basename(path) in files for path in _run(call)):
            return True
        files.update(posixpath.basename(path) for path in written(call) if path not in _IGNORED)
    return False


def _run(call: Call) -> Iterator[str]:
    """The files that a call may run: itself, and the first words of a program that runs scripts."""
    yield call.program
    if call.program in _RUNNERS:
        yield from call.operands[:2]
        yield from (redirect.target.text for redirect in call.redirects if redirect.operator == "<")
