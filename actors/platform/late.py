"""Edits of a growing answer that were given up, and may reach the platform all the same: after the answer's own, they
would leave it unfinished for good. So an answer that follows one is written twice, the second time when such an edit
is no longer under way.

What is remembered is memory of this process: a restart takes about as long as such an edit may be under way.
"""

import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio
from attrs import define, field

# Seconds that an edit may still be under way after it was given up. Its connection is closed then, so that only what
# the server holds already can be late.
LATE_WITHIN = 5.0

# Messages that are remembered; each is forgotten when its answer is there, and the oldest goes first.
MOST = 1024

Done = TypeVar("Done")

Place = tuple[str, str]
"""Chat and message."""


@define(eq=False)
class LateEdits:
    """Of one platform account."""

    _given_up: OrderedDict[Place, float] = field(factory=OrderedDict[Place, float])
    """When each was, by the clock of trio."""

    def note(self, place: Place) -> None:
        """What became of an edit of this message is unknown."""
        self._given_up[place] = trio.current_time()
        self._given_up.move_to_end(place)
        if len(self._given_up) > MOST:
            self._given_up.popitem(last=False)

    async def settle(self, place: Place, edit: Callable[[], Awaitable[Done]]) -> Done:
        """Make the last edit of a message, and again where one that was given up may have come after it.

        Raises what ``edit`` raises. Failed or cancelled, it is to be made again.
        """
        settled_at = self._given_up.get(place, -math.inf) + LATE_WITHIN
        begun_at = trio.current_time()
        done = await edit()
        if begun_at < settled_at:
            await trio.sleep_until(settled_at)
            done = await edit()
        self._given_up.pop(place, None)
        return done
