"""Reads the arguments that a model wrote for a call, against the JSON Schema of the tool.

Rules:

1. What can only have meant one thing is taken as that: ``"5"`` for 5, ``"true"`` for true, 5.0 for 5, 5 for ``"5"``, a
   list or object that came as JSON text, null for an argument that may be left out.
2. Anything else is one error that names the argument, the expected type, and what came, for the model to do better.
3. Schema words beyond type, properties, required, items, enum and additionalProperties are not checked: a schema from
   elsewhere is checked where it comes from.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import cast

# Enough for a file to write; a longer text is a model that does not stop.
MOST_CHARACTERS = 10_000_000
_SHOWN_CHARACTERS = 60
LARGEST = 2**64
"""Whole numbers beyond it are no ids of anything, and no seconds, bytes or lines: clocks and stores fail on them."""


class ArgumentError(Exception):
    """The arguments do not fit; the text tells the model what to change."""


def parse_arguments(text: str, schema: Mapping[str, object]) -> dict[str, object]:
    """The arguments in ``text``, which is JSON, or blank for none. Raises ``ArgumentError``."""
    if len(text) > MOST_CHARACTERS:
        raise ArgumentError(f"The arguments are longer than {MOST_CHARACTERS:,} characters.")
    value = _decode(text if text.strip() else "{}")
    if not isinstance(value, dict):
        raise ArgumentError(f"The arguments must be a JSON object, not {_type_name(value)}.")
    return _object(cast("dict[str, object]", value), schema, "")


def _decode(text: str) -> object:
    try:
        decoded: object = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ArgumentError(f"The arguments are not valid JSON: {str(error) or 'nested too deeply'}") from None
    return decoded


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _object(value: dict[str, object], schema: Mapping[str, object], where: str) -> dict[str, object]:
    properties = cast("Mapping[str, Mapping[str, object]]", schema.get("properties", {}))
    required = cast("Sequence[str]", schema.get("required", ()))
    given = {name: item for name, item in value.items() if item is not None or name in required}
    extra = [name for name in given if name not in properties]
    if extra and schema.get("additionalProperties", False) is False:
        known = ", ".join(properties) or "none"
        raise ArgumentError(f"Unknown argument{_at(where)}: {_shown(extra[0])}. Known: {known}.")
    missing = [name for name in required if name not in given]
    if missing:
        expected = "; ".join(f"{name} ({_expected(properties.get(name, {}))})" for name in missing)
        raise ArgumentError(f"Missing argument{_at(where)}: {expected}.")
    return {name: _value(item, properties.get(name, {}), _join(where, name)) for name, item in given.items()}


def _value(value: object, schema: Mapping[str, object], where: str) -> object:
    kind = schema.get("type")
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        return value
    found = reader(value, schema, where)
    choices = cast("Sequence[object]", schema.get("enum", ()))
    if choices and found not in choices:
        raise _wrong(value, schema, where)
    return found


def _string(value: object, schema: Mapping[str, object], where: str) -> object:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return json.dumps(value)
    raise _wrong(value, schema, where)


def _integer(value: object, schema: Mapping[str, object], where: str) -> object:
    number = _number(value, schema, where)
    if isinstance(number, float):
        if not number.is_integer():
            raise _wrong(value, schema, where)
        number = int(number)
    if abs(number) > LARGEST:
        raise _wrong(value, schema, where)
    return number


def _number(value: object, schema: Mapping[str, object], where: str) -> int | float:
    number = value
    if isinstance(value, str):
        try:
            number = cast("object", json.loads(value.strip(), parse_constant=_refuse_constant))
        except (ValueError, RecursionError):
            raise _wrong(value, schema, where) from None
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise _wrong(value, schema, where)
    return number


def _boolean(value: object, schema: Mapping[str, object], where: str) -> object:
    if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
        return value.strip().lower() == "true"
    if isinstance(value, bool):
        return value
    raise _wrong(value, schema, where)


def _array(value: object, schema: Mapping[str, object], where: str) -> object:
    items = _structure(value, "[")
    if not isinstance(items, list):
        raise _wrong(value, schema, where)
    inner = cast("Mapping[str, object]", schema.get("items", {}))
    return [_value(item, inner, f"{where}[{index}]") for index, item in enumerate(cast("list[object]", items))]


def _mapping(value: object, schema: Mapping[str, object], where: str) -> object:
    found = _structure(value, "{")
    if not isinstance(found, dict):
        raise _wrong(value, schema, where)
    mapping = cast("dict[str, object]", found)
    return _object(mapping, schema, where) if "properties" in schema else mapping


def _structure(value: object, opening: str) -> object:
    """``value``, or what it says when it is JSON text of a list or object."""
    if isinstance(value, str) and value.lstrip().startswith(opening):
        try:
            return cast("object", json.loads(value, parse_constant=_refuse_constant))
        except (ValueError, RecursionError):
            return value
    return value


_READERS: Mapping[str, Callable[[object, Mapping[str, object], str], object]] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "array": _array,
    "object": _mapping,
}


def _wrong(value: object, schema: Mapping[str, object], where: str) -> ArgumentError:
    came = "null" if value is None else f"{_type_name(value)} {_shown(value)}"
    return ArgumentError(f"Argument {where} must be {_expected(schema)}, not {came}.")


def _expected(schema: Mapping[str, object]) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(map(str, cast("Sequence[object]", schema["enum"])))
    if schema.get("type") == "array":
        return f"a list, each item {_expected(cast('Mapping[str, object]', schema.get('items', {})))}"
    if schema.get("type") == "object" and "properties" in schema:
        return f"an object with {', '.join(cast('Mapping[str, object]', schema['properties']))}"
    kind = schema.get("type", "any value")
    return {"string": "a string", "integer": "a whole number", "number": "a number", "boolean": "true or false"}.get(
        cast("str", kind), str(kind)
    )


def _type_name(value: object) -> str:
    if value is None:
        return "null"
    names = ((str, "the string"), (bool, "the boolean"), (int | float, "the number"), (list, "the list"))
    return next((name for kind, name in names if isinstance(value, kind)), "the object")


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."


def _at(where: str) -> str:
    return f" in {where}" if where else ""


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
