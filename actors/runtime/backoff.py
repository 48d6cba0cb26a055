"""How long to wait before the next start of a child that the world failed.

The pause doubles from ``first`` up to ``cap``, for ever: such ends are never counted against the child. Jitter takes
up to its share off each pause, so that children that failed together do not come back together. What a server said
about its own limits is a lower bound on top. Only proven health resets the growth: a child that starts well and fails
again soon goes on where it was, however often its start succeeds.
"""

import math
from collections.abc import Callable

from attrs import field, frozen
from attrs.validators import ge, gt

from hermes.errors import RateLimited

# A child that failed and then ran well for this many seconds has recovered: its next failure is a new one.
HEALTHY_AFTER = 60.0


@frozen
class Backoff:
    """Capped exponential growth with jitter. Times are seconds."""

    first: float = field(default=0.5, validator=gt(0))
    # A minute: a network that returns is noticed soon, and a service that is down sees one call a minute from us.
    cap: float = field(default=60.0, validator=gt(0))
    factor: float = field(default=2.0, validator=ge(1))
    jitter: float = field(default=0.5, validator=ge(0))
    """The share of a pause that chance may take off, 0 to 1."""
    healthy_after: float = field(default=HEALTHY_AFTER, validator=ge(0))

    def delay(self, attempt: int, random: Callable[[], float]) -> float:
        """Seconds before try ``attempt`` (0 for the first retry); ``random`` yields numbers in [0, 1)."""
        # The exponent is cut before it overflows: past it the cap rules anyway.
        grown = self.cap if attempt > 1000 else min(self.cap, self.first * self._growth(attempt))
        return grown * (1 - min(self.jitter, 1.0) * random())

    def _growth(self, attempt: int) -> float:
        try:
            return self.factor**attempt
        except OverflowError:
            return math.inf


def lower_bound(error: Exception) -> float:
    """Seconds that ``error`` itself asks to wait: a rate limit's ``retry_after`` if it is a sane number, else 0."""
    if isinstance(error, RateLimited) and math.isfinite(error.retry_after):
        return max(0.0, error.retry_after)
    return 0.0
