"""Keeps what was measured, and writes results.md and the plots from the whole of it."""

from collections.abc import Mapping
from pathlib import Path

from benchmarks.harness import GROUPS
from benchmarks.plot import plot
from benchmarks.products import OURS, PEERS
from benchmarks.records import Record, read, write
from benchmarks.report import Run, page
from benchmarks.services import ROOT
from benchmarks.soak.plot import plot as plot_soak
from benchmarks.soak.report import section

FOLDER = ROOT / "benchmarks"

SOAK = "soak"
"""The group of the soak, which is none of the harness's."""


def keep(found: Mapping[str, Record], folder: Path = FOLDER) -> None:
    """Renew the groups that were ``found``, and leave the others as they are."""
    records = {**read(folder / "results.json"), **found}
    write(folder / "results.json", records)
    names = [*(group.name for group in GROUPS), SOAK]
    whole = run_of({name: records[name] for name in names if name in records})
    trace = records[SOAK].soak if SOAK in records else None
    told = section(trace, "soak.svg") if trace else ""
    (folder / "results.md").write_text(page(whole, "results.svg", told))
    (folder / "results.svg").write_text(plot(whole.samples, [whole.ours, *whole.peers]))
    if trace:
        (folder / "soak.svg").write_text(plot_soak(trace))


def run_of(records: Mapping[str, Record]) -> Run:
    """These records, and who took part in them."""
    measured = {name for one in records.values() for by_product in one.values.values() for name in by_product}
    present = [peer.name for peer in PEERS if peer.name in measured]
    return Run(records, OURS.name, present, [peer.name for peer in PEERS if not peer.installed])
