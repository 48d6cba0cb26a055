"""What waits to be written to one page: bounded, and with only the newest of what replaces itself.

Rules:

1. A frame that must arrive (a message, an acknowledgement) is queued; when the bounds are passed the page is too slow,
   and it is closed rather than fed: it comes back and draws itself from a snapshot.
2. A draft and a picture of the tree replace the one before, so each has one slot. A slow page skips; it never falls
   behind.
3. A slot keeps the place in the queue where it was first filled: a draft never overtakes the message before it.
"""

from collections import deque
from enum import StrEnum

import trio
from attrs import define, field, frozen

from hermes.events import Draft
from hermes.status import ChildStatus

QUEUE_FRAMES = 256
"""A page that is this many messages behind reads nothing; a snapshot is cheaper than the backlog."""

QUEUE_CHARACTERS = 8_000_000
"""Some snapshots' worth: what one page may hold of the gateway's memory."""


class Slot(StrEnum):
    DRAFT = "draft"
    TREE = "tree"


@frozen
class Frame:
    """A rendered frame. ``anew``: it is a snapshot, after which the page knows of no draft."""

    text: str
    anew: bool = False


Item = Frame | Draft | ChildStatus


@define(eq=False)
class FrameQueue:
    """One page's frames, one task that takes them, any that put them."""

    _order: deque[Frame | Slot] = field(factory=deque[Frame | Slot], init=False)
    _latest: dict[Slot, Draft | ChildStatus] = field(factory=dict[Slot, Draft | ChildStatus], init=False)
    _characters: int = field(default=0, init=False)
    _filled: trio.Event = field(factory=trio.Event, init=False)

    @property
    def empty(self) -> bool:
        return not self._order

    def put(self, frame: Frame) -> bool:
        """Queue a frame. False when a bound would be passed: nothing was queued."""
        if len(self._order) >= QUEUE_FRAMES or self._characters + len(frame.text) > QUEUE_CHARACTERS:
            return False
        self._characters += len(frame.text)
        self._push(frame)
        return True

    def put_latest(self, slot: Slot, value: Draft | ChildStatus) -> None:
        """Replace what waits in ``slot``."""
        if slot not in self._latest:
            self._push(slot)
        self._latest[slot] = value

    def drop_latest(self, slot: Slot) -> None:
        """Forget what waits in ``slot``."""
        if self._latest.pop(slot, None) is not None:
            self._order.remove(slot)

    async def take(self) -> Item:
        """The next frame; waits for one. Cancelled: nothing was taken."""
        while not self._order:
            self._filled = trio.Event()
            await self._filled.wait()
        first = self._order.popleft()
        if isinstance(first, Slot):
            return self._latest.pop(first)
        self._characters -= len(first.text)
        return first

    def _push(self, item: Frame | Slot) -> None:
        self._order.append(item)
        self._filled.set()
