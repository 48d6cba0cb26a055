"""Changes one thing in config.yaml as a person would: comments, order and spelling of everything else stay.

1. A change is a piece of text put in at one place. The result is parsed again, and counts only if exactly the meant
   change happened; otherwise nothing is written and the person is told what to add by hand.
2. One writer at a time: the home folder is locked by flock while the file is read and replaced.
3. Everything here blocks for the disk: from trio, call it in a worker thread. Cancellation is no matter: the file is
   replaced whole or not at all.
"""

import fcntl
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import yaml

from hermes.config.document import Document, children, decode, parse
from hermes.config.files import SIZE_LIMIT, read_snapshot, replace_file
from hermes.config.managed import refuse_if_managed
from hermes.errors import ConfigError
from hermes.home import Home

_KEY = "command_allowlist"
_NULL = "tag:yaml.org,2002:null"
_TEXT = "tag:yaml.org,2002:str"

# A node without its place in the text: tag and text of a scalar, or tag and children.
_Meaning = tuple[str, object]


def allow_always(home: Home, rule: str) -> bool:
    """Add ``rule`` to command_allowlist; False when it stands there already.

    Raises ``ConfigError`` when the home is managed, or when the file cannot be changed without doubt; nothing is
    written then. Blocks for the disk.
    """
    refuse_if_managed(home, f"allow {rule!r} for good", _KEY)
    with _locked(home):
        before = read_snapshot(home.config_file)
        text = decode(before.content, home.config_file)
        changed = with_rule(text, rule, home.config_file)
        if changed is None:
            return False
        replace_file(home.config_file, changed.encode(), before, mode=home.file_mode)
    return True


def with_rule(text: str, rule: str, file: Path) -> str | None:
    """``text`` with ``rule`` at the end of its command_allowlist; None when it is there. Raises ``ConfigError``."""
    document = parse(text, file)
    rest, rules = _split(document)
    wanted = (_TEXT, rule)
    if rules is not None and wanted in rules:
        return None
    for candidate in _candidates(text, document, _quoted(rule)):
        if _meaning_of(candidate, file) == (rest, (*(rules or ()), wanted)):
            return candidate
    raise ConfigError(
        f"{file}: {rule!r} cannot be added to {_KEY} without touching the rest: add it by hand; nothing was changed",
        file=str(file),
        key=_KEY,
    )


@contextmanager
def _locked(home: Home) -> Generator[None]:
    try:
        folder = os.open(home.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(
            f"cannot open {home.root}: {error.strerror}", file=str(home.root), key="HERMES_HOME"
        ) from error
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _candidates(text: str, document: Document, rule: str) -> Iterator[str]:
    """Texts that may have the rule in the right place, the nicest first."""
    root = document.root
    pair = next((pair for pair in _pairs(root) if pair[0].value == _KEY), None)
    if pair is not None:
        yield from _longer_list(text, pair[0], pair[1], rule)
    elif root is not None and cast(yaml.MappingNode, root).flow_style:
        yield from _before_bracket(text, root, f'"{_KEY}": [{rule}]')
    else:
        indent = " " * root.start_mark.column if root is not None else ""
        yield _with_lines(text, len(text), f"{indent}{_KEY}:", f"{indent}- {rule}")
        # The last value may reach to the end of the file (a block of text), or the document may end before it.
        start = root.start_mark.index - root.start_mark.column if root is not None else 0
        yield _with_lines(text, start, f"{indent}{_KEY}:", f"{indent}- {rule}")


def _longer_list(text: str, key: yaml.Node, value: yaml.Node, rule: str) -> Iterator[str]:
    if isinstance(value, yaml.SequenceNode) and value.flow_style:
        yield from _before_bracket(text, value, rule)
    elif isinstance(value, yaml.SequenceNode):
        last = cast("list[yaml.Node]", value.value)[-1]
        yield _with_lines(text, _line_end(text, last.end_mark.index), f"{' ' * value.start_mark.column}- {rule}")
    elif value.tag == _NULL:
        yield _with_lines(text, _line_end(text, key.end_mark.index), f"{' ' * key.start_mark.column}- {rule}")
        start, end = value.start_mark.index, value.end_mark.index
        yield f"{text[:start]}{'' if text[:start].endswith(' ') else ' '}[{rule}]{text[end:]}"


def _before_bracket(text: str, node: yaml.Node, entry: str) -> Iterator[str]:
    """Into a list or mapping in brackets: it may be empty, and it may end with a comma."""
    end = node.end_mark.index - 1
    for comma in (", ", " ") if node.value else ("",):
        yield f"{text[:end]}{comma}{entry}{text[end:]}"


def _with_lines(text: str, position: int, *lines: str) -> str:
    """``lines`` put in at ``position``, where a line begins or the text ends."""
    line_end = "\r\n" if "\r\n" in text else "\n"
    above = text[:position]
    broken = line_end if above and not above.endswith("\n") else ""
    return above + broken + "".join(line + line_end for line in lines) + text[position:]


def _line_end(text: str, position: int) -> int:
    """Where the next line begins. A block of text ends at the start of a line already."""
    if position > 0 and text[position - 1] == "\n":
        return position
    found = text.find("\n", position)
    return len(text) if found < 0 else found + 1


def _quoted(text: str) -> str:
    """As a double-quoted YAML scalar on one line."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"


def _meaning_of(candidate: str, file: Path) -> tuple[object, object] | None:
    try:
        if len(candidate.encode()) > SIZE_LIMIT:
            return None
        return _split(parse(candidate, file))
    except (ConfigError, UnicodeEncodeError):
        return None  # this place will not do


def _split(document: Document) -> tuple[tuple[_Meaning, ...], tuple[_Meaning, ...] | None]:
    """What the document means apart from the rules, in order; and the rules (None: no list)."""
    pairs = _pairs(document.root)
    rest = [(key, value) for key, value in pairs if key.value != _KEY]
    rules = next((value for key, value in pairs if key.value == _KEY and isinstance(value, yaml.SequenceNode)), None)
    meanings = tuple(_meaning(node) for pair in rest for node in pair)
    return meanings, None if rules is None else tuple(_meaning(item) for item in children(rules))


def _pairs(root: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    return [] if root is None else cast("list[tuple[yaml.Node, yaml.Node]]", root.value)


def _meaning(node: yaml.Node) -> _Meaning:
    if isinstance(node, yaml.ScalarNode):
        return str(node.tag), node.value
    return str(node.tag), tuple(_meaning(child) for child in children(node))
