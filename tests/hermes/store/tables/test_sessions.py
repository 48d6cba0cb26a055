import pytest

from hermes.errors import Refused
from hermes.messages import Message, Role, Usage
from hermes.store.engine.database import Database
from hermes.store.rows import TurnOutcome
from hermes.store.store import SqliteStore
from hermes.store.tables import messages
from hermes.store.tables.session_state import MAX_STATE_BYTES, MAX_STATE_KEYS
from tests.hermes.store.builders import (
    KEY,
    NOW,
    begin,
    calls,
    claimed,
    command,
    commit,
    event,
    exchange,
    finish,
    notice,
    result,
    rows,
    says,
)


async def renew(store: SqliteStore, event_id: str = "new") -> None:
    row_id = (await store.accept(command(event_id, "/new"), NOW)).row_id
    for _ in range(2):
        await store.renew(row_id, KEY, (notice(f"{event_id}:done", "a new session"),), NOW + 1)


async def test_the_current_session_tells_whose_it_is(store: SqliteStore) -> None:
    assert await store.current(KEY) is None
    turn = await exchange(store, "e1")
    info = await store.current(KEY)
    assert info is not None
    assert (info.id, info.session_key, info.source, info.user_id) == (turn.lease.session_id, KEY, "web", "ada")
    assert (info.started_at, info.message_count, info.usage, info.title) == (NOW, 2, Usage(10, 5), "")


async def test_what_stands_before_the_turn_at_hand_is_what_was_said_before_it(store: SqliteStore) -> None:
    await exchange(store, "e1", "one", "first")
    turn = await begin(store, "e2", "two")
    found = (await store.model_context(turn.lease.session_id, turn.lease.turn_id)).before
    assert found == (Message(Role.USER, "one"), says("first"))


async def test_a_history_beyond_its_bound_begins_with_a_users_message(
    calm_store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = await begin(calm_store, "e1", "old")
    await calm_store.append(turn.lease, 1, (calls(), result()), Usage(), NOW)
    await calm_store.finish(turn.lease, 3, (says("done"),), (), TurnOutcome.DONE, Usage(), NOW)
    await exchange(calm_store, "e2", "new", "answer")
    session_id = turn.lease.session_id
    monkeypatch.setattr(messages, "HISTORY_MESSAGES", 6)
    assert len(await calm_store.history(session_id)) == 6
    monkeypatch.setattr(messages, "HISTORY_MESSAGES", 5)
    assert await calm_store.history(session_id) == (Message(Role.USER, "new"), says("answer"))
    monkeypatch.setattr(messages, "HISTORY_MESSAGES", 1)
    assert await calm_store.history(session_id) == ()


async def test_hiding_a_turn_twice_takes_it_out_of_the_count_once(calm_store: SqliteStore, database: Database) -> None:
    turn = await exchange(calm_store, "e1")
    for _ in range(2):
        commit(database, lambda connection: messages.hide(connection, turn.lease.turn_id))
    info = await calm_store.current(KEY)
    assert info is not None
    assert info.message_count == 0


async def test_the_prompt_is_kept_as_it_was_first_written(store: SqliteStore) -> None:
    turn = await begin(store)
    assert await store.freeze_prompt(turn.lease.session_id, "first \ud83d") == "first �"
    assert await store.freeze_prompt(turn.lease.session_id, "second") == "first �"


async def test_an_unknown_session_is_refused(store: SqliteStore) -> None:
    with pytest.raises(Refused, match="no session x"):
        await store.freeze_prompt("x", "prompt")
    with pytest.raises(Refused, match="no session x"):
        await store.put_state("x", "todo", "value")


async def test_new_ends_the_session_and_the_next_message_begins_another(store: SqliteStore, database: Database) -> None:
    old = await exchange(store, "e1")
    await renew(store)
    assert await store.current(KEY) is None
    assert rows(database, "sessions", "ended_at, end_reason") == [(NOW + 1, "new")]
    turn = await begin(store, "e2", now=NOW + 2)
    assert turn.lease.session_id != old.lease.session_id
    assert (await store.model_context(turn.lease.session_id, turn.lease.turn_id)).before == ()
    assert len(rows(database, "outbox", "key")) == 2


async def test_a_repeated_new_does_not_end_the_session_after_it(store: SqliteStore) -> None:
    await exchange(store, "e1")
    row_id = (await store.accept(command("new"), NOW)).row_id
    await store.renew(row_id, KEY, (), NOW)
    await exchange(store, "e2")
    await store.renew(row_id, KEY, (), NOW)
    assert await store.current(KEY) is not None


async def test_a_turn_that_new_overtook_ends_in_the_session_it_began_in(store: SqliteStore) -> None:
    turn = await begin(store, "e1", "one")
    await renew(store)
    again = await claimed(store)
    assert again.lease.session_id == turn.lease.session_id
    await finish(store, again)
    assert (await begin(store, "e2")).lease.session_id != turn.lease.session_id


async def test_a_session_can_be_resumed_under_another_key(store: SqliteStore, database: Database) -> None:
    old = await exchange(store, "e1", "one", "first")
    await renew(store)
    assert await store.resume("terminal:x", old.lease.session_id, NOW)
    assert rows(database, "sessions", "ended_at, end_reason") == [(None, None)]
    await store.accept(event("e2", key="terminal:x"), NOW)
    turn = await claimed(store, "terminal:x")
    assert turn.lease.session_id == old.lease.session_id
    assert len((await store.model_context(turn.lease.session_id, turn.lease.turn_id)).before) == 2


async def test_resuming_ends_the_session_that_was_current(store: SqliteStore, database: Database) -> None:
    first = await exchange(store, "e1")
    await renew(store)
    await exchange(store, "e2")
    for _ in range(2):
        assert await store.resume(KEY, first.lease.session_id, NOW + 5)
    assert rows(database, "sessions", "ended_at, end_reason") == [(None, None), (NOW + 5, "resumed another")]


async def test_a_session_that_does_not_exist_is_not_resumed(store: SqliteStore) -> None:
    assert not await store.resume(KEY, "x", NOW)
    assert await store.current(KEY) is None


async def test_sessions_are_listed_newest_first_by_source(store: SqliteStore) -> None:
    for number, key in enumerate(("one", "two", "three")):
        await begin(store, f"e{number}", key=key, now=NOW + number)
    assert [info.session_key for info in await store.sessions()] == ["three", "two", "one"]
    assert [info.session_key for info in await store.sessions(limit=1)] == ["three"]
    assert len(await store.sessions(source="web")) == 3
    assert await store.sessions(source="irc") == ()
    assert await store.sessions(limit=-1) == ()


async def test_state_lives_with_its_session(store: SqliteStore) -> None:
    one = (await begin(store, "e1", key="one")).lease.session_id
    two = (await begin(store, "e2", key="two")).lease.session_id
    assert await store.get_state(one, "todo") is None
    await store.put_state(one, "todo", "a")
    await store.put_state(one, "todo", "b \ud83d")
    assert await store.get_state(one, "todo") == "b �"
    assert await store.get_state(two, "todo") is None


async def test_what_a_model_is_told_comes_with_the_state_of_its_session_alone(store: SqliteStore) -> None:
    one, two = await begin(store, "e1", key="one"), await begin(store, "e2", key="two")
    await store.put_state(one.lease.session_id, "model", "m")
    await store.put_state(one.lease.session_id, "todo", "a")
    await store.put_state(two.lease.session_id, "model", "other")
    assert (await store.model_context(one.lease.session_id, one.lease.turn_id)).states == {"model": "m", "todo": "a"}
    assert (await store.model_context(two.lease.session_id, two.lease.turn_id)).states == {"model": "other"}


async def test_state_is_bounded(calm_store: SqliteStore) -> None:
    session_id = (await begin(calm_store)).lease.session_id
    await calm_store.put_state(session_id, "key 0", "x" * MAX_STATE_BYTES)
    with pytest.raises(Refused, match="64 KB"):
        await calm_store.put_state(session_id, "key 0", "ä" * (MAX_STATE_BYTES // 2 + 1))
    for number in range(1, MAX_STATE_KEYS):
        await calm_store.put_state(session_id, f"key {number}", "x")
    await calm_store.put_state(session_id, "key 1", "still changes")
    with pytest.raises(Refused, match=f"{MAX_STATE_KEYS} values"):
        await calm_store.put_state(session_id, "one more", "x")
