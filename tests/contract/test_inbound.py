"""The contract's inbound half, over every adapter: what was handed over is durable before the platform is told so."""

import pytest
import trio

from adapters.contract import Adapter
from adapters.registry import names
from hermes.errors import ActorCrashed, Refused, StoreFull, TransientError, Unavailable
from hermes.events import InboundKind
from tests.adapters.fakehost import FakeHost
from tests.contract.drivers import PLATFORMS, Platform, running
from tests.contract.told import Told


def test_every_platform_of_the_registry_is_in_the_suite() -> None:
    assert {name.partition(" ")[0] for name in PLATFORMS} == set(names())


async def test_an_event_reaches_the_host_whole(platform: Platform, adapter: Adapter, host: FakeHost) -> None:
    async with running(platform, adapter, host), platform.connect(adapter) as driver:
        await driver.deliver("e1", "hello there")
        assert await driver.told() is Told.ACCEPTED
    (event,) = host.events
    assert (event.event_id, event.text, event.kind) == (driver.event_id("e1"), "hello there", InboundKind.MESSAGE)
    assert (event.source.platform, event.source.account) == (adapter.name, adapter.account)
    assert event.source.chat_id == driver.source.chat_id
    assert event.session_key == driver.session


async def test_the_platform_is_told_only_after_the_host_has_it(
    platform: Platform, adapter: Adapter, host: FakeHost
) -> None:
    host.gate = trio.Event()
    async with running(platform, adapter, host), platform.connect(adapter) as driver:
        await driver.deliver("e1", "hi")
        await driver.settle()
        assert host.events == []
        host.gate.set()
        assert await driver.told() is Told.ACCEPTED
    assert len(host.events) == 1


@pytest.mark.parametrize(
    "error",
    [StoreFull("no space"), Unavailable("no answer within 5 s"), ActorCrashed("restarted"), TransientError("busy")],
)
async def test_what_may_be_taken_later_is_handed_over_again_and_taken(
    platform: Platform, adapter: Adapter, host: FakeHost, error: Exception
) -> None:
    host.failures.append(error)
    async with running(platform, adapter, host), platform.connect(adapter) as driver:
        await driver.deliver("e1", "hi")
        assert await driver.told() is Told.LATER
        assert host.events == []
        await driver.deliver("e1", "hi")
        assert await driver.told() is Told.ACCEPTED
    assert len(host.events) == 1


async def test_what_will_never_be_taken_is_told_so(platform: Platform, adapter: Adapter, host: FakeHost) -> None:
    host.failures.append(Refused("too large"))
    async with running(platform, adapter, host), platform.connect(adapter) as driver:
        await driver.deliver("e1", "hi")
        assert await driver.told() is Told.NEVER
        await driver.deliver("e2", "hi again")
        assert await driver.told() is Told.ACCEPTED


async def test_a_replay_is_acknowledged_and_is_one_event(platform: Platform, adapter: Adapter, host: FakeHost) -> None:
    async with running(platform, adapter, host):
        for expected in (Told.ACCEPTED, Told.DUPLICATE):
            async with platform.connect(adapter) as driver:
                await driver.deliver("e1", "hi")
                assert await driver.told() is expected
    assert len(host.events) == 1


async def test_a_replay_after_a_restart_of_the_adapter_is_one_event(platform: Platform, host: FakeHost) -> None:
    for expected in (Told.ACCEPTED, Told.DUPLICATE):
        adapter = platform.make()
        async with running(platform, adapter, host), platform.connect(adapter) as driver:
            await driver.deliver("e1", "hi")
            assert await driver.told() is expected
    assert len(host.events) == 1


async def test_what_cannot_be_read_does_not_end_the_stream(
    platform: Platform, adapter: Adapter, host: FakeHost
) -> None:
    async with running(platform, adapter, host), platform.connect(adapter) as driver:
        await driver.deliver_garbage()
        await driver.deliver("e1", "still here")
        assert await driver.told() is Told.ACCEPTED
    assert [event.text for event in host.events] == ["still here"]


async def test_events_of_one_chat_keep_their_order(platform: Platform, adapter: Adapter, host: FakeHost) -> None:
    host.gate = trio.Event()
    async with running(platform, adapter, host), platform.connect(adapter) as driver:
        for number in range(10):
            await driver.deliver(f"e{number}", f"line {number}")
        await driver.settle()
        host.gate.set()
        for _ in range(10):
            assert await driver.told() is Told.ACCEPTED
    assert [event.text for event in host.events] == [f"line {number}" for number in range(10)]


async def test_a_bug_in_the_host_acknowledges_nothing_and_ends_nobody_elses_stream(
    platform: Platform, adapter: Adapter, host: FakeHost
) -> None:
    host.failures.append(ZeroDivisionError("a bug"))
    async with running(platform, adapter, host):
        async with platform.connect(adapter) as driver:
            await driver.deliver("e1", "hi")
            with trio.fail_after(20):
                await host.called()
        async with platform.connect(adapter) as driver:
            await driver.deliver("e1", "hi")
            assert await driver.told() is Told.ACCEPTED
    assert len(host.events) == 1
