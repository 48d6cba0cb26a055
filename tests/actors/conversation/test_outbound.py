"""What a conversation says, as its platform can take it."""

import time

import pytest
from attrs import evolve

from actors.conversation import outbound
from adapters.telegram.outgoing.formatting import render
from hermes.asks import APPROVAL_CHOICES, Ask, AskKind, AskRequest
from hermes.events import DraftState, Inbound, InboundKind, Source
from hermes.split import units
from hermes.store.rows import InboxRow, Lease, Turn

SOURCE = Source("telegram", "bot1", "5")


def turn() -> Turn:
    event = Inbound("e1", SOURCE, "key", InboundKind.MESSAGE, "hi", time.time(), message_id="9")
    return Turn(Lease("t1", "s1", "key", 1), (InboxRow(1, event, 0.0, 1),), (), frozenset(), (), 1, 0.0)


def test_a_draft_names_each_message_once_and_of_one_utterance_the_first() -> None:
    said = [("", "1"), ("album", "2"), ("album", "3"), ("file", "4"), ("file", "4"), ("", ""), ("", "5")]
    one = turn()
    rows = tuple(
        InboxRow(
            number, evolve(one.rows[0].event, event_id=f"e{number}", utterance=utterance, message_id=message_id), 0.0, 1
        )
        for number, (utterance, message_id) in enumerate(said)
    )
    shown = outbound.draft(evolve(one, rows=rows), DraftState.THINKING)
    assert shown.messages == ("1", "2", "4", "5")


def ask(question: str, subject: str = "") -> Ask:
    kind = AskKind.APPROVAL if subject else AskKind.CLARIFY
    return Ask("a1", "t1", "c1", AskRequest(kind, question, APPROVAL_CHOICES, 60.0, subject), 0.0)


def test_a_question_names_its_ask_and_shows_what_it_is_about_as_code() -> None:
    message = outbound.question(turn(), ask("May I?", "rm -r x"), 4000)
    assert message.text == "May I?\n\n```\nrm -r x\n```"
    assert (message.ask_id, message.choices, message.reply_to) == ("a1", APPROVAL_CHOICES, "9")


@pytest.mark.parametrize("subject", ["cat <<E\n```\n**rm** \\*\nE", "echo `id`\n````\nls", "`" * 3000])
def test_what_a_question_is_about_stands_as_code_whatever_it_holds(subject: str) -> None:
    text = outbound.question(turn(), ask("May I?", subject), 2000).text
    assert len(text) <= 2000
    (code,) = render(text).entities
    shown = render(text).text[code.offset :]
    assert code.type == "pre"
    assert shown == subject or (len(subject) > 1000 and "not shown" in shown)


@pytest.mark.parametrize("asked", [ask("May I?", "x" * 9000 + "; rm -r /"), ask("Why? " * 3000)])
def test_a_question_that_is_too_long_shows_both_ends_and_says_so(asked: Ask) -> None:
    text = outbound.question(turn(), asked, 2000).text
    assert len(text) <= 2000
    assert "characters are not shown" in text
    assert text.count("```") in {0, 2}
    assert asked.request.subject[-9:] in text


def test_parts_of_an_answer_are_counted_as_the_platform_counts() -> None:
    parts = outbound.answers(turn(), "\U0001f600" * 3000, 4000, utf16=True)
    assert len(parts) == 2
    assert all(units(part.text) <= 4000 for part in parts)
    assert [part.answers for part in parts] == [("e1",), ()]
    assert [part.part for part in parts] == [0, 1]


def test_an_answer_below_what_was_left_standing_has_a_key_of_its_own() -> None:
    keys = [outbound.answers(turn(), "text", 4000, version=version)[0].key for version in range(3)]
    assert keys == ["t1:answer", "t1:answer+1", "t1:answer+2"]


def test_each_file_of_an_answer_is_a_part_of_its_own_in_its_place() -> None:
    text = "[[audio_as_voice]]\nHere:\nMEDIA:/a.ogg\nand\nMEDIA:'/b c.png'"
    parts = outbound.answers(turn(), text, 4000, files=True)
    assert [(part.text, part.file, part.voice) for part in parts] == [
        ("Here:", "", False),
        ("MEDIA:/a.ogg", "/a.ogg", True),
        ("and", "", False),
        ("MEDIA:/b c.png", "/b c.png", True),
    ]
    assert [part.key for part in parts] == ["t1:answer", *(f"t1:answer:behind{number}" for number in (1, 2, 3))]
    assert [part.part for part in parts] == [0, 1, 2, 3]
    assert [part.answers for part in parts] == [("e1",), (), (), ()]


def test_no_file_takes_the_place_of_a_draft() -> None:
    parts = outbound.answers(turn(), "MEDIA:/a\nthere", 4000, files=True)
    assert [(part.file, part.key, part.answers) for part in parts] == [
        ("/a", "t1:answer:behind0", ("e1",)),
        ("", "t1:answer", ()),
    ]


def test_where_files_cannot_be_sent_their_lines_stay_text() -> None:
    text = "Here:\nMEDIA:/a.png\n[[audio_as_voice]]"
    assert [part.text for part in outbound.answers(turn(), text, 4000)] == [text]


def test_a_long_answer_with_files_is_split_between_them() -> None:
    parts = outbound.answers(turn(), "x" * 150 + "\nMEDIA:/a\n" + "y" * 150, 100, files=True)
    assert [part.file for part in parts] == ["", "", "/a", "", ""]
    # Texts that can have grown in the chat have the keys of their drafts.
    assert [part.key for part in parts[:2]] == [outbound.answer(turn(), "", part=number).key for number in (0, 1)]
    assert len({part.key for part in parts}) == 5
