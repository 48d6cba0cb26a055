import pytest
from attrs import evolve

from hermes.errors import LeaseLost
from hermes.events import Outbound, Source
from hermes.store.engine.database import Database
from hermes.store.refusal import Refusal
from hermes.store.rows import DeliveryLease, OutboxRow
from hermes.store.store import SqliteStore
from hermes.store.tables.delivery import MAX_ATTEMPTS
from tests.hermes.store.builders import NOW, command, notice, outbound, rows

IN_ROOM = Source("web", "local", "room")
IN_THREAD = Source("web", "local", "room", thread_id="7")


async def put(store: SqliteStore, *messages: Outbound) -> None:
    row_id = (await store.accept(command(f"for-{messages[0].key}"), NOW)).row_id
    await store.settle(row_id, messages, NOW)


async def opened(store: SqliteStore, *, idempotent: bool = False) -> DeliveryLease:
    return await store.open_delivery("web", "local", idempotent=idempotent, now=NOW)


async def due(store: SqliteStore, lease: DeliveryLease, *, now: float = NOW, limit: int = 10) -> list[str]:
    return [row.message.key for row in await store.due(lease, frozenset(), limit, now)]


async def sending(store: SqliteStore, lease: DeliveryLease) -> OutboxRow:
    (row,) = await store.due(lease, frozenset(), 10, NOW)
    assert await store.begin_send(lease, row.id, NOW)
    return row


async def test_a_row_holds_its_message_whole(store: SqliteStore) -> None:
    message = evolve(
        outbound("o1", "text", source=IN_THREAD, answers=("e1", "e2")),
        reply_to="m1",
        turn_id="t1",
        ask_id="a1",
        choices=("yes", "no"),
        part=3,
        file="/tmp/a b.ogg",
        voice=True,
    )
    await put(store, message)
    (row,) = await store.due(await opened(store), frozenset(), 10, NOW)
    assert (row.message, row.attempts, row.message_id, row.ambiguous) == (message, 0, "", False)


async def test_a_chat_goes_out_in_order_one_row_at_a_time(store: SqliteStore) -> None:
    await put(store, outbound("o1"), outbound("o2"), outbound("o3", source=IN_ROOM), outbound("o4", source=IN_THREAD))
    lease = await opened(store)
    assert await due(store, lease) == ["o1", "o3", "o4"]
    row = (await store.due(lease, frozenset(), 1, NOW))[0]
    await store.begin_send(lease, row.id, NOW)
    assert await due(store, lease) == ["o3", "o4"]
    await store.sent(lease, row.id, "m1", NOW)
    assert await due(store, lease) == ["o2", "o3", "o4"]


async def test_busy_chats_are_left_out_and_do_not_use_up_the_limit(store: SqliteStore) -> None:
    await put(store, outbound("o1"), outbound("o2", source=IN_ROOM), outbound("o3", source=IN_THREAD))
    lease = await opened(store)
    found = await store.due(lease, frozenset({("chat", ""), ("room", "7")}), 1, NOW)
    assert [row.message.key for row in found] == ["o2"]
    assert await due(store, lease, limit=0) == []


async def test_a_deferred_head_keeps_back_its_own_chat_and_no_other(store: SqliteStore) -> None:
    await put(store, outbound("o1"), outbound("o2"), outbound("o3", source=IN_ROOM))
    lease = await opened(store)
    assert await store.next_due(lease) is None
    row = (await store.due(lease, frozenset(), 1, NOW))[0]
    await store.begin_send(lease, row.id, NOW)
    await store.defer(lease, row.id, not_before=NOW + 30, ambiguous=False, reason="429", now=NOW)
    assert await due(store, lease) == ["o3"]
    assert await store.next_due(lease) == NOW + 30
    assert await due(store, lease, now=NOW + 30) == ["o1", "o3"]


async def test_a_clock_that_is_set_back_keeps_no_deferred_row_waiting(store: SqliteStore) -> None:
    await put(store, outbound("o1"))
    lease = await opened(store)
    row = await sending(store, lease)
    await store.defer(lease, row.id, not_before=NOW + 5, ambiguous=False, reason="no network", now=NOW)
    assert await due(store, lease, now=NOW + 1) == []
    assert await due(store, lease, now=NOW - 7200) == ["o1"]


async def test_a_deferred_row_starts_its_attempts_anew(store: SqliteStore) -> None:
    await put(store, outbound("o1"))
    lease = await opened(store)
    for _ in range(3 * MAX_ATTEMPTS):
        row = await sending(store, lease)
        await store.defer(lease, row.id, not_before=0, ambiguous=False, reason="no network", now=NOW)
    assert await due(store, lease) == ["o1"]


@pytest.mark.parametrize(("idempotent", "ambiguous"), [(True, False), (False, True)])
async def test_a_row_found_sending_is_ambiguous_unless_the_platform_knows_its_key(
    store: SqliteStore, *, idempotent: bool, ambiguous: bool
) -> None:
    await put(store, outbound("o1"))
    await sending(store, await opened(store))
    lease = await opened(store, idempotent=idempotent)
    (row,) = await store.due(lease, frozenset(), 10, NOW)
    assert (row.message.key, row.ambiguous, row.attempts) == ("o1", ambiguous, 1)
    counts = await store.counts()
    assert (counts.outbox_pending, counts.outbox_ambiguous) == (not ambiguous, ambiguous)


async def test_what_may_have_arrived_goes_first(store: SqliteStore) -> None:
    await put(store, outbound("o1"), outbound("o2", source=IN_ROOM), outbound("o3", source=IN_THREAD))
    lease = await opened(store)
    last = (await store.due(lease, frozenset(), 10, NOW))[2]
    await store.begin_send(lease, last.id, NOW)
    assert await due(store, await opened(store)) == ["o3", "o1", "o2"]


async def test_an_ambiguous_row_stays_so_until_it_is_sent(store: SqliteStore) -> None:
    await put(store, outbound("o1"))
    lease = await opened(store)
    row = await sending(store, lease)
    await store.defer(lease, row.id, not_before=0, ambiguous=True, reason="no answer", now=NOW)
    await sending(store, lease)
    await store.defer(lease, row.id, not_before=0, ambiguous=False, reason="refused connection", now=NOW)
    assert (await sending(store, lease)).ambiguous
    await store.sent(lease, row.id, "m1", NOW)
    assert (await store.counts()).outbox_ambiguous == 0


async def test_the_third_attempt_without_an_end_gives_the_row_up_and_tells_the_chat_once(
    store: SqliteStore, database: Database
) -> None:
    await put(store, outbound("o1", answers=("e1",)), outbound("o2"))
    row_id = 0
    for _ in range(MAX_ATTEMPTS):
        row_id = (await sending(store, await opened(store))).id
    lease = await opened(store)
    assert not await store.begin_send(lease, row_id, NOW)
    assert not await store.begin_send(lease, row_id, NOW)
    assert await due(store, lease) == ["o2"]
    assert rows(database, "outbox", "key, state") == [
        ("o1", "dead"),
        ("o2", "pending"),
        ("o1:undelivered", "pending"),
    ]
    (text, answers) = rows(database, "outbox", "text, answers")[2]
    assert f"(reference {row_id})" in str(text)
    assert answers == '["e1"]'
    assert (await store.counts()).outbox_failed == 1


async def test_the_word_about_a_lost_message_is_not_followed_by_another(store: SqliteStore, database: Database) -> None:
    await put(store, notice("o1:undelivered"))
    for _ in range(MAX_ATTEMPTS):
        await sending(store, await opened(store))
    lease = await opened(store)
    (row,) = await store.due(lease, frozenset(), 10, NOW)
    assert not await store.begin_send(lease, row.id, NOW)
    assert rows(database, "outbox", "state") == [("dead",)]


async def test_a_begun_send_may_be_begun_again_by_its_holder_only(store: SqliteStore) -> None:
    await put(store, outbound("o1"))
    lease = await opened(store)
    row = await sending(store, lease)
    assert await store.begin_send(lease, row.id, NOW)
    await store.sent(lease, row.id, "m1", NOW)
    assert not await store.begin_send(lease, row.id, NOW)
    assert not await store.begin_send(lease, 99, NOW)


async def test_a_row_of_another_account_is_not_begun(store: SqliteStore) -> None:
    await put(store, outbound("o1"))
    (row,) = await store.due(await opened(store), frozenset(), 10, NOW)
    other = await store.open_delivery("web", "another", idempotent=False, now=NOW)
    assert not await store.begin_send(other, row.id, NOW)
    assert await store.due(other, frozenset(), 10, NOW) == ()


async def test_sent_keeps_the_platforms_id(store: SqliteStore, database: Database) -> None:
    await put(store, outbound("o1"))
    lease = await opened(store)
    row = await sending(store, lease)
    await store.sent(lease, row.id, "m1", NOW)
    await store.sent(lease, row.id, "m2", NOW)
    assert rows(database, "outbox", "state, message_id, settled_at") == [("sent", "m1", NOW)]


async def test_a_sent_row_is_neither_deferred_nor_refused_any_more(store: SqliteStore, database: Database) -> None:
    await put(store, outbound("o1"))
    lease = await opened(store)
    row = await sending(store, lease)
    await store.sent(lease, row.id, "m1", NOW)
    await store.defer(lease, row.id, not_before=0, ambiguous=True, reason="late", now=NOW)
    await store.refuse(lease, row.id, Refusal("late"), NOW)
    await store.resend_anew(lease, row.id)
    assert rows(database, "outbox", "state, message_id") == [("sent", "m1")]


async def test_a_refused_row_has_failed_for_good_and_its_chat_goes_on(store: SqliteStore, database: Database) -> None:
    await put(store, outbound("o1"), outbound("o2"))
    lease = await opened(store)
    row = (await store.due(lease, frozenset(), 1, NOW))[0]
    await store.begin_send(lease, row.id, NOW)
    await store.refuse(lease, row.id, Refusal("blocked by the user"), NOW)
    assert await due(store, await opened(store)) == ["o2"]
    assert rows(database, "outbox", "state, reason") == [("failed", "blocked by the user"), ("pending", "")]


async def test_an_older_lease_is_lost_for_reads_and_writes(store: SqliteStore) -> None:
    await put(store, outbound("o1"))
    old = await opened(store)
    row = await sending(store, old)
    await opened(store)
    for attempt in (
        lambda: store.due(old, frozenset(), 10, NOW),
        lambda: store.next_due(old),
        lambda: store.begin_send(old, row.id, NOW),
        lambda: store.sent(old, row.id, "m1", NOW),
        lambda: store.defer(old, row.id, not_before=0, ambiguous=False, reason="", now=NOW),
        lambda: store.refuse(old, row.id, Refusal(""), NOW),
        lambda: store.resend_anew(old, row.id),
    ):
        with pytest.raises(LeaseLost):
            await attempt()


async def test_accounts_are_sent_for_independently(store: SqliteStore) -> None:
    mine = await opened(store)
    await store.open_delivery("web", "another", idempotent=False, now=NOW)
    assert await due(store, mine) == []


async def test_a_key_that_stands_in_the_outbox_is_not_put_in_again(store: SqliteStore, database: Database) -> None:
    await put(store, outbound("o1", "first"))
    row_id = (await store.accept(command("another"), NOW)).row_id
    await store.settle(row_id, (outbound("o1", "second"),), NOW)
    assert rows(database, "outbox", "text") == [("first",)]
    assert len([entry for entry in rows(database, "entries", "key") if entry == ("o1",)]) == 1


async def test_a_file_that_is_refused_becomes_a_text_in_its_place(store: SqliteStore) -> None:
    await put(store, outbound("o1"), evolve(outbound("o2", "MEDIA:/a"), file="/a", voice=True), outbound("o3"))
    lease = await opened(store)
    await store.sent(lease, (await sending(store, lease)).id, "m1", NOW)
    row = await sending(store, lease)
    for _ in range(2):
        await store.refuse(lease, row.id, Refusal("gone", instead="[not sent]"), NOW)
        (told,) = await store.due(lease, frozenset(), 10, NOW)
        assert (told.id, told.message.text, told.message.file, told.message.voice) == (row.id, "[not sent]", "", False)
        # Under the old key a platform would show the file.
        assert (told.message.key, told.attempts, told.ambiguous) == ("o2~", 0, False)
    entries = (await store.transcript(row.message.session_key)).entries
    assert [entry.text for entry in entries if entry.key == "o2~"] == ["[not sent]"]
    assert await store.begin_send(lease, row.id, NOW)
    await store.refuse(lease, row.id, Refusal("blocked"), NOW)
    assert await due(store, lease) == ["o3"]


async def test_a_file_that_was_sent_meanwhile_is_not_told_as_refused(store: SqliteStore) -> None:
    await put(store, evolve(outbound("o1"), file="/a"))
    lease = await opened(store)
    row = await sending(store, lease)
    await store.sent(lease, row.id, "m1", NOW)
    await store.refuse(lease, row.id, Refusal("gone", instead="[not sent]"), NOW)
    assert await due(store, lease) == []


async def test_a_file_that_is_given_up_is_told_by_a_text(store: SqliteStore) -> None:
    await put(store, evolve(outbound("o1"), file="/a", voice=True))
    for _ in range(MAX_ATTEMPTS):
        await sending(store, await opened(store))
    lease = await opened(store)
    (row,) = await store.due(lease, frozenset(), 10, NOW)
    assert not await store.begin_send(lease, row.id, NOW)
    (told,) = await store.due(lease, frozenset(), 10, NOW)
    assert told.message.text.startswith("A message for this chat may be missing")
    assert (told.message.file, told.message.voice) == ("", False)
