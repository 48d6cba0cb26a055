from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from hermes.errors import LeaseLost
from hermes.events import InboundKind, Source
from hermes.messages import Message, Role, Usage
from hermes.store.engine.database import Database
from hermes.store.engine.readers import Readers
from hermes.store.engine.writers import DirectCommit
from hermes.store.rows import InboxRow, Turn, TurnOutcome
from hermes.store.store import SqliteStore
from hermes.store.tables import owners
from hermes.store.tables.claims import INTERRUPTED, MAX_ROWS
from tests.hermes.store.builders import (
    KEY,
    NOW,
    SOURCE,
    begin,
    calls,
    claim,
    claimed,
    command,
    event,
    exchange,
    finish,
    notice,
    outbound,
    question,
    question_message,
    result,
    rows,
    says,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

HOUR = 3600.0


async def test_a_claim_names_the_oldest_message_and_puts_it_into_the_transcript(store: SqliteStore) -> None:
    await store.accept(event("e1", "first"), NOW)
    await store.accept(event("e2", "second"), NOW)
    turn = await claimed(store)
    assert [row.event.event_id for row in turn.rows] == ["e1"]
    assert turn.messages == (Message(Role.USER, "first"),)
    assert (turn.attempts, turn.resumed, turn.begun_at, turn.asks, turn.started_calls) == (
        1,
        False,
        NOW,
        (),
        frozenset(),
    )
    assert turn.rows[0].attempts == 1
    assert [row.event.event_id for row in await store.pending(KEY)] == ["e2"]


async def test_there_is_nothing_to_claim_in_an_empty_chat(store: SqliteStore) -> None:
    assert await claim(store) is None


@pytest.mark.parametrize("kind", [InboundKind.COMMAND, InboundKind.ANSWER])
async def test_an_older_command_or_answer_is_settled_before_the_message_behind_it(
    store: SqliteStore, kind: InboundKind
) -> None:
    first = await store.accept(event("e1", kind=kind), NOW)
    await store.accept(event("e2"), NOW)
    assert await claim(store) is None
    await store.settle(first.row_id, (), NOW)
    assert (await claimed(store)).rows[0].event.event_id == "e2"


async def test_a_command_behind_the_message_does_not_hold_it_back(store: SqliteStore) -> None:
    await store.accept(event("e1"), NOW)
    await store.accept(command("e2"), NOW)
    assert [row.event.event_id for row in (await claimed(store)).rows] == ["e1"]


async def test_parts_of_one_utterance_become_one_turn(store: SqliteStore) -> None:
    await store.accept(event("e1", "one", utterance="album"), NOW)
    await store.accept(event("e2", "between"), NOW)
    await store.accept(event("e3", "two", utterance="album", kind=InboundKind.EDIT), NOW)
    await store.accept(event("e4", "three", utterance="album", kind=InboundKind.COMMAND), NOW)
    await store.accept(event("e5", "four", utterance="album", key="elsewhere"), NOW)
    turn = await claimed(store)
    assert [row.event.event_id for row in turn.rows] == ["e1", "e3"]
    assert len(turn.messages) == 1
    await finish(store, turn)
    assert [row.event.event_id for row in (await claimed(store)).rows] == ["e2"]


async def test_an_utterance_beyond_its_bound_goes_on_in_the_next_turn(calm_store: SqliteStore) -> None:
    for number in range(MAX_ROWS + 1):
        await calm_store.accept(event(f"e{number}", utterance="long"), NOW)
    turn = await claimed(calm_store)
    assert len(turn.rows) == MAX_ROWS
    await finish(calm_store, turn)
    assert [row.event.event_id for row in (await claimed(calm_store)).rows] == [f"e{MAX_ROWS}"]


async def test_messages_of_one_key_share_a_session_and_other_keys_have_their_own(store: SqliteStore) -> None:
    first = await exchange(store, "e1")
    second = await exchange(store, "e2")
    other = await begin(store, "e3", key="other")
    assert first.lease.session_id == second.lease.session_id != other.lease.session_id


async def test_a_session_id_tells_when_it_began(store: SqliteStore) -> None:
    turn = await begin(store, now=1_795_337_112.0)
    moment, _, salt = turn.lease.session_id.rpartition("_")
    assert moment == "20261122_084512"
    assert len(salt) == 6
    assert set(salt) <= set("0123456789abcdef")


async def test_sessions_that_begin_in_one_second_under_one_salt_stay_apart(
    calm_store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    salts = iter(["0123456789abcdef", "0123450000000000", "0123450000000000"])
    monkeypatch.setattr("hermes.store.store.secrets.token_hex", lambda size: next(salts))
    first = await begin(calm_store, "e1", key="one")
    second = await begin(calm_store, "e2", key="two")
    assert first.lease.session_id.endswith("_012345")
    assert second.lease.session_id.endswith("_123450")


async def test_a_salt_without_another_six_characters_is_taken_whole(
    calm_store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    salts = iter(["0" * 16, "0" * 17])
    monkeypatch.setattr("hermes.store.store.secrets.token_hex", lambda size: next(salts))
    await begin(calm_store, "e1", key="one")
    second = await begin(calm_store, "e2", key="two")
    assert second.lease.session_id.endswith("_" + "0" * 17)


async def test_an_unfinished_turn_is_claimed_again_before_anything_else(store: SqliteStore) -> None:
    first = await begin(store, "e1", "do it")
    await store.append(first.lease, 1, (calls(),), Usage(), NOW)
    await store.start_call(first.lease, "c1", "terminal", NOW)
    await store.accept(event("e2"), NOW)
    again = await claimed(store, now=NOW + 10)
    assert again.lease.turn_id == first.lease.turn_id
    assert again.lease.token > first.lease.token
    assert again.rows == tuple(InboxRow(row.id, row.event, row.received_at, 2) for row in first.rows)
    assert again.messages == (*first.messages, calls())
    assert again.started_calls == {"c1"}
    assert (again.attempts, again.resumed, again.begun_at) == (2, True, NOW)


async def test_a_resumed_turn_says_what_it_said_at_its_first_claim(store: SqliteStore) -> None:
    await store.accept(event("e1", "hello", sent_at=NOW - 2 * HOUR), NOW)
    first = await claimed(store, now=NOW)
    again = await claimed(store, now=NOW + 1800)
    assert first.messages == again.messages == (Message(Role.USER, "[sent 2 h ago] hello"),)


async def test_the_holder_before_has_lost_every_write(store: SqliteStore, database: Database) -> None:
    old = (await begin(store)).lease
    ask = question("a1", old)
    await store.open_ask(old, ask, question_message(), NOW)
    await claimed(store)
    before = rows(database, "messages"), rows(database, "outbox"), rows(database, "calls"), rows(database, "asks")
    writes: list[Callable[[], Awaitable[object]]] = [
        lambda: store.append(old, 1, (says("late"),), Usage(), NOW),
        lambda: store.start_call(old, "c1", "terminal", NOW),
        lambda: store.open_ask(old, question("a2", old), question_message("a2"), NOW),
        lambda: store.expire_ask(old, "a1", NOW + HOUR),
        lambda: store.join(old, 1, says("late"), NOW),
        lambda: store.begin_draft(old, outbound(), NOW),
        lambda: store.draft_sent(old, 1, "m1", NOW),
        lambda: store.drop_draft(old, 1, NOW),
        lambda: store.finish(old, 1, (), (outbound(),), TurnOutcome.DONE, Usage(), NOW),
    ]
    for write in writes:
        with pytest.raises(LeaseLost):
            await write()
    assert before == (
        rows(database, "messages"),
        rows(database, "outbox"),
        rows(database, "calls"),
        rows(database, "asks"),
    )


async def test_the_third_claim_without_an_end_gives_the_turn_up_and_tells_the_chat_once(
    store: SqliteStore, database: Database
) -> None:
    await store.accept(event("e1", message_id="m1"), NOW)
    await store.accept(event("e2", "the next one"), NOW)
    first = await claimed(store)
    second = await claimed(store)
    third = await claimed(store)
    assert second.lease.turn_id == first.lease.turn_id
    assert [row.event.event_id for row in third.rows] == ["e2"]
    assert third.gave_up
    assert rows(database, "inbox", "event_id, state") == [("e1", "dead"), ("e2", "taken")]
    delivery = await store.open_delivery("web", "local", idempotent=True, now=NOW)
    (told,) = await store.due(delivery, frozenset(), 10, NOW)
    assert told.message.text == f"gave up ({first.lease.turn_id[:8]})"
    assert (told.message.answers, told.message.reply_to, told.message.kind) == (("e1",), "m1", "notice")
    assert (await store.counts()).inbox_dead == 1


async def test_a_claim_that_gives_nothing_up_says_so(calm_store: SqliteStore) -> None:
    await calm_store.accept(event("e1"), NOW)
    assert [(await claimed(calm_store)).gave_up for _ in range(2)] == [False, False]


async def test_a_turn_given_up_leaves_a_transcript_that_a_model_can_read(store: SqliteStore) -> None:
    turn = await begin(store)
    await store.append(turn.lease, 1, (calls("c1"), result("c1"), calls("c2")), Usage(), NOW)
    await claimed(store)
    assert await claim(store) is None
    *_, first, second, missing, told = await store.history(turn.lease.session_id)
    assert (first, second) == (result("c1"), calls("c2"))
    assert (missing.role, missing.tool_call_id, missing.content) == (Role.TOOL, "c2", INTERRUPTED)
    assert told == says(f"gave up ({turn.lease.turn_id[:8]})")


async def test_a_turn_given_up_cannot_be_written_by_its_last_holder(store: SqliteStore) -> None:
    await begin(store)
    held = (await claimed(store)).lease
    assert await claim(store) is None
    with pytest.raises(LeaseLost):
        await store.append(held, 1, (says("late"),), Usage(), NOW)
    with pytest.raises(LeaseLost):
        await store.finish(held, 1, (), (), TurnOutcome.DONE, Usage(), NOW)


async def test_a_turn_given_up_withdraws_its_questions(store: SqliteStore, database: Database) -> None:
    turn = await begin(store)
    await store.open_ask(turn.lease, question("a1", turn.lease), question_message(), NOW)
    await store.start_call(turn.lease, "c2", "terminal", NOW)
    await claimed(store)
    assert await claim(store) is None
    assert rows(database, "asks", "state") == [("withdrawn",)]
    assert rows(database, "calls") == []


async def test_a_turn_that_was_interrupted_too_long_ago_is_given_up(store: SqliteStore, database: Database) -> None:
    turn = await begin(store)
    assert await claim(store, now=NOW + HOUR + 1) is None
    (told,) = rows(database, "outbox", "text")
    assert told == (f"too old: 1 h ({turn.lease.turn_id[:8]})",)
    assert rows(database, "turns", "state, reason") == [("dead", "interrupted 1 h ago")]


async def test_a_turn_is_resumed_up_to_the_bound_counted_from_its_last_sign_of_life(store: SqliteStore) -> None:
    turn = await begin(store)
    await store.append(turn.lease, 1, (calls(),), Usage(), NOW + HOUR)
    assert (await claimed(store, now=NOW + 2 * HOUR)).resumed


async def test_waiting_for_a_person_is_no_interruption(store: SqliteStore) -> None:
    turn = await begin(store)
    await store.open_ask(turn.lease, question("a1", turn.lease, deadline=NOW + 5 * HOUR), question_message(), NOW)
    assert (await claimed(store, now=NOW + 5 * HOUR)).asks[0].id == "a1"
    assert await claim(store, now=NOW + 6 * HOUR + 1) is None


async def test_a_message_that_waited_for_days_is_still_begun(store: SqliteStore) -> None:
    await store.accept(event("e1", "hello"), NOW)
    turn = await claimed(store, now=NOW + 49 * HOUR)
    assert turn.messages[0].content == "[sent 2 d ago] hello"


async def test_one_turn_of_a_session_runs_at_a_time_whatever_its_key(store: SqliteStore, run_folder: Path) -> None:
    turn = await begin(store, "e1")
    assert await store.resume("terminal:x", turn.lease.session_id, NOW)
    await store.accept(event("e2", key="terminal:x"), NOW)
    with owners.hold(run_folder, "gateway"):
        assert await claim(store, "terminal:x", owner="terminal-x") is None
        assert await claim(store, "terminal:x", owner="terminal-x", now=NOW + 2 * HOUR) is None
    await finish(store, turn)
    other = await claimed(store, "terminal:x", owner="terminal-x")
    assert other.lease.session_id == turn.lease.session_id


async def test_a_dead_owners_turn_holds_another_keys_claim_only_until_it_is_stale(store: SqliteStore) -> None:
    turn = await begin(store, "e1")
    await store.resume("terminal:x", turn.lease.session_id, NOW)
    await store.accept(event("e2", key="terminal:x"), NOW)
    assert await claim(store, "terminal:x", now=NOW + HOUR) is None
    other = await claimed(store, "terminal:x", now=NOW + HOUR + 1)
    assert [row.event.event_id for row in other.rows] == ["e2"]
    assert other.gave_up
    with pytest.raises(LeaseLost):
        await store.append(turn.lease, 1, (says("late"),), Usage(), NOW)


async def test_a_crash_in_composing_claims_nothing(database: Database, readers: Readers, run_folder: Path) -> None:
    def broken(found: tuple[InboxRow, ...], now: float) -> Message:
        raise ZeroDivisionError

    store = SqliteStore(DirectCommit(database), readers, run_folder=run_folder, compose=broken)
    await store.accept(event("e1"), NOW)
    with pytest.raises(ZeroDivisionError):
        await claim(store)
    assert len(await store.pending(KEY)) == 1
    assert rows(database, "turns") == rows(database, "sessions") == []


async def test_composing_is_given_the_rows_and_the_time_of_the_claim(
    database: Database, readers: Readers, run_folder: Path
) -> None:
    def compose(found: tuple[InboxRow, ...], now: float) -> Message:
        return Message(Role.USER, f"{len(found)} at {now}")

    store = SqliteStore(DirectCommit(database), readers, run_folder=run_folder, compose=compose)
    await store.accept(event("e1"), NOW)
    assert (await claimed(store, now=NOW + 1)).messages[0].content == f"1 at {NOW + 1}"


async def test_a_turn_whose_rows_are_gone_is_given_up_in_silence(store: SqliteStore, database: Database) -> None:
    await begin(store)
    database.connection.execute("DELETE FROM inbox")
    assert await claim(store, now=NOW + 2 * HOUR) is None
    assert rows(database, "outbox") == []


async def test_tokens_only_grow_over_turns_and_accounts(store: SqliteStore) -> None:
    seen: list[int] = []
    for number in range(3):
        turn: Turn = await exchange(store, f"e{number}")
        delivery = await store.open_delivery("web", "local", idempotent=True, now=NOW)
        seen += [turn.lease.token, delivery.token]
    assert seen == sorted(set(seen))


async def test_the_notice_of_a_turn_given_up_goes_to_where_its_message_came_from(store: SqliteStore) -> None:
    elsewhere = Source("web", "local", "room", thread_id="7", user_id="ada")
    await store.accept(event("e1", source=elsewhere), NOW)
    await claimed(store)
    assert await claim(store, now=NOW + 2 * HOUR) is None
    delivery = await store.open_delivery("web", "local", idempotent=True, now=NOW)
    (told,) = await store.due(delivery, frozenset(), 10, NOW)
    assert told.message.source == elsewhere != SOURCE
    assert notice().kind == told.message.kind


async def test_a_turn_that_was_handed_back_is_no_failed_attempt(store: SqliteStore) -> None:
    await store.accept(event("e1"), NOW)
    for _ in range(5):
        turn = await claimed(store)
        assert turn.attempts == 1
        await store.release(turn.lease)
        with pytest.raises(LeaseLost):
            await finish(store, turn)
    assert (await claimed(store)).rows[0].event.event_id == "e1"


async def test_handing_back_a_lost_or_finished_turn_changes_nothing(store: SqliteStore) -> None:
    turn = await begin(store, "e1")
    again = await claimed(store)
    await store.release(turn.lease)
    await finish(store, again)
    await store.release(again.lease)
    assert await claim(store) is None


async def test_a_turn_begins_when_no_further_part_of_its_utterance_may_come(store: SqliteStore) -> None:
    for number in range(3):
        part = evolve(event(f"e{number}", f"part {number}"), utterance="album:7", more_within=1.0)
        await store.accept(part, NOW + number)
    assert await claim(store, now=NOW + 2.5) is None
    turn = await claimed(store, now=NOW + 3.0)
    assert [row.event.event_id for row in turn.rows] == ["e0", "e1", "e2"]


async def test_a_clock_that_was_set_back_keeps_no_utterance_waiting(store: SqliteStore) -> None:
    await store.accept(evolve(event("e1", "part"), utterance="album:7", more_within=1.0), NOW)
    assert await claim(store, now=NOW - 3600.0) is not None
