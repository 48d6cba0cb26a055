from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hermes.config.document import DEPTH_LIMIT, NODE_LIMIT, decode, parse
from hermes.errors import ConfigError

FILE = Path("/home/config.yaml")


def problem(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, FILE)
    assert caught.value.file == str(FILE)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("text", ["", "\n# only words\n", "---\n", "~", "null"])
def test_a_file_that_says_nothing_is_an_empty_mapping(text: str) -> None:
    document = parse(text, FILE)
    assert (document.data, document.lines, document.root) == ({}, {}, None)


def test_each_key_has_its_line() -> None:
    document = parse("a: 1\n\n# why\nb:\n  c: [1, {d: 2}]\n  e: 3\n", FILE)
    assert document.lines[("b", "e")] == 6
    assert document.line(("b", "c")) == 5
    assert document.line(("b", "nowhere", "below")) == 4
    assert document.line(("nowhere",)) is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: [1,\n", 3),
        ("a: 1\n\tb: 2\n", 2),
        ("a: 'open\n", 2),
        ("a: 1\nb: @x\n", 2),
        ("a: b: c\n", 1),
        ("a: *x\n", 1),
    ],
)
def test_broken_yaml_is_told_with_file_and_line_and_that_nothing_was_changed(text: str, line: int) -> None:
    told = problem(text)
    assert told.startswith(f"{FILE}:{line}: this is no valid YAML: ")
    assert told.endswith("Nothing was changed; correct it and start again")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: 2\na: 3\n", f"{FILE}:3: the key a stands twice here"),
        ("a:\n  x: 1\n  x: 1\n", f"{FILE}:3: the key x stands twice here"),
        ("a: [{x: 1, x: 2}]\n", f"{FILE}:1: the key x stands twice here"),
        ("- 1\n- 2\n", f"{FILE}:1: expected `key: value` lines"),
        ("just words\n", f"{FILE}:1: expected `key: value` lines"),
        ("a: 1\n---\nb: 2\n", f"{FILE}:2: this is no valid YAML"),
        ("? [a]\n: 1\n", f"{FILE}:1: a key must be a plain word"),
        ("a: !!python/object/apply:os.system [true]\n", f"{FILE}:1: this is no valid YAML"),
        ("a: !!int word\n", f"{FILE}: a value does not fit its YAML tag"),
        ("a: !!bool perhaps\n", f"{FILE}: a value does not fit its YAML tag"),
        ("a: !!float ''\n", f"{FILE}: a value does not fit its YAML tag"),
        ("a: !!timestamp soon\n", f"{FILE}: a value does not fit its YAML tag"),
        ("a: 1\nb: \x01\n", f"{FILE}:2: control characters are not allowed"),
        ("a: &a [*a]\n", f"{FILE}:1: an alias that stands inside the part that it names"),
    ],
)
def test_what_yaml_allows_or_not_but_no_configuration_means_is_told(text: str, told: str) -> None:
    assert problem(text).startswith(told)


@pytest.mark.parametrize("opening", ["[", "- ", "a: {"])
def test_text_nested_beyond_the_bound_is_refused_before_it_can_end_the_process(opening: str) -> None:
    text = opening * 100_000
    assert f"nested deeper than {DEPTH_LIMIT} levels" in problem(text)


def test_aliases_of_aliases_are_counted_as_what_they_stand_for() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for name, before in zip("bcdefghi", "abcdefgh", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]")
    assert f"more than {NODE_LIMIT} values" in problem("\n".join(lines))


def test_merges_of_merges_are_counted_as_well() -> None:
    lines = ["a: &a {x: 1}"]
    for name, before in zip("bcdefghi", "abcdefgh", strict=True):
        lines.append(f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 10)}]}}")
    assert f"more than {NODE_LIMIT} values" in problem("\n".join(lines))


def test_an_ordinary_alias_and_an_ordinary_merge_work() -> None:
    data = parse("base: &b {x: 1}\nother:\n  <<: *b\n  y: 2\nsame: *b\n", FILE).data
    assert data == {"base": {"x": 1}, "other": {"x": 1, "y": 2}, "same": {"x": 1}}


def test_what_looks_like_a_date_stays_text() -> None:
    assert parse("a: 2020-99-99\nb: 2020-01-01\n", FILE).data == {"a": "2020-99-99", "b": "2020-01-01"}


def test_a_byte_that_is_no_utf8_is_told_with_its_line() -> None:
    assert decode("a: é\n".encode(), FILE) == "a: é\n"
    with pytest.raises(ConfigError, match=rf"{FILE}:2: this line is not UTF-8"):
        decode(b"a: 1\nb: \xff\n", FILE)


plain = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
trees = st.dictionaries(
    st.text(max_size=8),
    st.recursive(
        plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_size=5,
)


@given(trees, st.sampled_from([True, False, None]))
def test_what_yaml_wrote_is_read_back(tree: Mapping[str, object], flow: bool | None) -> None:
    assert parse(yaml.safe_dump(tree, default_flow_style=flow), FILE).data == tree


@given(st.text(alphabet="ab:-[]{}#&*!|>'\"%@`?, \t\n\r<~0123.é\ufeff\x85", max_size=80))
def test_any_text_is_a_mapping_or_one_clear_error(text: str) -> None:
    assert isinstance(outcome(text), dict | ConfigError)


def outcome(text: str) -> object:
    try:
        return parse(text, FILE).data
    except ConfigError as error:
        return error if str(error).startswith(str(FILE)) and "\n" not in str(error) else str(error)
