import pytest
from attrs import evolve

from hermes.errors import LeaseLost, LocalProtocolError
from hermes.events import InboundKind
from hermes.messages import Message, Role, ToolCall, Usage
from hermes.store.engine.database import Database
from hermes.store.rows import TurnOutcome
from hermes.store.store import SqliteStore
from tests.hermes.store.builders import (
    KEY,
    NOW,
    begin,
    calls,
    claim,
    claimed,
    event,
    finish,
    outbound,
    question,
    question_message,
    result,
    rows,
    says,
)


async def test_messages_are_appended_in_order_with_all_their_fields(store: SqliteStore) -> None:
    turn = await begin(store, text="hello")
    reply = Message(
        Role.ASSISTANT,
        "two calls",
        (ToolCall("c1", "terminal", "{broken"), ToolCall("c2", "read_file", "{}")),
        reasoning="because",
        finish_reason="tool_calls",
    )
    await store.append(turn.lease, 1, (reply,), Usage(), NOW)
    await store.append(turn.lease, 2, (result("c1"), result("c2")), Usage(), NOW)
    again = await claimed(store)
    assert again.messages == (Message(Role.USER, "hello"), reply, result("c1"), result("c2"))


async def test_a_repeated_append_is_a_no_op(store: SqliteStore, database: Database) -> None:
    turn = await begin(store)
    await store.append(turn.lease, 1, (calls(),), Usage(100, 5), NOW)
    await store.append(turn.lease, 2, (result(),), Usage(), NOW)
    await store.append(turn.lease, 1, (calls(),), Usage(100, 5), NOW)
    assert len(rows(database, "messages")) == 3
    info = await store.current(KEY)
    assert info is not None
    assert (info.usage, info.message_count) == (Usage(100, 5), 3)


@pytest.mark.parametrize("position", [0, 2])
async def test_other_messages_at_a_taken_position_and_gaps_are_bugs(store: SqliteStore, position: int) -> None:
    turn = await begin(store)
    with pytest.raises(LocalProtocolError):
        await store.append(turn.lease, position, (says("other"),), Usage(), NOW)
    with pytest.raises(LocalProtocolError):
        await store.finish(turn.lease, position, (says("other"),), (), TurnOutcome.DONE, Usage(), NOW)


async def test_a_lone_surrogate_in_a_reply_is_mended_and_its_repetition_recognised(store: SqliteStore) -> None:
    turn = await begin(store)
    broken = Message(Role.ASSISTANT, "half \ud83d", (ToolCall("c1", "t", '{"a": "\ud83d"}'),), reasoning="\udc00")
    for _ in range(2):
        await store.append(turn.lease, 1, (broken,), Usage(), NOW)
    kept = (await claimed(store)).messages[1]
    assert (kept.content, kept.tool_calls[0].arguments, kept.reasoning) == ("half �", '{"a": "�"}', "�")


async def test_tokens_and_calls_are_added_up_for_the_session(store: SqliteStore, database: Database) -> None:
    turn = await begin(store)
    await store.append(turn.lease, 1, (calls(),), Usage(100, 20, 5, 6, 7), NOW)
    await store.append(turn.lease, 2, (result(),), Usage(), NOW)
    await store.finish(turn.lease, 3, (says("done"),), (), TurnOutcome.DONE, Usage(1, 2, 3, 4, 5), NOW)
    info = await store.current(KEY)
    assert info is not None
    assert (info.usage, info.message_count) == (Usage(101, 22, 8, 10, 12), 4)
    assert rows(database, "sessions", "tool_call_count") == [(1,)]
    assert rows(database, "messages", "role, token_count") == [
        ("user", 0),
        ("assistant", 20),
        ("tool", 0),
        ("assistant", 2),
    ]


async def test_a_finish_ends_everything_in_one_transaction(store: SqliteStore, database: Database) -> None:
    turn = await begin(store, "e1")
    await store.start_call(turn.lease, "c1", "terminal", NOW)
    await store.open_ask(turn.lease, question("a1", turn.lease), question_message(), NOW)
    answer = await finish(store, turn, "the end")
    assert rows(database, "inbox", "state, settled_at") == [("done", NOW)]
    assert rows(database, "turns", "state, message_count, ended_at") == [("done", 2, NOW)]
    assert rows(database, "asks", "state") == [("withdrawn",)]
    assert rows(database, "calls") == []
    assert rows(database, "outbox", "key, text, turn_id") == [
        ("ask:a1", "Run it?", turn.lease.turn_id),
        (answer.key, "the end", turn.lease.turn_id),
    ]
    assert await store.history(turn.lease.session_id) == (*turn.messages, says("the end"))
    assert await claim(store) is None


async def test_a_repeated_finish_is_a_no_op_whatever_it_says(store: SqliteStore, database: Database) -> None:
    turn = await begin(store)
    await finish(store, turn, "once")
    await finish(store, turn, "twice")
    assert rows(database, "outbox", "text") == [("once",)]
    assert len(rows(database, "messages")) == 2


async def test_a_finished_turn_takes_no_more_messages(store: SqliteStore) -> None:
    turn = await begin(store)
    await finish(store, turn)
    with pytest.raises(LeaseLost):
        await store.append(turn.lease, 2, (says("more"),), Usage(), NOW)


@pytest.mark.parametrize("outcome", list(TurnOutcome))
async def test_the_outcome_is_kept_and_dead_rows_wait_for_a_retry(
    store: SqliteStore, database: Database, outcome: TurnOutcome
) -> None:
    turn = await begin(store)
    await finish(store, turn, outcome=outcome)
    assert rows(database, "turns", "state") == [(outcome.value,)]
    assert rows(database, "inbox", "state") == [("dead" if outcome is TurnOutcome.DEAD else "done",)]


async def test_every_part_of_an_answer_is_a_row_in_order(store: SqliteStore, database: Database) -> None:
    turn = await begin(store)
    parts = tuple(evolve(outbound(f"p{number}", f"part {number}"), part=number) for number in range(3))
    await store.finish(turn.lease, 1, (says("all"),), parts, TurnOutcome.DONE, Usage(), NOW)
    assert rows(database, "outbox", "key, part") == [("p0", 0), ("p1", 1), ("p2", 2)]


async def test_a_started_call_is_told_to_the_next_holder_once(store: SqliteStore, database: Database) -> None:
    turn = await begin(store)
    for _ in range(2):
        await store.start_call(turn.lease, "c1", "terminal", NOW)
    assert len(rows(database, "calls")) == 1
    assert (await claimed(store)).started_calls == {"c1"}


async def test_a_steering_message_joins_the_running_turn(store: SqliteStore, database: Database) -> None:
    turn = await begin(store, "e1")
    row_id = (await store.accept(event("e2", "and hurry"), NOW)).row_id
    assert await store.join(turn.lease, row_id, Message(Role.USER, "and hurry"), NOW)
    again = await claimed(store)
    assert [row.event.event_id for row in again.rows] == ["e1", "e2"]
    assert again.messages[-1] == Message(Role.USER, "and hurry")
    await finish(store, again)
    assert rows(database, "inbox", "state") == [("done",), ("done",)]
    assert await claim(store) is None


async def test_a_row_joins_exactly_one_turn_once(store: SqliteStore, database: Database) -> None:
    turn = await begin(store, "e1")
    row_id = (await store.accept(event("e2"), NOW)).row_id
    assert await store.join(turn.lease, row_id, says("steer"), NOW)
    assert not await store.join(turn.lease, row_id, says("steer"), NOW)
    assert len(rows(database, "messages")) == 2


async def test_a_row_that_another_turn_took_does_not_join(store: SqliteStore) -> None:
    first = await begin(store, "e1")
    await finish(store, first)
    second = await begin(store, "e2")
    row_id = (await store.accept(event("e3"), NOW)).row_id
    await store.settle(row_id, (), NOW)
    for taken in (first.rows[0].id, second.rows[0].id, row_id, 99):
        assert not await store.join(second.lease, taken, says("steer"), NOW)


async def test_a_row_of_another_chat_does_not_join(store: SqliteStore) -> None:
    turn = await begin(store, "e1")
    row_id = (await store.accept(event("e2", key="other"), NOW)).row_id
    assert not await store.join(turn.lease, row_id, says("steer"), NOW)
    assert len(await store.pending("other")) == 1


async def test_a_join_counts_as_a_message_for_the_next_append(store: SqliteStore) -> None:
    turn = await begin(store, "e1")
    row_id = (await store.accept(event("e2", kind=InboundKind.MESSAGE), NOW)).row_id
    await store.join(turn.lease, row_id, Message(Role.USER, "more"), NOW)
    await store.append(turn.lease, 2, (says("answer"),), Usage(), NOW)
    assert len((await claimed(store)).messages) == 3
