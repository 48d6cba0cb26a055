"""Home channels in the store: one an account, written once with the command that chose it."""

from attrs import evolve

from hermes.events import ChatType, Source
from hermes.home_channel import HomeChannel
from hermes.store.store import SqliteStore
from tests.hermes.store.builders import NOW, command, notice

HOME = HomeChannel(
    Source("web", "local", "-100", ChatType.GROUP, "9", "7", "Ada"), "agent:main:x", "The kitchen", chosen=True
)


async def row(store: SqliteStore, event_id: str) -> int:
    return (await store.accept(command(event_id), NOW)).row_id


async def test_a_home_is_kept_whole_and_the_newest_counts(store: SqliteStore) -> None:
    await store.choose_home(await row(store, "e1"), HOME, (notice("o1"),), NOW)
    assert await store.chosen_home("web", "local") == HOME
    other = evolve(HOME, name="\ud800")
    await store.choose_home(await row(store, "e2"), other, (), NOW)
    assert await store.chosen_home("web", "local") == evolve(other, name="\ufffd")
    assert await store.chosen_home("web", "another") is None


async def test_a_choice_that_is_repeated_after_a_later_one_changes_nothing(store: SqliteStore) -> None:
    first, second = await row(store, "e1"), await row(store, "e2")
    await store.choose_home(first, HOME, (notice("o1"),), NOW)
    await store.forget_home(second, (notice("o2"),), NOW)
    for _ in range(2):
        await store.choose_home(first, HOME, (notice("o1"),), NOW)
        await store.forget_home(second, (notice("o2"),), NOW)
        assert await store.chosen_home("web", "local") is None
    assert (await store.counts()).outbox_pending == 2


async def test_an_account_forgets_its_own_home(store: SqliteStore) -> None:
    elsewhere = evolve(HOME, source=evolve(HOME.source, account="another"))
    await store.choose_home(await row(store, "e1"), elsewhere, (), NOW)
    await store.forget_home(await row(store, "e2"), (), NOW)
    assert await store.chosen_home("web", "another") == elsewhere
