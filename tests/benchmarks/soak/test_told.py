"""What results.md and the plot say of a soak."""

from pathlib import Path

import pytest

from benchmarks.records import Record, read, write
from benchmarks.report import Run, page
from benchmarks.results import keep
from benchmarks.soak.plot import plot
from benchmarks.soak.report import section, table
from benchmarks.soak.rules import Judgement
from benchmarks.soak.trace import Told
from tests.benchmarks.soak.traces import good


def test_a_rule_that_is_broken_stands_out() -> None:
    lines = table(
        [Judgement("lost", "0", "0", kept=True), Judgement("grown", "+9 MB", "4 MB", kept=False)]
    ).splitlines()
    assert lines[2:] == ["| lost | 0 | 0 | yes |", "| grown | +9 MB | 4 MB | **no** |"]
    (line,) = table([Judgement("grown", "+9 MB", "4 MB", kept=None)]).splitlines()[2:]
    assert line == "| grown | +9 MB | 4 MB | too short a run to tell |"


def test_the_part_of_the_page_tells_how_to_run_it_again_and_what_went_on() -> None:
    said = section(good(), "soak.svg")
    assert "`make soak SECONDS=1800 SEED=1`: 30 minutes, 2 kills, 2 faults (bot_api hole 1, model down 1)." in said
    assert "Telegram: 900 said, 900 answered, 0 told" in said
    assert "| memory | 80.0 | 80.0 |" in said
    assert "](soak.svg)" in said
    assert said in page(Run({}, "ours", []), "results.svg", said)


def test_the_plot_has_a_line_a_life_and_series_a_band_a_fault_and_a_line_a_kill() -> None:
    drawn = plot(good())
    assert drawn.count("<polyline") == 4
    assert drawn.count('stroke="#c0392b"') == 4 * 2
    assert drawn.count('fill="#f2c27a"') == 1 + 4
    assert drawn.count('width="4.4"') == 2 * 4, "ten of eighteen hundred seconds"


def test_a_soak_is_kept_beside_the_groups_and_renews_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = good()
    trace.telegram.told.append(Told(101.0, 102.0, "why"))
    load = Record("then", "1", "2", values={"rate.50": {"hermes (ours)": [100.0]}})
    write(tmp_path / "results.json", {"load": load})
    soak = Record("now", "3", "4", soak=trace)
    keep({"soak": soak}, tmp_path)
    assert read(tmp_path / "results.json") == {"load": load, "soak": soak}
    written = (tmp_path / "results.md").read_text()
    assert "| turns/s, 50 conversations | 100.0 /s |" in written
    assert "| soak | now | 3 | 4 |" in written
    assert "## Soak" in written
    assert (tmp_path / "soak.svg").read_text() == plot(trace)
