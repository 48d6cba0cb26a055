"""The search where there is no ripgrep: a program of its own, so that a pattern that never ends can be ended.

    python -I -S -c '...; main()' '{"mode": "content", "pattern": "...", ...}'

It looks at ``.`` (or the one file that it is given) and prints what ripgrep prints for the same question
(hermes/tools/search/command.py), in the same order. Standard library only.

Rules:

1. Hidden files and what .gitignore files exclude (in this folder, below it and above it) are left out, unless the glob
   names the file; symbolic links are not followed, other file systems not entered; a file is left out when it is
   binary, special or too large.
2. Memory is bounded: by the longest line and the number of entries of a folder.
3. What cannot be read is passed over; a pattern or a glob that is none ends it with 2 and a line that says so.
"""

import json
import os
import re
import stat
import sys
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hermes.tools.search.globs import Glob, parse_glob, parse_ignore_file

_SNIFFED = 8192
_LONGEST_LINE = 1024 * 1024
_MOST_IGNORE_BYTES = 1024 * 1024
# Deeper folders are made by nobody but a test or a loop of mounts, and each level holds a list.
_DEEPEST = 200


@dataclass(frozen=True)
class Question:
    """What is asked, as ``command`` writes it."""

    mode: str
    """"files", "content", "files_only" or "count"."""
    pattern: str
    target: str
    """A name in the working directory; empty: all of it."""
    glob: str
    context: int
    columns: int
    """Bytes of a line that are printed."""
    largest: int
    """Bytes of the largest file that is looked into."""


@dataclass(frozen=True)
class _Ignores:
    """The globs of one .gitignore, and how a path below the searched folder is written below theirs."""

    globs: tuple[Glob, ...]
    prefix: str = ""
    """In front of such a path, for a file above the searched folder."""
    cut: int = 0
    """Characters to leave out of it, for a file below."""


def main() -> None:
    """Answer the question of the first argument."""
    try:
        question = Question(**json.loads(sys.argv[1]))
        found = _answer(question, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except (re.error, ValueError, RecursionError, OverflowError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        os._exit(1)
    sys.exit(0 if found else 1)


def _answer(question: Question, out: BinaryIO) -> bool:
    glob = parse_glob(question.glob) if question.glob else None
    paths = iter((question.target,)) if question.target else _walk(glob)
    found = False
    if question.mode == "files":
        for path in paths:
            out.write(os.fsencode(path) + b"\0")
            found = True
        return found
    search = re.compile(question.pattern).search
    for path in paths:
        if _file(path, question, search, out):
            found = True
            # What was found counts even when the next file takes for ever.
            out.flush()
    return found


def _walk(glob: Glob | None) -> Iterator[str]:
    """Regular files below the working directory, each folder's entries in the order of their names."""
    device = Path().stat().st_dev
    above = tuple(_above())
    pending: list[tuple[Iterator[os.DirEntry[str]], tuple[_Ignores, ...]]] = [_open("", above)]
    while pending:
        entries, ignores = pending[-1]
        entry = next(entries, None)
        if entry is None:
            pending.pop()
            continue
        path = entry.path.removeprefix("./")
        try:
            folder, regular = entry.is_dir(follow_symlinks=False), entry.is_file(follow_symlinks=False)
            if not (folder or regular) or _left_out(path, folder, glob, ignores):
                continue
            if regular:
                yield path
            elif len(pending) < _DEEPEST and entry.stat(follow_symlinks=False).st_dev == device:
                pending.append(_open(path, ignores))
        except OSError:
            continue


def _open(folder: str, ignores: tuple[_Ignores, ...]) -> tuple[Iterator[os.DirEntry[str]], tuple[_Ignores, ...]]:
    """The entries of a folder, and its own ignore file in front of the others."""
    try:
        with os.scandir(folder or ".") as listing:
            entries = sorted(listing, key=lambda entry: os.fsencode(entry.name))
    except OSError:
        return iter(()), ignores
    globs = _ignore_file(Path(folder, ".gitignore"))
    cut = len(folder) + 1 if folder else 0
    return iter(entries), (_Ignores(globs, cut=cut), *ignores) if globs else ignores


def _above() -> Iterator[_Ignores]:
    """The ignore files of the folders above, nearest first."""
    prefix = ""
    here = Path.cwd()
    for folder in here.parents:
        prefix = f"{here.name}/{prefix}"
        here = folder
        globs = _ignore_file(folder / ".gitignore")
        if globs:
            yield _Ignores(globs, prefix)


def _ignore_file(path: Path) -> tuple[Glob, ...]:
    try:
        with _open_regular(path) as file:
            return parse_ignore_file(file.read(_MOST_IGNORE_BYTES).decode("utf-8", "replace"))
    except OSError:
        return ()


def _left_out(path: str, folder: bool, glob: Glob | None, ignores: tuple[_Ignores, ...]) -> bool:
    if glob is not None:
        if glob.matches(path, folder=folder):
            return glob.negated
        if not folder and not glob.negated:
            return True
    for each in ignores:
        below = each.prefix + path[each.cut :]
        for line in reversed(each.globs):
            if line.matches(below, folder=folder):
                return not line.negated
    # What an ignore file takes back is shown, hidden or not, as ripgrep has it.
    return path.rpartition("/")[2].startswith(".")


def _open_regular(path: str | Path) -> BinaryIO:
    """Raises ``OSError`` for what is no regular file, without waiting for another end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is no regular file")
    return open(descriptor, "rb")  # noqa: PTH123  it is open already


def _file(path: str, question: Question, search: Callable[[str], object], out: BinaryIO) -> bool:
    """Search one file and print what was asked for; True when something was found."""
    try:
        with _open_regular(path) as file:
            if os.fstat(file.fileno()).st_size > question.largest:
                return False
            return _print(path, _lines(file), question, search, out)
    except OSError:
        return False


def _lines(file: BinaryIO) -> Iterator[str]:
    """Until the end, or the first NUL: what follows is binary. Of a line of more than a megabyte, its beginning."""
    beginning = file.read(_SNIFFED)
    encoding = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(beginning[:2])
    if encoding is not None:
        file.seek(2)
        yield from file.read().decode(encoding, "replace").split("\n")
        return
    if b"\0" in beginning:
        return
    file.seek(3 if beginning.startswith(b"\xef\xbb\xbf") else 0)
    while line := file.readline(_LONGEST_LINE):
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = file.readline(_LONGEST_LINE)
        if b"\0" in line:
            return
        yield line.removesuffix(b"\n").decode("utf-8", "replace")


def _print(path: str, lines: Iterator[str], question: Question, search: Callable[[str], object], out: BinaryIO) -> bool:
    name = os.fsencode(path) + b"\0"
    count = after = 0
    before: deque[tuple[int, str]] = deque(maxlen=question.context)
    for number, line in enumerate(lines, 1):
        if search(line):
            count += 1
            if question.mode == "files_only":
                out.write(name)
                return True
            if question.mode == "content":
                for earlier, text in before:
                    out.write(_line(name, earlier, "-", text, question.columns))
                out.write(_line(name, number, ":", line, question.columns))
                before.clear()
            after = question.context
        elif after and question.mode == "content":
            out.write(_line(name, number, "-", line, question.columns))
            after -= 1
        else:
            before.append((number, line))
    if count and question.mode == "count":
        out.write(name + b"%d\n" % count)
    return count > 0


def _line(name: bytes, number: int, sign: str, text: str, columns: int) -> bytes:
    data = text.encode("utf-8", "replace")
    if len(data) > columns:
        data = data[:columns] + b" [... omitted end of long line]"
    return b"%s%d%s%s\n" % (name, number, sign.encode(), data)
