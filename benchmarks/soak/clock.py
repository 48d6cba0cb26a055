"""Seconds since a run began, on the clock that all processes of a machine share: the fakes' times are on it too."""

import time

from attrs import field, frozen


@frozen
class Clock:
    """Begins when it is made."""

    begun: float = field(factory=time.monotonic)

    def now(self) -> float:
        return time.monotonic() - self.begun
