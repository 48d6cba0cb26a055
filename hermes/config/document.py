"""YAML text as a mapping, read within bounds, with the line of each key.

1. libyaml's composer recurses: text nested some thousand levels deep would end the process. So the events are counted
   first.
2. An alias costs nothing to write and may stand for millions of nodes. The size that counts is the one after all
   aliases are followed (``NODE_LIMIT``); a node inside itself is refused.
3. A key that stands twice in one mapping is refused: one of the two would be lost without a word.
4. Dates stay text: no key here is a date, and text can be shown again as it was written.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

import yaml
from attrs import frozen

from hermes.config.tree import KeyPath, Tree
from hermes.errors import ConfigError

if TYPE_CHECKING:
    from yaml import SafeLoader as _Base
else:
    try:
        from yaml import CSafeLoader as _Base
    except ImportError:  # PyYAML without libyaml: slower, the same result
        from yaml import SafeLoader as _Base

# The known keys are nested five levels deep; a list of mappings below a free-form key adds a few.
DEPTH_LIMIT = 64

# A megabyte of text holds at most some ten thousand useful values; more comes only from aliases of aliases.
NODE_LIMIT = 100_000

_CURE = "Nothing was changed; correct it and start again"
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(_Base):
    """The safe loader without implicit dates."""


_Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != _TIMESTAMP]
    for first, pairs in cast(dict[str, list[tuple[str, object]]], _Base.yaml_implicit_resolvers).items()
}


@frozen
class Document:
    """One parsed file."""

    data: Tree
    """Its root mapping; empty for an empty file. Aliased parts are shared objects: do not change them."""
    lines: Mapping[KeyPath, int]
    """The line (from 1) of each key, by its path; keys that came by an alias or a merge are absent."""
    root: yaml.Node | None
    """The node tree, for edits of the text; None for an empty file."""

    def line(self, path: KeyPath) -> int | None:
        """The line of the key, else of the nearest one above it."""
        return next((self.lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self.lines), None)


def parse(text: str, file: Path) -> Document:
    """Read ``text``; ``file`` is named in errors.

    Raises ``ConfigError`` for text that is no YAML, no mapping, beyond the bounds, or that says one key twice.
    """
    try:
        _check_depth(text, file)
        loader = _Loader(text)
        try:
            return _construct(loader, file)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = next((mark.line for mark in (error.problem_mark, error.context_mark) if mark is not None), None)
        raise _error(file, line, f"this is no valid YAML: {error.problem or error.context}") from error
    except yaml.reader.ReaderError as error:
        line = text.encode(errors="replace").count(b"\n", 0, error.position) + 1
        raise ConfigError(f"{file}:{line}: {error.reason}. {_CURE}", file=str(file)) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise _misfit(file, error) from error


def decode(content: bytes, file: Path) -> str:
    """UTF-8 text. Raises ``ConfigError`` naming the line of the first byte that is none."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{file}:{line}: this line is not UTF-8: save the file as UTF-8", file=str(file)) from error


def _construct(loader: _Loader, file: Path) -> Document:
    root = loader.get_single_node()
    if root is None or _is_null(root):
        return Document({}, {}, None)
    if not isinstance(root, yaml.MappingNode):
        raise _error(file, root.start_mark.line, "expected `key: value` lines, found a list or a single value")
    _check_size(root, file)
    lines = dict(_lines(root, (), file))
    construct = cast(Callable[[yaml.Node], Tree], getattr(loader, "construct_document"))  # noqa: B009 (its stub lacks types)
    try:
        data = construct(root)
    except (LookupError, AttributeError, TypeError) as error:
        # What the library's own readers of tags end with: ``!!bool maybe``, ``!!int ""``, ``!!timestamp soon``.
        raise _misfit(file, error) from error
    return Document(data, lines, root)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _check_depth(text: str, file: Path) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEPTH_LIMIT:
                raise _error(
                    file,
                    event.start_mark.line if event.start_mark else None,
                    f"nested deeper than {DEPTH_LIMIT} levels",
                )
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _check_size(root: yaml.Node, file: Path) -> None:
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: yaml.Node) -> int:
        if id(node) in open_nodes:
            raise _error(file, node.start_mark.line, "an alias that stands inside the part that it names")
        if id(node) not in sizes:
            open_nodes.add(id(node))
            sizes[id(node)] = 1 + sum(size(child) for child in children(node))
            open_nodes.remove(id(node))
            if sizes[id(node)] > NODE_LIMIT:
                raise _error(file, node.start_mark.line, f"more than {NODE_LIMIT} values once its aliases are followed")
        return sizes[id(node)]

    size(root)


def children(node: yaml.Node) -> Iterator[yaml.Node]:
    """The nodes right below: of a mapping its keys and values in turn."""
    if isinstance(node, yaml.MappingNode):
        for key, value in cast(list[tuple[yaml.Node, yaml.Node]], node.value):
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from cast(list[yaml.Node], node.value)


def _lines(node: yaml.Node, path: KeyPath, file: Path) -> Iterator[tuple[KeyPath, int]]:
    """Walks mappings (a list has no keys), each by each way that leads to it: the size is already bounded."""
    if not isinstance(node, yaml.MappingNode):
        for child in children(node):
            yield from _lines(child, (*path, "[]"), file)
        return
    seen: set[tuple[str, str]] = set()
    for key, value in cast(list[tuple[yaml.Node, yaml.Node]], node.value):
        if not isinstance(key, yaml.ScalarNode):
            raise _error(file, key.start_mark.line, "a key must be a plain word, not a list or a mapping")
        name = (key.tag, str(key.value))
        if name in seen:
            raise _error(file, key.start_mark.line, f"the key {key.value} stands twice here: remove one of the two")
        seen.add(name)
        yield (*path, str(key.value)), key.start_mark.line + 1
        yield from _lines(value, (*path, str(key.value)), file)


def _misfit(file: Path, error: Exception) -> ConfigError:
    return _error(file, None, f"a value does not fit its YAML tag: {error}")


def _error(file: Path, line: int | None, problem: str) -> ConfigError:
    """``line`` as YAML's marks count: from 0."""
    place = str(file) if line is None else f"{file}:{line + 1}"
    return ConfigError(f"{place}: {problem}. {_CURE}", file=str(file))
