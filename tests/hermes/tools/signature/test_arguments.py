"""What models write as arguments, and what becomes of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes.tools.signature.arguments import ArgumentError, parse_arguments

_SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "count": {"type": "integer"},
        "share": {"type": "number"},
        "loud": {"type": "boolean"},
        "mode": {"type": "string", "enum": ["fast", "slow"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "point": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]},
        "free": {"type": "object"},
        "any": {},
    },
    "required": ["name"],
}


def _parse(**arguments: object) -> dict[str, object]:
    return parse_arguments(json.dumps({"name": "n"} | arguments), _SCHEMA)


@pytest.mark.parametrize(
    ("name", "written", "read"),
    [
        ("count", 5, 5),
        ("count", "5", 5),
        ("count", " -7 ", -7),
        ("count", 5.0, 5),
        ("count", "5.0", 5),
        ("share", "0.5", 0.5),
        ("share", 2, 2),
        ("loud", True, True),
        ("loud", "true", True),
        ("loud", "False", False),
        ("name", 5, "5"),
        ("name", 1.5, "1.5"),
        ("mode", "slow", "slow"),
        ("tags", ["a", 1], ["a", "1"]),
        ("tags", '["a", "b"]', ["a", "b"]),
        ("point", {"x": "3"}, {"x": 3}),
        ("point", '{"x": 3}', {"x": 3}),
        ("free", {"a": [1]}, {"a": [1]}),
        ("any", [None, {}], [None, {}]),
    ],
)
def test_what_can_only_have_meant_one_thing_is_taken_as_that(name: str, written: object, read: object) -> None:
    found = _parse(**{name: written})[name]
    assert found == read
    assert type(found) is type(read)


@pytest.mark.parametrize(
    ("name", "written", "told"),
    [
        ("count", "five", 'Argument count must be a whole number, not the string "five".'),
        ("count", 5.5, "Argument count must be a whole number, not the number 5.5."),
        ("count", True, "Argument count must be a whole number, not the boolean true."),
        ("count", "true", 'Argument count must be a whole number, not the string "true".'),
        ("count", "1e999", 'Argument count must be a whole number, not the string "1e999".'),
        ("share", "NaN", 'Argument share must be a number, not the string "NaN".'),
        ("loud", 1, "Argument loud must be true or false, not the number 1."),
        ("loud", "yes", 'Argument loud must be true or false, not the string "yes".'),
        ("name", ["a"], 'Argument name must be a string, not the list ["a"].'),
        ("name", True, "Argument name must be a string, not the boolean true."),
        ("name", None, "Argument name must be a string, not null."),
        ("mode", "quick", 'Argument mode must be one of fast, slow, not the string "quick".'),
        ("tags", "a, b", 'Argument tags must be a list, each item a string, not the string "a, b".'),
        ("tags", "[broken", 'Argument tags must be a list, each item a string, not the string "[broken".'),
        ("tags", ["a", []], "Argument tags[1] must be a string, not the list []."),
        ("point", 3, "Argument point must be an object with x, not the number 3."),
        ("point", {"x": "y"}, 'Argument point.x must be a whole number, not the string "y".'),
        ("point", {}, "Missing argument in point: x (a whole number)."),
        ("point", {"x": 1, "y": 2}, 'Unknown argument in point: "y". Known: x.'),
        ("other", 1, f'Unknown argument: "other". Known: {", ".join(_SCHEMA["properties"])}.'),
    ],
)
def test_what_does_not_fit_is_told_with_the_type_that_is_expected(name: str, written: object, told: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        _parse(**{name: written})
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "The arguments are not valid JSON: "),
        ("[" * 100_000, "The arguments are not valid JSON: "),
        ('{"count": ' + "9" * 5000 + "}", "The arguments are not valid JSON: "),
        ('{"name": NaN}', "The arguments are not valid JSON: NaN"),
        ("[]", "The arguments must be a JSON object, not the list."),
        ("null", "The arguments must be a JSON object, not null."),
        ('"x"', "The arguments must be a JSON object, not the string."),
        ("{}", "Missing argument: name (a string)."),
        ("", "Missing argument: name (a string)."),
        ('"' + "x" * 10_000_001 + '"', "The arguments are longer than 10,000,000 characters."),
    ],
    ids=lambda text: str(text)[:20],
)
def test_text_that_is_no_object_of_arguments_is_one_clear_error(text: str, told: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        parse_arguments(text, _SCHEMA)
    assert str(caught.value).startswith(told)


def test_null_for_an_argument_that_may_be_left_out_leaves_it_out() -> None:
    assert _parse(count=None, tags=None) == {"name": "n"}


def test_a_schema_that_takes_more_than_it_names_gets_more() -> None:
    assert parse_arguments('{"a": 1}', {"type": "object", "additionalProperties": True}) == {"a": 1}


def test_a_long_value_is_not_repeated_whole_in_the_error() -> None:
    with pytest.raises(ArgumentError) as caught:
        _parse(count="x" * 10_000)
    assert len(str(caught.value)) < 200


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(_SCHEMA["properties"])), inner),
    max_leaves=8,
)


@given(_JSON.map(json.dumps) | st.text(max_size=30))
def test_any_text_is_read_or_refused_with_an_argument_error(text: str) -> None:
    try:
        found = parse_arguments(text, _SCHEMA)
    except ArgumentError:
        return
    assert isinstance(found["name"], str)
    assert isinstance(found.get("count", 0), int)
    assert found.get("mode", "fast") in {"fast", "slow"}
