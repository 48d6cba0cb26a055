"""The pauses that the server asked for (429), for each chat and for all.

1. The server's own figure is kept, never a pace of our own.
2. A pause is told for one request. When several chats are told of one at the same moment, the limit is the bot's and
   not theirs, and all wait for the first of these pauses to end; whoever then asks finds out for the others. Told one
   after the other they are the chats' own: a group's limit is 20 messages a minute, and its pause the rest of it.
"""

from collections.abc import Generator
from contextlib import contextmanager
from math import ceil

import trio
from attrs import define, field, frozen

from hermes.errors import RateLimited

# Chats that are told of a pause within so many seconds, which shows that the limit is for all of them.
ALL_FROM = 3
AT_ONCE = 1.0


@define(eq=False)
class Flood:
    """Times are seconds of trio's clock."""

    _pauses: dict[str, "_Pause"] = field(factory=dict[str, "_Pause"])
    """By chat; what is over is dropped with each new one, so it holds what is being paused."""
    _everybody_until: float = 0.0

    def left(self, chat: str) -> float:
        """Seconds that ``chat`` has to wait; 0 when it may be written to."""
        own = self._pauses[chat].until if chat in self._pauses else 0.0
        return max(0.0, max(own, self._everybody_until) - trio.current_time())

    def pause(self, chat: str, seconds: float) -> None:
        now = trio.current_time()
        self._pauses = {other: pause for other, pause in self._pauses.items() if pause.until > now}
        self._pauses[chat] = _Pause(now, now + seconds)
        at_once = [pause.until for pause in self._pauses.values() if pause.told > now - AT_ONCE]
        if len(at_once) >= ALL_FROM:
            self._everybody_until = min(at_once)

    @contextmanager
    def guarded(self, chat: str) -> Generator[None]:
        """Raises ``RateLimited`` instead of asking during a pause; notes the pause that the request is answered by."""
        if self._pauses and (left := self.left(chat)):
            raise RateLimited(f"Telegram asked for a pause; {ceil(left)} s of it are left", retry_after=left)
        try:
            yield
        except RateLimited as limit:
            self.pause(chat, limit.retry_after)
            raise


@frozen
class _Pause:
    told: float
    until: float
