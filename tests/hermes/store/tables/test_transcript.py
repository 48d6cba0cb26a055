from pathlib import Path

import pytest
from attrs import evolve

from hermes.events import InboundKind
from hermes.messages import Usage
from hermes.redact import Redactor
from hermes.store.engine.database import Database
from hermes.store.engine.readers import Readers
from hermes.store.engine.writers import DirectCommit
from hermes.store.rows import Transcript, TranscriptEntry, TurnOutcome
from hermes.store.store import SqliteStore
from hermes.store.tables import transcript
from hermes.store.tables.transcript import ENTRIES_READ, TOOL_LINE_CHARACTERS
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
    outbound,
    question,
    question_message,
    result,
    says,
)


async def shown(store: SqliteStore, key: str = KEY) -> list[tuple[str, str, str]]:
    return [(entry.kind, entry.text, entry.state) for entry in (await store.transcript(key)).entries]


async def test_a_whole_chat_is_shown_once_in_order_with_what_a_client_needs(store: SqliteStore) -> None:
    turn = await begin(store, "e1", "run ls")
    await store.append(turn.lease, 1, (calls("c1"),), Usage(), NOW + 1)
    await store.open_ask(turn.lease, question("a1", turn.lease), question_message(), NOW + 2)
    press = (await store.accept(event("press", "once", kind=InboundKind.ANSWER, ask_id="a1"), NOW + 3)).row_id
    await store.answer_ask(press, "a1", "once", notice("late"), NOW + 3)
    await store.accept(event("e2", "and then?"), NOW + 4)
    await store.append(turn.lease, 2, (result("c1"),), Usage(), NOW + 5)
    answer = evolve(outbound("o1", "a file", answers=("e1",)), turn_id=turn.lease.turn_id)
    await store.finish(turn.lease, 3, (says("a file"),), (answer,), TurnOutcome.DONE, Usage(), NOW + 6)
    status = (await store.accept(command("e3", "/status"), NOW + 7)).row_id
    await store.settle(status, (notice("n1", "all is well"),), NOW + 7)
    turn_id = turn.lease.turn_id
    found = await store.transcript(KEY)
    ids = [entry.id for entry in found.entries]
    assert ids == sorted(set(ids))
    assert (found.session_key, found.older) == (KEY, False)
    assert [evolve(entry, id=0) for entry in found.entries] == [
        TranscriptEntry(0, "user", "run ls", NOW, "e1", turn_id=turn_id, state="done"),
        TranscriptEntry(0, "tool", '{"command": "ls"}', NOW + 1, "c1", turn_id=turn_id, tool="terminal"),
        TranscriptEntry(
            0,
            "ask",
            "Run it?",
            NOW + 2,
            "ask:a1",
            turn_id=turn_id,
            state="answered",
            choices=("once", "deny"),
            ask_id="a1",
            answer="once",
        ),
        TranscriptEntry(0, "user", "and then?", NOW + 4, "e2", state="pending"),
        TranscriptEntry(0, "answer", "a file", NOW + 6, "o1", answers=("e1",), turn_id=turn_id),
        TranscriptEntry(0, "user", "/status", NOW + 7, "e3", state="done"),
        TranscriptEntry(0, "notice", "all is well", NOW + 7, "n1"),
    ]


async def test_a_message_keeps_its_entry_from_waiting_to_done(store: SqliteStore) -> None:
    await store.accept(event("e1"), NOW)
    seen: set[int] = set()
    for state in ("pending", "running", "done"):
        (entry,) = [each for each in (await store.transcript(KEY)).entries if each.kind == "user"]
        seen.add(entry.id)
        assert entry.state == state
        if state == "pending":
            await claimed(store)
        if state == "running":
            await finish(store, await claimed(store))
    assert len(seen) == 1


async def test_messages_that_share_a_turn_stay_entries_of_their_own(store: SqliteStore) -> None:
    await store.accept(event("e1", "one", utterance="u"), NOW)
    await store.accept(event("e2", "two", utterance="u"), NOW)
    turn = await claimed(store)
    joined = (await store.accept(event("e3", "three"), NOW)).row_id
    await store.join(turn.lease, joined, says("three"), NOW)
    assert await shown(store) == [(kind, text, "running") for kind, text in (("user", "one"), ("user", "two"))] + [
        ("user", "three", "running")
    ]


@pytest.mark.parametrize(("late", "state"), [(0, "withdrawn"), (301, "expired")])
async def test_a_question_shows_how_it_ended(store: SqliteStore, late: float, state: str) -> None:
    turn = await begin(store)
    await store.open_ask(turn.lease, question("a1", turn.lease), question_message(), NOW)
    assert (await shown(store))[-1] == ("ask", "Run it?", "open")
    if late:
        await store.expire_ask(turn.lease, "a1", NOW + late)
    await finish(store, turn)
    assert (await shown(store))[1] == ("ask", "Run it?", state)


async def test_a_new_session_starts_with_an_empty_chat_and_what_waits(store: SqliteStore) -> None:
    await exchange(store, "e1", "old", "answer")
    await store.accept(event("e2", "waiting"), NOW)
    row_id = (await store.accept(command("new", "/new"), NOW)).row_id
    await store.renew(row_id, KEY, (notice("n1", "a new session"),), NOW)
    expected = [("user", "waiting", "pending"), ("user", "/new", "done"), ("notice", "a new session", "")]
    assert await shown(store) == expected
    await claimed(store)
    assert await shown(store) == [("user", "waiting", "running"), *expected[1:]]


async def test_a_message_that_waits_moves_on_to_the_session_after_a_new_one(store: SqliteStore) -> None:
    await store.accept(event("e1", "first"), NOW)
    await store.accept(event("e2", "second"), NOW)
    await finish(store, await claimed(store))
    row_id = (await store.accept(command("new", "/new"), NOW)).row_id
    await store.renew(row_id, KEY, (), NOW)
    assert await shown(store) == [("user", "second", "pending"), ("user", "/new", "done")]


async def test_what_was_said_before_the_first_session_belongs_to_it(store: SqliteStore) -> None:
    row_id = (await store.accept(command("e1", "/help"), NOW)).row_id
    await store.settle(row_id, (notice("n1", "help"),), NOW)
    await exchange(store, "e2", "hello", "hi")
    assert [text for _, text, _ in await shown(store)] == ["/help", "help", "hello", "hi"]
    row_id = (await store.accept(command("new", "/new"), NOW)).row_id
    await store.renew(row_id, KEY, (), NOW)
    assert [text for _, text, _ in await shown(store)] == ["/new"]


async def test_a_resumed_session_brings_its_chat_to_the_other_key(store: SqliteStore) -> None:
    turn = await exchange(store, "e1", "hello", "hi")
    await store.resume("terminal:x", turn.lease.session_id, NOW)
    await store.accept(event("e2", "from the terminal", key="terminal:x"), NOW)
    assert [text for _, text, _ in await shown(store, "terminal:x")] == ["hello", "hi", "from the terminal"]
    assert [text for _, text, _ in await shown(store)] == ["hello", "hi"]


async def test_chats_do_not_see_each_other(store: SqliteStore) -> None:
    await exchange(store, "e1", "mine")
    await store.accept(event("e2", "theirs", key="other"), NOW)
    assert [text for _, text, _ in await shown(store, "other")] == ["theirs"]


async def test_pages_fit_together_without_gap_or_overlap(store: SqliteStore) -> None:
    for number in range(4):
        await exchange(store, f"e{number}", f"question {number}", f"answer {number}")
    await store.accept(event("last", "waiting"), NOW)
    whole = (await store.transcript(KEY)).entries
    pages: list[TranscriptEntry] = []
    before: int | None = None
    page = Transcript(KEY, (), older=True)
    while page.older:
        page = await store.transcript(KEY, before=before, limit=2)
        assert 0 < len(page.entries) <= 2
        pages[:0] = page.entries
        before = page.entries[0].id
    assert tuple(pages) == whole
    assert (await store.transcript(KEY, before=whole[0].id)).entries == ()


async def test_an_empty_chat_has_an_empty_transcript(store: SqliteStore) -> None:
    assert await store.transcript(KEY) == Transcript(KEY, (), older=False)


async def test_the_chat_outlives_the_journal(store: SqliteStore) -> None:
    turn = await begin(store, "e1", "hello")
    await store.open_ask(turn.lease, question("a1", turn.lease), question_message(), NOW)
    await finish(store, turn)
    before = await store.transcript(KEY)
    delivery = await store.open_delivery("web", "local", idempotent=True, now=NOW)
    for _ in range(2):
        for row in await store.due(delivery, frozenset(), 10, NOW):
            await store.begin_send(delivery, row.id, NOW)
            await store.sent(delivery, row.id, "m", NOW)
    await store.prune(NOW + 30 * 86_400)
    assert (await store.counts()).outbox_pending == 0
    assert await store.transcript(KEY) == before


async def test_one_read_is_bounded_in_entries_and_text(
    calm_store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        await calm_store.accept(event(f"e{number}", "x" * 100), NOW)
    assert len((await calm_store.transcript(KEY, limit=0)).entries) == 1
    monkeypatch.setattr(transcript, "CHARACTERS_READ", 250)
    found = await calm_store.transcript(KEY)
    assert ([entry.key for entry in found.entries], found.older) == (["e1", "e2"], True)
    monkeypatch.setattr(transcript, "CHARACTERS_READ", 50)
    assert len((await calm_store.transcript(KEY)).entries) == 1
    monkeypatch.setattr(transcript, "ENTRIES_READ", 2)
    assert len((await calm_store.transcript(KEY, limit=ENTRIES_READ)).entries) <= 2


async def test_a_tools_line_shows_the_start_of_its_arguments(store: SqliteStore) -> None:
    turn = await begin(store)
    await store.append(turn.lease, 1, (calls("c1", arguments="x" * 10_000),), Usage(), NOW)
    assert (await shown(store))[-1] == ("tool", "x" * TOOL_LINE_CHARACTERS, "")


async def test_a_tools_line_is_redacted_before_it_is_cut_and_the_call_stays_as_it_was_made(
    database: Database, readers: Readers, run_folder: Path
) -> None:
    store = SqliteStore(DirectCommit(database), readers, run_folder=run_folder, redact=Redactor().redact)
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2
    arguments = "x" * (TOOL_LINE_CHARACTERS - 10) + f" {secret}"
    turn = await begin(store)
    await store.append(turn.lease, 1, (calls("c1", arguments=arguments),), Usage(), NOW)
    kind, line, _ = (await shown(store))[-1]
    assert (kind, len(line), line[-9:]) == ("tool", TOOL_LINE_CHARACTERS, "ghp_[reda")
    assert (await claimed(store)).messages[-1].tool_calls[0].arguments == arguments
