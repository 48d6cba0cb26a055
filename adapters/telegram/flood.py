"""The pauses that the server asked for (429), for each chat and for all.

1. The server's own figure is kept, never a pace of our own.
2. A pause is told for one request. When several chats are under one at a time, the limit is the bot's and not theirs,
   and all wait for the first of these pauses to end; whoever then asks finds out for the others.
"""

from collections.abc import Generator
from contextlib import contextmanager
from math import ceil

import trio
from attrs import define, field

from hermes.errors import RateLimited

# Chats under a pause at a time that show that the limit is for all of them.
ALL_FROM = 3


@define(eq=False)
class Flood:
    """Times are seconds of trio's clock."""

    _until: dict[str, float] = field(factory=dict[str, float])
    """By chat; what is over is dropped with each new one, so it holds what is being paused."""

    def left(self, chat: str) -> float:
        """Seconds that ``chat`` has to wait; 0 when it may be written to."""
        now = trio.current_time()
        pauses = sorted(until for until in self._until.values() if until > now)
        everybody = pauses[0] if len(pauses) >= ALL_FROM else 0.0
        return max(0.0, max(self._until.get(chat, 0.0), everybody) - now)

    def pause(self, chat: str, seconds: float) -> None:
        now = trio.current_time()
        self._until = {other: until for other, until in self._until.items() if until > now}
        self._until[chat] = now + seconds

    @contextmanager
    def guarded(self, chat: str) -> Generator[None]:
        """Raises ``RateLimited`` instead of asking during a pause; notes the pause that the request is answered by."""
        if self._until and (left := self.left(chat)):
            raise RateLimited(f"Telegram asked for a pause; {ceil(left)} s of it are left", retry_after=left)
        try:
            yield
        except RateLimited as limit:
            self.pause(chat, limit.retry_after)
            raise
