"""What a supervisor needs from outside the tree, given once at the root and taken over by every supervisor below."""

import random
from collections.abc import Callable

from attrs import field, frozen

from actors.runtime.backoff import Backoff
from actors.runtime.report import Report, log_report


def _as_it_is(text: str) -> str:
    return text


def _only_reported(path: str) -> None:
    """Without a caller who can end the process, a stuck child is reported and waited for."""


@frozen
class Services:
    reports: Callable[[Report], None] = log_report
    escalate: Callable[[str], None] = _only_reported
    """Given the path of a child that keeps an ending tree alive beyond its grace."""
    redact: Callable[[str], str] = _as_it_is
    """Takes secrets out of a text before it is reported or shown."""
    random: Callable[[], float] = random.random
    """Numbers in [0, 1), for jitter."""
    backoff: Backoff = field(factory=Backoff)


@frozen
class Overrides:
    """What one supervisor was given itself; None is taken from above."""

    reports: Callable[[Report], None] | None = None
    escalate: Callable[[str], None] | None = None
    redact: Callable[[str], str] | None = None
    random: Callable[[], float] | None = None
    backoff: Backoff | None = None

    def over(self, above: Services) -> Services:
        return Services(
            reports=self.reports or above.reports,
            escalate=self.escalate or above.escalate,
            redact=self.redact or above.redact,
            random=self.random or above.random,
            backoff=self.backoff or above.backoff,
        )
