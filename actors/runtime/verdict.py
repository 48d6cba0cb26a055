"""What a failure of a child leads to: the two kinds of end, as one pure decision.

- *The world's fault* (``TransientError``: rate limits and liveness bounds among them): the next start after a growing
  pause, for ever, never counted.
- *Ours* (any other error): the next start at once, counted. One more than the intensity allows, and a leaf is
  quarantined for ``QUARANTINE`` seconds while a core child fails its supervisor. A child back from quarantine is on
  probation: until it has been healthy for a while, one more such end sends it straight back.
- *A person's to mend* (``AuthError``, ``ConfigError``): no restart can help. A leaf is quarantined until somebody
  asks for it, a core child fails its supervisor with that very error.
"""

import math
from collections.abc import Callable
from enum import StrEnum

from attrs import define, field, frozen

from actors.runtime.backoff import Backoff, lower_bound
from actors.runtime.intensity import Intensity, Window
from hermes.errors import AuthError, ConfigError, TransientError

# Seconds until a quarantined leaf is tried again: often enough that a fault which went away heals by itself, seldom
# enough that one which stays costs nothing.
QUARANTINE = 300.0


class Remedy(StrEnum):
    RESTART = "restart"
    BACK_OFF = "back off"
    QUARANTINE = "quarantine"
    GIVE_UP = "give up"


@frozen
class Verdict:
    remedy: Remedy
    delay: float = 0.0
    """Seconds until the next start; infinite when only a person brings it back."""


@frozen
class Rules:
    """What a child is judged by."""

    intensity: Intensity
    backoff: Backoff
    core: bool
    random: Callable[[], float]


@define(eq=False)
class History:
    """What is remembered of a child's failures until it has been healthy for a while."""

    _pauses: int = field(default=0, init=False)
    _window: Window = field(factory=Window, init=False)
    _probation: bool = field(default=False, init=False)

    def judge(self, error: Exception, rules: Rules, *, now: float, healthy_for: float) -> Verdict:
        """Decide on the end of an incarnation that was provably healthy for ``healthy_for`` seconds. Counts ours."""
        if healthy_for >= rules.backoff.healthy_after:
            self._pauses, self._probation = 0, False
        if isinstance(error, TransientError):
            return self._back_off(error, rules)
        if isinstance(error, AuthError | ConfigError):
            return Verdict(Remedy.GIVE_UP if rules.core else Remedy.QUARANTINE, math.inf)
        if not self._window.exceeded(rules.intensity, now) and not self._probation:
            return Verdict(Remedy.RESTART)
        if rules.core:
            return Verdict(Remedy.GIVE_UP, math.inf)
        self._probation = True
        return Verdict(Remedy.QUARANTINE, QUARANTINE)

    def _back_off(self, error: TransientError, rules: Rules) -> Verdict:
        pause = rules.backoff.delay(self._pauses, rules.random)
        self._pauses += 1
        return Verdict(Remedy.BACK_OFF, max(pause, lower_bound(error)))


def is_ours(error: Exception) -> bool:
    """True for a bug: neither the world's fault nor a person's to mend."""
    return not isinstance(error, TransientError | AuthError | ConfigError)
