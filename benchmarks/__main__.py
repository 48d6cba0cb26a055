"""All figures, or some, for ours and for the peers that are installed: ``make bench``, ``make bench ONLY=load``.

What was measured is kept in results.json by group; each run renews its groups there, and writes results.md and
results.svg from the whole.
"""

import argparse
import compileall
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.harness import run, selected
from benchmarks.report import table
from benchmarks.results import keep, run_of
from benchmarks.services import ROOT


def main(only: str) -> None:
    """Measure and tell."""
    # pip compiled what the others consist of.
    for name in ("hermes", "actors", "adapters"):
        compileall.compile_dir(ROOT / name, quiet=2)
    # So that no product pays for the habit of whoever runs this.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        found = run(selected(only), Path(folder))
    print(table(run_of(found)))
    keep(found)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="a group (commands, start, load, growth, crash, page) or a figure")
    try:
        main(parser.parse_args().only)
    except ValueError as error:
        sys.exit(str(error))
