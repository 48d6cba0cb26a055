"""A trace in which every rule is kept, for tests to doctor."""

from benchmarks.soak.plan import ROUNDS
from benchmarks.soak.trace import Reading, Span, Tally, Trace

SECONDS = 1800.0


def reading(at: float, **other: float) -> Reading:
    values = {"memory": 80.0, "descriptors": 40, "threads": 10, "children": 1, "connections": 9, **other}
    names = ("descriptors", "connections", "threads", "children")
    return Reading(at, 100, values["memory"], *(int(values[name]) for name in names))


def good() -> Trace:
    """Kills at both ends, one fault of each service, two readings a round."""
    step = SECONDS / ROUNDS / 2
    return Trace(
        seed=1,
        seconds=SECONDS,
        expected=1000.0,
        planned=(2, 2),
        readings=[reading(number * step) for number in range(2 * ROUNDS)],
        faults=[Span("model", "down", 100.0, 110.0, recovered=2.0), Span("bot_api", "hole", 150.0, 160.0)],
        kills=[5.0, 1600.0],
        telegram=Tally(said=900, answered=900),
        page=Tally(said=50, answered=50),
    )
