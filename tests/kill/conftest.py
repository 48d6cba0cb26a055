"""Fixtures of the kill tests: a home that lasts over restarts, and a gateway that is gone at the end."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from tests.kill.process import Gateway


@pytest.fixture
def config() -> str:
    """What a module's config.yaml holds beside the port."""
    return ""


@pytest.fixture
async def gateway(tmp_path: Path, config: str) -> AsyncIterator[Gateway]:
    gateway = Gateway(tmp_path / "home", config)
    yield gateway
    with trio.CancelScope(shield=True):
        await gateway.kill()
