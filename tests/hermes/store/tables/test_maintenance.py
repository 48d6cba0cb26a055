import pytest

from hermes.messages import Usage
from hermes.store.engine.database import Database
from hermes.store.refusal import Refusal
from hermes.store.rows import Counts, TurnOutcome
from hermes.store.store import SqliteStore
from hermes.store.tables import maintenance
from hermes.store.tables.maintenance import KEPT_SECONDS
from tests.hermes.store.builders import (
    KEY,
    NOW,
    begin,
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
    rows,
)

LATER = NOW + KEPT_SECONDS + 1


async def test_settled_rows_go_after_the_redelivery_time_and_a_day(calm_store: SqliteStore, database: Database) -> None:
    turn = await begin(calm_store, "e1")
    await calm_store.open_ask(turn.lease, question("a1", turn.lease), question_message(), NOW)
    await finish(calm_store, turn)
    delivery = await calm_store.open_delivery("web", "local", idempotent=True, now=NOW)
    for _ in range(2):
        (row,) = await calm_store.due(delivery, frozenset(), 1, NOW)
        await calm_store.begin_send(delivery, row.id, NOW)
        await calm_store.sent(delivery, row.id, "m", NOW)
    assert await calm_store.prune(NOW + KEPT_SECONDS) == 0
    assert await calm_store.prune(LATER) == 5
    for table in ("inbox", "outbox", "asks", "turns"):
        assert rows(database, table) == []
    assert len(rows(database, "messages")) == 2


async def test_what_is_not_settled_stays_however_old(store: SqliteStore, database: Database) -> None:
    await begin(store, "e1")
    await store.accept(event("e2"), NOW)
    status = (await store.accept(command("e3", key="other"), NOW)).row_id
    await store.settle(status, (outbound("o1"),), NOW + 2 * KEPT_SECONDS)
    assert await store.prune(LATER) == 0
    assert len(rows(database, "inbox")) == 3
    assert len(rows(database, "turns")) == 1


async def test_ids_are_not_used_again_after_pruning(calm_store: SqliteStore) -> None:
    row_id = (await calm_store.accept(command("e1"), NOW)).row_id
    await calm_store.settle(row_id, (), NOW)
    assert await calm_store.prune(LATER) == 1
    assert (await calm_store.accept(command("e2"), LATER)).row_id > row_id


async def test_one_call_prunes_a_bounded_number(
    calm_store: SqliteStore, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "PRUNED_ROWS", 2)
    for number in range(3):
        row_id = (await calm_store.accept(command(f"e{number}"), NOW)).row_id
        await calm_store.settle(row_id, (), NOW)
    assert [await calm_store.prune(LATER) for _ in range(3)] == [2, 1, 0]


def size(database: Database) -> int:
    database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return database.path.stat().st_size


async def test_freed_space_goes_back_to_the_disk(calm_store: SqliteStore, database: Database) -> None:
    for number in range(20):
        row_id = (await calm_store.accept(command(f"e{number}", "x" * 100_000), NOW)).row_id
        await calm_store.settle(row_id, (), NOW)
    database.connection.execute("DELETE FROM entries")
    full = size(database)
    await calm_store.prune(LATER)
    assert size(database) < full / 4


async def test_counts_tell_the_journal(store: SqliteStore) -> None:
    assert await store.counts() == Counts(0, 0, 0, 0, 0, 0, 0)
    await exchange(store, "e1")
    await begin(store, "dead", key="dead")
    await claimed(store, "dead")
    assert await claim(store, "dead") is None
    turn = await begin(store, "e2")
    await store.open_ask(turn.lease, question("a1", turn.lease), question_message(), NOW)
    await store.accept(event("e3"), NOW)
    await store.accept(command("e4"), NOW)
    delivery = await store.open_delivery("web", "local", idempotent=False, now=NOW)
    (row,) = await store.due(delivery, frozenset(), 1, NOW)
    await store.refuse(delivery, row.id, Refusal("blocked"), NOW)
    (row,) = await store.due(delivery, frozenset(), 1, NOW)
    await store.begin_send(delivery, row.id, NOW)
    await store.defer(delivery, row.id, not_before=NOW + 9, ambiguous=True, reason="no answer", now=NOW)
    assert await store.counts() == Counts(
        inbox_pending=2,
        turns_running=1,
        inbox_dead=1,
        asks_open=1,
        outbox_pending=1,
        outbox_ambiguous=1,
        outbox_failed=1,
    )


async def test_what_is_under_way_is_told_by_account(store: SqliteStore) -> None:
    assert await store.under_way("web", "local") == 0
    turn = await begin(store, "e1")
    assert await store.under_way("web", "local") == 1
    await store.finish(turn.lease, 1, (), (notice(),), TurnOutcome.DONE, Usage(), NOW)
    assert await store.under_way("web", "local") == 1, "its answer is not sent"
    assert await store.under_way("web", "another") == await store.under_way("terminal", "local") == 0
    delivery = await store.open_delivery("web", "local", idempotent=True, now=NOW)
    (row,) = await store.due(delivery, frozenset(), 1, NOW)
    await store.begin_send(delivery, row.id, NOW)
    assert await store.under_way("web", "local") == 1
    await store.sent(delivery, row.id, "id", NOW)
    assert await store.under_way("web", "local") == 0


async def test_a_turn_that_waits_for_a_person_is_not_under_way_but_its_question_is_until_it_is_sent(
    store: SqliteStore,
) -> None:
    turn = await begin(store, "e1")
    await store.open_ask(turn.lease, question("a1", turn.lease), question_message(), NOW)
    assert await store.under_way("web", "local") == 1
    delivery = await store.open_delivery("web", "local", idempotent=True, now=NOW)
    (row,) = await store.due(delivery, frozenset(), 1, NOW)
    await store.begin_send(delivery, row.id, NOW)
    await store.sent(delivery, row.id, "id", NOW)
    assert await store.under_way("web", "local") == 0


async def test_a_ping_changes_nothing(store: SqliteStore, database: Database) -> None:
    before = database.connection.total_changes
    await store.ping()
    assert database.connection.total_changes == before


async def test_a_turn_that_failed_long_ago_is_pruned_with_its_rows(store: SqliteStore, database: Database) -> None:
    turn = await begin(store, "e1")
    await store.finish(turn.lease, 1, (), (notice(),), TurnOutcome.DEAD, Usage(), NOW)
    await store.prune(LATER)
    assert rows(database, "turns") == rows(database, "inbox") == []
    assert len((await store.transcript(KEY)).entries) == 2
