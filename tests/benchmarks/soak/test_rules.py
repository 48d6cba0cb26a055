"""Each rule is kept by a good trace and broken by a doctored one."""

from collections.abc import Callable

import pytest
from attrs import evolve

from benchmarks.soak.recovery import RECOVERY
from benchmarks.soak.rules import ALLOWED, JUDGED_FROM, MOST_CONNECTIONS, broken, floors, judge
from benchmarks.soak.trace import Span, Told, Trace
from tests.benchmarks.soak.traces import SECONDS, good, reading


def _broken(trace: Trace) -> list[str]:
    return broken(judge(trace))


def _told(trace: Trace, said: float, told: float) -> None:
    trace.telegram.told.append(Told(said, told, "the model cannot be reached"))


def _growing(series: str) -> Callable[[Trace], None]:
    def grow(trace: Trace) -> None:
        # A third of the window lies 2/3 of it before the last: 1.6 times what is allowed in all of it.
        rate = 1.6 * ALLOWED[series] / (SECONDS * 20 / 30) or 4 / SECONDS
        base = getattr(trace.readings[0], series)
        trace.readings = [reading(each.at, **{series: base + each.at * rate}) for each in trace.readings]

    return grow


DOCTORED: dict[str, Callable[[Trace], object]] = {
    "Telegram: lost": lambda trace: trace.telegram.lost.append("[[t1.1]]"),
    "Telegram: doubled without saying so": lambda trace: trace.telegram.doubled.append("[[t1.1]]"),
    "Telegram: out of order": lambda trace: setattr(trace.telegram, "out_of_order", 1),
    "page: lost": lambda trace: trace.page.lost.append("[[t1.1]]"),
    "page: doubled without saying so": lambda trace: trace.page.doubled.append("[[t1.1]]"),
    "page: out of order": lambda trace: setattr(trace.page, "out_of_order", 1),
    "told that there is no answer, without a reason": lambda trace: _told(trace, 20.0, 21.0),
    "memory: last third of the window above the first": _growing("memory"),
    "descriptors: last third of the window above the first": _growing("descriptors"),
    "threads: last third of the window above the first": _growing("threads"),
    "children: last third of the window above the first": _growing("children"),
    "most connections at once": lambda trace: trace.readings.append(reading(1.0, connections=MOST_CONNECTIONS + 1)),
    "ended by itself": lambda trace: trace.ended.append(3.0),
    "processes left by a kill": lambda trace: setattr(trace, "left", 1),
    "longest way back after a fault": lambda trace: trace.faults.__setitem__(
        0, evolve(trace.faults[0], recovered=RECOVERY + 0.1)
    ),
    "said, of what was planned": lambda trace: setattr(trace.telegram, "said", 333),
    "faults and kills": lambda trace: trace.kills.pop(),
}


def test_a_good_trace_keeps_every_rule() -> None:
    assert _broken(good()) == []
    assert [judgement.rule for judgement in judge(good())] == list(DOCTORED)


@pytest.mark.parametrize("rule", DOCTORED)
def test_a_doctored_trace_breaks_its_rule_and_no_other(rule: str) -> None:
    trace = good()
    DOCTORED[rule](trace)
    assert _broken(trace) == [rule]


def test_growth_before_the_window_and_what_is_given_back_within_a_round_are_no_growth() -> None:
    trace = good()
    trace.readings = [
        reading(each.at, memory=60.0 if each.at < 50 else 80.0, descriptors=40 if number % 2 else 40 + each.at)
        for number, each in enumerate(trace.readings)
    ]
    assert _broken(trace) == []
    assert set(floors(trace, "descriptors")) == {40}


def test_a_window_that_was_hardly_read_proves_nothing() -> None:
    trace = good()
    trace.readings = [each for each in trace.readings if each.at < 150]
    assert len(_broken(trace)) == len(ALLOWED)


@pytest.mark.parametrize(
    ("said", "told", "kept"),
    [(105.0, 106.0, True), (90.0, 101.0, True), (110.0 + RECOVERY, 150.0, True), (111.0 + RECOVERY, 150.0, False)],
)
def test_a_model_in_trouble_is_a_reason_until_it_has_to_be_back(said: float, told: float, kept: bool) -> None:
    trace = good()
    _told(trace, said, told)
    assert (_broken(trace) == []) is kept


def test_two_kills_in_one_turn_are_a_reason_and_one_is_none() -> None:
    trace = good()
    trace.kills = [5.0, 6.0]
    _told(trace, 4.0, 7.0)
    assert _broken(trace) == []
    _told(trace, 5.5, 7.0)
    assert len(_broken(trace)) == 1


def test_memory_of_a_short_run_is_shown_and_not_judged_and_the_other_series_are() -> None:
    trace = good()
    _growing("memory")(trace)
    _shorten(trace, JUDGED_FROM - 1)
    assert _broken(trace) == []
    (memory,) = (judgement for judgement in judge(trace) if judgement.rule.startswith("memory"))
    assert (memory.kept, memory.found) == (None, "+4.5 MB")
    trace = good()
    _growing("descriptors")(trace)
    _shorten(trace, JUDGED_FROM - 1)
    assert len(_broken(trace)) == 1


def _shorten(trace: Trace, seconds: float) -> None:
    share = seconds / trace.seconds
    trace.seconds = seconds
    trace.readings = [evolve(each, at=each.at * share) for each in trace.readings]


def test_a_run_in_which_no_way_back_was_seen_proves_nothing() -> None:
    trace = good()
    trace.faults = [Span("model", "down", 100.0, 110.0), Span("bot_api", "hole", 150.0, 160.0)]
    assert _broken(trace) == ["longest way back after a fault"]
