"""Keys of the file that mean nothing: told with what was probably meant, kept, never fatal."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path

from attrs import frozen

from hermes.config.describe import ANY_PLATFORM, schema_keys
from hermes.config.document import Document
from hermes.config.known import known_keys
from hermes.config.notice import Notice
from hermes.config.tree import KeyPath, Tree, as_tree, dotted

# The older place of agent.max_turns: read, so not unknown.
_LEGACY = frozenset({"max_turns"})


@frozen
class _Names:
    leaves: frozenset[str]
    free: frozenset[str]
    sections: frozenset[str]

    def below(self, section: str) -> list[str]:
        """The names right below ``section``, for a near match."""
        start = f"{section}." if section else ""
        every = self.leaves | self.free | self.sections
        return sorted({name[len(start) :].partition(".")[0] for name in every if name.startswith(start)})


def unknown_keys(document: Document, file: Path) -> tuple[Notice, ...]:
    """One notice for the topmost key of each unknown part, in the order of the file."""
    return tuple(_walk(document.data, (), _names(), document, file))


def _names() -> _Names:
    known = known_keys()
    own = {key.dotted for key in schema_keys() if not key.variable}
    leaves = known.leaves | own | _LEGACY
    return _Names(leaves, known.free, frozenset(_sections(leaves | known.free)))


def _sections(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        parts = name.split(".")
        yield from (".".join(parts[:end]) for end in range(1, len(parts)))


def _walk(values: Tree, path: KeyPath, names: _Names, document: Document, file: Path) -> Iterator[Notice]:
    for key, value in values.items():
        here = (*path, str(key))
        name = _canonical(here)
        if name in names.free or (name in names.leaves and name not in names.sections):
            continue
        if name not in names.sections:
            yield _notice(here, names, document, file)
        elif (section := as_tree(value)) is not None:
            yield from _walk(section, here, names, document, file)


def _canonical(path: KeyPath) -> str:
    """The path as the lists have it: any platform but the page is ``platforms.NAME``."""
    if path[0] == "platforms" and len(path) > 1 and path[1] != "web":
        path = ("platforms", ANY_PLATFORM, *path[2:])
    return dotted(path)


def _notice(path: KeyPath, names: _Names, document: Document, file: Path) -> Notice:
    *above, last = path
    section = _canonical(tuple(above)) if above else ""
    near = get_close_matches(last, [name for name in names.below(section) if name != ANY_PLATFORM], n=1, cutoff=0.7)
    guess = f" (did you mean {dotted((*above, near[0]))}?)" if near else ""
    line = document.line(path)
    place = f"{file}:{line}" if line else str(file)
    return Notice(f"{place}: unknown key {dotted(path)}{guess}: kept, and not used", str(file), dotted(path))
