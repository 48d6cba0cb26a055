"""A draft through every place where a crash can find it."""

import pytest
from attrs import evolve

from hermes.errors import Refused, Unavailable
from hermes.events import Outbound, OutboundKind
from hermes.messages import Usage
from hermes.store.engine.database import Database
from hermes.store.rows import DeliveryLease, OutboxRow, Turn, TurnOutcome
from hermes.store.store import SqliteStore
from hermes.store.tables.drafts import TAKEN_BACK
from tests.hermes.store.builders import KEY, NOW, begin, claim, claimed, command, notice, outbound, rows, says

HOUR = 3600.0


def draft_of(turn: Turn, text: str = "an ans") -> Outbound:
    return outbound(f"{turn.lease.turn_id}:0", text)


async def end(store: SqliteStore, turn: Turn, *messages: Outbound, outcome: TurnOutcome = TurnOutcome.DONE) -> None:
    await store.finish(turn.lease, len(turn.messages), (says("an answer"),), messages, outcome, Usage(), NOW)


async def delivery(store: SqliteStore, *, idempotent: bool = False) -> DeliveryLease:
    return await store.open_delivery("web", "local", idempotent=idempotent, now=NOW)


async def due(store: SqliteStore, lease: DeliveryLease) -> tuple[OutboxRow, ...]:
    return await store.due(lease, frozenset(), 10, NOW)


async def test_a_known_draft_is_completed_by_an_edit_of_the_same_message(store: SqliteStore) -> None:
    turn = await begin(store)
    row_id = await store.begin_draft(turn.lease, draft_of(turn), NOW)
    await store.draft_sent(turn.lease, row_id, "m7", NOW)
    await end(store, turn, draft_of(turn, "an answer"))
    (row,) = await due(store, await delivery(store))
    assert (row.id, row.message_id, row.ambiguous, row.attempts) == (row_id, "m7", False, 0)
    assert (row.message.text, row.message.key) == ("an answer", f"{turn.lease.turn_id}:0")


@pytest.mark.parametrize("idempotent", [True, False])
async def test_a_draft_whose_id_the_crash_took_is_sent_anew_marked_and_under_a_fresh_key(
    store: SqliteStore, *, idempotent: bool
) -> None:
    """A known key with other contents would be answered with the draft's half answer."""
    turn = await begin(store)
    await store.begin_draft(turn.lease, draft_of(turn), NOW)
    lease = await delivery(store, idempotent=idempotent)
    turn = await claimed(store)
    await end(store, turn, draft_of(turn, "an answer"))
    (row,) = await due(store, lease)
    assert (row.message_id, row.ambiguous, row.message.text) == ("", True, "an answer")
    assert row.message.key == f"{turn.lease.turn_id}:0~"


async def test_an_id_that_was_journaled_before_the_crash_is_edited_after_it(store: SqliteStore) -> None:
    turn = await begin(store)
    row_id = await store.begin_draft(turn.lease, draft_of(turn), NOW)
    await store.draft_sent(turn.lease, row_id, "m7", NOW)
    lease = await delivery(store)
    turn = await claimed(store)
    await end(store, turn, draft_of(turn, "an answer"))
    (row,) = await due(store, lease)
    assert (row.message_id, row.ambiguous) == ("m7", False)


async def test_a_draft_that_certainly_did_not_arrive_leaves_the_answer_unmarked(store: SqliteStore) -> None:
    turn = await begin(store)
    row_id = await store.begin_draft(turn.lease, draft_of(turn), NOW)
    await store.drop_draft(turn.lease, row_id, NOW)
    await end(store, turn, draft_of(turn, "an answer"))
    (row,) = await due(store, await delivery(store))
    assert (row.message_id, row.ambiguous, row.message.key) == ("", False, f"{turn.lease.turn_id}:0")


async def test_a_draft_that_arrived_is_not_dropped(store: SqliteStore, database: Database) -> None:
    turn = await begin(store)
    row_id = await store.begin_draft(turn.lease, draft_of(turn), NOW)
    await store.draft_sent(turn.lease, row_id, "m7", NOW)
    await store.drop_draft(turn.lease, row_id, NOW)
    assert rows(database, "outbox", "message_id") == [("m7",)]


async def test_an_open_draft_is_not_sent_and_holds_nothing_back(store: SqliteStore) -> None:
    turn = await begin(store)
    await store.begin_draft(turn.lease, draft_of(turn), NOW)
    status = (await store.accept(command("e2"), NOW)).row_id
    await store.settle(status, (notice("n1"),), NOW)
    assert [row.message.key for row in await due(store, await delivery(store))] == ["n1"]
    assert (await store.counts()).outbox_pending == 1


async def test_a_second_draft_of_a_claim_is_a_row_of_its_own(store: SqliteStore) -> None:
    turn = await begin(store)
    first = await store.begin_draft(turn.lease, draft_of(turn), NOW)
    second = await store.begin_draft(turn.lease, outbound("other"), NOW)
    assert first == await store.begin_draft(turn.lease, draft_of(turn), NOW) != second


async def test_a_later_claim_leaves_an_open_draft_to_its_answer(store: SqliteStore) -> None:
    turn = await begin(store)
    await store.begin_draft(turn.lease, draft_of(turn), NOW)
    turn = await claimed(store)
    with pytest.raises(Refused, match="earlier attempt"):
        await store.begin_draft(turn.lease, draft_of(turn), NOW)


async def test_a_draft_that_nothing_completes_stays_as_it_is(store: SqliteStore, database: Database) -> None:
    turn = await begin(store)
    row_id = await store.begin_draft(turn.lease, draft_of(turn), NOW)
    await store.draft_sent(turn.lease, row_id, "m7", NOW)
    await end(store, turn, outcome=TurnOutcome.STOPPED)
    assert rows(database, "outbox") == []


async def test_further_parts_follow_the_completed_draft(store: SqliteStore, database: Database) -> None:
    turn = await begin(store)
    row_id = await store.begin_draft(turn.lease, draft_of(turn), NOW)
    await store.draft_sent(turn.lease, row_id, "m7", NOW)
    rest = evolve(outbound("rest", "more"), part=1)
    await end(store, turn, draft_of(turn, "an answer"), rest)
    assert rows(database, "outbox", "text, message_id, state") == [
        ("an answer", "m7", "pending"),
        ("more", "", "pending"),
    ]


async def test_a_known_draft_of_a_turn_given_up_becomes_the_notice(store: SqliteStore, database: Database) -> None:
    turn = await begin(store)
    row_id = await store.begin_draft(turn.lease, draft_of(turn), NOW)
    await store.draft_sent(turn.lease, row_id, "m7", NOW)
    assert await claim(store, now=NOW + 2 * HOUR) is None
    (row,) = rows(database, "outbox", "id, state, message_id, text")
    assert row == (row_id, "pending", "m7", f"too old: 2 h ({turn.lease.turn_id[:8]})")


async def test_an_unknown_draft_of_a_turn_given_up_is_followed_by_the_notice(
    store: SqliteStore, database: Database
) -> None:
    turn = await begin(store)
    await store.begin_draft(turn.lease, draft_of(turn), NOW)
    assert await claim(store, now=NOW + 2 * HOUR) is None
    (row,) = rows(database, "outbox", "state, message_id, ambiguous, key")
    assert row == ("pending", "", 0, f"{turn.lease.turn_id}:dead")


async def test_a_draft_whose_message_is_gone_is_sent_anew_marked_under_a_fresh_key(store: SqliteStore) -> None:
    turn = await begin(store)
    row_id = await store.begin_draft(turn.lease, draft_of(turn), NOW)
    await store.draft_sent(turn.lease, row_id, "m7", NOW)
    await end(store, turn, draft_of(turn, "an answer"))
    lease = await delivery(store)
    assert await store.begin_send(lease, row_id, NOW)
    await store.resend_anew(lease, row_id)
    await store.resend_anew(lease, row_id)
    (row,) = await due(store, lease)
    assert (row.message_id, row.ambiguous, row.attempts, row.message.key) == ("", True, 0, f"{turn.lease.turn_id}:0~")
    assert (await store.transcript(KEY)).entries[-1].key == f"{turn.lease.turn_id}:0~"


async def test_an_edit_that_a_crash_interrupted_is_simply_made_again(store: SqliteStore) -> None:
    turn = await begin(store)
    row_id = await store.begin_draft(turn.lease, draft_of(turn), NOW)
    await store.draft_sent(turn.lease, row_id, "m7", NOW)
    await end(store, turn, draft_of(turn, "an answer"))
    await store.begin_send(await delivery(store), row_id, NOW)
    (row,) = await due(store, await delivery(store))
    assert (row.message_id, row.ambiguous, row.attempts) == ("m7", False, 1)


async def test_the_chat_shows_a_draft_only_when_it_is_the_answer(store: SqliteStore) -> None:
    turn = await begin(store, text="hello")
    await store.begin_draft(turn.lease, draft_of(turn), NOW)
    assert [entry.text for entry in (await store.transcript(KEY)).entries] == ["hello"]
    await end(store, turn, draft_of(turn, "an answer"))
    assert [entry.text for entry in (await store.transcript(KEY)).entries] == ["hello", "an answer"]


async def test_a_draft_is_not_begun_while_an_older_message_of_its_chat_waits(store: SqliteStore) -> None:
    first = await begin(store)
    await end(store, first, outbound("older", "an answer"))
    turn = await begin(store, "e2")
    with pytest.raises(Unavailable, match="older messages"):
        await store.begin_draft(turn.lease, draft_of(turn), NOW)
    lease = await delivery(store)
    (row,) = await due(store, lease)
    await store.begin_send(lease, row.id, NOW)
    with pytest.raises(Unavailable, match="older messages"):
        await store.begin_draft(turn.lease, draft_of(turn), NOW)
    await store.sent(lease, row.id, "m1", NOW)
    assert await store.begin_draft(turn.lease, draft_of(turn), NOW)


async def test_parts_that_an_answer_has_no_more_say_that_they_were_taken_back(store: SqliteStore) -> None:
    turn = await begin(store)
    parts = [draft_of(turn), *(outbound(f"{turn.lease.turn_id}:0:{number}", f"part {number}") for number in (1, 2, 3))]
    for number, part in enumerate(parts):
        row_id = await store.begin_draft(turn.lease, part, NOW)
        if number < 3:
            await store.draft_sent(turn.lease, row_id, f"m{number}", NOW)
    lease = await delivery(store)
    turn = await claimed(store)
    await end(store, turn, draft_of(turn, "another answer"), evolve(parts[1], text="in two parts"))
    found = []
    while due_now := await due(store, lease):
        (row,) = due_now
        assert await store.begin_send(lease, row.id, NOW)
        await store.sent(lease, row.id, row.message_id, NOW)
        found.append((row.message_id, row.message.text, row.message.kind))
    assert found == [
        ("m0", "another answer", OutboundKind.ANSWER),
        ("m1", "in two parts", OutboundKind.ANSWER),
        ("m2", TAKEN_BACK, OutboundKind.NOTICE),
    ]


async def test_what_was_left_standing_above_a_question_is_not_taken_back(store: SqliteStore) -> None:
    turn = await begin(store)
    for number, key in enumerate(("0", "0:1")):
        row_id = await store.begin_draft(turn.lease, outbound(f"{turn.lease.turn_id}:{key}", "part"), NOW)
        await store.draft_sent(turn.lease, row_id, f"m{number}", NOW)
    await end(store, turn, outbound(f"{turn.lease.turn_id}:0+1", "an answer"))
    (row,) = await due(store, await delivery(store))
    assert (row.message_id, row.message.text) == ("", "an answer")
