import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.terminal import asks
from adapters.terminal.asks import OpenAsk
from hermes.asks import APPROVAL_CHOICES
from hermes.events import Outbound, OutboundKind, Source
from hermes.store.rows import TranscriptEntry

APPROVAL = OpenAsk("a1", "Run this command?", "rm -rf x", APPROVAL_CHOICES)
CLARIFY = OpenAsk("a2", "Which colour?", "", ("red", "Dark blue"))
FREE = OpenAsk("a3", "What is your name?", "", ())


@pytest.mark.parametrize(
    ("ask", "key", "choice"),
    [
        (APPROVAL, "o", "once"),
        (APPROVAL, "S", "session"),
        (APPROVAL, "a", "always"),
        (APPROVAL, "d", "deny"),
        (APPROVAL, "y", "once"),
        (APPROVAL, "x", None),
        (APPROVAL, "1", None),
        (OpenAsk("a", "", "", ("once", "deny")), "a", None),
        (CLARIFY, "1", "red"),
        (CLARIFY, "2", "Dark blue"),
        (CLARIFY, "3", None),
        (CLARIFY, "0", None),
        (CLARIFY, "r", None),
        (CLARIFY, "\u00b2", None),
        (FREE, "1", None),
    ],
)
def test_a_key_stands_for_a_choice(ask: OpenAsk, key: str, choice: str | None) -> None:
    assert asks.by_key(ask, key) == choice


@pytest.mark.parametrize(
    ("ask", "text", "answer"),
    [
        (APPROVAL, " once ", "once"),
        (APPROVAL, "Yes", "once"),
        (APPROVAL, "no", "deny"),
        (APPROVAL, "s", "session"),
        (APPROVAL, "no, use ls instead", None),
        (APPROVAL, "/status", None),
        (CLARIFY, "2", "Dark blue"),
        (CLARIFY, "dark BLUE", "Dark blue"),
        (CLARIFY, "green, please", "green, please"),
        (CLARIFY, "/stop", None),
        (FREE, "42", "42"),
    ],
)
def test_a_typed_line_is_an_answer_or_a_message(ask: OpenAsk, text: str, answer: str | None) -> None:
    assert asks.by_word(ask, text) == answer


@given(st.text(alphabet="rm -`\n$x", min_size=1), st.sampled_from(["```", "`````", "~~~"]))
def test_what_is_asked_about_is_shown_whole_whatever_it_holds(subject: str, fence: str) -> None:
    text = f"Run this command?\n\n{fence}\n{subject}\n{fence}"
    assert asks.parts(text) == ("Run this command?", subject)


def test_a_question_without_a_block_is_all_question() -> None:
    for text in ("Which ``` one?", "Which one?\n\n```\nnever closed"):
        assert asks.parts(text) == (text, "")


def test_the_open_questions_of_a_transcript_are_found() -> None:
    entries = [
        TranscriptEntry(1, "ask", "Old?", 0.0, "k1", state="answered", ask_id="a1"),
        TranscriptEntry(2, "user", "hi", 0.0, "k2", state="open"),
        TranscriptEntry(3, "ask", "New?\n\n```\nls\n```", 0.0, "k3", state="open", ask_id="a2", choices=("once",)),
    ]
    assert asks.still_open(entries) == (OpenAsk("a2", "New?", "ls", ("once",)),)


def test_a_message_becomes_the_same_question_as_its_entry() -> None:
    message = Outbound(
        "k", Source("terminal", "s", "s"), "key", OutboundKind.ASK, "Q?\n\n```\nls\n```", ask_id="a", choices=("once",)
    )
    assert asks.of_message(message) == OpenAsk("a", "Q?", "ls", ("once",))


def test_the_hint_names_every_choice() -> None:
    assert asks.hint(APPROVAL) == "[o]nce  [s]ession  [a]lways  [d]eny"
    assert asks.hint(CLARIFY) == "[1] red  [2] Dark blue"
    assert asks.hint(FREE) == "type your answer"
