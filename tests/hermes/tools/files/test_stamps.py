"""What a session has seen of files."""

from pathlib import Path

import trio
from attrs import define

from hermes.tools.files.stamps import Seen, Stamp
from tests.hermes.tools.ports import MemoryState


@define
class SlowState(MemoryState):
    """Others run between any read and the write that follows it."""

    async def get(self, key: str) -> str | None:
        found = await super().get(key)
        for _ in range(5):
            await trio.lowlevel.checkpoint()
        return found


def _stamp(number: int) -> Stamp:
    return Stamp(number, number, number)


async def test_a_stamp_is_kept_until_another_or_nothing_takes_its_place() -> None:
    seen, path = Seen("s", MemoryState()), Path("/a")
    assert await seen.stamp(path) is None
    await seen.keep(path, _stamp(1))
    await seen.keep(path, _stamp(2))
    assert await seen.stamp(path) == _stamp(2)
    assert await seen.stamp(Path("/b")) is None
    await seen.keep(path, None)
    assert await seen.stamp(path) is None


async def test_a_restart_remembers() -> None:
    state = MemoryState()
    await Seen("s", state).keep(Path("/a"), _stamp(1))
    assert await Seen("s", MemoryState(dict(state.values))).stamp(Path("/a")) == _stamp(1)


async def test_reads_beside_each_other_are_all_remembered() -> None:
    seen = Seen("s", SlowState())
    paths = [Path(f"/file{number}") for number in range(200)]
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            for number, path in enumerate(paths):
                nursery.start_soon(seen.keep, path, _stamp(number))
    assert [await seen.stamp(path) for path in paths] == [_stamp(number) for number in range(200)]


async def test_what_is_kept_is_bounded_and_the_newest_is_in_it() -> None:
    state = MemoryState()
    seen = Seen("s", state)
    for number in range(3_000):
        await seen.keep(Path(f"/file{number}"), Stamp(2**63, 2**40, 2**62))
    assert len(state.values) <= 64
    assert max(map(len, state.values.values())) < 2_000
    assert await seen.stamp(Path("/file2999")) is not None


async def test_what_is_known_already_is_not_written_again() -> None:
    state = MemoryState()
    await Seen("s", state).keep(Path("/a"), _stamp(1))
    state.values = {key: value + " " for key, value in state.values.items()}
    before = dict(state.values)
    await Seen("s", state).keep(Path("/a"), _stamp(1))
    assert state.values == before
