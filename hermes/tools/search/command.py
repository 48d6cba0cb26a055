"""Which program answers a question, and how it is asked. Both print the same:

    files, files_only     PATH NUL PATH NUL ...
    count                 PATH NUL COUNT NEWLINE ...
    content               PATH NUL NUMBER : TEXT NEWLINE, with - in place of : for a line around a match

Paths are below the folder that is searched, which is the working directory.
"""

import json
import shutil
import sys
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from attrs import asdict, frozen

LONGEST_LINE = 2_000
"""Bytes of a line that a program prints. More is shown of no line, and a minified file has megabytes in one."""

LARGEST_FILE = 100 * 1024 * 1024
"""Bytes: a larger one is a log or a dump, and would take the time of all others."""

_CODE = Path(__file__).parents[3]

WALK_FOLDERS = (Path(sys.prefix), Path(sys.base_prefix), _CODE)
"""What our own search is read from."""

_WALK = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from hermes.tools.search.walk import main; main()",
    str(_CODE),
)


class Mode(StrEnum):
    FILES = "files"
    """Names of files that the glob names."""
    CONTENT = "content"
    FILES_ONLY = "files_only"
    COUNT = "count"


@frozen
class Question:
    """What is asked of either program."""

    mode: Mode
    pattern: str
    target: str
    """A name in the working directory; empty: all of it."""
    glob: str
    context: int


@lru_cache(maxsize=8)
def find_ripgrep(path: str) -> str | None:
    """Where ripgrep is in this PATH."""
    return shutil.which("rg", path=path or None)


def ripgrep(program: str, question: Question) -> tuple[str, ...]:
    """The command line for ripgrep, which reads no configuration of the user's."""
    head = (program, "--no-config", "--null", "--sort=path", "--color=never", "--no-messages", "--one-file-system")
    # Only what every reader of the folder sees: .gitignore files, and in any folder, as our own walk has it.
    ignore = ("--no-ignore-global", "--no-ignore-exclude", "--no-ignore-dot", "--no-require-git")
    glob = (f"--glob={question.glob}",) if question.glob else ()
    tail = (*glob, f"--max-filesize={LARGEST_FILE}", "--", *([question.target] if question.target else ["./"]))
    if question.mode is Mode.FILES:
        return (*head, *ignore, "--files", *tail)
    modes = {
        Mode.FILES_ONLY: ("--files-with-matches",),
        Mode.COUNT: ("--count", "--with-filename"),
        Mode.CONTENT: (
            "--line-number",
            "--with-filename",
            "--no-heading",
            f"--context={question.context}",
            f"--max-columns={LONGEST_LINE}",
            "--max-columns-preview",
        ),
    }
    return (*head, *ignore, *modes[question.mode], f"--regexp={question.pattern}", *tail)


def walk(question: Question) -> tuple[str, ...]:
    """The command line for our own search."""
    asked = json.dumps(asdict(question) | {"columns": LONGEST_LINE, "largest": LARGEST_FILE})
    return (sys.executable, "-I", "-S", "-B", "-c", *_WALK, asked)
