"""Lines by which files are sent: which count, what is left of the text, and what of it is shown while it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes.media_lines import MOST_CHARACTERS, MOST_FILES, VOICE, MediaFile, Piece, beginning, begins_with_file, pieces

LINES = st.sampled_from(
    [
        "", " ", "text", "more text", "```", "```python", "~~~", "````", "MEDIA:/tmp/a.png", "MEDIA: '/tmp/a b.png'",
        VOICE, f"{VOICE} MEDIA:/tmp/a.ogg", f"see {VOICE}", "MEDIA:relative", "say MEDIA:/tmp/a", "[[audio", "MED",
    ]
)  # fmt: skip
ANSWERS = st.lists(LINES, max_size=12).map("\n".join)


def file(path: str, *, voice: bool = False) -> MediaFile:
    return MediaFile(path, voice)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("MEDIA:/tmp/a.png", (file("/tmp/a.png"),)),
        ("  MEDIA: /tmp/a b.png \r", (file("/tmp/a b.png"),)),
        ('MEDIA:"/tmp/a b.png"', (file("/tmp/a b.png"),)),
        ("MEDIA:'/tmp/it''s.png'", (file("/tmp/it''s.png"),)),
        ("MEDIA:`~/a.png`", (file("~/a.png"),)),
        ("Here:\n\nMEDIA:/a\n\nand\n  there", ("Here:", file("/a"), "and\n  there")),
        ("MEDIA:/a\nMEDIA:/b", (file("/a"), file("/b"))),
        (f"{VOICE}\nMEDIA:/a.ogg\nbye", (file("/a.ogg", voice=True), "bye")),
        (f"{VOICE} MEDIA:/a.ogg", (file("/a.ogg", voice=True),)),
        (f"MEDIA:/a.ogg\nListen. {VOICE}", (file("/a.ogg", voice=True), "Listen.")),
        (f"Listen {VOICE} to it", ("Listen to it",)),
    ],
)
def test_a_line_of_a_file_is_taken_out_of_the_text(text: str, found: tuple[Piece, ...]) -> None:
    assert pieces(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "see MEDIA:/tmp/a.png",
        "MEDIA:a.png",
        "MEDIA:",
        "MEDIA:''",
        "media:/tmp/a.png",
        "MEDIA:https://example.com/a.png",
        "`MEDIA:/tmp/a.png`",
        "MEDIA:/tmp/\x00a",
        "MEDIA:/tmp/\ta",
        "```\nMEDIA:/tmp/a.png\n```",
        "~~~ text\nMEDIA:/tmp/a.png\n```\n~~~",
        "````\n```\nMEDIA:/tmp/a.png",
        f"```\n{VOICE}\n```",
        f"say `{VOICE}` for that",
        VOICE,
        "  \n",
        "",
        f"MEDIA:/{'x' * MOST_CHARACTERS}",
    ],
)
def test_other_lines_stay_as_they_are(text: str) -> None:
    assert pieces(text) == (text,)


def test_code_ends_where_its_fence_ends() -> None:
    assert pieces("```\nMEDIA:/a\n```\nMEDIA:/b") == ("```\nMEDIA:/a\n```", file("/b"))


def test_code_below_an_item_of_a_list_is_code() -> None:
    text = "1. Write\n    ```\n    MEDIA:/a\n    ```"
    assert pieces(f"{text}\nMEDIA:/b") == (text, file("/b"))


def test_files_beyond_the_bound_stay_text() -> None:
    found = pieces("\n".join(f"MEDIA:/{number}" for number in range(MOST_FILES + 2)))
    assert found[MOST_FILES:] == (f"MEDIA:/{MOST_FILES}\nMEDIA:/{MOST_FILES + 1}",)


def _said(text: str) -> str:
    """What is said, without what may be taken out of it: blanks, quotes and the mark for voice."""
    return "".join(text.replace(VOICE, "").replace("'", "").split())


@given(ANSWERS)
def test_nothing_is_lost_and_nothing_is_blank(text: str) -> None:
    found = pieces(text)
    assert found == (text,) or all(each.path if isinstance(each, MediaFile) else each.strip() for each in found)
    assert _said("\n".join(each.line if isinstance(each, MediaFile) else each for each in found)) == _said(text)


@given(ANSWERS, st.data())
def test_what_is_shown_of_a_growing_answer_is_never_taken_back(text: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(text)))
    earlier, later = beginning(text[:cut]), beginning(text)
    assert later.lstrip().startswith(earlier.strip())
    first = pieces(f"{text}\n")[0]
    assert not later or (isinstance(first, str) and first.lstrip().startswith(later.strip()))


@pytest.mark.parametrize("held", ["M", "MEDIA:", "MEDIA:/tmp/a", "[", "[[audio_as", f"{VOICE} MED"])
def test_what_may_yet_become_a_file_is_held_back(held: str) -> None:
    assert beginning(f"Here:\n{held}").rstrip() == "Here:"


def test_what_begins_with_a_file_shows_nothing() -> None:
    assert beginning("MEDIA:/a\ntext") == ""
    assert begins_with_file("MEDIA:/a\ntext")
    assert not begins_with_file("text\nMEDIA:/a")
    assert not begins_with_file("")
