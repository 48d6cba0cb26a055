"""The ``skills`` tools: ``skills_list`` and ``skill_view``.

Rules:

1. A skill is found as the prompt's index finds it (hermes/skills.py): what is not offered there cannot be viewed.
2. Beside its SKILL.md only regular text files that really lie in the skill's folder are shown: no ``..``, no link out.
3. A skill may come from a stranger. Text that tries to take over the agent is not shown, whole; the reason is.
4. Everything is bounded: the length of a file, what is shown of it, the files and skills that are listed.
"""

import os
from collections.abc import Iterator
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Annotated

import trio

from hermes.agent.context_files import clip
from hermes.agent.injection import find_injection
from hermes.errors import Refused
from hermes.skills import Skill, SkillPlaces, body, load_skills
from hermes.tools.commands.output import OUTPUT_CHARACTERS, cut_middle
from hermes.tools.contract import Effect, ToolContext, ToolOutcome, ToolResult
from hermes.tools.files.place import READERS
from hermes.tools.files.window import open_regular
from hermes.tools.signature.define import tool

# The public format's bound for a supporting file.
MOST_BYTES = 1024 * 1024
# A skill with more files names those that matter in its text.
MOST_FILES = 40
# Entries of a folder that are looked at: a mistaken link to a disk must not stall a turn.
_MOST_ENTRIES = 500
_MOST_SKIPPED = 10
# A disk that does not answer is told to the model, and does not hold its turn.
_READ_SECONDS = 60.0


@tool(toolset="skills", effect=Effect.READ_ONLY)
async def skills_list(
    context: ToolContext, category: Annotated[str | None, "folder of skills; leave out for all"] = None
) -> ToolOutcome:
    """List the skills: instructions for kinds of tasks.

    Cancelled: a thread that waits for the disk is left behind.
    """
    return await _in_thread(context, partial(_listed, category=(category or "").strip().strip("/")))


@tool(toolset="skills", effect=Effect.READ_ONLY)
async def skill_view(
    context: ToolContext,
    name: str,
    file_path: Annotated[str | None, "another file of the skill, relative to its folder"] = None,
) -> ToolOutcome:
    """Read a skill before doing what it is for.

    Cancelled: a thread that waits for the disk is left behind.
    """
    return await _in_thread(context, partial(_viewed, name=name.strip().strip("/"), file_path=file_path or ""))


async def _in_thread(context: ToolContext, work: "partial[str]") -> ToolResult:
    if context.skills is None:
        return ToolResult("There are no skills here.", is_error=True)
    with trio.move_on_after(_READ_SECONDS):
        text = await trio.to_thread.run_sync(partial(work, context.skills), abandon_on_cancel=True, limiter=READERS)
        return ToolResult(cut_middle(context.redactor.redact(text)))
    return ToolResult(f"The skills could not be read within {_READ_SECONDS:g} seconds.", is_error=True)


def _listed(places: SkillPlaces, category: str) -> str:
    skills = load_skills(places.roots, places.disabled)
    wanted = [one for one in skills.offered if not category or one.folder.startswith(f"{category}/")]
    lines = [f"- {one.name}{_group(one)}: {one.description}" for one in wanted]
    skipped = [f"- {one.path}: {one.reason}" for one in skills.skipped[:_MOST_SKIPPED]]
    found = lines or [f"No skill{f' in {category}' if category else ''}."]
    return "\n".join((*found, *(("Left out:", *skipped) if skipped and not category else ())))


def _group(skill: Skill) -> str:
    group = skill.folder.rpartition("/")[0]
    return f" ({group})" if group else ""


def _viewed(places: SkillPlaces, name: str, file_path: str) -> str:
    skill = _find(places, name)
    folder = skill.root / skill.folder
    if file_path and file_path != "SKILL.md":
        return _checked(f"{file_path} of the skill {skill.name}", _read_inside(folder, file_path))
    text = _checked(f"The skill {skill.name}", body(folder))
    further = _files(folder)
    listed = f"\n\nFurther files, for file_path: {', '.join(further)}" if further else ""
    return f"[Skill {skill.name}, in {folder}]\n{clip(text, 'SKILL.md', OUTPUT_CHARACTERS - 5_000)}{listed}"


def _find(places: SkillPlaces, name: str) -> Skill:
    skills = load_skills(places.roots, places.disabled)
    for skill in skills.offered:
        if name in (skill.name, skill.folder):
            return skill
    for skipped in skills.skipped:
        if skipped.path.parent.name == name:
            raise Refused(f"the skill {name[:100]} is not offered: {skipped.reason}")
    near = get_close_matches(name, [skill.name for skill in skills.offered], n=3, cutoff=0.4)
    hint = f"Near to it: {', '.join(near)}." if near else "skills_list tells which there are."
    raise Refused(f"there is no skill {name[:100]!r}. {hint}")


def _read_inside(folder: Path, file_path: str) -> str:
    if "\0" in file_path:
        raise Refused("a path has no NUL characters")
    root = os.path.realpath(folder)
    path = Path(os.path.realpath(folder / file_path))
    if not path.is_relative_to(root):
        raise Refused(f"{file_path} does not lie in the folder of the skill")
    try:
        with open_regular(path) as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        files = ", ".join(_files(folder)) or "none"
        raise Refused(f"the skill has no file {file_path[:200]!r}. Its files: {files}") from None
    if len(data) > MOST_BYTES:
        raise Refused(f"{path} is larger than {MOST_BYTES:,} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise Refused(f"{path} is no text, but {len(data):,} bytes of something else")
    return text


def _checked(what: str, text: str) -> str:
    problem = find_injection(text)
    if problem:
        raise Refused(f"{what} is not shown: {problem}. Tell the user")
    return text


def _files(folder: Path) -> list[str]:
    """The files beside SKILL.md, relative to the folder, sorted; links and hidden ones are left out."""
    found = sorted(path.relative_to(folder).as_posix() for path in _below(folder))
    return [name for name in found if name != "SKILL.md" and name.isprintable()][:MOST_FILES]


def _below(folder: Path) -> Iterator[Path]:
    left = _MOST_ENTRIES
    waiting = [folder]
    while waiting and left > 0:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                left -= 1
                if left <= 0 or entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                elif entry.is_file(follow_symlinks=False):
                    yield Path(entry.path)


TOOLS = (skills_list, skill_view)
