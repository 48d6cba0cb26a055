import pytest

from hermes.errors import Refused
from hermes.events import ChatType, Inbound, InboundKind, Source
from hermes.store.engine.database import Database
from hermes.store.store import SqliteStore
from hermes.store.tables.acceptance import MAX_ID_CHARACTERS, MAX_TEXT_BYTES
from hermes.store.tables.inbox import PENDING_ROWS
from tests.hermes.store.builders import KEY, NOW, SOURCE, begin, claimed, command, event, notice, rows


async def test_an_accepted_event_waits_with_all_that_the_platform_told(store: SqliteStore) -> None:
    told = Inbound(
        "e1",
        Source("telegram", "bot1", "-100", ChatType.GROUP, "7", "u9", "Grace"),
        "k",
        InboundKind.EDIT,
        "text",
        NOW - 5,
        message_id="m3",
        edited_at=NOW - 1,
        reply_to="m2",
        ask_id="a1",
        utterance="album",
        more_within=1.5,
        attachment="a note",
    )
    accepted = await store.accept(told, NOW)
    (row,) = await store.pending("k")
    assert (row.id, row.event, row.received_at, row.attempts) == (accepted.row_id, told, NOW, 0)


async def test_the_same_delivery_twice_is_one_row(calm_store: SqliteStore, database: Database) -> None:
    first = await calm_store.accept(event("e1", "hello"), NOW)
    again = await calm_store.accept(event("e1", "hello, changed"), NOW + 1)
    assert (first.duplicate, again.duplicate, again.row_id) == (False, True, first.row_id)
    assert rows(database, "inbox", "text") == [("hello",)]
    assert rows(database, "entries", "text") == [("hello",)]


@pytest.mark.parametrize("kind", [InboundKind.MESSAGE, InboundKind.COMMAND])
async def test_an_edit_that_changes_no_word_is_no_event(
    store: SqliteStore, database: Database, kind: InboundKind
) -> None:
    """A reaction to a message comes as an edit of it."""
    first = await store.accept(event("e1", "hello", kind=kind, message_id="m1"), NOW)
    await store.accept(event("e1:file", "its file", message_id="m1"), NOW)
    again = await store.accept(event("e2", "hello", kind=InboundKind.EDIT, message_id="m1"), NOW)
    assert (again.duplicate, again.row_id) == (True, first.row_id)
    assert rows(database, "inbox", "text") == [("hello",), ("its file",)]


async def test_an_edit_is_compared_with_the_newest_version(calm_store: SqliteStore) -> None:
    await calm_store.accept(event("e1", "one", message_id="m1"), NOW)
    taken = [
        not (await calm_store.accept(event(f"e{number}", text, kind=InboundKind.EDIT, message_id="m1"), NOW)).duplicate
        for number, text in enumerate(("two", "two", "one", "one", "two"), 2)
    ]
    assert taken == [True, False, True, False, True]


async def test_an_edit_of_another_message_or_of_none_that_is_known_is_an_event(calm_store: SqliteStore) -> None:
    await calm_store.accept(event("e1", "hello", message_id="m1"), NOW)
    elsewhere = Source("web", "local", "another chat")
    for number, (source, message_id) in enumerate(((SOURCE, "m2"), (elsewhere, "m1"), (SOURCE, ""), (SOURCE, "")), 2):
        edit = event(f"e{number}", "hello", kind=InboundKind.EDIT, message_id=message_id, source=source)
        assert not (await calm_store.accept(edit, NOW)).duplicate


async def test_an_event_id_is_unique_for_its_account_only(store: SqliteStore, database: Database) -> None:
    for account in ("one", "two"):
        await store.accept(event("e1", source=Source("web", account, "chat")), NOW)
    await store.accept(event("e1", source=Source("irc", "one", "chat")), NOW)
    assert len(rows(database, "inbox")) == 3


async def test_a_duplicate_of_a_settled_row_changes_nothing(store: SqliteStore, database: Database) -> None:
    row_id = (await store.accept(command("e1"), NOW)).row_id
    await store.settle(row_id, (notice(),), NOW)
    assert (await store.accept(command("e1"), NOW)).duplicate
    assert rows(database, "inbox", "state") == [("done",)]


@pytest.mark.parametrize("text", ["x" * (MAX_TEXT_BYTES + 1), "ä" * (MAX_TEXT_BYTES // 2 + 1)])
async def test_a_text_beyond_the_bound_is_refused_with_the_bound(store: SqliteStore, text: str) -> None:
    with pytest.raises(Refused, match="larger than 256 KB"):
        await store.accept(event("e1", text), NOW)
    assert await store.pending(KEY) == ()


@pytest.mark.parametrize("text", ["x" * MAX_TEXT_BYTES, "ä" * (MAX_TEXT_BYTES // 2)])
async def test_a_text_at_the_bound_is_taken_whole(store: SqliteStore, text: str) -> None:
    await store.accept(event("e1", text), NOW)
    assert (await store.pending(KEY))[0].event.text == text


async def test_an_id_beyond_its_bound_is_refused(store: SqliteStore) -> None:
    with pytest.raises(Refused, match="id"):
        await store.accept(event("e" * (MAX_ID_CHARACTERS + 1)), NOW)
    with pytest.raises(Refused, match="id"):
        await store.accept(event("e1", source=Source("web", "local", "c" * (MAX_ID_CHARACTERS + 1))), NOW)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("half \ud83d a pair", "half \ufffd a pair"),
        ("a split \ud83d\ude00 pair", "a split 😀 pair"),
        ("a zero \0 byte", "a zero \0 byte"),
    ],
)
async def test_text_that_utf8_cannot_hold_is_mended_and_no_error(store: SqliteStore, sent: str, stored: str) -> None:
    await store.accept(event("e1", sent), NOW)
    assert (await store.pending(KEY))[0].event.text == stored
    assert (await claimed(store)).messages[0].content == stored
    assert [each.text for each in (await store.transcript(KEY)).entries] == [stored]


async def test_pending_rows_come_in_order_and_bounded(calm_store: SqliteStore) -> None:
    for number in range(PENDING_ROWS + 1):
        await calm_store.accept(event(f"e{number}"), NOW)
    found = [row.event.event_id for row in await calm_store.pending(KEY)]
    assert found == [f"e{number}" for number in range(PENDING_ROWS)]


async def test_pending_rows_are_those_of_one_session_that_nothing_took(store: SqliteStore) -> None:
    await begin(store, "e1")
    await store.accept(event("e2"), NOW)
    await store.accept(event("e3", key="other"), NOW)
    assert [row.event.event_id for row in await store.pending(KEY)] == ["e2"]


async def test_unfinished_names_keys_with_waiting_rows_or_running_turns_of_the_account(store: SqliteStore) -> None:
    await begin(store, "e1", key="running")
    await store.accept(event("e2", key="waiting"), NOW)
    await store.accept(event("e3", key="elsewhere", source=Source("web", "another", "chat")), NOW)
    done = (await store.accept(command("e4", key="done"), NOW)).row_id
    await store.settle(done, (), NOW)
    assert set(await store.unfinished("web", "local")) == {"running", "waiting"}
    assert await store.unfinished("web", "another") == ("elsewhere",)
    assert await store.unfinished("irc", "local") == ()


async def test_settling_a_command_puts_its_output_out_once(store: SqliteStore, database: Database) -> None:
    row_id = (await store.accept(command("e1"), NOW)).row_id
    await store.settle(row_id, (notice("n1"), notice("n2")), NOW)
    await store.settle(row_id, (notice("n3"),), NOW)
    assert rows(database, "outbox", "key") == [("n1",), ("n2",)]
    assert await store.pending(KEY) == ()


async def test_settling_a_row_that_a_turn_names_changes_nothing(store: SqliteStore, database: Database) -> None:
    turn = await begin(store, "e1")
    await store.settle(turn.rows[0].id, (notice(),), NOW)
    assert rows(database, "inbox", "state") == [("taken",)]
    assert rows(database, "outbox") == []


async def test_settling_an_unknown_row_changes_nothing(store: SqliteStore, database: Database) -> None:
    await store.settle(99, (notice(),), NOW)
    assert rows(database, "outbox") == []


async def test_the_source_of_an_event_survives_the_claim(store: SqliteStore) -> None:
    turn = await begin(store, "e1")
    assert turn.rows[0].event.source == SOURCE
