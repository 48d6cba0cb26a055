"""The V4A patch format: what is read, what is refused, and that a patch made from two texts applies."""

import difflib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes.errors import Refused
from hermes.tools.patch.v4a import Add, Delete, Hunk, Update, parse_patch
from hermes.tools.patch.v4a_apply import apply_hunks


def _patch(*lines: str) -> str:
    return "\n".join(("*** Begin Patch", *lines, "*** End Patch"))


def _apply(text: str, *lines: str) -> str:
    (operation,) = parse_patch(_patch("*** Update File: f", *lines))
    assert isinstance(operation, Update)
    return apply_hunks(text, operation.hunks).text


def test_every_kind_of_operation_is_read() -> None:
    operations = parse_patch(
        _patch(
            "*** Update File: a file.py",
            "@@ class A",
            "@@ def b(self): @@",
            " context",
            "-removed",
            "+added",
            "",
            "@@ -1,2 +1,3 @@ def c",
            "+x",
            "*** End of File",
            "",
            "*** Add File: new.txt",
            "+one",
            "+",
            "+ two",
            "*** Delete File: old.txt",
            "*** Move File: b -> c/d",
            "*** Update File: e",
            "*** Move to: f",
            "@@",
            "-x",
        )
    )
    assert operations == (
        Update(
            "a file.py",
            (
                Hunk(((" ", "context"), ("-", "removed"), ("+", "added")), ("class A", "def b(self):")),
                Hunk((("+", "x"),), ("def c",), at_end=True),
            ),
        ),
        Add("new.txt", "one\n\n two\n"),
        Delete("old.txt"),
        Update("b", (), "c/d"),
        Update("e", (Hunk((("-", "x"),)),), "f"),
    )


def test_a_fence_and_blank_lines_around_a_patch_are_no_part_of_it() -> None:
    patch = _patch("*** Delete File: a")
    assert parse_patch(f"\n```diff\n{patch}\n```\n") == parse_patch(f"{patch}\r\n") == (Delete("a"),)


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ("", "begins with the line"),
        ("--- a\n+++ b\n", "begins with the line"),
        ("*** Begin Patch\n*** Delete File: a", "seems to be cut off"),
        ("*** Begin Patch", "seems to be cut off"),
        ("```\n```", "begins with the line"),
        (_patch(), "the patch is empty"),
        (_patch("", "nonsense"), "line 3 of the patch: expected"),
        (_patch("*** Remove File: a"), "line 2 of the patch: expected"),
        (_patch("*** Move File: a"), "line 2 of the patch: expected *** Move File: path -> path"),
        (_patch("*** Update File: a"), "nothing is changed in a"),
        (_patch("*** Update File: a", "@@ x"), "nothing is changed in a"),
        (_patch("*** Update File: a", "-x", "y"), "line 4 of the patch: each line of a change begins"),
        (_patch("*** Add File: a", "+x", "y"), "line 4 of the patch: each line of a new file begins"),
        (_patch("*** Add File: a", "+x", "", "+y"), "line 5 of the patch: each line of a new file begins"),
        (_patch(*(f"*** Delete File: {number}" for number in range(201))), "at most 200 files"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_its_line(patch: str, said: str) -> None:
    with pytest.raises(Refused) as error:
        parse_patch(patch)
    assert said in str(error.value)


_WORDS = [
    "*** Begin Patch",
    "*** End Patch",
    "*** Update File: a",
    "*** Add File: b",
    "*** Delete File: c",
    "@@",
    "@@ x",
]
_WORDS += ["*** End of File", "*** Move to: d", "*** Move File: a -> b", " x", "-x", "+x", "", "x", "```"]


@given(st.lists(st.sampled_from(_WORDS), max_size=12).map("\n".join) | st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(Refused):
        assert parse_patch(text)


def test_hunks_apply_in_order_and_leave_the_rest_alone() -> None:
    text = "a\nb\nc\nd\ne\nf\n"
    assert _apply(text, " b", "-c", "+C", "+CC", "@@", " d", "-e") == "a\nb\nC\nCC\nd\nf\n"
    with pytest.raises(Refused, match=r"hunk 2: its lines, from 'b' on, were not found behind line 4"):
        _apply(text, "-d", "+D", "@@", "-b", "+B")


def test_a_missing_newline_at_the_end_stays_missing() -> None:
    assert _apply("a\nb", "-b", "+c") == "a\nc"
    assert _apply("a\nb\n", "-b", "+c") == "a\nc\n"
    assert _apply("a\n", "-a") == ""
    assert _apply("", "+a") == "a\n"


TWICE = "def f():\n    pass\n\ndef g():\n    pass\n"


def test_a_hunk_that_fits_two_places_is_refused_with_both() -> None:
    with pytest.raises(Refused) as error:
        _apply(TWICE, "-    pass", "+    return")
    assert str(error.value) == ("hunk 1: it fits 2 places (line 2: pass; line 5: pass): add context, or an @@ line")


def test_an_anchor_or_the_end_of_the_file_chooses_the_place() -> None:
    changed = "def f():\n    pass\n\ndef g():\n    return\n"
    assert _apply(TWICE, "@@ def g():", "-    pass", "+    return") == changed
    assert _apply(TWICE, "@@ def g", "-    pass", "+    return") == changed
    assert _apply(TWICE, "-    pass", "+    return", "*** End of File") == changed
    with pytest.raises(Refused, match="fits 2 places"):
        _apply(TWICE, "@@ def", "-    pass", "+    return")
    with pytest.raises(Refused, match="fits 2 places"):
        _apply(TWICE, "@@ def h():", "-    pass", "+    return")


def test_anchors_within_each_other_choose_the_inner_place() -> None:
    text = "class A:\n  def f():\n    pass\nclass B:\n  def f():\n    pass\n"
    assert _apply(text, "@@ class B:", "@@ def f():", "-    pass", "+    x") == text[:-9] + "    x\n"
    assert _apply(text, "@@ class A:", "@@ def f():", "-    pass", "+    x") == text.replace("    pass", "    x", 1)


def test_an_anchor_that_is_the_first_line_of_context_still_fits() -> None:
    assert _apply(TWICE, "@@ def g():", " def g():", "-    pass", "+    x").endswith("def g():\n    x\n")


def test_lines_that_are_only_added_need_a_place() -> None:
    assert _apply(TWICE, "@@ def g():", "+    x") == TWICE.replace("def g():\n", "def g():\n    x\n")
    assert _apply(TWICE, "+x", "*** End of File") == TWICE + "x\n"
    for lines in (("+x",), ("@@ def", "+x"), ("@@ def h", "+x")):
        with pytest.raises(Refused):
            _apply(TWICE, *lines)


def test_context_that_was_written_loosely_is_kept_as_the_file_has_it() -> None:
    text = "\tif a:\n\t\tb  =  1  \n\t\tc \u2018x\u2019\n"
    changed = _apply(text, " if a:", "     b = 1", "-    c 'x'", "+    d", "+      e")
    assert changed == "\tif a:\n\t\tb  =  1  \n\t\td\n\t\t  e\n"


def test_a_place_that_resembles_is_told_when_nothing_fits() -> None:
    with pytest.raises(Refused, match=r"most like the first is line 2: the quick brown fox"):
        _apply("a\nthe quick brown fox\n", "-the quick brown dog")


def _made(old: list[str], new: list[str], context: int) -> list[str]:
    lines: list[str] = []
    for group in difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(context):
        lines.append("@@")
        for tag, old_start, old_end, new_start, new_end in group:
            if tag == "equal":
                lines += [f" {line}" for line in old[old_start:old_end]]
                continue
            lines += [f"-{line}" for line in old[old_start:old_end]]
            lines += [f"+{line}" for line in new[new_start:new_end]]
    return lines


_LINE = st.text("ab \t'\u2019", max_size=4)
_DISTINCT = st.lists(st.integers(0, 40), unique=True, max_size=25).map(lambda numbers: [f"line {n};" for n in numbers])


@given(_DISTINCT, _DISTINCT, st.integers(1, 4))
def test_a_patch_made_from_two_texts_of_distinct_lines_applies(old: list[str], new: list[str], context: int) -> None:
    if old and old != new and set(old) & set(new):
        before, after = "\n".join((*old, "end")) + "\n", "\n".join((*new, "end")) + "\n"
        assert _apply(before, *_made([*old, "end"], [*new, "end"], context)) == after


@given(st.lists(_LINE, min_size=1, max_size=12), st.lists(_LINE, min_size=1, max_size=12), st.booleans())
def test_a_patch_with_all_of_the_text_in_it_applies(old: list[str], new: list[str], ended: bool) -> None:
    if old == new or old == [""] or new == [""]:
        return
    end = "\n" if ended else ""
    # A text that ends with an empty line and no newline is one with a newline and a line less.
    old, new = [*old, "end"], [*new, "end"]
    assert _apply("\n".join(old) + end, *_made(old, new, 1000)) == "\n".join(new) + end


@given(st.lists(_LINE, min_size=1, max_size=12), st.lists(_LINE, min_size=1, max_size=12), st.integers(0, 3))
def test_a_patch_with_little_context_gives_the_new_text_or_is_refused(
    old: list[str], new: list[str], context: int
) -> None:
    if old == new:
        return
    old, new = [*old, "end"], [*new, "end"]
    with suppress(Refused):
        assert _apply("\n".join(old) + "\n", *_made(old, new, context)) == "\n".join(new) + "\n"
