"""What programs ask of the store: a request that brings its own history, and what became of it."""

import pytest

from hermes.errors import Refused
from hermes.events import Source
from hermes.messages import Message, Role, Usage
from hermes.store.engine.database import Database
from hermes.store.found import Reach
from hermes.store.requests import INSTRUCTIONS, Beginning, Response, SessionMoved
from hermes.store.rows import TurnOutcome
from hermes.store.store import SqliteStore
from hermes.store.tables.responses import KEPT
from hermes.store.tables.session_state import MAX_STATE_BYTES
from tests.hermes.store.builders import (
    BURIAL,
    KEY,
    NOW,
    SOURCE,
    claimed,
    command,
    event,
    exchange,
    finish,
    notice,
    outbound,
    rows,
    says,
)

SAID = (Message(Role.USER, "the first question"), Message(Role.ASSISTANT, "the first answer"))
PLACE = (SOURCE.platform, SOURCE.account)


async def test_a_request_brings_its_history_which_stands_before_its_turn(store: SqliteStore) -> None:
    await store.accept(event("e1", "and now?"), NOW, Beginning(SAID, "Speak like a pirate."))
    turn = await claimed(store)
    assert (await store.model_context(turn.lease.session_id, turn.lease.turn_id)).before == SAID
    assert [message.content for message in turn.messages] == ["and now?"]
    assert await store.get_state(turn.lease.session_id, INSTRUCTIONS) == "Speak like a pirate."


async def test_a_repeated_request_brings_its_history_once(calm_store: SqliteStore, database: Database) -> None:
    for _ in range(2):
        await calm_store.accept(event("e1"), NOW, Beginning(SAID))
    assert len(rows(database, "messages")) == len(SAID)
    assert len(rows(database, "sessions")) == 1


async def test_a_key_that_has_a_session_keeps_it(store: SqliteStore, database: Database) -> None:
    await store.accept(event("e1"), NOW, Beginning(SAID))
    await store.accept(event("e2"), NOW, Beginning(SAID))
    assert len(rows(database, "sessions")) == 1
    assert len(rows(database, "messages")) == len(SAID)


async def test_history_that_a_client_brings_is_neither_found_nor_taken_back(store: SqliteStore) -> None:
    await store.accept(event("e1"), NOW, Beginning(SAID))
    session = await store.current(KEY)
    assert session is not None
    assert await store.search("question", Reach()) == ()
    undo = (await store.accept(command("e2", "/undo"), NOW)).row_id
    assert not await store.undo(undo, KEY, notice("u"), notice("n"), NOW)
    assert await store.history(session.id) == SAID


async def test_instructions_that_are_too_long_refuse_the_whole_request(store: SqliteStore, database: Database) -> None:
    with pytest.raises(Refused, match="instructions"):
        await store.accept(event("e1"), NOW, Beginning(SAID, "x" * (MAX_STATE_BYTES + 1)))
    assert rows(database, "inbox") == rows(database, "sessions") == rows(database, "messages") == []


async def test_a_request_goes_on_with_a_session_and_brings_no_history(store: SqliteStore) -> None:
    await store.accept(event("e1"), NOW, Beginning(SAID))
    session = await store.current(KEY)
    assert session is not None
    await store.accept(event("e2", key="another"), NOW, Beginning(SAID, "again", resumes=session.id))
    assert await store.current("another") == session
    assert await store.history(session.id) == SAID
    assert await store.get_state(session.id, INSTRUCTIONS) is None


async def test_a_session_that_is_not_there_refuses_the_request(store: SqliteStore, database: Database) -> None:
    with pytest.raises(Refused, match="there is no session nowhere"):
        await store.accept(event("e1"), NOW, Beginning(resumes="nowhere"))
    assert rows(database, "inbox") == []


async def test_the_key_of_a_session_is_told_to_its_own_platform_alone(store: SqliteStore) -> None:
    await store.accept(event("e1"), NOW, Beginning())
    session = await store.current(KEY)
    assert session is not None
    assert await store.session_key(session.id, SOURCE.platform) == KEY
    assert await store.session_key(session.id, "irc") is None
    assert await store.session_key("nowhere", SOURCE.platform) is None


async def test_an_event_that_never_came_has_no_progress(store: SqliteStore) -> None:
    await store.accept(event("e1"), NOW)
    assert await store.progress(*PLACE, "e2") is None
    assert await store.progress(SOURCE.platform, "elsewhere", "e1") is None


async def test_an_event_is_followed_from_the_inbox_to_its_answer(store: SqliteStore) -> None:
    await store.accept(event("e1", message_id="m1"), NOW, Beginning())
    waiting = await store.progress(*PLACE, "e1")
    assert waiting is not None
    assert (waiting.state, waiting.received_at, waiting.message_id, waiting.over) == ("pending", NOW, "m1", False)
    turn = await claimed(store)
    assert waiting.session_id == turn.lease.session_id
    await store.append(turn.lease, 1, (says("looking"),), Usage(10, 2, 3, 4, 5), NOW)
    running = await store.progress(*PLACE, "e1")
    assert running is not None
    assert (running.state, running.turn_id, running.text, running.over) == ("taken", turn.lease.turn_id, "", False)
    parts = tuple(outbound(f"p{number}", text) for number, text in enumerate(("one, ", "two")))
    await store.finish(turn.lease, 2, (says("one, two"),), parts, TurnOutcome.DONE, Usage(1, 1, 1, 1, 1), NOW)
    done = await store.progress(*PLACE, "e1")
    assert done is not None
    assert (done.state, done.outcome, done.text, done.over) == ("done", "done", "one, two", True)
    assert done.usage == Usage(11, 3, 4, 5, 6)
    assert done.session_id == turn.lease.session_id


async def test_tokens_of_a_turn_are_its_own(store: SqliteStore) -> None:
    for event_id in ("e1", "e2"):
        await store.accept(event(event_id), NOW)
        turn = await claimed(store)
        await store.finish(turn.lease, 1, (says("yes"),), (), TurnOutcome.DONE, Usage(7, 3), NOW)
        told = await store.progress(*PLACE, event_id)
        assert told is not None
        assert told.usage == Usage(7, 3)


async def test_an_event_that_is_given_up_tells_the_notice(store: SqliteStore) -> None:
    await store.accept(event("e1"), NOW)
    await claimed(store)
    assert await store.claim(KEY, "gateway", NOW + 2 * BURIAL.stale_after, BURIAL) is None
    told = await store.progress(*PLACE, "e1")
    assert told is not None
    assert (told.state, told.outcome, told.over) == ("dead", "dead", True)
    assert told.text.startswith("too old: 2 h")


@pytest.mark.parametrize("beginning", [None, Beginning()])
async def test_a_command_tells_its_own_output(store: SqliteStore, beginning: Beginning | None) -> None:
    for number in range(2):
        accepted = await store.accept(command(f"e{number}"), NOW, beginning)
        from_it = outbound(f"n{number}", f"output {number}", kind=notice().kind, answers=(f"e{number}",))
        await store.settle(accepted.row_id, (from_it,), NOW)
    for number in range(2):
        told = await store.progress(*PLACE, f"e{number}")
        assert told is not None
        assert (told.state, told.outcome, told.text) == ("done", "", f"output {number}")


async def test_chats_of_one_platform_do_not_meet(store: SqliteStore) -> None:
    for number in range(2):
        source = Source("api_server", "local", f"c{number}")
        await store.accept(event("same" + str(number), key=f"k{number}", source=source), NOW, Beginning(SAID[:1]))
    one, other = await store.current("k0"), await store.current("k1")
    assert one is not None
    assert other is not None
    assert one.id != other.id


async def two_turns(store: SqliteStore) -> tuple[str, str, str]:
    """A session with two exchanges behind its seeds: its id and its turns."""
    await store.accept(event("e1", "one"), NOW, Beginning(SAID))
    first = await claimed(store)
    await finish(store, first, "1")
    second = await exchange(store, "e2", "two", "2")
    return first.lease.session_id, first.lease.turn_id, second.lease.turn_id


async def test_a_request_goes_on_after_the_last_turn_alone(store: SqliteStore, database: Database) -> None:
    session_id, first, second = await two_turns(store)
    with pytest.raises(SessionMoved):
        await store.accept(event("e3"), NOW, Beginning(resumes=session_id, after=first))
    assert len(rows(database, "inbox")) == 2
    await store.accept(event("e4"), NOW, Beginning(resumes=session_id, after=second))
    with pytest.raises(SessionMoved):
        await store.accept(event("e5"), NOW, Beginning(resumes=session_id, after=second))
    turn = await claimed(store)
    with pytest.raises(SessionMoved):
        await store.accept(event("e6"), NOW, Beginning(resumes=session_id, after=turn.lease.turn_id))


async def test_a_branch_begins_with_all_that_was_said_up_to_its_turn(store: SqliteStore) -> None:
    session_id, first, _ = await two_turns(store)
    beginning = Beginning(instructions="Be brief.", copies=session_id, after=first)
    await store.accept(event("e3", "other", key="branch"), NOW, beginning)
    branch = await store.current("branch")
    assert branch is not None
    assert branch.id != session_id
    history = await store.history(branch.id)
    assert [message.content for message in history] == [*(message.content for message in SAID), "one", "1"]
    assert await store.get_state(branch.id, INSTRUCTIONS) == "Be brief."


async def test_a_kept_answer_is_found_replaced_and_forgotten(store: SqliteStore) -> None:
    assert await store.use_response("r1", NOW) is None
    for body in ("{}", '{"text": "\ud800"}'):
        await store.keep_response(Response("r1", "s", "t", body), NOW)
    found = await store.use_response("r1", NOW)
    assert found is not None
    assert (found.session_id, found.turn_id, found.body) == ("s", "t", '{"text": "\ufffd"}')
    for _ in range(2):
        await store.drop_response("r1")
    assert await store.use_response("r1", NOW) is None
    await store.keep_response(Response("r1", "s", "t", "{}"), NOW)
    assert await store.use_response("r1", NOW) is None


async def test_of_more_answers_than_are_kept_the_least_used_go(store: SqliteStore, database: Database) -> None:
    for number in range(KEPT):
        await store.keep_response(Response(f"r{number}", "s", "t", "{}"), NOW + number)
    await store.use_response("r0", NOW + 1000)
    await store.drop_response(f"r{KEPT - 1}")
    for number in range(KEPT, KEPT + 4):
        await store.keep_response(Response(f"r{number}", "s", "t", "{}"), NOW + number)
    kept = {name for (name,) in rows(database, "responses", "id")}
    assert len(kept) == KEPT
    assert kept >= {"r0", "r102"}
    assert kept.isdisjoint({f"r{KEPT - 1}", "r1", "r2", "r3"})
