"""Which figures are taken, how often and in which order.

1. Rounds alternate between the products, so that what else the machine does meets all of them.
2. Each group begins with homes of its own: what one leaves behind is no burden to the next.
3. A product that fails at a group takes no further part in it, and the failure is told; the other groups go on.
"""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from attrs import frozen

from benchmarks import measures
from benchmarks.figures import FIGURES, Samples
from benchmarks.gateway import Failed
from benchmarks.machine import load
from benchmarks.page_measures import page
from benchmarks.products import PRODUCTS
from benchmarks.records import Record, now
from benchmarks.services import world


@frozen
class Group:
    """Figures that are taken together."""

    name: str
    measure: measures.Measure
    rounds: int
    figures: tuple[str, ...]
    """Beginnings of the keys of its figures."""
    only_ours: bool = False
    """What the others have not."""


GROUPS = (
    Group("commands", measures.commands, 5, ("version.", "chat.")),
    Group("start", measures.start, 3, ("start.", "idle.", "used.", "request.")),
    Group("load", measures.load, 2, ("alone.", "rate.", "cpu.", "burst.")),
    Group("growth", measures.growth, 1, ("growth",)),
    Group("crash", measures.crash, 1, ("kill.", "down.")),
    Group("page", page, 1, ("page.",), only_ours=True),
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


def run(groups: Sequence[Group], folder: Path) -> dict[str, Record]:
    """Measure; homes of the products are made in ``folder``."""
    records: dict[str, Record] = {}
    with ExitStack() as stack:
        present = [product for product in PRODUCTS if product.installed]
        worlds = [stack.enter_context(world()) for _ in present]
        for group in groups:
            homes = [folder / f"{group.name}-{number}" for number in range(len(present))]
            contestants = [measures.Contestant(*each) for each in zip(present, homes, worlds, strict=True)]
            records[group.name] = _take(group, contestants[:1] if group.only_ours else contestants)
    return records


def _take(group: Group, contestants: Sequence[measures.Contestant]) -> Record:
    date, samples, failed, load_before, left = now(), Samples(), list[str](), load(), list(contestants)
    left = [one for one in left if _try("first turn", measures.prepare, one, failed)]
    for number in range(group.rounds):
        _say(f"{group.name}, round {number + 1} of {group.rounds}")
        left = [one for one in left if _try(group.name, lambda one: group.measure(one, samples), one, failed)]
        left.reverse()
        if group.measure is measures.load and left:
            measures.bare(left[0], samples)
    return Record(date, load_before, load(), failed, samples.values)


def _try(what: str, measure: measures.Step, one: measures.Contestant, failed: list[str]) -> bool:
    try:
        measure(one)
    except Failed as failure:
        failed.append(f"{what}: {failure}")
        _say(f"failed: {failure}")
        return False
    return True


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
