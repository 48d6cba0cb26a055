"""For tests of what has to go by itself, without the collector: cycles stay in memory until it comes by."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Nothing is collected during the test, and what others left has been before it."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
