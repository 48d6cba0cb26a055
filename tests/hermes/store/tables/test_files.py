"""Files that are still to come when a process ends: whose they are, and who waits for them."""

import pytest
from attrs import evolve

from hermes.asks import AskKind
from hermes.errors import Refused
from hermes.events import FILE_PART, Inbound, Source
from hermes.messages import Message, Role
from hermes.store.engine.database import Database
from hermes.store.store import SqliteStore
from hermes.store.tables.acceptance import MAX_ATTACHMENT_CHARACTERS
from hermes.store.tables.files import LATE_SECONDS
from hermes.store.tables.maintenance import KEPT_SECONDS
from tests.hermes.store.builders import (
    KEY,
    NOW,
    SOURCE,
    begin,
    claim,
    claimed,
    event,
    finish,
    notice,
    question,
    question_message,
    rows,
)

HOUR = 3600.0
WITHIN = 60.0


def filed(event_id: str = "e1", text: str = "look", *, utterance: str = "u1", source: Source = SOURCE) -> Inbound:
    """A message that says of itself that a file comes."""
    made = event(event_id, text, utterance=utterance, source=source)
    return evolve(made, more_within=WITHIN, attachment=f"note of {event_id}")


def part_of(brought: Inbound, *, more_within: float = 0.0) -> Inbound:
    """What became of its file."""
    event_id = f"{brought.event_id}{FILE_PART}"
    return evolve(
        brought, event_id=event_id, text=f"file of {brought.event_id}", more_within=more_within, attachment=""
    )


async def to_come(store: SqliteStore, now: float = NOW) -> list[str]:
    return [found.attachment for found in await store.await_files("web", "local", WITHIN, now)]


async def test_a_message_comes_back_until_its_part_is_there(store: SqliteStore) -> None:
    await store.accept(event("e0", "no file"), NOW)
    await store.accept(filed("e1"), NOW)
    await store.accept(filed("e2", utterance="u2"), NOW)
    assert await to_come(store) == ["note of e1", "note of e2"]
    await store.accept(part_of(filed("e1")), NOW)
    assert await to_come(store) == ["note of e2"]


async def test_it_comes_back_with_all_that_its_part_needs(store: SqliteStore) -> None:
    await store.accept(filed("e1"), NOW)
    assert await store.await_files("web", "local", WITHIN, NOW) == (filed("e1"),)


async def test_the_turn_waits_anew_however_long_ago_its_message_came(store: SqliteStore) -> None:
    await store.accept(filed("e1"), NOW)
    assert await to_come(store, NOW + HOUR) == ["note of e1"]
    assert await claim(store, now=NOW + HOUR + WITHIN - 1.0) is None
    await store.accept(part_of(filed("e1")), NOW + HOUR + WITHIN - 1.0)
    turn = await claimed(store, now=NOW + HOUR + WITHIN - 1.0)
    assert turn.messages[0].content.endswith("look\n\nfile of e1")


async def test_the_turn_waits_no_longer_than_that(store: SqliteStore) -> None:
    await store.accept(filed("e1"), NOW)
    await to_come(store, NOW + HOUR)
    assert await claim(store, now=NOW + HOUR + WITHIN) is not None


async def test_of_an_album_the_newest_row_says_how_long_to_wait(store: SqliteStore) -> None:
    """One file was there, and its part is newer than the message whose file is not."""
    for event_id in ("e1", "e2"):
        await store.accept(filed(event_id, event_id), NOW)
    await store.accept(part_of(filed("e2"), more_within=1.0), NOW)
    assert await to_come(store, NOW + HOUR) == ["note of e1"]
    assert await claim(store, now=NOW + HOUR + WITHIN - 1.0) is None


async def test_when_a_message_came_stays_as_it_was_told(store: SqliteStore) -> None:
    await store.accept(filed("e1"), NOW)
    await to_come(store, NOW + HOUR)
    (row,) = await store.pending(KEY)
    assert (row.received_at, row.event.sent_at) == (NOW, NOW)


async def test_other_messages_of_the_session_wait_for_nothing_more(store: SqliteStore) -> None:
    await store.accept(event("e1", "part", utterance="another"), NOW)
    await store.accept(filed("e2"), NOW)
    await to_come(store)
    assert await claim(store) is not None


async def test_a_clock_that_was_set_back_keeps_nobody_waiting_for_longer(store: SqliteStore) -> None:
    await store.accept(filed("e1"), NOW)
    await to_come(store, NOW - HOUR)
    (row,) = await store.pending(KEY)
    assert row.event.more_within == WITHIN


async def test_a_message_comes_back_to_its_own_account_alone(store: SqliteStore) -> None:
    for platform, account in (("web", "another"), ("irc", "local")):
        await store.accept(filed("e1", source=Source(platform, account, "chat")), NOW)
    assert await to_come(store) == []


async def test_a_part_of_another_account_is_none_of_this_message(store: SqliteStore) -> None:
    await store.accept(filed("e1"), NOW)
    await store.accept(part_of(filed("e1", source=Source("web", "another", "chat"))), NOW)
    assert await to_come(store) == ["note of e1"]


async def test_a_message_that_steered_a_running_turn_comes_back(store: SqliteStore) -> None:
    turn = await begin(store, "e0")
    accepted = await store.accept(filed("e1"), NOW)
    assert await store.join(turn.lease, accepted.row_id, Message(Role.USER, "look"), NOW)
    assert await to_come(store) == ["note of e1"]


async def test_a_message_that_answered_a_question_comes_back(store: SqliteStore) -> None:
    turn = await begin(store, "e0")
    asked = question("a1", turn.lease)
    await store.open_ask(
        turn.lease, evolve(asked, request=evolve(asked.request, kind=AskKind.CLARIFY)), question_message(), NOW
    )
    accepted = await store.accept(filed("e1"), NOW)
    await store.answer_ask(accepted.row_id, "a1", "look", notice(), NOW)
    assert await store.pending(KEY) == ()
    assert await to_come(store) == ["note of e1"]


async def test_a_message_that_was_answered_without_its_file_comes_back_for_a_while(store: SqliteStore) -> None:
    await store.accept(filed("e1"), NOW)
    await finish(store, await claimed(store, now=NOW + HOUR), now=NOW + HOUR)
    assert await to_come(store, NOW + HOUR + LATE_SECONDS - 1.0) == ["note of e1"]
    assert await to_come(store, NOW + HOUR + LATE_SECONDS) == []
    assert LATE_SECONDS < KEPT_SECONDS


async def test_a_message_that_was_given_up_waits_for_nothing(store: SqliteStore, database: Database) -> None:
    await store.accept(filed("e1"), NOW)
    await claimed(store, now=NOW + HOUR)
    assert await claim(store, now=NOW + 3 * HOUR) is None
    assert rows(database, "inbox", "state") == [("dead",)]
    assert await to_come(store, NOW + 3 * HOUR) == []


async def test_a_note_beyond_its_bound_is_refused(store: SqliteStore) -> None:
    await store.accept(evolve(filed("e1"), attachment="x" * MAX_ATTACHMENT_CHARACTERS), NOW)
    with pytest.raises(Refused, match="file"):
        await store.accept(evolve(filed("e2"), attachment="x" * (MAX_ATTACHMENT_CHARACTERS + 1)), NOW)
