"""A world for the tools."""

from pathlib import Path

import pytest

from tests.hermes.tools.ports import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)
