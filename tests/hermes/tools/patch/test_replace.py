"""Replacing a piece of a text: strictly first, loosely then, and never at one of several places."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes.errors import Refused
from hermes.tools.patch.replace import Replacement, replace


def _replaced(text: str, old: str, new: str, *, every: bool = False) -> str:
    return replace(text, old, new, every=every).text


def test_what_stands_there_as_written_need_not_be_whole_lines() -> None:
    assert replace("a bcd e\n", "bcd", "X", every=False) == Replacement("a X e\n", 1, "")


def test_a_strict_match_wins_over_loose_ones() -> None:
    assert _replaced("  x = 1\nx = 1 \n", "x = 1 \n", "y\n") == "  x = 1\ny\n"


def test_several_places_are_refused_and_named_and_every_takes_them_all() -> None:
    text = "a\nx\nb\n  x\n"
    with pytest.raises(Refused) as error:
        replace(text, "x", "y", every=False)
    assert str(error.value) == (
        "old_string stands at 2 places (line 2: x; line 4: x): add lines around it, or set replace_all"
    )
    assert replace(text, "x", "y", every=True) == Replacement("a\ny\nb\n  y\n", 2, "")


def test_places_that_overlap_are_several_and_every_takes_them_from_the_left() -> None:
    with pytest.raises(Refused, match="2 places"):
        replace("aaa", "aa", "b", every=False)
    assert _replaced("aaaaa", "aa", "b", every=True) == "bba"
    with pytest.raises(Refused, match="2 places"):
        replace("x \nx \nx \n", "x\nx\n", "b\n", every=False)
    assert _replaced("x \nx \nx \n", "x\nx\n", "b\n", every=True) == "b\nx \n"


@pytest.mark.parametrize(
    ("text", "old", "new", "result", "way"),
    [
        ("say \u201chi\u201d \u2013 ok\n", 'say "hi" - ok', "bye", "bye\n", "with plain quotes and dashes"),
        ("a  \nb\t\n", "a\nb\n", "c\n", "c\n", "with other blanks at the ends of lines"),
        ("a\nb\n", "a \nb", "c", "c\n", "with other blanks at the ends of lines"),
        ("x  =   1\ny\n", "x = 1\ny\n", "z\n", "z\n", "with other blanks between words"),
        (
            "class A:\n    def f():\n        pass\n",
            "def f():\n    pass\n",
            "def g():\n    if a:\n        b\n\nc\n",
            "class A:\n    def g():\n        if a:\n            b\n\n    c\n",
            "with another indentation",
        ),
        (
            "\tdef f():\n\t\tpass\n",
            "    def f():\n        pass",
            "    def f():\n        x\n          y",
            "\tdef f():\n\t\tx\n\t\t  y\n",
            "with another indentation",
        ),
        ("\t\tx\n\n\ty\n", "    x\n\ny", "z", "\tz\n", "with another indentation"),
        ("if a:\n  b\n", "        b", "    c", "if a:\n    c\n", "with another indentation"),
        ("a\nb  \nc\n", "\n\nb\n\n", "\nd\n\n", "a\nd\nc\n", "with other blanks at the ends of lines"),
    ],
)
def test_a_piece_that_was_written_loosely_is_found(text: str, old: str, new: str, result: str, way: str) -> None:
    assert replace(text, old, new, every=False) == Replacement(result, 1, way)


def test_a_loose_match_at_several_places_is_refused_too() -> None:
    with pytest.raises(Refused, match="stands at 2 places"):
        replace("  a\n\ta\n", "    a", "b", every=False)


@pytest.mark.parametrize("old", ["b", "ab\n", "a b", "A\n", " \n \n", "a\nc\n"])
def test_words_that_differ_are_never_taken_for_the_same(old: str) -> None:
    with pytest.raises(Refused, match="was not found"):
        replace("a\nx\n", old, "y", every=True)


def test_the_line_that_is_most_like_it_is_told() -> None:
    with pytest.raises(Refused, match=r"not found; most like it is line 2: return value \+ 1"):
        replace("def f():\n    return value + 1\n", "return values + 1", "x", every=False)


@pytest.mark.parametrize(("old", "new"), [("", "x"), ("a", "a")])
def test_a_change_that_changes_nothing_is_refused(old: str, new: str) -> None:
    with pytest.raises(Refused):
        replace("a", old, new, every=False)


def test_removing_lines_leaves_no_empty_one() -> None:
    assert _replaced("a\n  b \nc\n", "b\n", "") == "a\nc\n"


_TEXT = st.text("ab \n\t\u2019'", max_size=30)


@given(_TEXT, _TEXT, _TEXT)
def test_as_written_is_what_python_replaces(text: str, old: str, new: str) -> None:
    if not old or old == new or old not in text:
        return
    assert _replaced(text, old, new, every=True) == text.replace(old, new)
    if len(re.findall(f"(?={re.escape(old)})", text)) == 1:
        assert _replaced(text, old, new) == text.replace(old, new)


@given(_TEXT, _TEXT)
def test_whatever_is_asked_for_is_done_or_refused(text: str, old: str) -> None:
    try:
        done = replace(text, old, "NEW", every=True)
    except Refused:
        return
    assert done.text.count("NEW") == done.count > 0


def test_time_grows_with_the_size_only() -> None:
    text = "x\n" * 200_000
    begun = time.process_time()
    with pytest.raises(Refused):
        replace(text, "x\n" * 50_000 + "y", "z", every=False)
    with pytest.raises(Refused, match="stands at 1000 places or more"):
        replace(text, "x\n" * 50_000, "z", every=False)
    with pytest.raises(Refused, match="stands at 1000 places or more"):
        replace(text, "x \n" * 50_000, "z", every=False)
    assert replace(text, "x \n" * 50_000, "z\n", every=True).count == 4
    # Seconds of this process's own work; a comparison line by line takes minutes.
    assert time.process_time() - begun < 20
