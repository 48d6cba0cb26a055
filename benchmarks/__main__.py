"""All figures, or some, for ours and for the peers that are installed: ``make bench``, ``make bench ONLY=load``.

A whole run writes results.md and results.svg; a part of one only prints its table.
"""

import argparse
import compileall
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.harness import run, selected
from benchmarks.plot import plot
from benchmarks.report import page, table
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
    print(table(found))
    if not only:
        (_FOLDER / "results.md").write_text(page(found, "results.svg"))
        (_FOLDER / "results.svg").write_text(plot(found.samples, [found.ours, *found.peers]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="a group (commands, start, load, growth, crash) or a figure")
    try:
        main(parser.parse_args().only)
    except ValueError as error:
        sys.exit(str(error))
