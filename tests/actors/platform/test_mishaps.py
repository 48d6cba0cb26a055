"""A platform where something goes wrong: bugs beside innocent sends, a store that cannot write, lost nudges."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import define, field

from actors.messages import LOOK
from actors.platform import delivery as module
from actors.platform import inbound as inbound_module
from actors.platform.delivery import MAILBOX, delivery
from actors.platform.drafts import DraftBoard
from actors.platform.late import LateEdits
from actors.runtime import ChildSpec, Supervisor
from adapters.contract import Drafts, Idempotency, Limits, Receipt
from hermes.errors import StoreFull, TransientError, Unavailable
from hermes.events import Draft, DraftState, Inbound, InboundKind, Outbound, OutboundKind, Source
from hermes.redact import PLACEHOLDER, Redactor
from hermes.store.interface import Store
from hermes.store.store import SqliteStore
from tests.actors.house import Chat, house
from tests.actors.stores import open_store
from tests.actors.trees import supervised

WITHIN = 20.0


@define
class SlowAdapter:
    """Takes its time for each message: ``seconds`` by chat, else none. Knows no keys."""

    seconds: dict[str, float] = field(factory=dict)
    bugs: dict[str, int] = field(factory=dict)
    """How often a send to a chat still crashes."""
    draft_bug: bool = False
    bug_in: str | None = None
    """What no draft can show."""
    sent: list[tuple[str, bool]] = field(factory=list)
    shown: list[Draft] = field(factory=list)
    name: str = "fake"
    account: str = "bot"
    limits: Limits = field(default=Limits(1000, Idempotency.NONE, Drafts.EPHEMERAL))

    async def send(self, message: Outbound, *, marked: bool = False) -> Receipt:
        chat = message.source.chat_id
        if self.bugs.get(chat, 0):
            self.bugs[chat] -= 1
            raise RuntimeError("a bug in the adapter")
        await trio.sleep(self.seconds.get(chat, 0.0))
        self.sent.append((message.text, marked))
        return Receipt(f"id-{message.key}")

    async def edit(self, message: Outbound, message_id: str) -> Receipt:
        raise AssertionError("nothing is edited here")

    async def show_draft(self, draft: Draft) -> None:
        if self.draft_bug or (self.bug_in and self.bug_in in draft.text):
            raise RuntimeError("a bug in the view")
        self.shown.append(draft)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path) as store:
        yield store


def source(chat: str) -> Source:
    return Source("fake", "bot", chat)


async def put(store: Store, *texts: tuple[str, str]) -> None:
    """Chat and text, into the outbox."""
    for chat, text in texts:
        message = Outbound(f"{chat}:{text}", source(chat), f"session:{chat}", OutboundKind.NOTICE, text)
        event = Inbound(f"e:{message.key}", source(chat), message.session_key, InboundKind.COMMAND, "/help", 0.0)
        await store.settle((await store.accept(event, time.time())).row_id, (message,), time.time())


@asynccontextmanager
async def delivering(
    store: Store, adapter: SlowAdapter, drafts: DraftBoard | None = None, *, secret: str = ""
) -> AsyncIterator[Supervisor]:
    redactor = Redactor(values=(secret,))
    board = drafts or DraftBoard()
    actor: Any = partial(delivery, adapter=adapter, store=store, drafts=board, late=LateEdits(), redactor=redactor)
    async with supervised(ChildSpec("delivery", actor, mailbox=MAILBOX)) as tree:
        yield tree


async def until(holds: Any) -> None:
    with trio.fail_after(WITHIN):
        while not holds():
            await trio.sleep(0.01)


async def test_a_message_that_crashes_the_adapter_costs_its_neighbours_nothing(store: Store) -> None:
    adapter = SlowAdapter(seconds={"good": 0.5}, bugs={"bad": 2})
    await put(store, ("bad", "poison"), ("good", "innocent"))
    async with delivering(store, adapter) as tree:
        await until(lambda: any("may be missing" in text for text, _ in adapter.sent))
        assert "a bug in the adapter" in tree.status().children[0].failure.error
    assert ("innocent", False) in adapter.sent
    assert sum(text == "innocent" for text, _ in adapter.sent) == 1
    assert not any(text == "poison" for text, _ in adapter.sent)


async def test_a_crash_waits_for_other_sends_only_so_long(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SETTLE_WITHIN", 0.2)
    adapter = SlowAdapter(seconds={"slow": 9999.0}, bugs={"bad": 1})
    await put(store, ("slow", "slow"), ("bad", "late"))
    async with delivering(store, adapter) as tree:
        await until(lambda: ("late", True) in adapter.sent)
        assert tree.status().children[0].restarts == 1


async def test_orderly_restarts_in_the_middle_of_a_send_do_not_use_up_its_attempts(store: Store) -> None:
    await put(store, ("a", "text"))
    for _ in range(3):
        async with delivering(store, SlowAdapter(seconds={"a": 9999.0})):
            with trio.fail_after(WITHIN):
                while not (await store.counts()).outbox_pending + (await store.counts()).outbox_ambiguous:
                    await trio.sleep(0.01)
            await trio.sleep(0.1)
    adapter = SlowAdapter()
    async with delivering(store, adapter):
        await until(lambda: adapter.sent == [("text", True)])
    assert (await store.counts()).outbox_failed == 0


@pytest.mark.parametrize("error", [StoreFull("no space left"), Unavailable("the store did not write")])
async def test_a_store_that_cannot_record_a_send_for_a_while_has_nothing_sent_twice(
    store: Store, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(module, "RETRY", module.Backoff(first=0.01, cap=0.05))
    sent, failures = SqliteStore.sent, [error] * 3

    async def full(self: SqliteStore, *arguments: Any) -> None:
        if failures:
            raise failures.pop()
        await sent(self, *arguments)

    monkeypatch.setattr(SqliteStore, "sent", full)
    adapter = SlowAdapter(seconds={"slow": 0.3})
    await put(store, ("a", "one"), ("a", "two"), ("slow", "slow"))
    async with delivering(store, adapter) as tree:
        await until(lambda: len(adapter.sent) >= 3)
        assert tree.status().children[0].restarts == 0
        await until(lambda: not failures)
    assert sorted(adapter.sent) == [("one", False), ("slow", False), ("two", False)]


async def test_a_store_that_cannot_begin_a_send_delays_it_and_nothing_else(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY", module.Backoff(first=0.01, cap=0.05))
    begin, failures = SqliteStore.begin_send, [StoreFull("no space left")] * 3

    async def full(self: SqliteStore, *arguments: Any) -> bool:
        if failures:
            raise failures.pop()
        return await begin(self, *arguments)

    monkeypatch.setattr(SqliteStore, "begin_send", full)
    adapter = SlowAdapter()
    await put(store, ("a", "one"), ("b", "two"))
    async with delivering(store, adapter) as tree:
        await until(lambda: len(adapter.sent) == 2)
        assert tree.status().children[0].restarts == 0
    assert sorted(adapter.sent) == [("one", False), ("two", False)]


async def test_a_deferred_row_without_a_free_place_does_not_keep_the_loop_spinning(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_SENDS", 1)
    monkeypatch.setattr(module, "RETRY", module.Backoff(first=0.01, cap=0.01))
    next_due, looks = SqliteStore.next_due, []

    async def counted(self: SqliteStore, *arguments: Any) -> float | None:
        looks.append(1)
        return await next_due(self, *arguments)

    failures = [TransientError("down")]

    @define
    class FailsOnce(SlowAdapter):
        async def send(self, message: Outbound, *, marked: bool = False) -> Receipt:
            if failures and message.source.chat_id == "deferred":
                raise failures.pop()
            return await SlowAdapter.send(self, message, marked=marked)

    monkeypatch.setattr(SqliteStore, "next_due", counted)
    adapter = FailsOnce(seconds={"slow": 1.0})
    await put(store, ("deferred", "one"), ("slow", "two"))
    async with delivering(store, adapter):
        await until(lambda: len(adapter.sent) == 2)
    assert len(looks) < 40


async def test_a_row_whose_nudge_got_lost_is_sent_at_the_next_sweep(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SWEEP", 0.1)
    adapter = SlowAdapter()
    async with delivering(store, adapter):
        await put(store, ("a", "one"))
        await until(lambda: adapter.sent == [("one", False)])
        await put(store, ("a", "two"))
        await until(lambda: adapter.sent == [("one", False), ("two", False)])


async def test_a_bug_in_the_view_of_drafts_stops_no_answer(store: Store) -> None:
    adapter, drafts = SlowAdapter(draft_bug=True), DraftBoard()
    async with delivering(store, adapter, drafts) as tree:
        for number in range(10):
            drafts.put(Draft(source("a"), "session:a", f"turn {number}", DraftState.WRITING, "text "))
            await trio.sleep(0.01)
        await put(store, ("a", "one"))
        tree.address("delivery").tell_nowait(LOOK)
        await until(lambda: adapter.sent == [("one", False)])
        child = tree.status().children[0]
    assert child.restarts == 0
    assert "drafts are off" in child.detail


async def test_a_bug_in_the_view_of_one_draft_leaves_no_turn_that_seems_to_go_on(store: Store) -> None:
    def states(adapter: SlowAdapter) -> dict[str, DraftState]:
        return {draft.turn_id: draft.state for draft in adapter.shown}

    adapter, drafts = SlowAdapter(), DraftBoard()
    async with delivering(store, adapter, drafts):
        for turn, state in (("one", DraftState.THINKING), ("over", DraftState.THINKING), ("over", DraftState.ENDED)):
            drafts.put(Draft(source("a"), "session:a", turn, state))
            await until(lambda: states(adapter).get(turn) is state)  # noqa: B023
        adapter.bug_in = "boom"
        drafts.put(Draft(source("b"), "session:b", "two", DraftState.WRITING, "boom "))
        await until(lambda: set(states(adapter).values()) == {DraftState.ENDED})
    assert [draft.turn_id for draft in adapter.shown] == ["one", "over", "over", "one", "two"]


async def test_the_last_word_of_a_draft_waits_for_its_end(store: Store) -> None:
    adapter, drafts = SlowAdapter(), DraftBoard()
    async with delivering(store, adapter, drafts, secret="opensesame"):
        for number, text in enumerate(
            ("the word is open", "the word is opensesame", "the word is opensesame 開けごま")
        ):
            drafts.put(Draft(source("a"), "session:a", "turn", DraftState.WRITING, text))
            await until(lambda: len(adapter.shown) > number)  # noqa: B023
    assert [draft.text for draft in adapter.shown][-1] == f"the word is {PLACEHOLDER} 開けごま"
    assert not any("open" in draft.text for draft in adapter.shown)


async def test_a_sweep_that_cannot_read_the_store_ends_no_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound_module, "SWEEP", 0.05)
    unfinished, failures = SqliteStore.unfinished, [TransientError("locked")] * 3

    async def locked(self: SqliteStore, *arguments: Any) -> tuple[str, ...]:
        if failures:
            raise failures.pop()
        return await unfinished(self, *arguments)

    async with house(tmp_path) as gateway:
        monkeypatch.setattr(SqliteStore, "unfinished", locked)
        await gateway.until(lambda: not failures)
        event = gateway.chat.event("1", "say hello")
        await gateway.tree.base.store.accept(event, time.time())
        assert await gateway.chat.answer("1") == "hello"
        assert gateway.children()["platforms/fake/inbound"].restarts == 0


async def test_a_probe_that_fails_for_a_while_is_told_and_a_deaf_connection_is_made_anew(tmp_path: Path) -> None:
    chat = Chat(probe_interval=0.1)
    async with house(tmp_path, chat=chat) as gateway:
        chat.fail_probe += [TransientError("no answer")] * 4
        await gateway.until(lambda: gateway.children()["platforms/fake/inbound"].restarts == 1)
        assert "deaf" in gateway.children()["platforms/fake/inbound"].failure.error
        await gateway.chat.say("1", "say hello")
        assert await gateway.chat.answer("1") == "hello"
        assert gateway.children()["platforms/fake/liveness"].restarts == 0
        assert gateway.children()["platforms/fake/delivery"].restarts == 0
