"""What is settled leaves the journal, a bounded amount at a time."""

import time
from functools import partial
from pathlib import Path

import pytest
import trio

from actors import pruning as module
from actors.pruning import EVERY, FIRST_AFTER, PAUSE, pruning
from actors.runtime import ChildSpec
from hermes.events import Inbound, InboundKind, Source
from hermes.store.tables.maintenance import KEPT_SECONDS
from tests.actors.stores import open_store
from tests.actors.trees import supervised


async def test_it_goes_on_while_there_is_more_and_then_rests(autojump_clock: object) -> None:
    calls: list[float] = []
    left = [500, 500, 3]

    async def prune(now: float) -> int:
        calls.append(trio.current_time())
        return left.pop(0) if left else 0

    begun = trio.current_time()
    async with supervised(ChildSpec("pruning", partial(pruning, prune=prune))):
        await trio.sleep(FIRST_AFTER + EVERY + 10)
    expected = [FIRST_AFTER + PAUSE * number for number in range(4)]
    assert [call - begun for call in calls] == pytest.approx([*expected, expected[-1] + EVERY])


async def test_a_row_that_was_settled_long_ago_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_AFTER", 0.0)
    async with open_store(tmp_path) as store:
        event = Inbound("e", Source("fake", "bot", "c"), "session:c", InboundKind.COMMAND, "/help", 0.0)
        long_ago = time.time() - KEPT_SECONDS - 60
        await store.settle((await store.accept(event, long_ago)).row_id, (), long_ago)
        async with supervised(ChildSpec("pruning", partial(pruning, prune=store.prune))):
            with trio.fail_after(20):
                # A row that is gone is accepted anew.
                while (await store.accept(event, time.time())).duplicate:
                    await trio.sleep(0.01)
