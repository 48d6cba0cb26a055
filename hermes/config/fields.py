"""What the fields of the schema are made of: their meanings, and what their values have to be."""

import re
from collections.abc import Callable
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attrs import Attribute


class BadValue(ValueError):
    """A value that its key cannot take; it says what it takes instead."""

    def __init__(self, expected: str, found: object) -> None:
        super().__init__(f"expected {expected}")
        self.expected = expected
        self.found = found


def positive(_: object, _attribute: "Attribute[Any]", value: float) -> None:
    if not (isfinite(value) and value > 0):
        raise BadValue("a number above 0", value)


def not_negative(_: object, _attribute: "Attribute[Any]", value: float) -> None:
    if not (isfinite(value) and value >= 0):
        raise BadValue("0 or a number above it", value)


def tokens(_: object, _attribute: "Attribute[Any]", value: int | None) -> None:
    if value is not None and value < 1:
        raise BadValue("a number of tokens above 0", value)


def share(_: object, _attribute: "Attribute[Any]", value: float) -> None:
    if not 0 < value < 1:
        raise BadValue("a number between 0 and 1", value)


def one_of(*words: str) -> Callable[[object, "Attribute[Any]", str], None]:
    def check(_: object, _attribute: "Attribute[Any]", value: str) -> None:
        if value not in words:
            raise BadValue("one of " + ", ".join(word or "nothing" for word in words), value)

    return check


def port(_: object, _attribute: "Attribute[Any]", value: int) -> None:
    if not 0 <= value <= 65535:
        raise BadValue("a port from 0 to 65535", value)


def folders(_: object, _attribute: "Attribute[Any]", value: tuple[str, ...]) -> None:
    for folder in value:
        if not folder.strip() or "\0" in folder:
            raise BadValue("folders (/srv/work, ~/work)", folder)


def about(meaning: str) -> dict[str, str]:
    return {"meaning": meaning}


def only_env(name: str, meaning: str) -> dict[str, str]:
    return {"meaning": meaning, "env": name}


def host_entries(_: object, _attribute: "Attribute[Any]", value: tuple[str, ...]) -> None:
    for entry in value:
        if not (_HOST.fullmatch(entry) or _is_network(entry)):
            raise BadValue("names, addresses or networks (nas.local, 192.168.1.0/24)", entry)


_HOST = re.compile(r"\s*[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?\s*")


def _is_network(entry: str) -> bool:
    from ipaddress import ip_network

    try:
        ip_network(entry.strip().strip("[]"), strict=False)
    except ValueError:
        return False
    return True
