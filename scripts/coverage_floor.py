"""Holds the last measured run against the floor: the branches of each folder below, counted apart from its lines.

Exit code 0 when every folder stands above the floor, else 1, with one line for each folder either way.
"""

import json
import subprocess
import sys
from typing import TypedDict, cast

from attrs import frozen

# What decides whether a message is lost: supervision, and the journal.
FOLDERS = ("actors", "hermes/store")
FLOOR_PERCENT = 95.0


class Summary(TypedDict):
    num_branches: int
    covered_branches: int


class File(TypedDict):
    summary: Summary


@frozen
class Branches:
    covered: int
    total: int

    @property
    def percent(self) -> float:
        """0 when nothing was measured, so that a folder that moved away is noticed."""
        return 100 * self.covered / self.total if self.total else 0.0


def branches(files: dict[str, File], folder: str) -> Branches:
    """The branches of all files below ``folder``, by the names that coverage gives them."""
    summaries = [file["summary"] for name, file in files.items() if name.startswith(folder + "/")]
    return Branches(sum(s["covered_branches"] for s in summaries), sum(s["num_branches"] for s in summaries))


def main() -> int:
    command = [sys.executable, "-m", "coverage", "json", "--quiet", "-o", "-"]
    report = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    files = cast(dict[str, File], json.loads(report)["files"])
    results = {folder: branches(files, folder) for folder in FOLDERS}
    for folder, result in results.items():
        verdict = "ok" if result.percent >= FLOOR_PERCENT else f"below the floor of {FLOOR_PERCENT:g} %"
        print(f"branches of {folder}: {result.covered} of {result.total}, {result.percent:.1f} %: {verdict}")
    return 0 if all(result.percent >= FLOOR_PERCENT for result in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
