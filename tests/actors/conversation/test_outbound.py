"""What a conversation says, as its platform can take it."""

import time

import pytest

from actors.conversation import outbound
from hermes.asks import APPROVAL_CHOICES, Ask, AskKind, AskRequest
from hermes.events import Inbound, InboundKind, Source
from hermes.split import units
from hermes.store.rows import InboxRow, Lease, Turn

SOURCE = Source("telegram", "bot1", "5")


def turn() -> Turn:
    event = Inbound("e1", SOURCE, "key", InboundKind.MESSAGE, "hi", time.time(), message_id="9")
    return Turn(Lease("t1", "s1", "key", 1), (InboxRow(1, event, 0.0, 1),), (), frozenset(), (), 1, 0.0)


def ask(question: str, subject: str = "") -> Ask:
    kind = AskKind.APPROVAL if subject else AskKind.CLARIFY
    return Ask("a1", "t1", "c1", AskRequest(kind, question, APPROVAL_CHOICES, 60.0, subject), 0.0)


def test_a_question_names_its_ask_and_shows_what_it_is_about_as_code() -> None:
    message = outbound.question(turn(), ask("May I?", "rm -r x"), 4000)
    assert message.text == "May I?\n\n```\nrm -r x\n```"
    assert (message.ask_id, message.choices, message.reply_to) == ("a1", APPROVAL_CHOICES, "9")


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
