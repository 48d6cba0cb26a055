import pytest

from hermes.messages import Usage
from hermes.store.engine.database import Database
from hermes.store.rows import TurnOutcome
from hermes.store.store import SqliteStore
from hermes.store.tables.exchanges import START_CHARACTERS
from tests.hermes.store.builders import (
    KEY,
    NOW,
    begin,
    calls,
    claim,
    claimed,
    command,
    event,
    exchange,
    finish,
    notice,
    result,
    rows,
    says,
)


async def undo(store: SqliteStore, event_id: str = "undo") -> bool:
    row_id = (await store.accept(command(event_id, "/undo"), NOW)).row_id
    done = await store.undo(row_id, KEY, notice(f"{event_id}:done", "Undid {text}"), notice(f"{event_id}:no"), NOW)
    assert await store.undo(row_id, KEY, notice("x"), notice("y"), NOW) is done
    return done


async def retry(store: SqliteStore, event_id: str = "retry") -> bool:
    row_id = (await store.accept(command(event_id, "/retry"), NOW)).row_id
    done = await store.retry(row_id, KEY, notice(f"{event_id}:nothing"), NOW)
    assert await store.retry(row_id, KEY, notice("x"), NOW) is done
    return done


async def said(store: SqliteStore, session_id: str) -> list[str]:
    return [message.content for message in await store.history(session_id)]


async def shown(store: SqliteStore) -> list[str]:
    return [entry.text for entry in (await store.transcript(KEY)).entries]


async def test_undo_hides_the_last_exchange_and_no_other(store: SqliteStore) -> None:
    turn = await exchange(store, "e1", "one", "first")
    await exchange(store, "e2", "two", "second")
    assert await undo(store)
    assert await said(store, turn.lease.session_id) == ["one", "first"]
    assert await shown(store) == ["one", "first", "/undo", "Undid two"]
    assert await undo(store, "again")
    assert await said(store, turn.lease.session_id) == []


async def test_undo_takes_what_is_hidden_out_of_the_count(store: SqliteStore) -> None:
    await exchange(store, "e1")
    await exchange(store, "e2")
    await undo(store)
    info = await store.current(KEY)
    assert info is not None
    assert info.message_count == 2


async def test_undo_without_an_exchange_says_so(store: SqliteStore, database: Database) -> None:
    assert not await undo(store)
    assert rows(database, "outbox", "key") == [("undo:no",)]
    assert await store.pending(KEY) == ()


async def test_undo_leaves_a_running_turn_alone(store: SqliteStore) -> None:
    await exchange(store, "e1", "one", "first")
    turn = await begin(store, "e2", "two")
    assert await undo(store)
    assert await said(store, turn.lease.session_id) == ["two"]
    assert not await undo(store, "again")


@pytest.mark.parametrize(("text", "start"), [("a\n b", "a b"), ("x" * 200, "x" * START_CHARACTERS + "…")])
async def test_undo_tells_the_start_of_what_it_took_back(
    store: SqliteStore, database: Database, text: str, start: str
) -> None:
    await exchange(store, "e1", text)
    await undo(store)
    assert rows(database, "outbox", "text")[-1] == (f"Undid {start}",)


async def test_what_was_undone_is_not_retried(store: SqliteStore) -> None:
    turn = await begin(store, "e1")
    await finish(store, turn, outcome=TurnOutcome.DEAD)
    assert await undo(store)
    assert not await retry(store)
    assert await claim(store) is None


async def test_retry_asks_the_last_message_again(store: SqliteStore) -> None:
    old = await exchange(store, "e1", "tell me", "wrong")
    assert await retry(store)
    turn = await claimed(store)
    assert turn.lease.turn_id != old.lease.turn_id
    assert turn.messages[0].content == "tell me"
    assert [row.event.event_id for row in turn.rows] == ["retry:retry:0"]
    await finish(store, turn, "right")
    assert await said(store, turn.lease.session_id) == ["tell me", "right"]
    assert await shown(store) == ["/retry", "tell me", "right"]


async def test_retry_can_be_retried(store: SqliteStore) -> None:
    await exchange(store, "e1", "tell me")
    for number in range(3):
        assert await retry(store, f"r{number}")
        await finish(store, await claimed(store), f"answer {number}")
    assert (await shown(store))[-2:] == ["tell me", "answer 2"]


async def test_retry_brings_all_messages_of_the_turn_in_one_turn(store: SqliteStore) -> None:
    turn = await begin(store, "e1", "one")
    joined = (await store.accept(event("e2", "two"), NOW)).row_id
    await store.join(turn.lease, joined, says("two"), NOW)
    await store.finish(turn.lease, 2, (says("done"),), (), TurnOutcome.DONE, Usage(), NOW)
    assert await retry(store)
    assert [row.event.text for row in (await claimed(store)).rows] == ["one", "two"]


async def test_retry_needs_no_inbox_row_of_the_old_message(store: SqliteStore) -> None:
    await exchange(store, "e1", "long ago")
    await store.prune(NOW + 30 * 86_400)
    assert await retry(store)
    assert (await claimed(store)).messages[0].content == "long ago"


async def test_retry_revives_the_newest_message_that_was_given_up(store: SqliteStore, database: Database) -> None:
    dead = await begin(store, "e1", "kill me")
    await store.append(dead.lease, 1, (calls(), result()), Usage(), NOW)
    await claimed(store)
    assert await claim(store) is None
    await exchange(store, "e2", "later", "fine")
    assert await retry(store)
    turn = await claimed(store)
    assert [row.event.event_id for row in turn.rows] == ["e1"]
    assert turn.attempts == 1
    assert turn.lease.turn_id != dead.lease.turn_id
    assert (await store.counts()).inbox_dead == 0
    await finish(store, turn, "alive")
    assert await said(store, turn.lease.session_id) == ["later", "fine", "kill me", "alive"]
    assert rows(database, "inbox", "event_id, state") == [("e1", "done"), ("e2", "done"), ("retry", "done")]


async def test_retry_revives_one_message_at_a_time_the_newest_first(store: SqliteStore) -> None:
    for event_id in ("e1", "e2"):
        await begin(store, event_id)
        await claimed(store)
        assert await claim(store) is None
    for number, event_id in enumerate(("e2", "e1")):
        assert await retry(store, f"r{number}")
        assert [row.event.event_id for row in await store.pending(KEY)] == [event_id]
        await finish(store, await claimed(store))


async def test_a_revived_message_shows_as_waiting_in_its_old_place(store: SqliteStore) -> None:
    await begin(store, "e1", "kill me")
    await claimed(store)
    assert await claim(store) is None
    first = (await store.transcript(KEY)).entries[0]
    assert (first.text, first.state) == ("kill me", "dead")
    await retry(store)
    first = (await store.transcript(KEY)).entries[0]
    assert (first.text, first.state) == ("kill me", "pending")


@pytest.mark.parametrize(("message_id", "ambiguous"), [("", True), ("m7", False)])
async def test_retry_sends_an_answer_once_more_that_delivery_gave_up(
    store: SqliteStore, database: Database, message_id: str, *, ambiguous: bool
) -> None:
    turn = await exchange(store, "e1", "hello", "an answer")
    database.connection.execute("UPDATE outbox SET message_id = ?", (message_id,))
    for _ in range(2):
        lease = await store.open_delivery("web", "local", idempotent=True, now=NOW)
        (row,) = await store.due(lease, frozenset(), 10, NOW)
        await store.begin_send(lease, row.id, NOW)
    lease = await store.open_delivery("web", "local", idempotent=True, now=NOW)
    assert not await store.begin_send(lease, row.id, NOW)
    await exchange(store, "e2", "later", "another answer")
    assert await retry(store)
    first = (await store.due(lease, frozenset(), 10, NOW))[0]
    assert (first.message.key, first.ambiguous, first.attempts) == (f"{turn.lease.turn_id}:0", ambiguous, 0)
    assert (await store.counts()).outbox_failed == 0
    assert await store.pending(KEY) == ()


async def test_retry_with_nothing_to_retry_says_so(store: SqliteStore, database: Database) -> None:
    assert not await retry(store)
    assert rows(database, "outbox", "key") == [("retry:nothing",)]
    assert await store.pending(KEY) == ()


async def test_retry_leaves_a_running_turn_alone(store: SqliteStore) -> None:
    await begin(store, "e1", "at work")
    assert not await retry(store)


async def test_retry_does_not_reach_into_the_session_before(store: SqliteStore) -> None:
    await exchange(store, "e1", "old")
    row_id = (await store.accept(command("new"), NOW)).row_id
    await store.renew(row_id, KEY, (), NOW)
    assert not await retry(store)
    assert not await undo(store)


async def test_two_retries_of_one_moment_ask_once_more_only(store: SqliteStore) -> None:
    """The second finds the message of the first waiting, not answered, and nothing else to retry."""
    await exchange(store, "e1", "tell me")
    assert await retry(store, "r1")
    assert not await retry(store, "r2")
    assert len(await store.pending(KEY)) == 1
