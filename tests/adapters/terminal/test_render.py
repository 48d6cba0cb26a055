import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.terminal.asks import OpenAsk
from adapters.terminal.blocks import Answered, Asked, Block, Noticed, Remark, Said, ToolUsed, Trouble
from adapters.terminal.render import Paper, render

PAPER = Paper(60)
PLAIN = Paper(60, colour=False)
_STYLE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize(
    ("block", "text"),
    [
        (Said("one\ntwo"), "\n> one\n  two\n"),
        (ToolUsed("terminal", '{"command": "ls"}', 0.34), "  terminal ls … 0.3 s\n"),
        (ToolUsed("terminal", '{"command": "ls"}'), "  terminal ls\n"),
        (Asked(OpenAsk("a", "Run it?", "rm\nls", ())), "\nRun it?\n    rm\n    ls\n"),
        (Asked(OpenAsk("a", "Which?", "", ())), "\nWhich?\n"),
        (Asked(OpenAsk("a", "Which?", "", ("red", "blue"))), "\nWhich?\n  1. red\n  2. blue\n"),
        (Remark("answered: once"), "  answered: once\n"),
        (Trouble("no"), "! no\n"),
        (Answered("**bold** text"), "\nbold text\n"),
    ],
)
def test_each_block_without_colours_is_plain_text(block: Block, text: str) -> None:
    assert render(block, PLAIN) == text


_BLOCKS = st.text().flatmap(
    lambda text: st.sampled_from(
        [
            Said(text),
            Answered(text),
            Noticed(text),
            ToolUsed("t", text, 1.0),
            Asked(OpenAsk("a", text, text, ())),
            Remark(text),
        ]
    )
)


@settings(max_examples=60)
@given(_BLOCKS)
def test_a_block_ends_its_line_and_styles_are_all_that_it_does_to_the_terminal(block: Block) -> None:
    shown = render(block, PAPER)
    assert shown.endswith(("\n", "\n\x1b[0m"))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", _STYLE.sub("", shown))


def test_an_answer_cannot_draw_over_the_screen() -> None:
    hostile = "safe\x1b[2J\x1b[H\x1b]0;owned\x07 `\x1b[8mhidden`\n\n```\n\x1b[1A\x1b[2Kx\n```"
    assert _STYLE.sub("", render(Answered(hostile), PAPER)).replace(" ", "") == "\nsafehidden\n\n\nx\n"


def test_a_link_shows_where_it_leads() -> None:
    assert "http://evil.example" in render(Answered("[good](http://evil.example)"), PLAIN)


def test_no_line_of_an_answer_is_filled_up_to_the_width() -> None:
    shown = render(Answered("# Title\n\n```python\nx = 1\n```\n\n- one\n- two"), PAPER)
    assert not [line for line in _STYLE.sub("", shown).split("\n") if line != line.rstrip()]


def test_a_tools_line_fits_the_width() -> None:
    shown = render(ToolUsed("terminal", '{"command": "' + "x" * 200 + '"}', 1.0), PLAIN)
    assert len(shown) <= PLAIN.width
    assert shown.endswith("… … 1.0 s\n")


def test_a_very_long_answer_is_shown_as_it_is() -> None:
    text = "*a* " * 60_000
    assert render(Answered(text), PLAIN) == "\n" + text + "\n"
