from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.plugins.order import shuffled


def items() -> list[Any]:
    return [SimpleNamespace(path=Path(f"test_{module}.py"), name=number) for module in range(6) for number in range(6)]


def names(found: list[Any]) -> list[tuple[str, int]]:
    return [(item.path.name, item.name) for item in found]


def test_a_seed_repeats_its_order_and_another_gives_another() -> None:
    assert names(shuffled(items(), 1)) == names(shuffled(items(), 1)) != names(shuffled(items(), 2))


def test_nothing_is_lost_and_modules_stay_together() -> None:
    found = names(shuffled(items(), 1))
    assert sorted(found) == sorted(names(items()))
    assert len([module for module, _ in groupby(found, key=lambda entry: entry[0])]) == 6


def test_both_the_modules_and_the_tests_inside_them_move() -> None:
    found = names(shuffled(items(), 1))
    modules = [module for module, _ in groupby(found, key=lambda entry: entry[0])]
    assert modules != sorted(modules)
    assert [number for module, number in found if module == "test_0.py"] != list(range(6))


def test_processes_that_share_a_run_collect_the_same_order(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(**{f"test_{name}": "def test_one(): pass\ndef test_two(): pass" for name in "abcdefgh"})
    # Too few are told apart by chance: another order would be an error of the collection.
    result = pytester.runpytest_subprocess("-p", "tests.plugins.order", "-n", "2", "--dist", "loadfile")
    result.assert_outcomes(passed=16)
