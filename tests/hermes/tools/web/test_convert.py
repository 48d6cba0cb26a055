"""HTML to markdown: what is kept, what is left out, and pages that are made to be hard to read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes.tools.web.convert import MOST_CHARACTERS, convert

BASE = "https://site.test/folder/page"


def text(html: str | bytes, charset: str = "") -> str:
    return convert(html.encode() if isinstance(html, str) else html, BASE, charset).text


def test_the_parts_of_a_page_become_markdown() -> None:
    converted = convert(
        b"<!doctype html><html><head><title> A \n page </title></head><body><h1>Head</h1><p>Some <b>bold</b> words<br>"
        b"and <code>x = 1</code></p><pre><code>def f():\n    return 1\n</code></pre><ul><li>one</li><li>two</li></ul>"
        b"<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table></body></html>",
        BASE,
    )
    assert converted.title == "A page"
    assert converted.whole
    for part in (
        "# Head",
        "Some **bold** words",
        "`x = 1`",
        "```\ndef f():\n    return 1\n```",
        "- one\n- two",
        "| a | b |\n| --- | --- |\n| 1 | 2 |",
    ):
        assert part in converted.text


def test_links_are_absolute_and_what_cannot_be_followed_is_text() -> None:
    assert text('<a href="../x?a=1">one</a>') == "[one](https://site.test/x?a=1)"
    assert text('<base href="/other/"><a href="x">one</a>') == "[one](https://site.test/other/x)"
    assert text('<a href="javascript:alert(1)">one</a> <a href="http://[">two</a>') == "one two"
    assert text('<img src="data:image/png;base64,AAAA" alt="a cat"><img src="x.png">') == "[picture: a cat]"


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>secret</script>",
        "<style>secret</style>",
        "<noscript>secret</noscript>",
        "<template>secret</template>",
        "<!-- secret -->",
        "<nav><p>secret</p></nav>",
        '<p style="color:red; Display : NONE">secret</p>',
        '<p style="visibility:hidden"><b>secret</b></p>',
        "<p hidden>secret</p>",
        '<span aria-hidden="true">secret</span>',
        '<iframe src="x">secret</iframe>',
        '<meta name="description" content="secret">',
        '<input value="secret">',
        "<svg><text>secret</text></svg>",
        "<![CDATA[secret]]>",
        "<?secret?>",
        "<!DOCTYPE secret>",
    ],
)
def test_what_a_reader_would_not_see_is_left_out(hidden: str) -> None:
    assert text(f"<body><p>before</p>{hidden}<p>after</p></body>").split() == ["before", "after"]


def test_the_main_part_is_preferred_when_it_is_most_of_the_page() -> None:
    assert text(f"<div>menu</div><main>{'words ' * 50}</main>").startswith("words")
    assert "whole" in text(f"<main>x</main><div>the whole {'words ' * 50}</div>")


def test_a_form_around_a_page_does_not_hide_it() -> None:
    assert text("<form><p>all of it</p><input value=x></form>") == "all of it"


@pytest.mark.parametrize(
    ("html", "charset"),
    [
        ("café".encode(), ""),
        ("café".encode("latin-1"), "iso-8859-1"),
        ('<meta charset="iso-8859-1">café'.encode("latin-1"), ""),
        ("café".encode("utf-16"), ""),
    ],
)
def test_the_charset_of_the_header_and_of_the_page_count(html: bytes, charset: str) -> None:
    assert text(html, charset) == "café"


def test_a_page_is_read_although_scripts_are_most_of_it_and_a_long_one_is_cut() -> None:
    page = convert(b"<SCRIPT>" + b"x = 1;" * 300_000 + b"</script><p>Tea.</p>" + b"<style>" + b"p {}" * 200_000, BASE)
    assert page.text.startswith("Tea.")
    long = convert(b"<p>Tea. </p>" * 100_000, BASE)
    assert long.text.startswith("Tea.")
    assert not long.whole
    assert text("<p>a<script>b</p>") == "a"


HARD = {
    "deep": "<div>" * 50_000 + "x",
    "deep lists": "<ul><li>" * 3_000 + "x",
    "deep quotes": "<blockquote>" * 3_000 + "x",
    "never closed": "<a href=x>" * 20_000 + "x",
    "attributes": "<p " + " ".join(f"a{number}=1" for number in range(50_000)) + ">x</p>",
    "angle brackets": "x" + "<" * 200_000,
    "entities": "x" + "&amp;" * 100_000,
    "half a tag": "x<p title='" + "y" * 300_000,
    "blanks": "x" + " " * 1_000_000,
    "scripts": "x" + "<script>" * 200_000,
    "long": "<p>x</p>" * 60_000,
    "colspan": "<table><tr><td colspan=1000000000>x</td></tr></table>",
    "colspans": "<table>" + "<tr>" + "<td colspan=1000>x</td>" * 1_000 + "</tr></table>",
}


@pytest.mark.parametrize("name", HARD)
def test_a_page_that_is_made_to_be_hard_is_read_within_bounds(name: str) -> None:
    found = text(HARD[name])
    assert "x" in found
    assert len(found) <= MOST_CHARACTERS


_PIECES = st.sampled_from(
    ["<", ">", "</", "<p>", "</div>", "<table>", "<td>", "<!--", "<![", "]]>", "<?", "&#x", "&amp", '"', "'", "a", " ",
     "<a href=", "<pre>", "<br/>", "<script>", "\0", "\ud7ff", "<li>", "<h1>", "<base href=//[>", "<svg>"]
)  # fmt: skip


@settings(max_examples=200)
@given(st.lists(_PIECES, max_size=60).map("".join))
def test_no_page_is_an_error(html: str) -> None:
    text(html)
