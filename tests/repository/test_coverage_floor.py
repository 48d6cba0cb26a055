import runpy
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def script(root: Path) -> dict[str, Any]:
    return runpy.run_path(str(root / "scripts/coverage_floor.py"))


def file(covered: int, total: int) -> dict[str, dict[str, int]]:
    return {"summary": {"covered_branches": covered, "num_branches": total}}


def test_branches_are_counted_over_the_whole_folder_and_no_other(script: dict[str, Any]) -> None:
    files = {"actors/a.py": file(3, 4), "actors/runtime/b.py": file(5, 6), "actors_more/c.py": file(0, 9)}
    assert script["branches"](files, "actors") == script["Branches"](8, 10)
    assert script["branches"](files, "actors").percent == 80


def test_a_folder_that_was_not_measured_is_below_every_floor(script: dict[str, Any]) -> None:
    assert script["branches"]({"hermes/errors.py": file(1, 1)}, "hermes/store").percent == 0


def test_each_measured_folder_exists(script: dict[str, Any], root: Path) -> None:
    assert [folder for folder in script["FOLDERS"] if not (root / folder).is_dir()] == []
