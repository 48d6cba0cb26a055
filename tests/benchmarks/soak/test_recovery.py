"""The way back after a fault, where it can be told."""

import pytest

from benchmarks.soak.recovery import RECOVERY, recovered
from benchmarks.soak.trace import Span, Trace

FAULT = Span("model", "down", 100.0, 110.0)


@pytest.mark.parametrize(
    ("others", "kills", "answered", "expected"),
    [
        ([], [], [109.0, 112.5, 113.0], 2.5),
        ([], [111.0], [112.5], None),
        ([], [111.0], [110.5, 112.5], 0.5),
        ([Span("bot_api", "5xx", 105.0, 120.0)], [], [112.5], None),
        ([Span("bot_api", "5xx", 111.0, 120.0)], [], [112.5], None),
        ([Span("bot_api", "5xx", 90.0, 105.0)], [], [112.5], 2.5),
        ([], [115.0 + RECOVERY], [], 5.0 + RECOVERY),
        ([], [], [], 190.0),
    ],
)
def test_it_lasts_to_the_next_answer_if_nothing_else_goes_wrong_before(
    others: list[Span], kills: list[float], answered: list[float], expected: float | None
) -> None:
    trace = Trace(1, 300.0, 1.0, (1, 1), faults=[FAULT, *others], kills=kills)
    assert recovered(FAULT, trace, answered) == expected
