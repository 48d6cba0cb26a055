from hypothesis import given
from hypothesis import strategies as st

from hermes.config.expand import expand


def test_a_variable_is_replaced_in_any_text_at_any_depth() -> None:
    values, missing = expand({"a": "x-${A}-${B}", "b": [{"c": "${A}"}], "d": 3}, {"A": "1", "B": ""})
    assert (values, missing) == ({"a": "x-1-", "b": [{"c": "1"}], "d": 3}, {})


def test_a_variable_that_is_not_set_stays_literal_and_is_told_with_the_key_that_asked_first() -> None:
    values, missing = expand({"a": {"b": ["${NO}"]}, "c": "${NO} ${A}"}, {"A": "1"})
    assert values == {"a": {"b": ["${NO}"]}, "c": "${NO} 1"}
    assert missing == {"NO": ("a", "b")}


def test_what_is_no_variable_is_left_alone() -> None:
    text = "$A ${} ${1} ${A-b} {A} ${ A }"
    assert expand({"a": text, "${A}": 1}, {"A": "1"}) == ({"a": text, "${A}": 1}, {})


def test_what_a_variable_holds_is_not_looked_at_again() -> None:
    assert expand({"a": "${A}"}, {"A": "${B}", "B": "no"})[0] == {"a": "${B}"}


def test_rules_of_the_allowlist_are_compared_as_typed_so_they_are_left_alone() -> None:
    assert expand({"command_allowlist": ["rm ${A}"]}, {"A": "1"}) == ({"command_allowlist": ["rm ${A}"]}, {})


def test_the_original_is_not_changed() -> None:
    before = {"a": ["${A}"], "b": {"c": "${A}"}}
    expand(before, {"A": "1"})
    assert before == {"a": ["${A}"], "b": {"c": "${A}"}}


plain = st.integers() | st.text("${}AB x", max_size=12)
trees = st.dictionaries(st.text(max_size=5), st.recursive(plain, st.lists, max_leaves=8), max_size=4)


@given(trees)
def test_without_variables_nothing_changes(tree: dict[object, object]) -> None:
    assert expand(tree, {})[0] == tree
