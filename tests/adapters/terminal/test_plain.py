import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.terminal.plain import exact, harmless, one_line

_BIDI = set("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@given(st.text())
def test_harmless_text_holds_nothing_that_a_terminal_obeys(text: str) -> None:
    shown = harmless(text)
    assert not [sign for sign in shown if unicodedata.category(sign) in {"Cc", "Cs"} and sign != "\n"]
    assert not _BIDI & set(shown)


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "S")) | st.just("\n")))
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text


@given(st.text())
def test_exact_text_hides_nothing(text: str) -> None:
    shown = exact(text)
    assert all(sign.isprintable() or sign == "\n" for sign in shown)
    assert len(shown) >= len(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]52;c;cm0gLXJm\x07clip", "clip"),
        ("\x1b]0;title\x1b\\x", "x"),
        ("a\tb", "a    b"),
        ("a\r\nb", "a\nb"),
        ("rm\rls", "rm\\rls"),
        ("\x9b2J", "\\x9b2J"),
        ("\x1b", "\\x1b"),
        ("\u202etxt.exe", "\\u202etxt.exe"),
        ("\U0001f469\u200d\U0001f4bb", "\U0001f469\u200d\U0001f4bb"),
    ],
)
def test_sequences_are_dropped_and_single_signs_are_spelled(text: str, shown: str) -> None:
    assert harmless(text) == shown


def test_a_command_that_only_looks_like_another_is_told_apart() -> None:
    assert exact("rm -rf ./x\u200b") == "rm -rf ./x\\u200b"
    assert exact("ls\x1b[2K\rrm") == "ls\\x1b[2K\\rrm"
    assert exact("cat \u00a0x") == "cat \\xa0x"


def test_one_line_is_cut_and_says_so() -> None:
    assert one_line("a\n b\t c", 20) == "a b c"
    assert one_line("abcdef", 4) == "abc…"
