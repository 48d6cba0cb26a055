"""From plain values to ``Settings``, strictly: nothing is coerced that a person would not have meant.

1. All problems are found in one pass, and each becomes one ``Problem`` with its key path.
2. A number may come as digits in text and a switch as a word, because ``${NAME}`` and the environment only hold text.
   Text never comes from a number, and a switch is no number.
3. Nothing (``key:`` with an empty value) means "not set" everywhere.
"""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from math import isfinite
from operator import eq
from typing import Any, TypeVar

import attrs
from attrs import frozen
from cattrs import Converter
from cattrs.errors import BaseValidationError, ClassValidationError, IterableValidationError
from cattrs.gen import make_dict_structure_fn, override

from hermes.config.fields import BadValue
from hermes.config.model_schema import Fallback
from hermes.config.schema import ApprovalMode, BusyInput, Platforms, ResumeDisplay, Settings, TerminalBackend
from hermes.config.tree import KeyPath, Tree, as_items, as_tree

T = TypeVar("T")

_YES = frozenset({"true", "yes", "on", "1"})
_NO = frozenset({"false", "no", "off", "0"})


@frozen
class Problem:
    """One value that does not fit."""

    path: KeyPath
    expected: str
    found: object


class Unfit(Exception):
    """The values do not make up settings; every problem is listed."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(f"{len(problems)} values do not fit")
        self.problems = problems


def structure(values: Tree) -> Settings:
    """Settings from ``values`` in the shape of ``Settings``. Raises ``Unfit``."""
    try:
        return _converter().structure(_without_nothing(values), Settings)
    except BaseValidationError as group:
        raise Unfit(tuple(_problems(group, ()))) from group


def plain(settings: Settings) -> Tree:
    """The settings as plain values in the shape of the file, to be shown."""
    result: dict[object, object] = _converter().unstructure(settings)
    platforms = as_tree(result["platforms"]) or {}
    result["platforms"] = {"web": platforms["web"], **(as_tree(platforms["others"]) or {})}
    return result


@lru_cache(maxsize=1)
def _converter() -> Converter:
    converter = Converter(detailed_validation=True)
    for kind, read in _CLASSES:
        converter.register_structure_hook(kind, read)
    for shape, read in _SHAPES:
        converter.register_structure_hook_func(_equals(shape), read)
    converter.register_structure_hook_factory(attrs.has, _section_hook)
    return converter


def _equals(shape: object) -> Callable[[object], bool]:
    return lambda kind: eq(kind, shape)


def _section_hook(kind: type[Any], converter: Converter) -> Callable[[object, object], object]:
    """cattrs' own reading of a class, after a look at whether there is a section at all.

    Validators run here already, each on its own field: on the finished object the first would hide the others.
    """
    fields = {attribute.name: override(struct_hook=_checked(attribute, converter)) for attribute in attrs.fields(kind)}
    # Its keyword parameters mix field names with settings of its own, which no type checker can tell apart.
    generate: Any = make_dict_structure_fn
    read_section: Callable[[Tree, object], object] = generate(kind, converter, **fields)
    return lambda value, _: read_section(_reshape(value, kind), kind)


def _checked(attribute: "attrs.Attribute[Any]", converter: Converter) -> Callable[[object, Any], object]:
    def read(value: object, kind: type[object]) -> object:
        result = converter.structure(value, kind)
        if attribute.validator is not None:
            try:
                attribute.validator(None, attribute, result)
            except BadValue as error:
                raise BadValue(error.expected, value) from None
        return result

    return read


def _reshape(value: object, kind: type[object]) -> Tree:
    section = _section(value)
    if kind is not Platforms:
        return section
    others = {str(name): platform for name, platform in section.items() if name != "web"}
    return {"web": section.get("web", {}), "others": others}


def _without_nothing(value: object) -> object:
    section = as_tree(value)
    if section is None:
        return value
    return {key: _without_nothing(inner) for key, inner in section.items() if inner is not None}


def _section(value: object) -> Tree:
    section = as_tree(value)
    if section is None:
        raise BadValue("a section (`key: value` lines)", value)
    return section


def _text(value: object, _: object) -> str:
    if not isinstance(value, str):
        raise BadValue("text (put it in quotes)", value)
    return value


def _switch(value: object, _: object) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in _YES | _NO:
        raise BadValue("true or false", value)
    return word in _YES


def _whole(value: object, _: object) -> int:
    number = _finite(value)
    if number is None or not number.is_integer():
        raise BadValue("a whole number", value)
    return int(number)


def _number(value: object, _: object) -> float:
    number = _finite(value)
    if number is None:
        raise BadValue("a number", value)
    return number


def _finite(value: object) -> float | None:
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and isfinite(number) else None


def _approval_mode(value: object, _: object) -> ApprovalMode:
    return _choice("off" if value is False else value, ApprovalMode)  # YAML reads a bare off as a switch


Choice = TypeVar("Choice", bound=StrEnum)


def _choice_of(kind: type[Choice]) -> Callable[[object, object], Choice]:
    return lambda value, _: _choice(value, kind)


def _choice(value: object, kind: type[Choice]) -> Choice:
    word = value.strip().lower() if isinstance(value, str) else None
    chosen = next((member for member in kind if member == word), None)
    if chosen is None:
        raise BadValue("one of " + ", ".join(kind), value)
    return chosen


def _texts(value: object, _: object) -> tuple[str, ...]:
    items = as_items(value)
    if items is None:
        raise BadValue("a list ([one, two], or one `- item` line each)", value)
    return tuple(_converter().structure(items, list[str]))


def _fallbacks(value: object, _: object) -> tuple[Fallback, ...]:
    items = as_items(value)
    if items is None:
        raise BadValue("a list (one `- provider: ...` item each)", value)
    return tuple(_converter().structure(items, list[Fallback]))


def _free(value: object, _: object) -> Tree:
    return dict(_section(value))


# Each choice by itself: as a kind of ``str`` it would be read as any text, whatever the text says.
_CLASSES: tuple[tuple[type[object], Callable[[object, object], object]], ...] = (
    (str, _text),
    (bool, _switch),
    (int, _whole),
    (float, _number),
    (ApprovalMode, _approval_mode),
    (BusyInput, _choice_of(BusyInput)),
    (ResumeDisplay, _choice_of(ResumeDisplay)),
    (TerminalBackend, _choice_of(TerminalBackend)),
)

_SHAPES: tuple[tuple[object, Callable[[object, object], object]], ...] = (
    (int | None, _whole),
    (tuple[str, ...], _texts),
    (tuple[Fallback, ...], _fallbacks),
    (Mapping[str, object], _free),
)


def _problems(error: Exception, path: KeyPath) -> Iterator[Problem]:
    if isinstance(error, ClassValidationError):
        for inner, name in _named(error):
            yield from _problems(inner, (*path, *name))
    elif isinstance(error, IterableValidationError):
        for inner, name in _indexed(error):
            yield from _problems(inner, (*path, *name))
    elif isinstance(error, BadValue):
        yield Problem(path, error.expected, error.found)
    else:
        raise error


def _named(error: ClassValidationError) -> Iterator[tuple[Exception, KeyPath]]:
    within, beside = error.group_exceptions()
    yield from ((inner, (note.name,)) for inner, note in within)
    yield from ((inner, ()) for inner in beside)


def _indexed(error: IterableValidationError) -> Iterator[tuple[Exception, KeyPath]]:
    within, beside = error.group_exceptions()
    yield from ((inner, (str(note.index),)) for inner, note in within)
    yield from ((inner, ()) for inner in beside)
