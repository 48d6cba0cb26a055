"""What model calls cost: written down before and after, and held against the caps."""

import pytest

from hermes.errors import LocalProtocolError
from hermes.messages import Usage
from hermes.spending import DAY_SECONDS, LEAST_OUTPUT, CapReached, Caps, ModelCall, Spent
from hermes.store.engine.database import Database
from hermes.store.store import SqliteStore
from hermes.store.tables.maintenance import KEPT_CALLS_SECONDS, KEPT_SECONDS
from tests.hermes.store.builders import NOW, rows

FREE = Caps()


def call(key: str, *, turn: str = "t", session: str = "s", most: Usage = Usage(100, 50)) -> ModelCall:  # noqa: B008
    return ModelCall(key, session, turn, "p", "p/m", most)


async def test_a_call_counts_with_its_most_until_its_cost_is_known(store: SqliteStore) -> None:
    await store.begin_model_call(call("1"), FREE, NOW)
    assert await store.spent("s", "t", NOW) == Spent(150, 150, 150, 1)
    await store.end_model_call("1", Usage(10, 5, 3, 2, 1), NOW + 1)
    assert await store.spent("s", "t", NOW) == Spent(15, 15, 15, 1)


async def test_every_figure_of_a_call_is_kept(store: SqliteStore, database: Database) -> None:
    await store.begin_model_call(call("1"), FREE, NOW)
    await store.end_model_call("1", Usage(10, 5, 3, 2, 1), NOW + 1)
    (row,) = rows(database, "model_calls")
    assert tuple(row) == ("1", "s", "t", NOW, NOW + 1, "done", "p", "p/m", 10, 5, 3, 2, 1)


async def test_a_cost_is_written_once_and_only_for_a_call_that_began(store: SqliteStore) -> None:
    await store.begin_model_call(call("1"), FREE, NOW)
    await store.end_model_call("1", Usage(10, 5), NOW)
    await store.end_model_call("1", Usage(999, 5), NOW)
    await store.end_model_call("unknown", Usage(999, 5), NOW)
    assert (await store.spent("s", "t", NOW)).day == 15


@pytest.mark.parametrize(
    ("caps", "key"),
    [
        (Caps(turn=299), "caps.tokens_per_turn"),
        (Caps(conversation=299), "caps.tokens_per_conversation"),
        (Caps(day=299), "caps.tokens_per_day"),
    ],
)
async def test_a_call_that_would_pass_a_cap_is_refused_and_not_written(
    store: SqliteStore, database: Database, caps: Caps, key: str
) -> None:
    await store.begin_model_call(call("1"), caps, NOW)
    with pytest.raises(CapReached, match=rf"299 tokens \({key}\), 150 are spent, and the next call needs 150 at least"):
        await store.begin_model_call(call("2"), caps, NOW)
    assert len(rows(database, "model_calls")) == 1
    await store.end_model_call("1", Usage(100, 49), NOW)
    await store.begin_model_call(call("2"), caps, NOW)


async def test_a_cap_that_is_nearly_used_up_lets_a_short_answer_through(store: SqliteStore) -> None:
    cap = Caps(day=10_000)
    assert await store.begin_model_call(call("1", most=Usage(1000, 6000)), cap, NOW) == 6000
    assert await store.begin_model_call(call("2", most=Usage(500, 6000)), cap, NOW) == 2500
    assert await store.begin_model_call(call("2", most=Usage(500, 6000)), cap, NOW) == 2500, "a repetition"
    assert (await store.spent("s", "t", NOW)).day == 10_000
    await store.end_model_call("2", Usage(0, LEAST_OUTPUT), NOW)
    with pytest.raises(CapReached):
        await store.begin_model_call(call("3", most=Usage(3000 - 2 * LEAST_OUTPUT + 1, 6000)), cap, NOW)


async def test_an_answer_that_grows_reserves_more_until_a_cap_leaves_nothing(store: SqliteStore) -> None:
    cap = Caps(conversation=1000)
    await store.begin_model_call(call("1", most=Usage(100, 200)), cap, NOW)
    await store.begin_model_call(call("2", turn="u", most=Usage(100, 200)), cap, NOW)
    assert await store.extend_model_call("1", 200, 500, cap, NOW) == 500
    assert await store.extend_model_call("1", 200, 500, cap, NOW) == 500, "a repetition"
    assert await store.extend_model_call("2", 200, 500, cap, NOW) == 300
    with pytest.raises(CapReached, match=r"1,000 tokens \(caps.tokens_per_conversation\), and this answer has taken"):
        await store.extend_model_call("2", 300, 500, cap, NOW)
    assert (await store.spent("s", "", NOW)).conversation == 1000


async def test_only_a_call_under_way_grows(store: SqliteStore) -> None:
    await store.begin_model_call(call("1"), FREE, NOW)
    await store.end_model_call("1", Usage(10, 5), NOW)
    for key in ("1", "unknown"):
        with pytest.raises(LocalProtocolError):
            await store.extend_model_call(key, 5, 10, FREE, NOW)


async def test_each_cap_counts_its_own(store: SqliteStore) -> None:
    await store.begin_model_call(call("1"), FREE, NOW - DAY_SECONDS - 1)
    await store.begin_model_call(call("2", turn="u"), FREE, NOW)
    await store.begin_model_call(call("3", session="r", turn="v"), FREE, NOW)
    assert await store.spent("s", "t", NOW) == Spent(turn=150, conversation=300, day=300, calls_of_day=2)
    await store.begin_model_call(call("4"), Caps(turn=300, conversation=450, day=450), NOW)


async def test_no_cap_is_no_cap(store: SqliteStore) -> None:
    await store.begin_model_call(call("1", most=Usage(10**12)), FREE, NOW)


async def test_what_calls_did_cost_is_kept_for_a_year(calm_store: SqliteStore, database: Database) -> None:
    await calm_store.begin_model_call(call("1"), FREE, NOW)
    assert await calm_store.prune(NOW + KEPT_SECONDS + KEPT_CALLS_SECONDS - 1) == 0
    assert await calm_store.prune(NOW + KEPT_SECONDS + KEPT_CALLS_SECONDS + 1) == 1
    assert rows(database, "model_calls") == []
