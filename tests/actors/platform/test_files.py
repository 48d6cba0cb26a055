"""Files on their way out: rows like any other, whose refusal the chat is told in their place."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from attrs import evolve

from actors.platform import delivery as module
from actors.platform.delivery import not_sent
from adapters.contract import Ambiguous, Idempotency, Receipt
from hermes.errors import Refused
from hermes.events import Outbound
from hermes.split import units
from hermes.store.interface import Store
from hermes.store.rows import OutboxRow
from tests.actors.platform.test_delivery import FakeAdapter, delivering, outbound, put, until
from tests.actors.stores import open_store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path) as store:
        yield store


def file(number: int) -> Outbound:
    return evolve(outbound("a", number), file=f"/tmp/{number}.png")


def told(number: int, why: str) -> tuple[str, bool]:
    return f"[The file `/tmp/{number}.png` was not sent: {why}]", False


async def test_a_refused_file_is_told_in_its_place_and_the_chat_keeps_its_order(store: Store) -> None:
    adapter = FakeAdapter(plans={"text 2": [Refused("there is no such file")]})
    await put(store, outbound("a", 1), file(2), outbound("a", 3))
    async with delivering(store, adapter):
        await until(lambda: len(adapter.sent) == 3)
    assert adapter.sent == [("text 1", False), told(2, "there is no such file"), ("text 3", False)]
    assert (await store.counts()).outbox_failed == 0


async def test_a_chat_that_takes_nothing_ends_the_file_and_its_word(store: Store) -> None:
    word, _ = told(1, "blocked by the user")
    adapter = FakeAdapter(plans={"text 1": [Refused("blocked by the user")], word: [Refused("blocked by the user")]})
    await put(store, file(1))
    async with delivering(store, adapter):
        with trio.fail_after(20):
            while (await store.counts()).outbox_failed < 1:
                await trio.sleep(0.01)
    assert adapter.sent == []


async def test_a_file_of_unknown_fate_is_sent_again_with_a_mark(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY", module.Backoff(first=0.01, cap=0.05))
    adapter = FakeAdapter(Idempotency.NONE, plans={"text 1": [Ambiguous("no answer")]})
    await put(store, file(1))
    async with delivering(store, adapter):
        await until(lambda: len(adapter.sent) == 2)
    assert adapter.sent == [("text 1", False), ("text 1", True)]


async def test_a_file_of_unknown_fate_that_is_gone_is_not_told_as_lost_for_certain(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY", module.Backoff(first=0.01, cap=0.05))
    adapter = FakeAdapter(Idempotency.NONE, plans={"text 1": [Ambiguous("no answer"), Refused("it is gone")]})
    await put(store, file(1))
    async with delivering(store, adapter):
        await until(lambda: len(adapter.sent) == 2)
    assert adapter.sent[1] == (
        "[The file `/tmp/1.png` may have been sent, and cannot be sent again: it is gone]",
        False,
    )


async def test_a_file_has_more_time_than_a_text(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEND_WITHIN", 0.05)
    monkeypatch.setattr(module, "RETRY", module.Backoff(first=0.01, cap=0.05))

    class Slow(FakeAdapter):
        async def send(self, message: Outbound, *, marked: bool = False) -> Receipt:
            await trio.sleep(0.2)
            return await super().send(message, marked=marked)

    adapter = Slow()
    await put(store, file(1))
    async with delivering(store, adapter):
        await until(lambda: len(adapter.sent) == 1)
    assert adapter.sent == [("text 1", False)]


def test_the_word_for_a_file_is_one_line_that_fits() -> None:
    row = OutboxRow(1, evolve(file(1), file="/" + "\U0001f600" * 900), 0, "", ambiguous=False)
    for length in (200, 4000):
        said = not_sent(row, Refused("for\nthis\nreason"), length)
        assert units(said) <= length
        assert "\n" not in said
        assert said.endswith("]")
