import pytest

from hermes.events import InboundKind
from hermes.messages import Message, Role
from hermes.store.compose import TOLD_AGE_SECONDS, age, compose
from hermes.store.rows import InboxRow
from tests.hermes.store.builders import NOW, event


def row(
    text: str, *, sent_at: float = NOW, received_at: float = NOW, kind: InboundKind = InboundKind.MESSAGE
) -> InboxRow:
    return InboxRow(1, event("e1", text, sent_at=sent_at, kind=kind), received_at, 1)


def test_one_message_stands_as_it_was_written() -> None:
    assert compose((row("  hello\n"),), NOW) == Message(Role.USER, "  hello\n")


def test_several_are_joined_with_a_blank_line() -> None:
    assert compose((row("one"), row("two")), NOW).content == "one\n\ntwo"


@pytest.mark.parametrize(
    ("waited", "told"),
    [
        (TOLD_AGE_SECONDS, "hello"),
        (TOLD_AGE_SECONDS + 1, "[sent 5 min ago] hello"),
        (3 * 3600.0 + 59, "[sent 3 h ago] hello"),
        (-60.0, "hello"),
    ],
)
def test_a_message_that_waited_is_told_with_its_age(waited: float, told: str) -> None:
    assert compose((row("hello", sent_at=NOW - waited),), NOW).content == told


def test_the_age_is_that_of_the_oldest_part_and_told_once() -> None:
    parts = (row("new"), row("old", sent_at=NOW - 7200))
    assert compose(parts, NOW).content == "[sent 2 h ago] new\n\nold"


def test_a_platform_that_tells_no_time_leaves_that_of_arrival() -> None:
    assert compose((row("hello", sent_at=0, received_at=NOW - 600),), NOW).content == "[sent 10 min ago] hello"


def test_an_edit_says_that_it_is_one() -> None:
    content = compose((row("hello", kind=InboundKind.EDIT),), NOW).content
    assert content == "[This is the edited version of an earlier message] hello"


def test_no_rows_make_an_empty_message() -> None:
    assert compose((), NOW) == Message(Role.USER, "")


@pytest.mark.parametrize(
    ("seconds", "told"), [(-5, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (86_400 * 2.5, "2 d")]
)
def test_an_age_is_told_in_its_largest_whole_unit(seconds: float, told: str) -> None:
    assert age(seconds) == told
