"""Edits that were given up: the one that is to be the last is made again while they may be under way, and only then."""

import pytest
import trio
from trio.testing import MockClock

from actors.platform.late import LATE_WITHIN, MOST, LateEdits
from adapters.contract import Ambiguous

PLACE = ("chat", "m1")


class Edits:
    """When each was made."""

    def __init__(self, *failures: Exception) -> None:
        self.at: list[float] = []
        self._failures = list(failures)
        self._began = trio.current_time()

    async def __call__(self) -> int:
        await trio.sleep(1.0)
        self.at.append(trio.current_time() - self._began)
        if self._failures:
            raise self._failures.pop(0)
        return len(self.at)


async def test_an_edit_that_follows_none_is_made_once(autojump_clock: MockClock) -> None:
    late, edits = LateEdits(), Edits()
    late.note(("chat", "another"))
    assert await late.settle(PLACE, edits) == 1


async def test_one_that_follows_one_of_unknown_fate_is_made_again_when_that_is_over(autojump_clock: MockClock) -> None:
    late, edits = LateEdits(), Edits()
    late.note(PLACE)
    assert await late.settle(PLACE, edits) == 2
    assert edits.at == [pytest.approx(1.0), pytest.approx(LATE_WITHIN + 1.0)]
    assert await late.settle(PLACE, edits) == 3


async def test_one_that_was_given_up_long_ago_is_not_waited_for(autojump_clock: MockClock) -> None:
    late, edits = LateEdits(), Edits()
    late.note(PLACE)
    await trio.sleep(LATE_WITHIN)
    assert await late.settle(PLACE, edits) == 1


async def test_a_failure_leaves_it_to_the_next_try(autojump_clock: MockClock) -> None:
    late = LateEdits()
    late.note(PLACE)
    first = Edits(Ambiguous("no answer"))
    with pytest.raises(Ambiguous):
        await late.settle(PLACE, first)
    assert await late.settle(PLACE, Edits()) == 2


async def test_what_is_remembered_is_bounded(autojump_clock: MockClock) -> None:
    late, edits = LateEdits(), Edits()
    for number in range(MOST + 1):
        late.note(("chat", str(number)))
    assert await late.settle(("chat", "0"), edits) == 1
    assert await late.settle(("chat", str(MOST)), edits) == 3
