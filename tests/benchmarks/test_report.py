"""The table says what was measured, who was left out, and what went wrong."""

from benchmarks.figures import Samples
from benchmarks.measures import BARE, UNANSWERED
from benchmarks.plot import plot
from benchmarks.records import Record
from benchmarks.report import Run, page, table


def _run(samples: Samples, *, absent: tuple[str, ...] = (), failed: tuple[str, ...] = ()) -> Run:
    record = Record("2026-01-01", "0.10 0.20 0.30", "1.00 1.00 1.00", list(failed), samples.values)
    return Run({"start": record}, "ours", ["one", "two"], absent)


def _measured() -> Samples:
    samples = Samples()
    for name, value in (("ours", 0.25), ("one", 1.0), ("two", 2.0)):
        samples.add("start.seconds", name, value)
    return samples


def test_a_line_holds_each_value_the_ratio_to_the_better_peer_the_goals_and_the_verdict() -> None:
    lines = table(_run(_measured())).splitlines()
    assert lines[2] == "| gateway start to first poll | 0.25 s | 1.00 s | 2.00 s | 0.25 | 1/2 | 1/4 | aim |"
    assert len(lines) == 3, "what was not measured has no line"


def test_a_peer_that_did_not_finish_leaves_its_cell_empty() -> None:
    samples = _measured()
    samples.add("burst.seconds", "ours", 3.0)
    assert "answered in | 3.00 s |  |  |  | 3.5 s | 2 s | reached |" in table(_run(samples))


def test_who_is_absent_who_failed_and_who_left_turns_unanswered_is_told() -> None:
    samples = _measured()
    samples.add(UNANSWERED, "one", 2)
    samples.add(UNANSWERED, "one", 1)
    said = table(_run(samples, absent=("two",), failed=("load: two: no poll",)))
    assert "two is not installed and was left out; `make peers` installs it." in said
    assert "one left 3 of its turns without an answer." in said
    assert "load: two: no poll" in said


def test_the_page_shows_the_machine_the_yardstick_and_every_value() -> None:
    samples = _measured()
    samples.add("cpu.50", "ours", 6.0)
    samples.add("cpu.50", BARE, 2.0)
    said = page(_run(samples), "results.svg")
    assert "| 50 | 2.00 ms | 6.00 ms | 3.0 |" in said
    assert "| start | 2026-01-01 | 0.10 0.20 0.30 | 1.00 1.00 1.00 |" in said
    assert "| start.seconds | two | 1 | 2.00 s | 2.00 s | 2.00 s |" in said
    assert "](results.svg)" in said


def test_the_plot_has_a_bar_for_each_value_in_proportion_to_the_greatest() -> None:
    drawn = plot(_measured(), ["ours", "one", "two"])
    assert drawn.count("<rect") == 1 + 3 + 3
    assert 'width="52.5"' in drawn
    assert 'width="420.0"' in drawn
