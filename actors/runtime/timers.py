"""The timers of one supervisor: at most one for each child, the earliest first.

A child waits for one thing at a time (its start, its next proof of life, its grace, its next try), so one due time
each is enough. Cleared and replaced entries stay in the heap until they surface; it is rebuilt when they outnumber
the live ones, so that a thousand conversations a second that start and settle leave nothing behind.
"""

import heapq
import math
from typing import Generic, Protocol, TypeVar

from attrs import define, field


class Timed(Protocol):
    due: float
    """When it wants attention, in seconds of trio's clock; infinite for never. Written by the timers alone."""


C = TypeVar("C", bound=Timed)

# Below this many stale entries a rebuild is not worth its work.
_SLACK = 64


@define(eq=False)
class Timers(Generic[C]):
    _heap: list[tuple[float, int, C]] = field(factory=list[tuple[float, int, C]], init=False)
    _live: int = field(default=0, init=False)
    _serial: int = field(default=0, init=False)

    def set(self, child: C, due: float) -> None:
        """Call for ``child`` at ``due``, instead of whenever it was set to before."""
        self.clear(child)
        if due == math.inf:
            return
        child.due = due
        self._live += 1
        self._serial += 1
        heapq.heappush(self._heap, (due, self._serial, child))
        if len(self._heap) > 2 * self._live + _SLACK:
            self._heap = [entry for entry in self._heap if entry[0] == entry[2].due]
            heapq.heapify(self._heap)

    def clear(self, child: C) -> None:
        if child.due != math.inf:
            child.due = math.inf
            self._live -= 1

    def next(self) -> float:
        """The earliest due time, infinite when there is none."""
        while self._heap and self._heap[0][0] != self._heap[0][2].due:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else math.inf

    def pop(self, now: float) -> C | None:
        """A child whose time has come, its timer cleared; None when there is none."""
        if self.next() > now:
            return None
        child = heapq.heappop(self._heap)[2]
        self.clear(child)
        return child
