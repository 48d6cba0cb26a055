"""The ``patch`` tool: changes pieces of files, all of what it is told or none of it.

Everything is read, found and judged first (hermes/tools/patch/plan.py); only then the files are changed, as one, also
over a kill (hermes/tools/files/changes.py). The result shows what was done, redacted and bounded.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import trio
from attrs import frozen

from hermes.errors import Refused
from hermes.home import Home
from hermes.redact import Redactor
from hermes.tools.commands.output import cut_middle
from hermes.tools.contract import Effect, ToolContext, ToolOutcome, ToolResult
from hermes.tools.files.changes import commit
from hermes.tools.files.diff import difference
from hermes.tools.files.guard import MOST_WRITTEN
from hermes.tools.files.journal import settle_left
from hermes.tools.files.place import WRITERS, locate
from hermes.tools.files.roots import place_of
from hermes.tools.files.stamps import Seen, Stamp
from hermes.tools.patch.plan import Entry, Plan
from hermes.tools.patch.v4a import Operation, Update, parse_patch
from hermes.tools.signature.define import tool

SHOWN_CHARACTERS = 12_000
"""Of all diffs together: a model wrote the change itself, and looks for what is not as it meant it."""

_MOST_NOTES = 20


@tool(toolset="file", effect=Effect.EFFECTFUL)
async def patch(
    context: ToolContext,
    mode: Literal["replace", "patch"] = "replace",
    path: str | None = None,
    old_string: Annotated[str | None, "unique in the file; blanks may differ"] = None,
    new_string: str | None = None,
    replace_all: bool = False,
    patch: Annotated[str | None, "for mode patch: V4A, *** Begin Patch to *** End Patch, any number of files"] = None,
) -> ToolOutcome:
    """Change parts of files, all or nothing. Mode replace puts new_string in place of old_string in path.

    Cancelled: a change that has begun is finished first. Raises ``Refused`` when it does not fit, and nothing is
    changed then.
    """
    request = _edits(patch) if mode == "patch" else _replacement(path, old_string, new_string, every=replace_all)
    if isinstance(request, str):
        return ToolResult(f"Nothing was changed: {request}.", is_error=True)
    seen = Seen(context.session_id, context.state)
    real = partial(_real_places, context, request.paths)
    places = await trio.to_thread.run_sync(real, limiter=WRITERS)
    stamps = {place: await seen.stamp(place) for place in places}
    done = await trio.to_thread.run_sync(partial(_carry_out, context, request, stamps), limiter=WRITERS)
    for place, stamp in done.stamps.items():
        await seen.keep(place, stamp)
    return ToolResult(done.told)


@frozen
class _Request:
    paths: tuple[str, ...]
    fill: Callable[[Plan], None]
    """Raises ``Refused`` and ``OSError``."""


@frozen
class _Done:
    told: str
    stamps: Mapping[Path, Stamp | None]


def _edits(text: str | None) -> _Request | str:
    if not text:
        return "mode patch needs patch"
    if len(text) > MOST_WRITTEN:
        return f"the patch is longer than {MOST_WRITTEN:,} characters"
    operations = parse_patch(text)

    def fill(plan: Plan) -> None:
        for operation in operations:
            plan.take(operation)

    return _Request(tuple(name for operation in operations for name in _names(operation)), fill)


def _names(operation: Operation) -> tuple[str, ...]:
    moved = operation.move_to if isinstance(operation, Update) else ""
    return (operation.path, moved) if moved else (operation.path,)


def _replacement(path: str | None, old: str | None, new: str | None, *, every: bool) -> _Request | str:
    if path is None or old is None or new is None:
        return "mode replace needs path, old_string and new_string"
    if max(len(old), len(new)) > MOST_WRITTEN:
        return f"a string is longer than {MOST_WRITTEN:,} characters"
    return _Request((path,), lambda plan: plan.replace(path, old, new, every=every))


def _real_places(context: ToolContext, paths: Sequence[str]) -> list[Path]:
    return [Path(os.path.realpath(locate(context, path))) for path in paths if "\0" not in path]


def _carry_out(context: ToolContext, request: _Request, seen: Mapping[Path, Stamp | None]) -> _Done:
    if context.hermes_home is None:
        raise Refused("there is no home here to keep a journal of the change in")
    journals = Home(context.hermes_home).changes_dir
    settle_left(journals)
    plan = Plan(partial(locate, context), place_of(context), seen)
    request.fill(plan)
    stamps = commit(plan.changes(), journals)
    return _Done(_told(plan, context.redactor), stamps)


def _told(plan: Plan, redactor: Redactor) -> str:
    entries = [entry for entry in plan.entries.values() if entry.changed]
    shown = [_entry_told(entry, redactor) for entry in entries] or ["Nothing is different."]
    notes = [*plan.notes, *(_changed_before(entry, plan.seen) for entry in plan.entries.values())]
    noted = [f"[{note}]" for note in notes if note]
    return "\n".join((cut_middle("\n".join(shown), SHOWN_CHARACTERS), *noted[:_MOST_NOTES]))


def _entry_told(entry: Entry, redactor: Redactor) -> str:
    verb = "Added" if entry.was is None else "Deleted" if entry.text is None else "Updated"
    if entry.text is None:
        return f"{verb} {entry.path}"
    # Redacted whole: half a secret, or one between a diff's signs, is not recognised.
    change = difference(redactor.redact(entry.was.text if entry.was else ""), redactor.redact(entry.text))
    head = f"{verb} {entry.path}: +{change.added} -{change.removed} lines"
    return f"{head}\n{change.text}" if change.text and entry.was else head


def _changed_before(entry: Entry, seen: Mapping[Path, Stamp | None]) -> str:
    stamp = seen.get(entry.path)
    if stamp is None or entry.was is None or entry.was.stamp == stamp:
        return ""
    return f"{entry.path} had changed since it was read; what else is new in it was kept"
