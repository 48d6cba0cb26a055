"""Long answers in parts: within the limit, nothing lost, code blocks whole in each part."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes.split import split, units


def fences(text: str) -> int:
    return len(re.findall(r"^```", text, re.MULTILINE))


def test_a_text_that_fits_is_one_unchanged_part() -> None:
    assert split("x" * 100, 100) == ["x" * 100]


def test_a_part_ends_at_a_paragraph_where_there_is_one() -> None:
    assert split("a" * 70 + "\n\n" + "b" * 70, 100) == ["a" * 70, "b" * 70]


def test_else_at_a_line_and_else_at_a_word() -> None:
    assert split("a" * 70 + "\n" + "b" * 70, 100) == ["a" * 70, "b" * 70]
    assert split("a" * 70 + " " + "b" * 70, 100) == ["a" * 70, "b" * 70]


def test_a_code_block_is_closed_and_opened_again_with_its_language() -> None:
    code = "\n".join(f"line {number:03}" for number in range(40))
    parts = split(f"before\n\n```python\n{code}\n```\nafter", 120)
    assert len(parts) > 2
    assert all(fences(part) % 2 == 0 for part in parts)
    assert all(part.startswith("```python\n") for part in parts[1:-1])
    assert parts[-1].endswith("after")


def test_so_is_one_below_an_item_of_a_list() -> None:
    code = "\n".join(f"    line {number:03}" for number in range(40))
    parts = split(f"1. before\n    ```python\n{code}\n    ```\nafter", 120)
    assert all(part.count("```") == 2 for part in parts[:-1])
    assert all(part.startswith("```python\n") for part in parts[1:-1])


@pytest.mark.parametrize("limit", [64, 65, 100, 4096])
def test_one_long_word_is_cut_anywhere(limit: int) -> None:
    parts = split("x" * 10_000, limit)
    assert "".join(parts) == "x" * 10_000
    assert all(len(part) <= limit for part in parts)


@given(st.text(alphabet="ab \n\t", max_size=2000), st.integers(64, 300))
def test_without_code_blocks_only_blanks_are_lost_and_no_part_is_blank(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(part.strip() for part in parts) or not text.strip()


def test_a_long_gap_makes_no_blank_messages() -> None:
    above, below = split("above" + "\n" * 5000 + "below", 64)
    assert (above.strip(), below.strip()) == ("above", "below")


@given(st.text(alphabet="ab `~\n\t", max_size=2000), st.integers(64, 300))
def test_no_part_is_too_long_and_no_word_is_lost(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert all(len(part) <= limit for part in parts)
    letters = re.sub(r"[^ab]", "", text)
    assert re.sub(r"[^ab]", "", "".join(parts)).startswith(letters[:1])
    assert len(re.sub(r"[^ab]", "", "".join(parts))) >= len(letters)


@given(st.text(alphabet="ab \n`~\U0001f600\u00e9", max_size=400), st.integers(64, 120))
def test_parts_fit_where_characters_are_counted_as_utf_16_does(text: str, limit: int) -> None:
    parts = split(text, limit, utf16=True)
    assert all(units(part) <= limit for part in parts)
    assert units(text) == len(text.encode("utf-16-le")) // 2


def test_a_text_of_wide_characters_is_split_by_their_width() -> None:
    parts = split("\U0001f600" * 100, 64, utf16=True)
    assert "".join(parts) == "\U0001f600" * 100
    assert len(parts) > 3


@pytest.mark.parametrize("mark", ["`" * 7, "`" * 8, "`" * 12, "~" * 20])
def test_a_block_with_a_long_fence_is_closed_by_as_long_a_one(mark: str) -> None:
    code = "\n".join(f"line {number:03}" for number in range(40))
    parts = split(f"{mark}markdown\n{code}\n{mark}\nafter", 120)
    assert len(parts) > 2
    assert all(len(part) <= 120 for part in parts)
    assert all(part.startswith(f"{mark}markdown\n") and part.endswith(f"\n{mark}") for part in parts[:-1])


@given(st.lists(st.sampled_from(["`" * 3, "`" * 9, "~" * 15, "`" * 30, "a", "b", " ", "\n"]), max_size=300))
def test_no_part_is_too_long_whatever_its_fences(pieces: list[str]) -> None:
    assert all(len(part) <= 64 for part in split("".join(pieces), 64))
