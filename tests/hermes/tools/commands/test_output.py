"""Output of commands, made fit for a model."""

from hypothesis import given
from hypothesis import strategies as st

from hermes.redact import PLACEHOLDER, Redactor
from hermes.tools.commands.output import OUTPUT_CHARACTERS, clean, cut_middle, presentable


def test_colours_titles_and_control_characters_are_taken_out() -> None:
    assert clean("\x1b[1;31mred\x1b[0m \x1b]0;title\x07\x1b(Bplain\x08\x00\ttab") == "red plain\ttab"


def test_of_a_line_that_was_written_over_its_last_state_stays() -> None:
    assert clean("10%\r50%\r100%\r\ndone\r\n") == "100%\ndone"


def test_long_output_keeps_forty_percent_of_its_head_and_sixty_of_its_tail() -> None:
    cut = cut_middle("h" * 1000 + "t" * 1000, 100)
    head, told, tail = cut.split("\n")
    assert (head, tail) == ("h" * 40, "t" * 60)
    assert told == "[... 1,900 characters left out ...]"


@given(st.text(max_size=200), st.integers(1, 100))
def test_short_output_is_left_alone_and_long_output_is_bounded(text: str, limit: int) -> None:
    cut = cut_middle(text, limit)
    assert cut == text if len(text) <= limit else len(cut) <= limit + 50


def test_a_secret_across_the_cut_is_found_before_it_is_split() -> None:
    secret = "abcdefghijklmnop"
    head = int(OUTPUT_CHARACTERS * 0.4)
    for shift in range(1, len(secret)):
        text = "x" * (head - shift) + secret + "y" * OUTPUT_CHARACTERS
        shown = presentable(text, Redactor([secret]))
        assert secret[:4] not in shown
        assert secret[-4:] not in shown


def test_a_secret_with_a_colour_inside_is_found() -> None:
    assert presentable("secret-\x1b[1mvalue", Redactor(["secret-value"])) == PLACEHOLDER
