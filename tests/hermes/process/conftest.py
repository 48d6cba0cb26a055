"""Real processes: a start takes milliseconds, and what goes wrong with them goes wrong between them and the kernel."""

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from hermes.process import ProcessHost
from tests.hermes.process.traces import Trace


@pytest.fixture
def trace() -> Iterator[Trace]:
    trace = Trace(uuid.uuid4().hex)
    yield trace
    assert trace.pids() == set(), "processes are left behind"


@pytest.fixture
async def host(trace: Trace) -> AsyncIterator[ProcessHost]:
    """Leaves before the trace is looked at: when its owner has left, nothing is there."""
    async with ProcessHost() as host:
        yield host
