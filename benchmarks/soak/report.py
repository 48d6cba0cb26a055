"""The part of results.md that tells of a soak. Pure."""

from collections import Counter
from collections.abc import Sequence
from statistics import median

from benchmarks.soak.rules import SERIES, Judgement, floors, judge
from benchmarks.soak.trace import Tally, Trace


def section(trace: Trace, plot: str) -> str:
    """With the plot, whose file is named."""
    return "\n\n".join(
        [
            "## Soak",
            _what(trace),
            table(judge(trace)),
            f"![Memory, descriptors, threads and children over time]({plot})",
            _window(trace),
        ]
    )


def table(judgements: Sequence[Judgement]) -> str:
    """One line a rule."""
    lines = ["| rule | found | at most | kept |", "| --- | --: | --: | --- |"]
    lines += [f"| {one.rule} | {one.found} | {one.allowed} | {_KEPT[one.kept]} |" for one in judgements]
    return "\n".join(lines)


_KEPT = {True: "yes", False: "**no**", None: "too short a run to tell"}


def _what(trace: Trace) -> str:
    faults = Counter(f"{span.service} {span.kind}" for span in trace.faults)
    kinds = ", ".join(f"{name} {number}" for name, number in sorted(faults.items()))
    return (
        f"`make soak SECONDS={trace.seconds:g} SEED={trace.seed}`: {trace.seconds / 60:g} minutes, "
        f"{len(trace.kills)} kills, {len(trace.faults)} faults ({kinds}).\n"
        f"{_of('Telegram', trace.telegram)}\n{_of('The page', trace.page)}\n"
        "What each rule means: [README.md](README.md#the-soak)."
    )


def _of(where: str, tally: Tally) -> str:
    return (
        f"{where}: {tally.said} said, {tally.answered} answered, {len(tally.told)} told that the model is in trouble, "
        f"{tally.marked} marked as perhaps a repetition."
    )


def _window(trace: Trace) -> str:
    lines = ["| floor of a round | first third of the window | last third |", "| --- | --: | --: |"]
    for name in SERIES:
        found = floors(trace, name)
        if third := len(found) // 3:
            lines.append(f"| {name} | {median(found[:third]):.1f} | {median(found[-third:]):.1f} |")
    return "\n".join(lines)
