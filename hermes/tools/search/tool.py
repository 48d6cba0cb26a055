"""The ``search_files`` tool: finds files by name and lines by a pattern.

ripgrep answers where it is installed, a walk of our own (hermes/tools/search/walk.py) where it is not. Both run as
child processes, bounded in time and in what they print, and both leave out hidden and binary files, what .gitignore
files exclude, files above 100 MB and other file systems; a file that the glob names is found even if it is hidden or
excluded itself. They differ in the dialect of patterns: Rust's has no look-around and no back-references, Python's has
both and is slow with some.
"""

import re
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import trio
from attrs import evolve, frozen

from hermes.agent.ports import CommandOutput
from hermes.errors import Refused
from hermes.tools.commands.confine import confine
from hermes.tools.contract import Effect, ToolContext, ToolOutcome, ToolResult
from hermes.tools.files.guard import NO_PATH, is_secret, refuse_secret
from hermes.tools.files.place import READERS, locate
from hermes.tools.files.roots import place_of, refuse_unreadable
from hermes.tools.files.window import open_regular, refuse_special
from hermes.tools.search.command import WALK_FOLDERS, Mode, Question, find_ripgrep, ripgrep, walk
from hermes.tools.search.globs import parse_glob
from hermes.tools.search.results import Answer, Page, read_answer, render
from hermes.tools.signature.define import tool

# A search of a home folder takes seconds; one that takes longer asks for too much, and what it found is told.
_SECONDS = 45.0
_LOOK_SECONDS = 20.0
# Of what a program prints two fifths are its beginning (hermes/process/output.py), which holds some ten thousand lines.
_PRINTED_BYTES = 4_000_000

_MOST_ANSWERS = 1_000
_MOST_CONTEXT = 50
_GLOB_CHARACTERS = frozenset("*?[{")


@tool(toolset="file", effect=Effect.READ_ONLY)
async def search_files(
    surroundings: ToolContext,
    /,
    pattern: Annotated[str, "regex; for target files a glob, or part of the name"],
    target: Literal["content", "files"] = "content",
    path: Annotated[str, "folder or file"] = ".",
    file_glob: Annotated[str | None, "only in these, as *.py"] = None,
    limit: int = 50,
    offset: int = 0,
    output_mode: Literal["content", "files_only", "count"] = "content",
    context: Annotated[int, "lines around a match"] = 0,
) -> ToolOutcome:
    """Search in files, or for files by name; leaves out hidden files and what .gitignore excludes.

    Cancelled: the program that searches is ended.
    """
    mode = Mode.FILES if target == "files" else Mode(output_mode)
    glob = _as_glob(pattern) if mode is Mode.FILES else file_glob or ""
    problem = _problem(path, pattern, (glob, file_glob or ""), limit, offset)
    if problem:
        return ToolResult(problem, is_error=True)
    found = await _look(surroundings, path)
    around = max(0, min(context, _MOST_CONTEXT)) if mode is Mode.CONTENT else 0
    question = Question(mode, pattern, found.name, glob, around)
    answer = await _ask(surroundings, found, question, file_glob if mode is Mode.FILES else None)
    if answer.error:
        return ToolResult(f"Not searched: {surroundings.redactor.redact(answer.error)}", is_error=True)
    page = Page(offset, min(limit, _MOST_ANSWERS), question.context, partial(_written, path, bool(found.name)))
    return ToolResult(render(answer, mode, page, surroundings.redactor))


@frozen
class _Place:
    folder: Path
    name: str
    """Of the one file in it to search; empty: all."""


def _problem(path: str, pattern: str, globs: tuple[str, ...], limit: int, offset: int) -> str:
    if not path or "\0" in path:
        return NO_PATH
    if "\0" in pattern or any("\0" in glob for glob in globs):
        return "Not searched: a pattern has no NUL characters."
    if limit < 1 or offset < 0:
        return "Not searched: limit begins at 1, offset at 0."
    try:
        for glob in filter(None, globs):
            parse_glob(glob)
    except (ValueError, re.error) as error:
        return f"Not searched: {error}"
    return ""


def _as_glob(pattern: str) -> str:
    """A name without wildcards is taken for a part of it: that is what is meant more often than not."""
    return pattern if _GLOB_CHARACTERS & set(pattern) else f"*{pattern}*" if pattern else "*"


async def _look(context: ToolContext, path: str) -> _Place:
    """Raises ``Refused`` and ``OSError``. Cancelled: a thread that waits for the disk is left behind."""
    with trio.move_on_after(_LOOK_SECONDS):
        return await trio.to_thread.run_sync(_find, context, path, abandon_on_cancel=True, limiter=READERS)
    raise Refused(f"{path} did not answer within {_LOOK_SECONDS:g} seconds")


def _find(context: ToolContext, path: str) -> _Place:
    located = locate(context, path)
    refuse_special(located)
    judge = partial(refuse_secret, place=place_of(context))
    if located.is_dir():
        refuse_unreadable(located, place_of(context))
        return _Place(located, "")
    judge(located)
    open_regular(located, judge).close()
    return _Place(located.parent, located.name)


async def _ask(context: ToolContext, place: _Place, question: Question, also: str | None) -> Answer:
    program = find_ripgrep(context.environment.get("PATH", ""))
    argv = ripgrep(program, question) if program else walk(question)
    output = await context.processes.run(
        await confine(context, argv, place.folder, WALK_FOLDERS),
        cwd=place.folder,
        environment=context.environment,
        timeout=_SECONDS,
        limit=_PRINTED_BYTES,
    )
    answer = await trio.to_thread.run_sync(_read, context, place, output, question.mode, limiter=READERS)
    if not also:
        return answer
    glob = parse_glob(also)
    return evolve(answer, hits=tuple(hit for hit in answer.hits if glob.matches(hit.path, folder=False)))


def _read(context: ToolContext, place: _Place, output: CommandOutput, mode: Mode) -> Answer:
    homes = place_of(context)
    return read_answer(output, mode, secret=lambda path: is_secret(place.folder / path, homes))


def _written(path: str, is_file: bool, found: str) -> str:
    """A path of an answer, as it can be given to read_file."""
    if is_file:
        return path
    return found if path in {".", "./"} else f"{path.rstrip('/')}/{found}"
