"""A verdict follows from the medians and the goals alone."""

import pytest

from benchmarks.figures import FIGURES, Figure, Goal, Samples, Verdict, better, verdict

_LESS = Figure("k", "t", "s", Goal("1/2", share=1 / 2), Goal("1/4", share=1 / 4))
_MORE = Figure("k", "t", "/s", Goal("6x", share=6), Goal("12x", share=12), more_is_better=True)
_BOUND = Figure("k", "t", "MB", Goal("75", bound=75), Goal("60", bound=60))


def test_the_better_peer_is_the_lower_one_where_less_is_better_and_the_higher_one_elsewhere() -> None:
    assert better(_LESS, [3.0, 2.0]) == 2.0
    assert better(_MORE, [3.0, 2.0]) == 3.0
    assert better(_LESS, []) is None


@pytest.mark.parametrize(
    ("figure", "ours", "peers", "expected"),
    [
        (_LESS, 0.5, [2.0, 3.0], Verdict.AIM),
        (_LESS, 1.0, [2.0, 3.0], Verdict.REACHED),
        (_LESS, 1.1, [2.0, 3.0], Verdict.MISSED),
        (_MORE, 36.0, [2.0, 3.0], Verdict.AIM),
        (_MORE, 18.0, [2.0, 3.0], Verdict.REACHED),
        (_MORE, 17.9, [2.0, 3.0], Verdict.MISSED),
        (_BOUND, 60.0, [], Verdict.AIM),
        (_BOUND, 75.0, [], Verdict.REACHED),
        (_BOUND, 75.1, [1.0], Verdict.MISSED),
        (_LESS, 0.0, [], Verdict.NONE),
        (Figure("k", "t", ""), 1.0, [2.0], Verdict.NONE),
    ],
)
def test_a_verdict_tells_the_best_goal_that_is_met(
    figure: Figure, ours: float, peers: list[float], expected: Verdict
) -> None:
    assert verdict(figure, ours, peers) is expected


def test_a_floor_without_a_peer_but_an_absolute_aim_has_no_verdict() -> None:
    figure = Figure("k", "t", "ms", Goal("1/8", share=1 / 8), Goal("10 ms", bound=10))
    assert verdict(figure, 9.0, []) is Verdict.NONE
    assert verdict(figure, 9.0, [40.0]) is Verdict.AIM


def test_a_figure_is_the_median_of_its_samples() -> None:
    samples = Samples()
    for value in (1.0, 100.0, 2.0):
        samples.add("rate.50", "ours", value)
    assert samples.median("rate.50", "ours") == 2.0
    assert samples.median("rate.50", "another") is None
    assert samples.all("rate.200", "ours") == []


def test_an_aim_is_never_easier_than_its_floor() -> None:
    for figure in FIGURES:
        if figure.floor and figure.aim:
            floor, aim = figure.floor.limit(100.0), figure.aim.limit(100.0)
            assert floor is not None
            assert aim is not None
            assert aim >= floor if figure.more_is_better else aim <= floor, figure.key
