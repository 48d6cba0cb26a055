"""Which figures are taken, how often and in which order.

1. Rounds alternate between the products, so that what else the machine does meets all of them.
2. A product that fails at a group takes no further part in it, and the failure is told; the other groups go on.
"""

import datetime
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from attrs import define, field, frozen

from benchmarks import measures
from benchmarks.figures import FIGURES, Samples
from benchmarks.gateway import Failed
from benchmarks.machine import load
from benchmarks.products import OURS, PEERS, PRODUCTS
from benchmarks.report import Run
from benchmarks.services import world


@frozen
class Group:
    """Figures that are taken together."""

    name: str
    measure: measures.Measure
    rounds: int
    figures: tuple[str, ...]
    """Beginnings of the keys of its figures."""


GROUPS = (
    Group("commands", measures.commands, 5, ("version.", "chat.")),
    Group("start", measures.start, 3, ("start.", "idle.", "used.", "request.")),
    Group("load", measures.load, 2, ("alone.", "rate.", "cpu.", "burst.")),
    Group("growth", measures.growth, 1, ("growth",)),
    Group("crash", measures.crash, 1, ("kill.", "down.")),
)


def selected(only: str) -> list[Group]:
    """The groups of that name, or with a figure whose key begins so; all without one. Raises ``ValueError``."""
    found = [group for group in GROUPS if only == group.name or any(key.startswith(only) for key in keys(group))]
    if not found:
        known = ", ".join([*(group.name for group in GROUPS), *(figure.key for figure in FIGURES)])
        raise ValueError(f"no figure {only!r}; there are {known}")
    return found


def keys(group: Group) -> list[str]:
    """Of its figures."""
    return [figure.key for figure in FIGURES if figure.key.startswith(group.figures)]


@define
class _Course:
    """A run as it goes."""

    contestants: list[measures.Contestant]
    samples: Samples = field(factory=Samples)
    failed: list[str] = field(factory=list[str])

    def prepare(self) -> None:
        self.contestants = [one for one in self.contestants if self._try("first turn", measures.prepare, one)]

    def group(self, group: Group) -> None:
        left = list(self.contestants)
        for number in range(group.rounds):
            _say(f"{group.name}, round {number + 1} of {group.rounds}")
            left = [one for one in left if self._try(group.name, lambda one: group.measure(one, self.samples), one)]
            left.reverse()
            if group.measure is measures.load and left:
                measures.bare(left[0], self.samples)

    def _try(self, what: str, measure: "measures.Step", one: measures.Contestant) -> bool:
        try:
            measure(one)
        except Failed as failure:
            self.failed.append(f"{what}: {failure}")
            _say(f"failed: {failure}")
            return False
        return True


def run(groups: Sequence[Group], folder: Path) -> Run:
    """Measure; homes of the products are made in ``folder``."""
    load_before = load()
    with ExitStack() as stack:
        present = [product for product in PRODUCTS if product.installed]
        homes = [folder / str(number) for number in range(len(present))]
        worlds = [stack.enter_context(world()) for _ in present]
        course = _Course([measures.Contestant(*each) for each in zip(present, homes, worlds, strict=True)])
        course.prepare()
        for group in groups:
            course.group(group)
    return Run(
        samples=course.samples,
        ours=OURS.name,
        peers=[peer.name for peer in PEERS if peer.installed],
        absent=[peer.name for peer in PEERS if not peer.installed],
        failed=course.failed,
        date=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        load_before=load_before,
        load_after=load(),
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
