"""JSON Schema from the signature of a typed function: what a model is told of a tool's arguments, and nothing more.

Known annotations: str, int, float, bool, an enum of strings, ``Literal`` of strings, ``list[T]``, an attrs class of
these, ``T | None`` for an argument that may be left out, and ``Annotated[T, "what it is"]`` for a description. Anything
else is a mistake in the tool and raises ``TypeError`` when it is defined.
"""

import inspect
import types
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

import attrs

Schema = dict[str, object]

_SCALARS: Mapping[object, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}


def parameters_schema(function: Callable[..., object], *, skip: int = 1) -> Schema:
    """The schema of ``function``'s arguments, without the first ``skip`` (the context).

    A default other than None is told; an argument without one is required.
    """
    hints = get_type_hints(function, include_extras=True)
    properties: Schema = {}
    required: list[str] = []
    for parameter in list(inspect.signature(function).parameters.values())[skip:]:
        schema = type_schema(hints[parameter.name])
        if parameter.default is parameter.empty:
            required.append(parameter.name)
        elif parameter.default not in (None, False):
            schema["default"] = parameter.default
        properties[parameter.name] = schema
    return _object(properties, required)


def type_schema(annotation: object) -> Schema:
    """The schema of one annotation. Raises ``TypeError``."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_schema(arguments[0]) | {"description": arguments[1]}
    if origin is Union or origin is types.UnionType:
        return _optional(arguments)
    if origin is Literal:
        return {"type": "string", "enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": type_schema(arguments[0])}
    if annotation in _SCALARS:
        return {"type": _SCALARS[annotation]}
    if isinstance(annotation, type):
        return _class(annotation)
    raise TypeError(f"a tool's argument cannot be of type {annotation!r}")


def _optional(arguments: tuple[object, ...]) -> Schema:
    given = [argument for argument in arguments if argument is not types.NoneType]
    if len(given) != 1:
        raise TypeError(f"a tool's argument is of one type, or of one type or None: {arguments!r}")
    return type_schema(given[0])


def _class(annotation: type[Any]) -> Schema:
    if issubclass(annotation, StrEnum):
        return {"type": "string", "enum": [str(member) for member in annotation]}
    if not attrs.has(annotation):
        raise TypeError(f"a tool's argument cannot be of type {annotation!r}")
    hints = get_type_hints(annotation, include_extras=True)
    fields = cast("tuple[attrs.Attribute[object], ...]", attrs.fields(annotation))
    required = [field.name for field in fields if field.default is attrs.NOTHING]
    return _object({field.name: type_schema(hints[field.name]) for field in fields}, required)


def _object(properties: Schema, required: list[str]) -> Schema:
    schema: Schema = {"type": "object", "properties": properties}
    return schema | {"required": required} if required else schema
