"""What follows from the latencies of the page."""

import pytest

from benchmarks.figures import FIGURES
from benchmarks.page_measures import BOT_API, MODEL, WELL, Latencies, figures, p99


def test_a_trouble_is_told_as_a_ratio_to_where_all_is_well() -> None:
    latencies = Latencies()
    for milliseconds in (10, 20, 30):
        latencies.add("turn", WELL, milliseconds / 1000)
    for milliseconds in (22, 24, 90):
        latencies.add("turn", "5xx", milliseconds / 1000)
    assert dict(figures(latencies)) == {
        "page.turn": 20.0,
        "page.turn.p99": 30.0,
        "page.turn.5xx": pytest.approx(1.2),
        "page.turn.5xx.p99": pytest.approx(3.0),
    }


@pytest.mark.parametrize(("count", "expected"), [(1, 1), (99, 99), (100, 99), (101, 100), (1000, 990)])
def test_p99_is_no_less_than_99_of_100(count: int, expected: int) -> None:
    values = [float(value) for value in range(1, count + 1)]
    assert p99(values[::-1]) == expected


def test_every_trouble_that_is_measured_has_its_figures_and_no_other() -> None:
    latencies = Latencies()
    for trouble in (WELL, *BOT_API):
        latencies.add("turn", trouble, 1.0)
    for trouble in (WELL, *MODEL):
        for what in ("accepted", "status"):
            latencies.add(what, trouble, 1.0)
    known = {figure.key for figure in FIGURES if figure.key.startswith("page.")}
    assert {key for key, _ in figures(latencies)} == known
