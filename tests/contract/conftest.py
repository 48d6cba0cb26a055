import pytest

from adapters.contract import Adapter
from tests.adapters.fakehost import FakeHost
from tests.contract.drivers import PLATFORMS, Platform


@pytest.fixture(params=sorted(PLATFORMS))
def platform(request: pytest.FixtureRequest) -> Platform:
    """Each platform in turn."""
    return PLATFORMS[request.param]()


@pytest.fixture
def adapter(platform: Platform) -> Adapter:
    return platform.make()


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()
