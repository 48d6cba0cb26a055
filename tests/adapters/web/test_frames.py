"""The queue of one page: bounded, and with only the newest of what replaces itself."""

import pytest
import trio

from adapters.web.frames import QUEUE_CHARACTERS, QUEUE_FRAMES, Frame, FrameQueue, Slot
from hermes.events import Source
from tests.adapters.fakehost import draft, worker


def a_draft(text: str) -> object:
    return draft(Source("web", "local", "main"), "s", text)


async def take(queue: FrameQueue) -> object:
    with trio.fail_after(5):
        return await queue.take()


async def test_frames_come_in_the_order_in_which_they_were_put() -> None:
    queue = FrameQueue()
    assert queue.put(Frame("one"))
    assert queue.put(Frame("two", anew=True))
    assert [await take(queue), await take(queue)] == [Frame("one"), Frame("two", anew=True)]


async def test_too_many_frames_are_not_taken_and_taking_makes_room() -> None:
    queue = FrameQueue()
    assert all(queue.put(Frame("x")) for _ in range(QUEUE_FRAMES))
    assert not queue.put(Frame("x"))
    await take(queue)
    assert queue.put(Frame("x"))


async def test_too_many_characters_are_not_taken_and_taking_makes_room() -> None:
    queue = FrameQueue()
    assert queue.put(Frame("x" * QUEUE_CHARACTERS))
    assert not queue.put(Frame("x"))
    await take(queue)
    assert queue.put(Frame("x"))


async def test_only_the_newest_draft_waits_and_it_keeps_its_place() -> None:
    queue = FrameQueue()
    queue.put_latest(Slot.DRAFT, draft(Source("web", "local", "main"), "s", "a"))
    queue.put(Frame("after"))
    for text in ("ab", "abc"):
        queue.put_latest(Slot.DRAFT, draft(Source("web", "local", "main"), "s", text))
    assert [await take(queue), await take(queue)] == [a_draft("abc"), Frame("after")]


async def test_any_number_of_drafts_and_trees_fills_nothing() -> None:
    queue = FrameQueue()
    for _ in range(3 * QUEUE_FRAMES):
        queue.put_latest(Slot.DRAFT, draft(Source("web", "local", "main"), "s", "a"))
        queue.put_latest(Slot.TREE, worker("root"))
    assert queue.put(Frame("x"))


async def test_a_dropped_slot_is_not_taken() -> None:
    queue = FrameQueue()
    queue.put_latest(Slot.TREE, worker("root"))
    queue.drop_latest(Slot.TREE)
    queue.drop_latest(Slot.TREE)
    queue.put(Frame("x"))
    assert await take(queue) == Frame("x")


async def test_taking_waits_for_a_frame_and_a_cancelled_wait_loses_none(autojump_clock: trio.abc.Clock) -> None:
    queue = FrameQueue()
    with trio.move_on_after(1):
        await queue.take()
        pytest.fail("there was nothing to take")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep, 1)
        queue.put(Frame("x"))
        assert await take(queue) == Frame("x")
