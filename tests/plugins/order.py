"""Tests run in another order each time, module by module, so that none leans on the one before it."""

import random
from itertools import groupby
from typing import Any

import pytest


def shuffled(items: list[pytest.Item], seed: int) -> list[pytest.Item]:
    """Modules in random order, and the tests inside each: fixtures of a module are still made once."""
    generator = random.Random(seed)
    modules = [list(group) for _, group in groupby(items, key=lambda item: item.path)]
    generator.shuffle(modules)
    for module in modules:
        generator.shuffle(module)
    return [item for module in modules for item in module]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--order-seed", type=int, default=None, help="repeat the order of an earlier run")


def pytest_configure(config: pytest.Config) -> None:
    if config.option.order_seed is None:
        drawn = random.SystemRandom().randrange(1_000_000)
        config.option.order_seed = getattr(config, "workerinput", {}).get("order_seed", drawn)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """The processes of pytest-xdist collect the same order each."""
    node.workerinput["order_seed"] = node.config.option.order_seed


def pytest_report_header(config: pytest.Config) -> str:
    return f"order: --order-seed {config.option.order_seed}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items[:] = shuffled(items, config.option.order_seed)
