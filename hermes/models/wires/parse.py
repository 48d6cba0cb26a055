"""JSON of a provider, read without trust: what has not the expected shape is empty, and nothing raises."""

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import cast

Json = Mapping[str, object]

_EMPTY: Json = {}


def parse_object(text: str) -> Json | None:
    """The object that ``text`` is; None when it is none."""
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return cast(Json, value) if isinstance(value, dict) else None


def strict_object(text: str) -> Json | None:
    """The same by the letter of JSON: Python reads NaN and 1e999, and writes them as no provider takes them."""
    try:
        value: object = _STRICT.decode(text)
    except (ValueError, RecursionError):
        return None
    return cast(Json, value) if isinstance(value, dict) else None


def _finite(written: str) -> float:
    number = float(written)
    if not isfinite(number):
        raise ValueError(f"{written} is no number of JSON")
    return number


_STRICT = json.JSONDecoder(parse_float=_finite, parse_constant=_finite)


def section(value: object) -> Json:
    return cast(Json, value) if isinstance(value, dict) else _EMPTY


def items(value: object) -> Sequence[object]:
    return cast(Sequence[object], value) if isinstance(value, list) else ()


def text(value: object) -> str:
    return value if isinstance(value, str) else ""


def count(value: object) -> int:
    """A number of tokens, or an index."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def dump(value: object) -> str:
    """``value`` as compact JSON, the same text for the same value."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
