"""Markdown as Telegram shows it: what is marked, and that no text can come to harm."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.telegram.outgoing.formatting import MOST_ENTITIES, render, visible
from hermes.split import units
from tests.adapters.telegram.rules import checked_entities


def shown(markdown: str) -> str:
    """The text with what is marked put between brackets that name the kind."""
    rendered = render(markdown)
    raw = rendered.text.encode("utf-16-le")
    marks: list[tuple[int, int, str]] = []
    for entity in rendered.entities:
        more = entity.url or entity.language or ""
        marks.append((entity.offset, -entity.length, f"<{entity.type}{':' + more if more else ''}|"))
        marks.append((entity.offset + entity.length, entity.offset - 10**6, ">"))
    out, done = "", 0
    for place, _, mark in sorted(marks, key=lambda each: (each[0], each[1])):
        out += raw[2 * done : 2 * place].decode("utf-16-le") + mark
        done = place
    return out + raw[2 * done :].decode("utf-16-le")


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("plain words", "plain words"),
        ("**bold** and *italic* and ~~gone~~", "<bold|bold> and <italic|italic> and <strikethrough|gone>"),
        ("__bold__ and _italic_", "<bold|bold> and <italic|italic>"),
        ("**bold with `code` in it**", "<bold|bold with <code|code> in it>"),
        ("run `ls -l` now", "run <code|ls -l> now"),
        ("`` a`b ``", "<code|a`b>"),
        ("``a`b", "``a`b"),
        ("[here](https://x.org/a_(b))", "<text_link:https://x.org/a_(b)|here>"),
        ("[no](javascript:alert)", "[no](javascript:alert)"),
        ("# Title\ntext", "<bold|Title>\ntext"),
        ("## Title ##  \ntext", "<bold|Title>\ntext"),
        ("# Why C#", "<bold|Why C#>"),
        ("# #", "<bold|#>"),
        ("#  ", "#"),
        ("- one\n- two\n  * three", "• one\n• two\n  • three"),
        ("1. one\n2. two", "1. one\n2. two"),
        ("> said\n> twice\nand", "<blockquote|said\ntwice>\nand"),
        ("```python\nx = 1 * 2\n```\nend", "<pre:python|x = 1 * 2>\nend"),
        ("```\n**not bold**\n```", "<pre|**not bold**>"),
        ("~~~\na\n```\nb\n~~~", "<pre|a\n```\nb>"),
        ("```\nnever closed", "<pre|never closed>"),
        (
            "1. Run\n    ```sh\n    grep '\\.py' *\n      x\n  y\n    ```\n    then",
            "1. Run\n<pre:sh|grep '\\.py' *\n  x\ny>\n    then",
        ),
        ("  ~~~\n\t a\n  ~~~", "<pre|\t a>"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "<pre|| a | b |\n|---|---|\n| 1 | 2 |>"),
        ("a\n\n---\n\nb", "a\n\n———\n\nb"),
        ("snake_case_name and 2*3*4", "snake_case_name and 2*3*4"),
        ("5 * 3 and 2 ** 4 ** 1", "5 * 3 and 2 ** 4 ** 1"),
        ("\\*not italic\\*", "*not italic*"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
        ("\U0001f600 **bold** \U0001f600 `x`", "\U0001f600 <bold|bold> \U0001f600 <code|x>"),
        ("\n\n**a**\n\n", "<bold|a>"),
        ("a\x00b **c**\x07", "ab <bold|c>"),
        ("****", "———"),
        ("```\n```", "```\n```"),
    ],
)
def test_markdown_is_shown_as(markdown: str, expected: str) -> None:
    assert shown(markdown) == expected


HANGING = """
from adapters.telegram.outgoing.formatting import render
for begin in ("# a", "|a\\n", "|a\\n|", "- ", "> ", "**a", "[a](http://x", ""):
    for blank in (" ", "\\t", " \\t"):
        render(begin + blank * 4000 + "b")
"""


def test_no_run_of_blanks_holds_up_everything_else() -> None:
    """In a process of its own, which can be ended: patterns hold the interpreter. One that tries all ways to share out
    such a run takes minutes, and this a fraction of a second; the bound is for machines that are busy."""
    subprocess.run([sys.executable, "-c", HANGING], check=True, timeout=60)


def test_marks_without_end_are_few() -> None:
    rendered = render("**a** " * 500)
    assert len(rendered.entities) == MOST_ENTITIES
    assert rendered.text.startswith("a a a")


TEXT = st.text(alphabet="ab *_`~[]()#>|-\\\n\U0001f600\x00:/.1", max_size=80)


@given(TEXT)
def test_what_is_rendered_is_never_longer_and_its_marks_lie_within(markdown: str) -> None:
    rendered = render(markdown)
    assert units(rendered.text) <= units(visible(markdown))
    checked_entities([entity.to_dict() for entity in rendered.entities], rendered.text)
    assert bool(rendered.text.strip()) == bool(visible(markdown).strip())


@given(TEXT)
def test_entities_are_nested_or_apart(markdown: str) -> None:
    """Telegram drops those that overlap."""
    spans = [(entity.offset, entity.offset + entity.length) for entity in render(markdown).entities]
    for start, end in spans:
        for other, other_end in spans:
            assert (
                end <= other
                or other_end <= start
                or (start <= other and other_end <= end)
                or (other <= start and end <= other_end)
            )
