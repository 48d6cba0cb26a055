"""The table, as text of markdown, and what is said beside it. Pure but for the look at the machine."""

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

from benchmarks.figures import FIGURES, Figure, Samples, better, verdict
from benchmarks.measures import BARE, UNANSWERED
from benchmarks.records import Record

_METHOD = """\
Closed loop through the fakes of `benchmarks/fakes`, flood limits off, streaming to the chat off; fakes and products
share the machine, rounds of all products alternate, each value is a median. The peers run in environments of their own,
with what they name for Telegram and nothing more. nanobot documents no address for the Bot API: a `sitecustomize` in
its process sets that of the library that it uses. Memory is resident memory of the whole process tree, in megabytes of
10^6 bytes. CPU is that of the process tree, user and system. The ratio is ours to the better peer's.
"""


@frozen
class Run:
    """What was measured, and who took part."""

    records: Mapping[str, Record]
    """By group."""
    ours: str
    peers: Sequence[str]
    """Names of those that took part, in order."""
    absent: Sequence[str] = ()
    """Names of those that are not installed."""

    @property
    def samples(self) -> Samples:
        """Of all groups together."""
        together = Samples()
        for record in self.records.values():
            for key, by_product in record.values.items():
                for product, values in by_product.items():
                    for value in values:
                        together.add(key, product, value)
        return together


def page(run: Run, plot: str, soak: str = "") -> str:
    """The whole of results.md. ``soak``: the part that tells of it."""
    parts = [
        "# Results",
        "Written by `make bench` and `make soak`. What each figure is: [README.md](README.md). Where time and memory "
        "go: [profiles.md](profiles.md).",
        _where(run),
        table(run),
        _yardstick(run),
        f"![The figures, beside each other]({plot})",
        soak,
        "## How it was measured",
        _METHOD.strip(),
        "## Every value",
        _spread(run),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(run: Run) -> str:
    """One line a figure that was measured."""
    head = ["figure", run.ours, *run.peers, "ratio", "must reach", "aim", "verdict"]
    lines = [_row(head), _row(["---", *["--:"] * (len(run.peers) + 2), "---", "---", "---"])]
    samples = run.samples
    lines += [_row(_cells(run, figure)) for figure in FIGURES if samples.median(figure.key, run.ours) is not None]
    for name in run.absent:
        lines.append(f"\n{name} is not installed and was left out; `make peers` installs it.")
    for name in (run.ours, *run.peers):
        if missing := sum(samples.all(UNANSWERED, name)):
            lines.append(f"\n{name} left {missing:.0f} of its turns without an answer.")
    lines += [f"\n{failure}" for record in run.records.values() for failure in record.failed]
    return "\n".join(lines)


def shown(figure: Figure, value: float | None) -> str:
    """A value with its unit."""
    return "" if value is None else f"{value:.{figure.digits}f} {figure.unit}".strip()


def _cells(run: Run, figure: Figure) -> list[str]:
    ours = run.samples.median(figure.key, run.ours)
    assert ours is not None, "asked before"
    theirs = [run.samples.median(figure.key, name) for name in run.peers]
    values = [value for value in theirs if value is not None]
    rival = better(figure, values)
    ratio = f"{ours / rival:.2f}" if rival else ""
    goals = [goal.text if goal else "" for goal in (figure.floor, figure.aim)]
    found = verdict(figure, ours, values)
    return [figure.title, shown(figure, ours), *(shown(figure, v) for v in theirs), ratio, *goals, found.value]


def _where(run: Run) -> str:
    machine = (
        f"{os.cpu_count()} cores ({_processor()}), {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}. The machine's load over 1, 5 and 15 minutes tells who else used it."
    )
    lines = [_row(["group", "measured", "load before", "load after"]), _row(["---"] * 4)]
    lines += [_row([name, one.date, one.load_before, one.load_after]) for name, one in run.records.items()]
    return "\n".join([machine, "", *lines])


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _yardstick(run: Run) -> str:
    """The bare calls of a turn, and what ours costs beside them."""
    lines: list[str] = []
    for at_once in (1, 50, 200):
        bare, ours = (run.samples.median(f"cpu.{at_once}", name) for name in (BARE, run.ours))
        if bare is not None and ours is not None:
            lines.append(_row([str(at_once), f"{bare:.2f} ms", f"{ours:.2f} ms", f"{ours / bare:.1f}"]))
    if not lines:
        return ""
    head = [_row(["at once", "bare calls of a turn", "a turn of ours", "ratio"]), _row(["--:"] * 4)]
    text = "CPU time of a turn beside its calls with no agent between."
    return "\n".join(["## The yardstick", "", text, "", *head, *lines])


def _spread(run: Run) -> str:
    """Least, median and most of each."""
    lines = [_row(["figure", "who", "samples", "least", "median", "most"]), _row(["---", "---", *["--:"] * 4])]
    for figure in FIGURES:
        for name in (run.ours, *run.peers):
            values = run.samples.all(figure.key, name)
            if values:
                numbers = (min(values), run.samples.median(figure.key, name), max(values))
                lines.append(_row([figure.key, name, str(len(values)), *(shown(figure, number) for number in numbers)]))
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
