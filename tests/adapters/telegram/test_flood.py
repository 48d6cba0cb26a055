"""Pauses that the server asks for: whom each holds back."""

import pytest
import trio
from trio.testing import MockClock

from adapters.telegram.flood import ALL_FROM, Flood
from hermes.errors import RateLimited


async def test_a_pause_is_its_chats_alone(mock_clock: MockClock) -> None:
    flood = Flood()
    with pytest.raises(RateLimited), flood.guarded("a"):
        raise RateLimited("429", retry_after=20.0)
    assert (flood.left("a"), flood.left("b")) == (20.0, 0.0)
    mock_clock.jump(20.0)
    await trio.lowlevel.checkpoint()
    with flood.guarded("a"):
        pass


async def test_pauses_of_several_chats_at_once_are_the_bots(mock_clock: MockClock) -> None:
    flood = Flood()
    for number in range(ALL_FROM):
        flood.pause(f"{number}", 20.0 + number)
        mock_clock.jump(0.2)
    assert flood.left("another") == pytest.approx(20.0 - 0.2 * ALL_FROM)
    mock_clock.jump(20.0)
    assert flood.left("another") == 0.0
    assert flood.left("2") > 0.0


async def test_groups_that_are_flooded_one_after_the_other_hold_up_nobody_else(mock_clock: MockClock) -> None:
    """Each has a limit of its own, 20 messages a minute, and pauses of most of one."""
    flood = Flood()
    for number in range(10):
        flood.pause(f"-{number}", 40.0)
        mock_clock.jump(3.0)
    assert flood.left("another") == 0.0
