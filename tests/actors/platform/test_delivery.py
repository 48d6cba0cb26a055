"""Delivery over a real store and an adapter that misbehaves on demand: order, retries, ambiguity, refusals, fencing."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import define, evolve, field

from actors.conversation.wording import BURIAL
from actors.messages import LOOK
from actors.platform import delivery as module
from actors.platform.delivery import MAILBOX, delivery
from actors.platform.drafts import DraftBoard
from actors.platform.late import LateEdits
from actors.runtime import ChildSpec, Supervisor
from adapters.contract import Ambiguous, Drafts, Idempotency, Limits, Receipt
from hermes.errors import AuthError, RateLimited, Refused, TransientError, Unavailable
from hermes.events import Draft, DraftState, Inbound, InboundKind, Outbound, OutboundKind, Source
from hermes.messages import Message, Role, Usage
from hermes.redact import PLACEHOLDER, Redactor
from hermes.status import State
from hermes.store.interface import Store
from hermes.store.rows import TurnOutcome
from tests.actors.stores import open_store
from tests.actors.trees import supervised


def source(chat: str) -> Source:
    return Source("fake", "bot", chat)


def outbound(chat: str, number: int) -> Outbound:
    return Outbound(f"{chat}:{number}", source(chat), f"session:{chat}", OutboundKind.NOTICE, f"text {number}")


@define
class FakeAdapter:
    """Sends by the plan: each send of a text takes the next outcome planned for it, and works when none is left."""

    idempotency: Idempotency = Idempotency.NONE
    plans: dict[str, list[Exception]] = field(factory=dict)
    edit_plan: list[Exception] = field(factory=list)
    drafts: Drafts = Drafts.EPHEMERAL
    sent: list[tuple[str, bool]] = field(factory=list)
    """Text and mark of each message that arrived."""
    edited: list[tuple[str, str]] = field(factory=list)
    shown: list[Draft] = field(factory=list)
    slow_chats: set[str] = field(factory=set)
    takes: float = 0.0
    """Seconds that a send takes."""
    begun: int = 0
    name: str = "fake"
    account: str = "bot"

    @property
    def limits(self) -> Limits:
        return Limits(1000, self.idempotency, self.drafts)

    async def send(self, message: Outbound, *, marked: bool = False) -> Receipt:
        self.begun += 1
        await trio.sleep(self.takes)
        if message.source.chat_id in self.slow_chats:
            await trio.sleep_forever()
        if plan := self.plans.get(message.text):
            error = plan.pop(0)
            if isinstance(error, Ambiguous):
                self.sent.append((message.text, marked))
            raise error
        self.sent.append((message.text, marked))
        return Receipt(f"id-{message.key}")

    async def edit(self, message: Outbound, message_id: str) -> Receipt:
        await trio.lowlevel.checkpoint()
        if self.edit_plan:
            raise self.edit_plan.pop(0)
        self.edited.append((message.text, message_id))
        return Receipt(message_id)

    async def show_draft(self, draft: Draft) -> None:
        self.shown.append(draft)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path) as store:
        yield store


async def put(store: Store, *messages: Outbound) -> None:
    """Into the outbox, as the output of a command that was settled."""
    for message in messages:
        event = Inbound(f"e:{message.key}", message.source, message.session_key, InboundKind.COMMAND, "/help", 0.0)
        accepted = await store.accept(event, time.time())
        await store.settle(accepted.row_id, (message,), time.time())


@asynccontextmanager
async def delivering(
    store: Store, adapter: FakeAdapter, drafts: DraftBoard | None = None, late: LateEdits | None = None
) -> AsyncIterator[Supervisor]:
    actor = partial(
        delivery,
        adapter=adapter,
        store=store,
        drafts=drafts or DraftBoard(),
        late=late or LateEdits(),
        redactor=Redactor(values=("secret-key",)),
    )
    async with supervised(ChildSpec("delivery", actor, mailbox=MAILBOX)) as tree:
        yield tree


async def until(holds: Callable[[], bool]) -> None:
    with trio.fail_after(20):
        while not holds():
            await trio.sleep(0.01)


async def test_what_waits_at_the_start_is_sent_in_order(store: Store) -> None:
    adapter = FakeAdapter()
    await put(store, *(outbound("a", number) for number in range(5)))
    async with delivering(store, adapter):
        await until(lambda: len(adapter.sent) == 5)
    assert adapter.sent == [(f"text {number}", False) for number in range(5)]
    assert (await store.counts()).outbox_pending == 0


async def test_a_nudge_sends_what_came_since(store: Store) -> None:
    adapter = FakeAdapter()
    async with delivering(store, adapter) as tree:
        await put(store, outbound("a", 1))
        tree.address("delivery").tell_nowait(LOOK)
        await until(lambda: len(adapter.sent) == 1)


async def test_a_failure_of_the_world_is_tried_again_and_holds_back_its_own_chat_only(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY", module.Backoff(first=0.01, cap=0.05))
    adapter = FakeAdapter(plans={"text 1": [TransientError("down")] * 3})
    await put(store, outbound("a", 1), outbound("a", 2), outbound("b", 3))
    async with delivering(store, adapter):
        await until(lambda: len(adapter.sent) == 3)
    texts = [text for text, _ in adapter.sent]
    assert texts.index("text 1") < texts.index("text 2")
    assert texts[0] == "text 3"


async def test_a_rate_limit_is_obeyed_as_the_server_states_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    deferred: list[float] = []
    defer = store.defer

    async def watched(*arguments: Any, not_before: float, **rest: Any) -> None:
        await defer(*arguments, not_before=not_before, **rest)
        deferred.append(not_before)

    monkeypatch.setattr(store, "defer", watched)
    adapter = FakeAdapter(plans={"text 1": [RateLimited("slow down", retry_after=500.0)]})
    await put(store, outbound("a", 1))
    before = time.time()
    async with delivering(store, adapter):
        await until(lambda: bool(deferred))
    assert deferred[0] >= before + 500.0
    assert adapter.sent == []


async def test_an_unknown_outcome_is_sent_again_with_a_mark_where_the_platform_knows_no_key(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY", module.Backoff(first=0.01, cap=0.05))
    adapter = FakeAdapter(plans={"text 1": [Ambiguous("no answer")]})
    await put(store, outbound("a", 1))
    async with delivering(store, adapter):
        await until(lambda: len(adapter.sent) == 2)
    assert adapter.sent == [("text 1", False), ("text 1", True)]


async def test_where_it_knows_the_key_nothing_is_marked(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY", module.Backoff(first=0.01, cap=0.05))
    adapter = FakeAdapter(Idempotency.TRANSACTION, plans={"text 1": [Ambiguous("no answer")]})
    await put(store, outbound("a", 1))
    async with delivering(store, adapter):
        await until(lambda: len(adapter.sent) == 2)
    assert adapter.sent == [("text 1", False), ("text 1", False)]


async def test_a_refusal_ends_its_row_and_the_chat_goes_on(store: Store) -> None:
    adapter = FakeAdapter(plans={"text 1": [Refused("blocked by the user")]})
    await put(store, outbound("a", 1), outbound("a", 2))
    async with delivering(store, adapter):
        await until(lambda: adapter.sent == [("text 2", False)])
    assert (await store.counts()).outbox_failed == 1


async def test_a_slow_chat_delays_no_other(store: Store) -> None:
    adapter = FakeAdapter(slow_chats={"slow"})
    await put(store, outbound("slow", 1), *(outbound("quick", number) for number in range(2, 6)))
    async with delivering(store, adapter):
        await until(lambda: len(adapter.sent) == 4)


async def test_a_send_cut_by_the_end_is_sent_again_by_the_next_life_with_a_mark(store: Store) -> None:
    await put(store, outbound("a", 1))
    stuck = FakeAdapter(slow_chats={"a"})
    async with delivering(store, stuck):
        await trio.sleep(0.2)
    adapter = FakeAdapter()
    async with delivering(store, adapter):
        await until(lambda: adapter.sent == [("text 1", True)])


async def test_a_send_under_way_at_an_orderly_end_comes_to_its_end_and_is_not_repeated(store: Store) -> None:
    await put(store, outbound("a", 1))
    adapter = FakeAdapter(takes=0.4)
    async with delivering(store, adapter):
        await until(lambda: adapter.begun == 1)
    assert adapter.sent == [("text 1", False)]
    adapter.takes = 0.0
    await put(store, outbound("a", 2))
    async with delivering(store, adapter):
        await until(lambda: len(adapter.sent) > 1)
    assert adapter.sent == [("text 1", False), ("text 2", False)]


async def test_a_bug_in_the_adapter_crashes_delivery_which_comes_back_and_sends(store: Store) -> None:
    adapter = FakeAdapter(plans={"text 1": [RuntimeError("a bug")]})
    await put(store, outbound("a", 1))
    async with delivering(store, adapter) as tree:
        await until(lambda: len(adapter.sent) == 1)
        child = tree.status().children[0]
    assert child.restarts == 1
    assert child.failure is not None
    assert "a bug" in child.failure.error
    assert adapter.sent == [("text 1", True)]


async def test_drafts_are_shown_latest_only_and_redacted(store: Store) -> None:
    adapter, drafts = FakeAdapter(), DraftBoard()
    for text in ("o", "one", "one secret-key "):
        drafts.put(Draft(source("a"), "session:a", "turn", DraftState.WRITING, text))
    async with delivering(store, adapter, drafts):
        await until(lambda: bool(adapter.shown))
    assert [draft.text for draft in adapter.shown] == [f"one {PLACEHOLDER} "]


async def test_where_no_drafts_can_be_shown_none_is_kept(store: Store) -> None:
    adapter, drafts = FakeAdapter(drafts=Drafts.NONE), DraftBoard()
    await put(store, outbound("a", 1))
    async with delivering(store, adapter, drafts) as tree:
        await until(lambda: len(adapter.sent) == 1)
        drafts.put(Draft(source("a"), "session:a", "turn", DraftState.WRITING, "text "))
        with trio.move_on_after(0.1) as waiting:
            await drafts.take()
        assert waiting.cancelled_caught
        assert "not shown here" in tree.status().children[0].detail
    assert adapter.shown == []


async def answer_a_draft(store: Store) -> None:
    """A turn whose first words stand in the chat as the message "m1", and whose answer is due."""
    question = Inbound("q", source("a"), "session:a", InboundKind.MESSAGE, "say it", time.time())
    await store.accept(question, time.time())
    turn = await store.claim("session:a", "gateway", time.time(), BURIAL)
    assert turn is not None
    begun = Outbound("draft", source("a"), "session:a", OutboundKind.ANSWER, "the first")
    row_id = await store.begin_draft(turn.lease, begun, time.time())
    await store.draft_sent(turn.lease, row_id, "m1", time.time())
    last = (Message(Role.ASSISTANT, "the first words and the last"),)
    answer = evolve(begun, text="the first words and the last", answers=("q",))
    await store.finish(turn.lease, 1, last, (answer,), TurnOutcome.DONE, Usage(), time.time())


async def test_an_answer_completes_the_message_that_its_draft_began(store: Store) -> None:
    adapter = FakeAdapter(edit_plan=[Ambiguous("no answer")])
    await answer_a_draft(store)
    async with delivering(store, adapter):
        # An edit may be repeated whatever became of the first.
        await until(lambda: adapter.edited == [("the first words and the last", "m1")])
        await until_settled(store)
    assert adapter.sent == []


async def test_an_answer_that_follows_an_edit_that_was_given_up_has_the_last_word(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.platform.late.LATE_WITHIN", 0.3)
    adapter, late = FakeAdapter(), LateEdits()
    await answer_a_draft(store)
    late.note(("a", "m1"))
    async with delivering(store, adapter, late=late):
        await until(lambda: len(adapter.edited) == 1)
        adapter.edited.append(("the first words", "m1"))  # the late one
        await until(lambda: adapter.edited[-1] == ("the first words and the last", "m1"))
        await until_settled(store)
    assert len(adapter.edited) == 3
    assert adapter.sent == []


async def test_an_answer_whose_draft_is_gone_from_the_chat_is_sent_anew_with_a_mark(store: Store) -> None:
    adapter = FakeAdapter(edit_plan=[Refused("message to edit not found")])
    await answer_a_draft(store)
    async with delivering(store, adapter):
        await until(lambda: adapter.sent == [("the first words and the last", True)])
        await until_settled(store)
    assert adapter.edited == []
    assert (await store.counts()).outbox_failed == 0


async def until_settled(store: Store) -> None:
    with trio.fail_after(20):
        while await store.under_way("fake", "bot"):
            await trio.sleep(0.01)


async def test_a_credential_that_was_revoked_is_held_against_no_message(store: Store) -> None:
    adapter = FakeAdapter(plans={"text 1": [AuthError("the token was revoked")]})
    await put(store, outbound("a", 1))
    async with delivering(store, adapter) as tree:
        await until(lambda: tree.status().children[0].state is State.FAILED)
        failure = tree.status().children[0].failure
        assert failure is not None
        assert "revoked" in failure.error
    async with delivering(store, adapter):
        await until(lambda: len(adapter.sent) == 1)
    assert adapter.sent == [("text 1", False)]


async def test_a_row_whose_begin_nobody_heard_of_is_sent_all_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY", module.Backoff(first=0.01, cap=0.05))
    begin, lost = store.begin_send, [Unavailable("the disk was slow")]

    async def unheard(*arguments: Any) -> bool:
        done = await begin(*arguments)
        if lost:
            raise lost.pop()
        return done

    monkeypatch.setattr(store, "begin_send", unheard)
    adapter = FakeAdapter()
    await put(store, outbound("a", 1))
    async with delivering(store, adapter):
        await until(lambda: bool(adapter.sent))
    assert adapter.sent == [("text 1", False)], "it was never sent before"


async def test_a_stop_at_the_begin_of_a_send_is_no_attempt_at_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = store.begin_send
    await put(store, outbound("a", 1))
    for _ in range(3):
        begun = trio.Event()

        async def cut_off(*arguments: Any, begun: trio.Event = begun) -> bool:
            await begin(*arguments)
            begun.set()
            await trio.sleep_forever()
            raise AssertionError

        monkeypatch.setattr(store, "begin_send", cut_off)
        async with delivering(store, FakeAdapter()):
            with trio.fail_after(20):
                await begun.wait()
    monkeypatch.setattr(store, "begin_send", begin)
    adapter = FakeAdapter()
    async with delivering(store, adapter):
        await until(lambda: bool(adapter.sent))
    assert adapter.sent == [("text 1", False)]
