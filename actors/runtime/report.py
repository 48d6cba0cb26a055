"""Reports: the one shape in which a supervisor tells what became of a child.

A report is a value. The supervisor calls ``reports`` with it, in the middle of its own work: the callback writes it
down and returns. It must not call the tree back. An error of the callback is logged here as the last resort and
changes nothing in the tree; nor does it silence the next report.
"""

import logging
from collections.abc import Callable
from enum import StrEnum

from attrs import frozen

_log = logging.getLogger(__name__)


class What(StrEnum):
    STARTED = "started"
    """It called ``started()``."""
    RESTARTING = "restarting"
    """It failed; ``next_try`` says when it starts again."""
    QUARANTINED = "quarantined"
    """A leaf failed too often, or needs a person; without ``next_try`` only a person brings it back."""
    GAVE_UP = "gave_up"
    """A core child failed for good; its supervisor ends and fails upward."""
    FAILED = "failed"
    """It failed and is not started again: it was temporary, or its supervisor was ending."""
    DONE = "done"
    """It returned, as its restart type allows."""
    PASSIVATED = "passivated"
    STOPPED = "stopped"
    """It ended as it was asked to. A reason that begins with an error's type is what its cleanup raised."""
    STUCK = "stuck"
    """It ignores its cancellation beyond its grace."""


_ORDINARY = frozenset({What.STARTED, What.DONE, What.PASSIVATED, What.STOPPED})


@frozen
class Report:
    supervisor: str
    """The supervisor's path from the root."""
    child: str
    what: What
    reason: str
    """One redacted line; empty where there is nothing to explain."""
    attempt: int
    """Which start of the child this is about: 0 the first."""
    next_try: float | None = None
    """Unix time in seconds of the next start."""


def deliver(report: Report, reports: Callable[[Report], None]) -> None:
    """Hand ``report`` to the callback; see the rules above."""
    try:
        reports(report)
    except Exception:
        _log.exception("the callback for reports failed on %s", report)


def log_report(report: Report) -> None:
    """Where no callback is given: one record of the standard log."""
    level = logging.INFO if report.what in _ORDINARY else logging.WARNING
    _log.log(
        level, "%s/%s %s (attempt %d) %s", report.supervisor, report.child, report.what, report.attempt, report.reason
    )
