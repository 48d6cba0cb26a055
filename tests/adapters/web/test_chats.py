"""How a chat of the page becomes events and entries."""

import pytest

from adapters.web.chats import PAGE_CHARACTERS, entry_of_outbound, inbound, session_key, within_bounds
from adapters.web.frames import Frame, FrameQueue
from adapters.web.protocol import Answer, Send, Snapshot, render
from hermes.events import InboundKind, OutboundKind, Source
from hermes.store.rows import Transcript, TranscriptEntry
from tests.adapters.fakehost import outbound


@pytest.mark.parametrize("text", ["hi", "/stop", "/unknown", "/home/me is broken", " \n "])
def test_every_line_is_a_message_since_the_host_knows_the_commands(text: str) -> None:
    event = inbound(Send("main", "x", text), 1.0)
    assert (event.kind, event.text) == (InboundKind.MESSAGE, text)


def test_an_event_carries_where_it_came_from() -> None:
    event = inbound(Send("garden", "x1", "hi"), 5.0)
    assert event.source == Source("web", "local", "garden", user_id="owner")
    assert (event.event_id, event.message_id, event.sent_at) == ("x1", "x1", 5.0)
    assert event.session_key == session_key("garden") == "agent:main:web:dm:garden"


def test_an_answer_names_its_ask() -> None:
    event = inbound(Answer("main", "x1", "ask-1", "deny"), 5.0)
    assert (event.kind, event.ask_id, event.text) == (InboundKind.ANSWER, "ask-1", "deny")


def test_a_question_is_open_when_it_is_sent() -> None:
    message = outbound(
        Source("web", "local", "main"), "s", "May I?", kind=OutboundKind.ASK, ask_id="a", choices=("once", "deny")
    )
    entry = entry_of_outbound(message, 5.0)
    assert (entry.kind, entry.state, entry.choices, entry.ask_id) == ("ask", "open", ("once", "deny"), "a")


def entries(*lengths: int) -> Transcript:
    made = tuple(TranscriptEntry(at, "user", "x" * length, 1.0, f"k{at}") for at, length in enumerate(lengths, 1))
    return Transcript("s", made, older=False)


def test_a_snapshot_of_ordinary_size_is_whole() -> None:
    assert within_bounds(entries(5, 5)) == entries(5, 5)
    assert within_bounds(entries()) == entries()


def test_a_huge_snapshot_holds_its_newest_entries_and_says_that_there_are_older_ones() -> None:
    bounded = within_bounds(entries(5, PAGE_CHARACTERS - 9, 5, 5))
    assert [entry.id for entry in bounded.entries] == [3, 4]
    assert bounded.older


def test_the_newest_entry_is_shown_however_large() -> None:
    assert [entry.id for entry in within_bounds(entries(5, PAGE_CHARACTERS + 1)).entries] == [2]


def test_a_snapshot_fits_into_the_queue_of_its_page_whatever_it_holds() -> None:
    made = tuple(TranscriptEntry(at, "user", "\U0001f642" * 75_000, 1.0, f"k{at}") for at in range(1, 20))
    bounded = within_bounds(Transcript("s", made, older=False))
    snapshot = Snapshot("main", bounded.entries, bounded.older, drafting=False)
    assert FrameQueue().put(Frame(render(snapshot)))
