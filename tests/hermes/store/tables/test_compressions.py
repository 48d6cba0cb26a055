"""A summary in the place of messages that stay where they are."""

import sqlite3

import pytest
from attrs import evolve

from hermes.errors import LeaseLost, LocalProtocolError
from hermes.messages import Message, Role, Usage
from hermes.store.compression_interface import Compression, ModelContext
from hermes.store.engine.database import Database
from hermes.store.found import Reach
from hermes.store.requests import Beginning
from hermes.store.rows import Turn, TurnOutcome
from hermes.store.store import SqliteStore
from hermes.store.tables import compressions
from tests.hermes.store.builders import (
    KEY,
    NOW,
    begin,
    calls,
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


async def seen(store: SqliteStore, turn: Turn) -> ModelContext:
    return await store.model_context(turn.lease.session_id, turn.lease.turn_id)


def contents(context: ModelContext) -> list[str]:
    return [message.content for message in context.before]


def own(context: ModelContext) -> int:
    """How many messages of the running turn stand behind the marker."""
    return sum(line.own for line in context.rest)


def summing_up(
    context: ModelContext, *, first: int = 0, until: int, text: str = "summary", key: str = "k1"
) -> Compression:
    """A summary of all that stands in front of ``rest[until]``, but for the first ``first`` messages."""
    kept = context.first or context.rest[:first]
    covered = context.rest[:until] if context.summary else context.rest[first:until]
    replaces = context.summary.id if context.summary else 0
    return Compression(key, replaces, kept[-1].id if kept else 0, covered[0].id, covered[-1].id, len(covered), text)


async def compress(
    store: SqliteStore, turn: Turn, *, first: int = 0, until: int, text: str = "summary", key: str = "k1"
) -> Compression:
    compression = summing_up(await seen(store, turn), first=first, until=until, text=text, key=key)
    assert await store.compress(turn.lease, compression, Usage(100, 20), NOW)
    return compression


async def three_exchanges(store: SqliteStore) -> Turn:
    """A running turn behind three exchanges."""
    for number in ("one", "two", "three"):
        await exchange(store, number, number, f"re {number}")
    return await begin(store, "e4", "four")


async def take_back(store: SqliteStore, event_id: str = "undo") -> None:
    row_id = (await store.accept(command(event_id, "/undo"), NOW)).row_id
    assert await store.undo(row_id, KEY, notice(f"{event_id}:done"), notice(f"{event_id}:no"), NOW)


async def test_without_a_compression_a_model_is_told_everything(store: SqliteStore) -> None:
    turn = await three_exchanges(store)
    context = await seen(store, turn)
    assert contents(context) == ["one", "re one", "two", "re two", "three", "re three"]
    assert (own(context), context.covered, context.first, context.summary) == (1, 0, (), None)
    assert context.rest[-1].message == turn.messages[0]


async def test_a_summary_takes_the_place_of_the_middle(store: SqliteStore) -> None:
    turn = await three_exchanges(store)
    await compress(store, turn, first=2, until=4)
    context = await seen(store, turn)
    assert contents(context) == ["one", "re one", "summary", "three", "re three"]
    assert context.before[2].role is Role.USER
    assert (own(context), context.covered) == (1, 0)


async def test_the_originals_stay_and_are_found(store: SqliteStore) -> None:
    turn = await three_exchanges(store)
    before = await store.history(turn.lease.session_id)
    await compress(store, turn, until=6)
    assert await store.history(turn.lease.session_id) == before
    assert {found.snippet for found in await store.search("two", Reach())} == {">>>two<<<", "re >>>two<<<"}
    assert not await store.search("summary", Reach())
    info = await store.current(KEY)
    assert info is not None
    assert info.message_count == 7


async def test_who_asks_from_within_the_session_finds_what_the_summary_stands_for(store: SqliteStore) -> None:
    turn = await three_exchanges(store)
    reach = Reach(without=turn.lease.session_id)
    assert await store.search("one OR two OR three", reach) == ()
    await compress(store, turn, first=2, until=4)
    found = await store.search("one OR two OR three", reach)
    assert {each.snippet for each in found} == {">>>two<<<", "re >>>two<<<"}
    assert await store.recent(reach) == ()
    for number in range(3):
        await take_back(store, f"undo{number}")
    assert await store.search("one OR two OR three", reach) == ()


async def test_what_the_summary_did_cost_is_counted_once(store: SqliteStore, database: Database) -> None:
    turn = await three_exchanges(store)
    await compress(store, turn, until=2)
    info = await store.current(KEY)
    assert info is not None
    assert (info.usage.input_tokens, info.usage.output_tokens) == (130, 35)
    assert rows(database, "turns", "input_tokens, output_tokens")[-1] == (100, 20)


async def test_a_repeated_write_adds_nothing(store: SqliteStore, database: Database) -> None:
    turn = await three_exchanges(store)
    compression = await compress(store, turn, until=2)
    assert await store.compress(turn.lease, compression, Usage(100, 20), NOW)
    assert len(rows(database, "compressions")) == 1


async def test_a_later_compression_stands_for_what_the_earlier_one_stood_for(store: SqliteStore) -> None:
    turn = await three_exchanges(store)
    await compress(store, turn, first=1, until=3)
    await compress(store, turn, until=2, text="second summary", key="k2")
    context = await seen(store, turn)
    assert contents(context) == ["one", "second summary", "re three"]
    await compress(store, turn, until=1, text="third summary", key="k3")
    assert contents(await seen(store, turn)) == ["one", "third summary"]


async def test_the_marker_may_stand_in_the_running_turn(store: SqliteStore) -> None:
    await exchange(store, "one", "one", "re one")
    turn = await begin(store, "e2", "two")
    steps = (calls("c1"), result("c1"), calls("c2"), result("c2"))
    await store.append(turn.lease, 1, steps, Usage(), NOW)
    await compress(store, turn, until=5)
    context = await seen(store, turn)
    assert contents(context) == ["summary"]
    assert (own(context), context.covered) == (2, 3)
    assert [line.message for line in context.rest] == [*steps[2:]]
    again = await claimed(store, now=NOW)
    assert again.messages == (*turn.messages, *steps)
    assert await seen(store, again) == context
    finishing = evolve(again, messages=(*turn.messages, *steps))
    await finish(store, finishing, "re two")
    after = await begin(store, "e3", "three")
    assert contents(await seen(store, after)) == ["summary", "", "a file", "re two"]


async def test_a_summary_that_parts_a_call_from_its_result_is_refused(store: SqliteStore) -> None:
    turn = await begin(store)
    await store.append(turn.lease, 1, (calls("c1"), result("c1"), says("so far")), Usage(), NOW)
    for first, until in ((0, 2), (0, 4), (2, 3)):
        compression = summing_up(await seen(store, turn), first=first, until=until)
        with pytest.raises(LocalProtocolError):
            await store.compress(turn.lease, compression, Usage(), NOW)
    assert contents(await seen(store, turn)) == []
    assert own(await seen(store, turn)) == 4


async def test_a_lost_lease_writes_nothing(store: SqliteStore) -> None:
    turn = await three_exchanges(store)
    compression = summing_up(await seen(store, turn), until=2)
    again = await claimed(store)
    with pytest.raises(LeaseLost):
        await store.compress(turn.lease, compression, Usage(), NOW)
    assert (await seen(store, again)).summary is None


async def test_a_summary_of_what_was_taken_back_meanwhile_is_not_added(store: SqliteStore) -> None:
    turn = await three_exchanges(store)
    compression = summing_up(await seen(store, turn), until=6)
    await take_back(store)
    assert not await store.compress(turn.lease, compression, Usage(), NOW)
    assert contents(await seen(store, turn)) == ["one", "re one", "two", "re two"]


async def test_a_summary_of_a_context_that_was_compressed_meanwhile_is_not_added(store: SqliteStore) -> None:
    turn = await three_exchanges(store)
    late = summing_up(await seen(store, turn), until=4, key="late")
    await compress(store, turn, until=2)
    assert not await store.compress(turn.lease, late, Usage(), NOW)
    assert contents(await seen(store, turn))[0] == "summary"


async def test_undo_behind_the_marker_leaves_the_summary(store: SqliteStore) -> None:
    turn = await three_exchanges(store)
    await compress(store, turn, until=4)
    await finish(store, turn, "re four")
    await take_back(store)
    after = await begin(store, "e5", "five")
    assert contents(await seen(store, after)) == ["summary", "three", "re three"]


async def test_undo_across_the_marker_makes_the_summary_void_and_brings_the_rest_back(store: SqliteStore) -> None:
    turn = await three_exchanges(store)
    await compress(store, turn, until=2, text="of one")
    await compress(store, turn, until=4, text="of one to three", key="k2")
    await finish(store, turn, "re four")
    for number in range(2):
        await take_back(store, f"undo{number}")
    after = await begin(store, "e5", "five")
    assert contents(await seen(store, after)) == ["of one", "two", "re two"]
    await compress(store, after, until=2, text="of one and two", key="k3")
    assert contents(await seen(store, after)) == ["of one and two"]


async def test_retry_across_the_marker_asks_again_with_the_originals(store: SqliteStore) -> None:
    await exchange(store, "one", "one", "re one")
    turn = await begin(store, "e2", "two")
    await store.append(turn.lease, 1, (calls("c1"), result("c1"), says("so far")), Usage(), NOW)
    await compress(store, turn, until=5)
    await store.finish(turn.lease, 4, (), (), TurnOutcome.STOPPED, Usage(), NOW)
    row_id = (await store.accept(command("retry", "/retry"), NOW)).row_id
    assert await store.retry(row_id, KEY, notice(), NOW)
    again = await claimed(store)
    assert again.messages == (Message(Role.USER, "two"),)
    assert contents(await seen(store, again)) == ["one", "re one"]


async def test_a_copy_of_a_session_begins_with_what_its_model_was_told(store: SqliteStore) -> None:
    first = await exchange(store, "one", "one", "re one")
    second = await exchange(store, "two", "two", "re two")
    turn = await begin(store, "e3", "three")
    await compress(store, turn, until=2)
    for after, told in ((second, ["summary", "two", "re two"]), (first, ["summary"])):
        beginning = Beginning(copies=turn.lease.session_id, after=after.lease.turn_id)
        key = f"copy:{after.lease.turn_id}"
        await store.accept(event(key, "go on", key=key), NOW, beginning)
        copy = await claimed(store, key)
        assert contents(await seen(store, copy)) == told


async def test_beyond_the_bound_the_oldest_are_left_out_and_the_rest_can_be_summed_up(
    calm_store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compressions, "HISTORY_MESSAGES", 4)
    turn = await three_exchanges(calm_store)
    context = await seen(calm_store, turn)
    assert contents(context) == ["three", "re three"]
    assert (context.whole, own(context)) == (False, 1)
    await compress(calm_store, turn, until=2)
    context = await seen(calm_store, turn)
    assert contents(context) == ["summary"]
    assert context.whole


async def test_another_session_sees_nothing_of_it(store: SqliteStore) -> None:
    turn = await three_exchanges(store)
    await compress(store, turn, until=2)
    other = await begin(store, "other", "hello", key="agent:main:web:dm:other")
    assert contents(await seen(store, other)) == []


async def test_a_file_of_an_older_program_gets_the_table(calm_store: SqliteStore, database: Database) -> None:
    path = database.path
    database.connection.execute("DROP TABLE compressions")
    database.close()
    with sqlite3.connect(path) as connection:
        assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'compressions'").fetchone()
    connection.close()
    opened = Database.open(path)
    assert rows(opened, "compressions") == []
    opened.close()


async def test_what_is_read_for_a_turn_does_not_grow_with_what_is_summed_up(
    calm_store: SqliteStore, database: Database
) -> None:
    read: list[tuple[int, int]] = []
    for until in (20, 200):
        while await _count(calm_store) < until:
            await exchange(calm_store, f"e{await _count(calm_store)}", "one", "re one")
        turn = await begin(calm_store, f"at {until}", "go on")
        context = await seen(calm_store, turn)
        await compress(calm_store, turn, first=2, until=len(context.rest) - 5, key=f"k{until}")
        read.append(_read(database, turn))
        await finish(calm_store, turn)
    (few, steps), (as_few, as_steps) = read
    assert few == as_few == 2 + 5
    assert abs(as_steps - steps) <= steps // 10


async def _count(store: SqliteStore) -> int:
    info = await store.current(KEY)
    return info.message_count if info else 0


def _read(database: Database, turn: Turn) -> tuple[int, int]:
    """Messages that the model is told, and the steps of SQLite to find them: each row that it reads takes some."""
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    database.connection.set_progress_handler(step, 1)
    context = compressions.model_context(database.connection, turn.lease.session_id, turn.lease.turn_id)
    database.connection.set_progress_handler(None, 1)
    return len(context.first) + len(context.rest), steps
