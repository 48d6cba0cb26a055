"""How many ends of its own making a child may have in how long a time.

OTP's rule by OTP's words: more than ``restarts`` within ``period`` seconds, and the supervisor stops restarting.
Unlike OTP's it is counted per child, so that one flapping child cannot use up what its siblings are allowed. The
guide's 5 in 30 s bounds the sustained rate to one restart in six seconds and lets a burst pass. Limits multiply over
levels: keep the root's low (3 in 60 s).
"""

from collections import deque

from attrs import define, field, frozen
from attrs.validators import ge, gt


@frozen
class Intensity:
    restarts: int = field(default=5, validator=ge(0))
    period: float = field(default=30.0, validator=gt(0))
    """Seconds."""

    def __str__(self) -> str:
        return f"{self.restarts} restarts in {self.period:g} s"


@define(eq=False)
class Window:
    """The counted ends of one child, at most ``restarts + 1`` of them."""

    _ends: deque[float] = field(factory=deque[float], init=False)

    def exceeded(self, intensity: Intensity, now: float) -> bool:
        """Count one end at ``now`` (seconds of any one clock); True when it is one too many."""
        while self._ends and self._ends[0] <= now - intensity.period:
            self._ends.popleft()
        self._ends.append(now)
        if len(self._ends) <= intensity.restarts:
            return False
        self._ends.clear()
        return True
