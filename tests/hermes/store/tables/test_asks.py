import pytest
from attrs import evolve

from hermes.asks import AskState
from hermes.events import InboundKind
from hermes.store.engine.database import Database
from hermes.store.rows import AnswerResult, Turn
from hermes.store.store import SqliteStore
from tests.hermes.store.builders import (
    KEY,
    NOW,
    begin,
    claimed,
    command,
    event,
    finish,
    notice,
    question,
    question_message,
    rows,
)

LATE = NOW + 300


async def asked(store: SqliteStore, ask_id: str = "a1") -> Turn:
    turn = await begin(store, f"for-{ask_id}")
    await store.open_ask(turn.lease, question(ask_id, turn.lease), question_message(ask_id), NOW)
    return turn


async def answered(
    store: SqliteStore,
    event_id: str,
    ask_id: str = "a1",
    answer: str = "once",
    *,
    now: float = NOW,
    key: str = KEY,
) -> AnswerResult:
    sent = event(event_id, answer, key=key, kind=InboundKind.ANSWER, ask_id=ask_id)
    row_id = (await store.accept(sent, now)).row_id
    return await store.answer_ask(row_id, ask_id, answer, notice(f"late-{event_id}"), now)


async def test_an_open_ask_is_journaled_with_its_message(store: SqliteStore, database: Database) -> None:
    turn = await asked(store)
    assert await store.asks(turn.lease.turn_id) == (question("a1", turn.lease),)
    assert rows(database, "outbox", "key, ask_id, turn_id, choices") == [
        ("ask:a1", "a1", turn.lease.turn_id, '["once", "deny"]')
    ]
    assert (await store.counts()).asks_open == 1


async def test_an_ask_survives_into_the_next_claim(store: SqliteStore) -> None:
    turn = await asked(store)
    await answered(store, "e2")
    (found,) = (await claimed(store)).asks
    assert found == evolve(question("a1", turn.lease), state=AskState.ANSWERED, answer="once")


async def test_a_call_that_asks_is_not_told_as_started(store: SqliteStore) -> None:
    turn = await begin(store)
    await store.start_call(turn.lease, "c1", "terminal", NOW)
    await store.start_call(turn.lease, "c2", "terminal", NOW)
    await store.open_ask(turn.lease, question("a1", turn.lease), question_message(), NOW)
    assert (await claimed(store)).started_calls == {"c2"}


async def test_the_first_answer_is_taken_and_its_row_done(store: SqliteStore, database: Database) -> None:
    await asked(store)
    assert await answered(store, "e2") is AnswerResult.TAKEN
    assert await store.pending(KEY) == ()
    assert rows(database, "outbox", "key") == [("ask:a1",)]


async def test_a_second_press_is_told_that_it_is_answered_already(store: SqliteStore, database: Database) -> None:
    turn = await asked(store)
    await answered(store, "e2", answer="once")
    assert await answered(store, "e3", answer="deny") is AnswerResult.ALREADY
    assert (await store.asks(turn.lease.turn_id))[0].answer == "once"
    assert rows(database, "outbox", "key") == [("ask:a1",), ("late-e3",)]


@pytest.mark.parametrize(("now", "expected"), [(LATE - 1, AnswerResult.TAKEN), (LATE, AnswerResult.EXPIRED)])
async def test_an_answer_at_the_deadline_is_late(store: SqliteStore, now: float, expected: AnswerResult) -> None:
    await asked(store)
    assert await answered(store, "e2", now=now) is expected


async def test_an_ask_whose_turn_ended_is_expired(store: SqliteStore) -> None:
    await finish(store, await asked(store))
    assert await answered(store, "e2") is AnswerResult.EXPIRED


async def test_an_unknown_ask_is_told_so(store: SqliteStore, database: Database) -> None:
    assert await answered(store, "e2") is AnswerResult.UNKNOWN
    assert rows(database, "outbox", "key") == [("late-e2",)]
    assert await store.pending(KEY) == ()


async def test_an_unknown_row_answers_nothing(store: SqliteStore) -> None:
    turn = await asked(store)
    assert await store.answer_ask(99, "a1", "once", notice(), NOW) is AnswerResult.UNKNOWN
    assert (await store.asks(turn.lease.turn_id))[0].state is AskState.OPEN


async def test_another_chat_cannot_answer(store: SqliteStore) -> None:
    turn = await asked(store)
    assert await answered(store, "e2", key="other") is AnswerResult.UNKNOWN
    assert await answered(store, "e3", ask_id="", key="other") is AnswerResult.UNKNOWN
    assert (await store.asks(turn.lease.turn_id))[0].state is AskState.OPEN


async def test_an_answer_without_an_id_goes_to_the_oldest_open_ask(store: SqliteStore) -> None:
    turn = await asked(store, "a2")
    await store.open_ask(turn.lease, question("a1", turn.lease), question_message("a1"), NOW + 1)
    row_id = (await store.accept(command("e2", "/approve"), NOW)).row_id
    assert await store.answer_ask(row_id, "", "once", notice(), NOW) is AnswerResult.TAKEN
    found = {ask.id: ask.state for ask in await store.asks(turn.lease.turn_id)}
    assert found == {"a2": AskState.ANSWERED, "a1": AskState.OPEN}


async def test_a_row_that_was_settled_otherwise_answers_nothing(store: SqliteStore) -> None:
    turn = await asked(store)
    row_id = (await store.accept(command("e2"), NOW)).row_id
    await store.settle(row_id, (), NOW)
    assert await store.answer_ask(row_id, "a1", "once", notice(), NOW) is AnswerResult.ALREADY
    assert (await store.asks(turn.lease.turn_id))[0].state is AskState.OPEN


async def test_an_ask_expires_once_its_time_has_come(store: SqliteStore, database: Database) -> None:
    turn = await asked(store)
    assert not await store.expire_ask(turn.lease, "a1", LATE - 1)
    assert await store.expire_ask(turn.lease, "a1", LATE)
    assert await store.expire_ask(turn.lease, "a1", LATE)
    assert rows(database, "asks", "state") == [("expired",)]
    assert await answered(store, "e2") is AnswerResult.EXPIRED


async def test_an_answer_that_was_quicker_keeps_the_ask_from_expiring(store: SqliteStore) -> None:
    turn = await asked(store)
    await answered(store, "e2")
    assert not await store.expire_ask(turn.lease, "a1", LATE)
    assert (await store.asks(turn.lease.turn_id))[0].state is AskState.ANSWERED


async def test_an_ask_of_another_turn_does_not_expire(store: SqliteStore) -> None:
    first = await asked(store)
    await finish(store, first)
    second = await begin(store, "e2")
    assert not await store.expire_ask(second.lease, "a1", LATE)


async def test_an_answer_is_a_sign_of_life(store: SqliteStore) -> None:
    await asked(store)
    await answered(store, "e2", now=NOW + 200)
    assert (await claimed(store, now=NOW + 200 + 3600)).resumed


async def test_a_lone_surrogate_in_an_answer_is_mended(store: SqliteStore) -> None:
    turn = await asked(store)
    await answered(store, "e2", answer="no \ud83d")
    assert (await store.asks(turn.lease.turn_id))[0].answer == "no �"


@pytest.mark.parametrize("kind", [InboundKind.MESSAGE, InboundKind.EDIT])
async def test_a_message_that_is_no_answer_any_more_stays_pending(
    store: SqliteStore, database: Database, kind: InboundKind
) -> None:
    await asked(store)
    row_id = (await store.accept(event("e2", "What is the time?", kind=kind), LATE)).row_id
    for _ in range(2):
        assert await store.answer_ask(row_id, "a1", "What is the time?", notice("late"), LATE) is AnswerResult.EXPIRED
    assert [row.event.event_id for row in await store.pending(KEY)] == ["e2"]
    assert rows(database, "outbox", "key") == [("ask:a1",)]
