"""What waits for a bot: updates with rising numbers, kept until a poll confirms them (core.telegram.org/bots/api,
getUpdates).

1. A poll with ``offset`` confirms and drops every update below it; a negative one leaves only the last ``-offset``.
2. A poll that finds nothing waits ``timeout`` seconds for the first update, and then answers with what is there.
3. Of two polls at one time the earlier is ended with 409, and the later one goes on.
"""

import asyncio
from collections.abc import Callable

from attrs import define, field

# Updates in one answer: the most that the documents allow.
MOST = 100

CONFLICT = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"

Update = dict[str, object]


@define(eq=False)
class _Poll:
    answer: Callable[[list[Update]], None]
    refuse: Callable[[int, str], None]
    limit: int
    timer: asyncio.TimerHandle


@define(eq=False)
class Updates:
    """The queue of one bot."""

    _next: int = 1000
    # Bounded by what whoever runs the benchmark puts in.
    _waiting: list[Update] = field(factory=list[Update])
    _poll: _Poll | None = None

    def put(self, content: Update) -> int:
        """Add an update; returns its number. A poll that waits is answered with it."""
        number = self._next
        self._next += 1
        self._waiting.append({"update_id": number, **content})
        if self._poll is not None:
            self._settle()
        return number

    @property
    def unconfirmed(self) -> int:
        return len(self._waiting)

    def poll(
        self,
        parameters: dict[str, str],
        answer: Callable[[list[Update]], None],
        refuse: Callable[[int, str], None],
    ) -> None:
        """One getUpdates; exactly one of ``answer`` and ``refuse`` is called, now or later."""
        if self._poll is not None:
            earlier = self._take()
            earlier.refuse(409, CONFLICT)
        self._confirm(int(parameters.get("offset") or 0))
        limit = min(MOST, max(1, int(parameters.get("limit") or MOST)))
        timeout = float(parameters.get("timeout") or 0)
        if self._waiting or timeout <= 0:
            answer(self._waiting[:limit])
            return
        timer = asyncio.get_running_loop().call_later(timeout, self._settle)
        self._poll = _Poll(answer, refuse, limit, timer)

    def drop(self) -> None:
        """Forget everything that waits, as whoever sets or deletes a webhook may ask for."""
        self._waiting.clear()

    def leave(self) -> bool:
        """The client of the waiting poll is gone; False when none waited."""
        if self._poll is None:
            return False
        self._take()
        return True

    def _confirm(self, offset: int) -> None:
        if offset < 0:
            del self._waiting[: max(0, len(self._waiting) + offset)]
        else:
            self._waiting = [update for update in self._waiting if _number(update) >= offset]

    def _settle(self) -> None:
        poll = self._take()
        poll.answer(self._waiting[: poll.limit])

    def _take(self) -> _Poll:
        assert self._poll is not None, "only while a poll waits"
        poll, self._poll = self._poll, None
        poll.timer.cancel()
        return poll


def _number(update: Update) -> int:
    number = update["update_id"]
    assert isinstance(number, int)
    return number
