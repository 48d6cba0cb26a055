"""Records of background processes: one word for each, whatever is repeated or crashes."""

from hermes.events import InboundKind
from hermes.store.background_interface import BackgroundRecord
from hermes.store.interface import Store
from tests.hermes.store.builders import BURIAL, KEY, NOW, SOURCE, event


def _record(process_id: str = "p1", owner: str = "gateway", started_at: float = NOW) -> BackgroundRecord:
    return BackgroundRecord(process_id, owner, KEY, SOURCE, started_at, "make \ud800")


async def test_a_record_is_found_by_its_owner_until_it_is_ended(store: Store) -> None:
    await store.begin_background(_record("p2", started_at=NOW + 1))
    await store.begin_background(_record("p1"))
    await store.begin_background(_record("p1"))
    await store.begin_background(_record("p3", owner="terminal-x"))
    found = await store.left_background("gateway")
    assert [(each.id, each.source, each.command) for each in found] == [
        ("p1", SOURCE, "make \ufffd"),
        ("p2", SOURCE, "make \ufffd"),
    ]
    await store.end_background("p1", None, NOW)
    assert [each.id for each in await store.left_background("gateway")] == ["p2"]
    assert await store.pending(KEY) == ()


async def test_the_word_of_an_end_comes_once_however_often_it_is_written(store: Store) -> None:
    await store.begin_background(_record())
    word = event("background:p1:ended", "[it ended]", kind=InboundKind.EVENT)
    await store.end_background("p1", word, NOW)
    await store.end_background("p1", word, NOW)
    await store.end_background("p2", event("other"), NOW)
    (row,) = await store.pending(KEY)
    assert (row.event.kind, row.event.text) == (InboundKind.EVENT, "[it ended]")


async def test_an_event_makes_a_turn_and_several_of_one_utterance_make_one(store: Store) -> None:
    for number in (1, 2):
        await store.accept(event(f"e{number}", f"[{number}]", kind=InboundKind.EVENT, utterance="u"), NOW)
    turn = await store.claim(KEY, "gateway", NOW, BURIAL)
    assert turn is not None
    assert [row.event.event_id for row in turn.rows] == ["e1", "e2"]
    assert turn.messages[0].content == "[1]\n\n[2]"
