"""Skills: folders with a SKILL.md that tells the agent how to do one kind of task. Here is what there is of them.

1. A skill is a folder with a SKILL.md whose frontmatter has ``name`` (at most 64 characters) and ``description`` (at
   most 1,024). Folders may group skills, three levels deep; names that begin with a dot are not looked at.
2. A skill of a later root hides one of the same name in an earlier one, so that a person's own wins over the bundled.
3. A skill that cannot be offered is skipped with a reason; it never stops the others.
4. The same files give the same index, byte for byte.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import yaml
from attrs import frozen

from hermes.agent.injection import find_injection
from hermes.errors import Refused

MAX_NAME = 64
MAX_DESCRIPTION = 1_024
MAX_TEXT = 100_000
# UTF-8 needs at most four bytes a character.
_MAX_BYTES = 4 * MAX_TEXT
_DEPTH = 3
# Far beyond any collection that a model can choose from; a mistaken root (a home, a disk) must not stall a session.
_MAX_FOLDERS = 2_000
# The index stands in every request: about 1,500 tokens at most.
MAX_INDEX = 6_000

_SYSTEMS = {"linux": "linux", "darwin": "macos", "win32": "windows"}


@frozen
class Skill:
    name: str
    description: str
    """One line."""
    root: Path
    """Where the search began."""
    folder: str
    """The folder of its SKILL.md, below ``root``."""


@frozen
class SkillPlaces:
    """Where to look for skills, and which of them not to offer."""

    roots: tuple[Path, ...]
    """A skill of a later one hides one of the same name in an earlier one."""
    disabled: frozenset[str] = frozenset()


NO_SKILLS = SkillPlaces(())


@frozen
class Skipped:
    path: Path
    reason: str


@frozen
class Skills:
    offered: tuple[Skill, ...]
    """In the order of their roots, then by folder."""
    skipped: tuple[Skipped, ...]


class _NotOffered(Exception):
    """Its text is the reason."""


def skill_roots(home: Path, environ: Mapping[str, str]) -> tuple[Path, Path]:
    """Where skills lie: the bundled ones (HERMES_BUNDLED_SKILLS, else beside this package), then the person's own."""
    bundled = environ.get("HERMES_BUNDLED_SKILLS", "")
    return (Path(bundled) if bundled else Path(__file__).parents[1] / "skills", home / "skills")


def load_skills(roots: Iterable[Path], disabled: Iterable[str] = ()) -> Skills:
    """Read the frontmatter of every skill below ``roots``; those named in ``disabled`` are not offered."""
    refused = frozenset(disabled)
    offered: dict[str, Skill] = {}
    skipped: list[Skipped] = []
    for root in roots:
        for folder in _find(root):
            try:
                skill = _load(root, folder, refused)
            except _NotOffered as reason:
                skipped.append(Skipped(folder / "SKILL.md", str(reason)))
            else:
                offered.pop(skill.name, None)
                offered[skill.name] = skill
    return Skills(tuple(offered.values()), tuple(skipped))


def body(folder: Path) -> str:
    """What the SKILL.md of an offered skill says, without its frontmatter. Raises ``Refused`` when it has become
    unreadable since.
    """
    try:
        text = _read(folder / "SKILL.md")
    except _NotOffered as reason:
        raise Refused(f"{folder / 'SKILL.md'}: {reason}") from reason
    lines = text.splitlines()
    end = next((number for number, line in enumerate(lines) if number and line.rstrip() == "---"), -1)
    return "\n".join(lines[end + 1 :]).strip()


def index(skills: Sequence[Skill], limit: int = MAX_INDEX) -> str:
    """A line for each skill, below a line for each root, at most ``limit`` characters: descriptions shrink first."""
    lines: list[str] = []
    for width in (MAX_DESCRIPTION, 200, 100, 50):
        lines = list(_lines(skills, width))
        if sum(map(len, lines)) + len(lines) <= limit:
            return "\n".join(lines)
    return _cut(lines, limit)


def _lines(skills: Sequence[Skill], width: int) -> Iterator[str]:
    for root, group in groupby(skills, lambda skill: skill.root):
        yield f"In {root}:"
        for skill in group:
            alias = "" if skill.folder.rpartition("/")[2] == skill.name else f" ({skill.name})"
            whole = len(skill.description) <= width
            yield f"- {skill.folder}{alias}: {skill.description if whole else skill.description[: width - 1] + '…'}"


def _cut(lines: list[str], limit: int) -> str:
    # Room for the last line, which tells of the others.
    room = limit - 40
    kept: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n".join([*kept, f"- and {len(lines) - len(kept)} more that have no room here"])


def _find(root: Path) -> Iterator[Path]:
    """Folders that hold a SKILL.md, in a stable order; nothing below one of them is looked at."""
    left = _MAX_FOLDERS
    waiting = [(root, 0)]
    while waiting and left:
        left -= 1
        place, depth = waiting.pop(0)
        try:
            if (place / "SKILL.md").is_file():
                yield place
            elif depth < _DEPTH:
                waiting += ((below, depth + 1) for below in sorted(place.iterdir()) if _is_group(below))
        except OSError:
            continue  # absent, or not for us


def _is_group(path: Path) -> bool:
    # A name with a line break could write lines of its own into the index.
    return not path.name.startswith(".") and path.name.isprintable() and path.is_dir()


def _load(root: Path, folder: Path, refused: frozenset[str]) -> Skill:
    about = _frontmatter(_read(folder / "SKILL.md"))
    name, description = _field(about, "name", MAX_NAME), _field(about, "description", MAX_DESCRIPTION)
    if name in refused:
        raise _NotOffered("it is named in skills.disabled")
    problem = find_injection(f"{name} {description}")
    if problem:
        raise _NotOffered(problem)
    _check_system(about.get("platforms"))
    return Skill(name, description, root, folder.relative_to(root).as_posix())


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES + 1).decode(errors="replace").removeprefix("\ufeff")
    except OSError as error:
        raise _NotOffered(f"it cannot be read ({error.strerror})") from error
    if len(text) > MAX_TEXT:
        raise _NotOffered(f"it is longer than {MAX_TEXT:,} characters")
    return text


def _frontmatter(text: str) -> Mapping[str, Any]:
    lines = text.splitlines()
    if not lines or lines[0].rstrip() != "---":
        raise _NotOffered("it does not begin with frontmatter (a line of three dashes)")
    end = next((number for number, line in enumerate(lines) if number and line.rstrip() == "---"), None)
    if end is None:
        raise _NotOffered("its frontmatter has no end (a second line of three dashes)")
    try:
        # Text and nothing else: a tag that its value does not fit ends the other loaders with errors of any type, and
        # merged aliases grow without end.
        about: object = yaml.load("\n".join(lines[1:end]), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _NotOffered(f"its frontmatter is no YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(about, dict):
        raise _NotOffered("its frontmatter is no mapping")
    return cast(dict[str, Any], about)


def _field(about: Mapping[str, Any], key: str, longest: int) -> str:
    value: object = about.get(key)
    line = " ".join(value.split()) if isinstance(value, str) else ""
    if not line:
        raise _NotOffered(f"its frontmatter has no {key}")
    if len(line) > longest:
        raise _NotOffered(f"its {key} is longer than {longest:,} characters")
    if any("\ud800" <= character <= "\udfff" for character in line):
        raise _NotOffered(f"its {key} holds half a character")  # which nothing can encode
    return line


def _check_system(platforms: object) -> None:
    mine = _SYSTEMS.get(sys.platform, sys.platform)
    if isinstance(platforms, list) and platforms and mine not in map(str, cast(list[object], platforms)):
        raise _NotOffered(f"it is not for {mine}")
