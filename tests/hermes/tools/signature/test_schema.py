"""The JSON Schema of a signature."""

from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from attrs import frozen

from hermes.tools.signature.schema import parameters_schema, type_schema


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@frozen
class Point:
    x: int
    name: str = ""


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        (str, {"type": "string"}),
        (int, {"type": "integer"}),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (int | None, {"type": "integer"}),
        (Colour, {"type": "string", "enum": ["red", "blue"]}),
        (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
        (list[str], {"type": "array", "items": {"type": "string"}}),
        (Annotated[int, "seconds"], {"type": "integer", "description": "seconds"}),
        (Annotated[list[Colour] | None, "c"], {"type": "array", "items": type_schema(Colour), "description": "c"}),
        (
            Point,
            {
                "type": "object",
                "properties": {"x": {"type": "integer"}, "name": {"type": "string"}},
                "required": ["x"],
            },
        ),
    ],
)
def test_an_annotation_becomes_the_smallest_schema_that_says_it(annotation: object, schema: dict[str, object]) -> None:
    assert type_schema(annotation) == schema


@pytest.mark.parametrize("annotation", [int | str, dict[str, int], Any, bytes, object, None])
def test_an_annotation_that_cannot_be_told_is_a_mistake_in_the_tool(annotation: object) -> None:
    with pytest.raises(TypeError):
        type_schema(annotation)


def test_defaults_are_told_unless_they_say_nothing() -> None:
    async def function(context: object, a: str, b: int = 5, c: bool = False, d: str | None = None) -> None: ...

    assert parameters_schema(function) == {
        "type": "object",
        "properties": {
            "a": {"type": "string"},
            "b": {"type": "integer", "default": 5},
            "c": {"type": "boolean"},
            "d": {"type": "string"},
        },
        "required": ["a"],
    }


def test_a_function_without_arguments_has_an_empty_object() -> None:
    async def function(context: object) -> None: ...

    assert parameters_schema(function) == {"type": "object", "properties": {}}
