"""The contract's outbound half, over every adapter."""

from pathlib import Path

import pytest
from attrs import evolve

from adapters.contract import Adapter, Drafts, Idempotency, Receipt
from hermes.errors import HermesError, Refused
from hermes.events import DraftState, OutboundKind
from tests.adapters.fakehost import FakeHost, draft, outbound
from tests.contract.drivers import Platform, running


async def test_a_message_that_was_sent_while_nobody_looked_is_there_afterwards(
    platform: Platform, adapter: Adapter, host: FakeHost
) -> None:
    async with running(platform, adapter, host):
        async with platform.connect(adapter) as driver:
            source, session = driver.source, driver.session
        receipt = await host.say(adapter, outbound(source, session, "while you were away"))
        assert receipt.message_id
        async with platform.connect(adapter) as driver:
            assert await driver.shown() == ["while you were away"]


async def test_messages_keep_their_order_and_their_texts(platform: Platform, adapter: Adapter, host: FakeHost) -> None:
    texts = ["one", "**two** <b>&amp;</b>", "three\n\n```\nrm -rf /\n```", "\U0001f600 \u202e \x00"]
    async with running(platform, adapter, host), platform.connect(adapter) as driver:
        for text in texts:
            await host.say(adapter, outbound(driver.source, driver.session, text))
        assert await driver.shown() == [driver.shows(text) for text in texts]


async def test_a_key_that_is_sent_twice_is_one_message_where_the_platform_knows_it(
    platform: Platform, adapter: Adapter, host: FakeHost
) -> None:
    if adapter.limits.idempotency is Idempotency.NONE:
        pytest.skip("the platform has no key")
    async with running(platform, adapter, host), platform.connect(adapter) as driver:
        message = outbound(driver.source, driver.session, "once")
        first = await host.say(adapter, message)
        assert await host.say(adapter, message) == first == Receipt(first.message_id)
        assert await driver.shown() == ["once"]


async def test_the_longest_message_is_sent_and_a_longer_one_is_refused(
    platform: Platform, adapter: Adapter, host: FakeHost
) -> None:
    async with running(platform, adapter, host), platform.connect(adapter) as driver:
        longest = outbound(driver.source, driver.session, "x" * adapter.limits.message_length)
        await adapter.send(longest)
        with pytest.raises(Refused):
            await adapter.send(evolve(longest, key="longer", text=longest.text + "x"))


async def test_a_file_is_sent_or_refused_with_its_reason(
    platform: Platform, adapter: Adapter, host: FakeHost, tmp_path: Path
) -> None:
    if not adapter.limits.files:
        pytest.skip("the platform takes no files")
    path = tmp_path / "chart.png"
    path.write_bytes(b"picture")
    async with running(platform, adapter, host), platform.connect(adapter) as driver:
        message = outbound(driver.source, driver.session, f"MEDIA:{path}", file=str(path))
        for marked in (False, True):
            assert (await adapter.send(message, marked=marked)).message_id
        path.unlink()
        with pytest.raises(Refused, match="there is no such file"):
            await adapter.send(message)
        for hostile in ("/etc/shadow", "/proc/self/environ", "/dev/zero", f"{path}/../../../../etc/passwd"):
            with pytest.raises(Refused):
                await adapter.send(evolve(message, file=hostile))


@pytest.mark.parametrize("kind", list(OutboundKind))
@pytest.mark.parametrize("marked", [False, True])
async def test_every_kind_of_message_can_be_sent(
    platform: Platform, adapter: Adapter, host: FakeHost, kind: OutboundKind, marked: bool
) -> None:
    async with running(platform, adapter, host), platform.connect(adapter) as driver:
        message = outbound(driver.source, driver.session, "May I?", kind=kind, ask_id="ask-1", choices=("once", "deny"))
        assert (await adapter.send(message, marked=marked)).message_id


async def test_an_edit_may_be_repeated(platform: Platform, adapter: Adapter, host: FakeHost) -> None:
    if adapter.limits.drafts is not Drafts.EDITS:
        pytest.skip("the platform's drafts are no messages")
    async with running(platform, adapter, host), platform.connect(adapter) as driver:
        message = outbound(driver.source, driver.session, "so far")
        receipt = await adapter.send(message)
        for _ in range(2):
            await adapter.edit(evolve(message, text="the answer"), receipt.message_id)


@pytest.mark.parametrize("state", list(DraftState))
async def test_a_draft_may_be_shown_at_any_time(
    platform: Platform, adapter: Adapter, host: FakeHost, state: DraftState
) -> None:
    async with running(platform, adapter, host):
        async with platform.connect(adapter) as driver:
            source, session = driver.source, driver.session
            await adapter.show_draft(draft(source, session, "so far", state=state))
        await adapter.show_draft(draft(source, session, "so far, and more", state=state))


async def test_what_cannot_be_sent_raises_an_error_of_the_tree(
    platform: Platform, adapter: Adapter, host: FakeHost
) -> None:
    async with running(platform, adapter, host), platform.connect(adapter) as driver:
        message = outbound(driver.source, driver.session, "x" * (2 * adapter.limits.message_length))
        with pytest.raises(HermesError):
            await adapter.send(message)
