"""All figures, or some, for ours and for the peers that are installed: ``make bench``, ``make bench ONLY=load``.

What was measured is kept in results.json by group; each run renews its groups there, and writes results.md and
results.svg from the whole.
"""

import argparse
import compileall
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.harness import GROUPS, run, selected
from benchmarks.plot import plot
from benchmarks.products import OURS, PEERS
from benchmarks.records import Record, read, write
from benchmarks.report import Run, page, table
from benchmarks.services import ROOT

_FOLDER = ROOT / "benchmarks"


def main(only: str) -> None:
    """Measure and tell."""
    # pip compiled what the others consist of.
    for name in ("hermes", "actors", "adapters"):
        compileall.compile_dir(ROOT / name, quiet=2)
    # So that no product pays for the habit of whoever runs this.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        found = run(selected(only), Path(folder))
    print(table(_run(found)))
    records = {**read(_FOLDER / "results.json"), **found}
    write(_FOLDER / "results.json", records)
    whole = _run({group.name: records[group.name] for group in GROUPS if group.name in records})
    (_FOLDER / "results.md").write_text(page(whole, "results.svg"))
    (_FOLDER / "results.svg").write_text(plot(whole.samples, [whole.ours, *whole.peers]))


def _run(records: Mapping[str, Record]) -> Run:
    measured = {name for one in records.values() for by_product in one.values.values() for name in by_product}
    present = [peer.name for peer in PEERS if peer.name in measured]
    return Run(records, OURS.name, present, [peer.name for peer in PEERS if not peer.installed])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="a group (commands, start, load, growth, crash) or a figure")
    try:
        main(parser.parse_args().only)
    except ValueError as error:
        sys.exit(str(error))
