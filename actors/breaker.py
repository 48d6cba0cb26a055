"""When a provider is left alone: after failures in a row, and while it asks for a pause. Pure; times are trio's.

1. ``FAILURES`` failures in a row open it: nobody asks the provider, and whoever would is told at once. They are counted
   over all conversations, so that one that waits for its own retries does not hold up what the others know already.
2. An open breaker lets one call through after a pause, and another every ``PROBE_EVERY`` seconds until one is served.
   Each that fails doubles the pause. One that is served closes it. Calls that were under way when it opened fail for
   the same reason and say nothing new: forty of them must not make a pause of seconds one of minutes.
3. An answer of any kind that comes from the provider itself is a service: it works, whatever it thinks of a request.
"""

import math

from attrs import define

# One failed call says little of a provider that serves hundreds; five without a success in between say enough.
FAILURES = 5

# Seconds. Whoever asks is to be served within 30 of a provider's return, however long it was gone; one call that fails
# in so long costs neither side anything.
FIRST_PAUSE = 15.0
LONGEST_PAUSE = 25.0

# Seconds between two calls through a breaker whose pause is over: the first may be a long answer.
PROBE_EVERY = 10.0


@define
class Breaker:
    """What is known of one provider."""

    failures: int = 0
    """In a row."""
    _open_until: float = -math.inf
    _paused_until: float = -math.inf
    _asked: bool = False
    """A call went through the open breaker, and has not failed yet."""

    def admit(self, now: float) -> float:
        """Seconds until a call may go through; 0: now, which counts as one when the breaker is open."""
        wait = max(self._paused_until, self._open_until) - now
        if wait > 0:
            return wait
        if self.open:
            self._open_until = now + PROBE_EVERY
            self._asked = True
        return 0.0

    @property
    def open(self) -> bool:
        return self.failures >= FAILURES

    def asks_for_pause(self, now: float) -> bool:
        """Whether it is the provider's own wish that it is left alone."""
        return self._paused_until > now

    def served(self) -> None:
        self.failures = 0
        self._open_until = -math.inf
        self._asked = False

    def failed(self, now: float) -> None:
        if self.open and not self._asked:
            return
        self._asked = False
        self.failures += 1
        if self.open:
            pause = FIRST_PAUSE * 2.0 ** min(self.failures - FAILURES, 10)
            self._open_until = now + min(LONGEST_PAUSE, pause)

    def paused(self, now: float, seconds: float) -> None:
        """The provider asks for a pause; the longest one counts."""
        self._paused_until = max(self._paused_until, now + seconds)
