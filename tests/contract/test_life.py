"""How every adapter starts, proves that it lives, and ends."""

import pytest
import trio

from adapters.contract import Adapter
from hermes.errors import HermesError
from tests.adapters.fakehost import FakeHost
from tests.contract.drivers import Platform, running
from tests.contract.told import Told
from tests.descriptors import descriptors


def tasks() -> int:
    return trio.lowlevel.current_statistics().tasks_living


async def test_it_tells_who_it_is_and_what_the_platform_allows(adapter: Adapter) -> None:
    assert adapter.name
    assert adapter.account
    assert adapter.limits.message_length > 0
    assert adapter.probe_interval is None or adapter.probe_interval > 0


async def test_events_flow_from_the_moment_at_which_it_says_that_it_started(
    platform: Platform, adapter: Adapter, host: FakeHost
) -> None:
    async with running(platform, adapter, host), platform.connect(adapter) as driver:
        await driver.deliver("e1", "hi")
        assert await driver.told() is Told.ACCEPTED


async def test_a_probe_is_answered_while_it_runs_and_fails_when_it_does_not(
    platform: Platform, adapter: Adapter, host: FakeHost
) -> None:
    if adapter.probe_interval is None:
        pytest.skip("it proves its round trips by itself")
    with pytest.raises(HermesError):
        await adapter.probe()
    async with running(platform, adapter, host):
        await adapter.probe()
    with pytest.raises(HermesError):
        await adapter.probe()


async def test_it_ends_when_it_is_cancelled_and_leaves_no_task_and_no_socket(
    platform: Platform, host: FakeHost
) -> None:
    with trio.fail_after(60):
        # The first round opens what a process opens once (a cache of names, a pool of threads).
        for _ in range(2):
            before = descriptors(collect=True), tasks()
            adapter = platform.make()
            async with running(platform, adapter, host) as running_scope:
                async with platform.connect(adapter) as driver:
                    await driver.deliver("e1", "hi")
                    await driver.told()
                running_scope.cancel()
            after = descriptors(), tasks()
    assert after == before


async def test_it_ends_in_the_middle_of_an_event_which_is_then_not_acknowledged(
    platform: Platform, adapter: Adapter, host: FakeHost
) -> None:
    host.gate = trio.Event()
    async with trio.open_nursery() as clients:
        async with running(platform, adapter, host) as scope:
            driver = await clients.start(connected, platform, adapter)
            await driver.deliver("e1", "hi")
            with trio.fail_after(20):
                await host.called()
            scope.cancel()
        assert host.events == []
        with pytest.raises(Exception):  # noqa: B017, PT011  how a connection ends is the driver's affair
            await driver.told()
        clients.cancel_scope.cancel()


async def connected(platform: Platform, adapter: Adapter, *, task_status: trio.TaskStatus[object]) -> None:
    async with platform.connect(adapter) as driver:
        task_status.started(driver)
        await trio.sleep_forever()


async def test_it_can_run_again_after_it_ended(platform: Platform, adapter: Adapter, host: FakeHost) -> None:
    for number in range(2):
        async with running(platform, adapter, host), platform.connect(adapter) as driver:
            await driver.deliver(f"e{number}", "hi")
            assert await driver.told() is Told.ACCEPTED
