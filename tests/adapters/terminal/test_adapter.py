from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from attrs import evolve

from adapters.contract import Drafts, Idempotency
from adapters.terminal.adapter import RETRY, TerminalAdapter
from adapters.terminal.chats import session_key, source, typed
from adapters.terminal.outgoing import MAX_WAITING, Outgoing
from hermes.errors import ActorCrashed, Refused, StoreFull, Unavailable
from hermes.events import Inbound
from tests.adapters.fakehost import FakeHost, outbound
from tests.adapters.terminal.recording import RecordingView


@pytest.fixture
def view() -> RecordingView:
    return RecordingView()


@pytest.fixture
def adapter(view: RecordingView) -> TerminalAdapter:
    return TerminalAdapter("s1", view, Outgoing())


@asynccontextmanager
async def running(adapter: TerminalAdapter, host: FakeHost) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        with trio.fail_after(20):
            await nursery.start(adapter.run, host)
        yield
        nursery.cancel_scope.cancel()


def event(text: str, event_id: str = "e1") -> Inbound:
    return typed("s1", text, event_id=event_id, now=0.0)


async def test_what_is_typed_is_durable_before_it_is_shown_as_sent(
    adapter: TerminalAdapter, view: RecordingView
) -> None:
    host = FakeHost(gate=trio.Event())
    async with running(adapter, host):
        adapter.outgoing.put(event("hello"))
        await trio.testing.wait_all_tasks_blocked()
        assert host.calls == 1
        assert ("accepted", "hello") not in view.log.items
        host.gate.set()
        await view.log.until(lambda items: ("accepted", "hello") in items)
    assert host.events == [event("hello")]


@pytest.mark.parametrize("error", [StoreFull("no space"), Unavailable("no answer"), ActorCrashed("restarted")])
async def test_what_is_not_taken_is_offered_again_until_it_is(
    adapter: TerminalAdapter, view: RecordingView, error: Exception, autojump_clock: trio.testing.MockClock
) -> None:
    host = FakeHost()
    host.failures.extend([error, error])
    started = trio.current_time()
    async with running(adapter, host):
        adapter.outgoing.put(event("one", "e1"))
        adapter.outgoing.put(event("two", "e2"))
        await view.log.until(lambda items: ("accepted", "two") in items)
    assert view.log.items[1:] == [("delayed", str(error))] * 2 + [("accepted", "one"), ("accepted", "two")]
    assert trio.current_time() - started == pytest.approx(2 * RETRY)


async def test_what_will_never_be_taken_is_told_and_the_rest_goes_on(
    adapter: TerminalAdapter, view: RecordingView
) -> None:
    host = FakeHost()
    host.failures.append(Refused("too large"))
    async with running(adapter, host):
        adapter.outgoing.put(event("one", "e1"))
        adapter.outgoing.put(event("two", "e2"))
        await view.log.until(lambda items: ("accepted", "two") in items)
    assert view.log.items[1] == ("refused", "too large")
    assert adapter.outgoing.waiting == ()


async def test_what_a_crash_finds_in_hand_is_offered_by_the_next_run(
    adapter: TerminalAdapter, view: RecordingView
) -> None:
    host = FakeHost()
    host.failures.append(ZeroDivisionError("a bug"))
    adapter.outgoing.put(event("hello"))
    with pytest.raises(ZeroDivisionError):
        await adapter.run(host)
    async with running(adapter, host):
        await view.log.until(lambda items: ("accepted", "hello") in items)
    assert len(host.events) == 1


async def test_a_repeated_key_is_shown_once(adapter: TerminalAdapter, view: RecordingView) -> None:
    message = outbound(source("s1"), session_key("s1"), "the answer")
    first = await adapter.send(message)
    assert await adapter.send(message, marked=True) == first
    assert view.log.items == [("show", "the answer")]


async def test_a_message_that_the_transcript_has_shown_is_not_shown_again(
    adapter: TerminalAdapter, view: RecordingView
) -> None:
    message = outbound(source("s1"), session_key("s1"), "the answer")
    view.keys = (message.key,)
    async with running(adapter, FakeHost()):
        assert (await adapter.send(message)).message_id == message.key
    assert view.log.items == [("opened", "")]


async def test_a_message_whose_painting_was_cut_short_is_not_painted_again(
    adapter: TerminalAdapter, view: RecordingView
) -> None:
    view.stuck = trio.Event()
    message = outbound(source("s1"), session_key("s1"), "the answer")
    with trio.move_on_after(0):
        await adapter.send(message)
    with trio.fail_after(5):
        await adapter.send(message)
    assert view.log.items == [("show", "the answer")]


async def test_a_message_beyond_the_limit_is_refused(adapter: TerminalAdapter) -> None:
    message = outbound(source("s1"), session_key("s1"), "x" * adapter.limits.message_length)
    await adapter.send(message)
    with pytest.raises(Refused):
        await adapter.send(evolve(message, key="longer", text=message.text + "x"))


async def test_what_was_printed_cannot_be_edited(adapter: TerminalAdapter) -> None:
    with pytest.raises(Refused):
        await adapter.edit(outbound(source("s1"), session_key("s1"), "x"), "id")


def test_its_limits_say_that_a_key_is_known_and_drafts_are_no_messages(adapter: TerminalAdapter) -> None:
    limits = adapter.limits
    assert (limits.idempotency, limits.drafts, limits.buttons) == (Idempotency.TRANSACTION, Drafts.EPHEMERAL, False)
    assert adapter.probe_interval is None


def test_what_waits_is_bounded() -> None:
    outgoing = Outgoing()
    assert all(outgoing.put(event(str(number), f"e{number}")) for number in range(MAX_WAITING))
    assert not outgoing.put(event("one too many"))
    assert len(outgoing.waiting) == MAX_WAITING
