"""One open page over a real websocket."""

import json
from typing import Any

import pytest
import trio

from adapters.web import socket as page_socket
from adapters.web.adapter import WebAdapter, create
from adapters.web.chats import PAGE_ENTRIES
from adapters.web.frames import QUEUE_FRAMES
from adapters.web.protocol import FRAME_BYTES
from adapters.web.settings import WebSettings
from hermes.errors import ActorCrashed, Refused, StoreFull, Unavailable
from hermes.events import DraftState, InboundKind, OutboundKind, Source
from tests.adapters.fakehost import FakeHost, draft, outbound, worker
from tests.adapters.web.client import open_page, open_raw_page


async def test_a_message_is_acknowledged_and_reaches_the_host(adapter: WebAdapter, host: FakeHost) -> None:
    async with open_page(adapter) as page:
        assert await page.say("hello there", "m1") == {"type": "accepted", "id": "m1", "duplicate": False}
    (event,) = host.events
    assert (event.event_id, event.text, event.kind) == ("m1", "hello there", InboundKind.MESSAGE)
    assert event.source == Source("web", "local", "main", user_id="owner")


async def test_nothing_is_acknowledged_before_the_host_has_it(adapter: WebAdapter, host: FakeHost) -> None:
    host.gate = trio.Event()
    async with open_page(adapter) as page:
        await page.put("send", chat="main", id="m1", text="hi")
        await page.put("ping", n=1)
        assert await page.take() == {"type": "pong", "n": 1}
        host.gate.set()
        assert (await page.take())["type"] == "accepted"


@pytest.mark.parametrize(
    ("error", "reason", "retry"),
    [
        (StoreFull("no space left on device"), "the disk is full: nothing was kept", True),
        (Unavailable("the store did not answer within 5 s"), "the store did not answer within 5 s", True),
        (ActorCrashed("the store restarted"), "the store restarted", True),
        (Refused("a message of 200000 characters"), "a message of 200000 characters", False),
    ],
)
async def test_a_message_that_is_not_taken_is_told_with_its_remedy(
    adapter: WebAdapter, host: FakeHost, error: Exception, reason: str, retry: bool
) -> None:
    host.failures.append(error)
    async with open_page(adapter) as page:
        assert await page.say("hi", "m1") == {"type": "refused", "id": "m1", "reason": reason, "retry": retry}
        assert await page.say("hi", "m1") == {"type": "accepted", "id": "m1", "duplicate": False}


async def test_a_message_that_is_sent_again_is_acknowledged_as_a_duplicate(adapter: WebAdapter, host: FakeHost) -> None:
    async with open_page(adapter) as page:
        await page.say("hi", "m1")
    async with open_page(adapter) as page:
        assert await page.say("hi", "m1") == {"type": "accepted", "id": "m1", "duplicate": True}
    assert len(host.events) == 1


async def test_a_page_that_comes_back_finds_what_was_said_meanwhile(
    adapter: WebAdapter, host: FakeHost, source: Source, session: str
) -> None:
    async with open_page(adapter) as page:
        await page.hello()
        await page.say("question", "m1")
    await host.say(adapter, outbound(source, session, "answer", answers=("m1",)))
    async with open_page(adapter) as page:
        snapshot = await page.hello()
    assert [(entry["kind"], entry["text"]) for entry in snapshot["entries"]] == [
        ("user", "question"),
        ("answer", "answer"),
    ]
    assert snapshot["entries"][1]["answers"] == ["m1"]


async def test_every_window_of_a_chat_sees_the_same(
    adapter: WebAdapter, host: FakeHost, source: Source, session: str
) -> None:
    async with open_page(adapter) as one, open_page(adapter) as two, open_page(adapter, "another") as other:
        for page in (one, two, other):
            await page.hello()
        await one.say("question", "m1")
        seen = await two.take("message")
        assert (seen["entry"]["kind"], seen["entry"]["key"], seen["entry"]["text"]) == ("user", "m1", "question")
        await one.say("question", "m1")
        await host.say(adapter, outbound(source, session, "answer"))
        for page in (one, two):
            assert (await page.take("message"))["entry"]["text"] == "answer"
        await other.put("ping", n=7)
        assert (await other.take())["type"] == "pong"


async def test_an_answer_to_an_ask_reaches_the_host_and_the_other_windows(
    adapter: WebAdapter, host: FakeHost, source: Source, session: str
) -> None:
    ask = outbound(source, session, "May I?", kind=OutboundKind.ASK, ask_id="ask-1", choices=("once", "deny"))
    async with open_page(adapter) as one, open_page(adapter) as two:
        await one.hello()
        await two.hello()
        await host.say(adapter, ask)
        entry = (await one.take("message"))["entry"]
        assert (entry["state"], entry["choices"], entry["ask_id"]) == ("open", ["once", "deny"], "ask-1")
        await one.put("answer", chat="main", id="p1", ask_id="ask-1", choice="once")
        assert (await one.take())["type"] == "accepted"
        assert await two.take("answered") == {"type": "answered", "chat": "main", "ask_id": "ask-1", "choice": "once"}
        assert (await two.hello())["entries"][0]["state"] == "answered"
    (event,) = host.events
    assert (event.kind, event.ask_id, event.text) == (InboundKind.ANSWER, "ask-1", "once")


async def test_a_draft_comes_in_deltas_and_whole_to_a_window_that_is_opened_later(
    adapter: WebAdapter, source: Source, session: str
) -> None:
    async with open_page(adapter) as early, open_page(adapter) as late:
        assert not (await early.hello())["drafting"]
        for text in ("Once", "Once upon"):
            await adapter.show_draft(draft(source, session, text))
            delta = await early.take("draft")
        assert (delta["offset"], delta["text"]) == (4, " upon")
        assert (await late.hello())["drafting"]
        delta = await late.take("draft")
        assert (delta["offset"], delta["text"], delta["turn_id"]) == (0, "Once upon", "turn-1")
        await adapter.show_draft(draft(source, session, "", state=DraftState.ENDED))
        assert (await late.take("draft"))["state"] == "ended"
        assert not (await late.hello())["drafting"]


async def test_a_page_that_draws_itself_anew_is_sent_the_whole_draft_again(
    adapter: WebAdapter, source: Source, session: str
) -> None:
    async with open_page(adapter) as page:
        await page.hello()
        await adapter.show_draft(draft(source, session, "Once"))
        await page.take("draft")
        await page.hello()
        assert (await page.take("draft"))["text"] == "Once"


async def test_an_answer_ends_its_draft_for_windows_that_are_opened_later(
    adapter: WebAdapter, host: FakeHost, source: Source, session: str
) -> None:
    await adapter.show_draft(draft(source, session, "Once"))
    await host.say(adapter, outbound(source, session, "a note", turn_id="turn-1", kind=OutboundKind.NOTICE))
    async with open_page(adapter) as page:
        assert (await page.hello())["drafting"]
        await host.say(adapter, outbound(source, session, "Once upon a time", turn_id="turn-1"))
        assert not (await page.hello())["drafting"]


async def test_what_is_said_while_a_snapshot_is_read_follows_it(
    adapter: WebAdapter, host: FakeHost, source: Source, session: str
) -> None:
    async with open_page(adapter) as page:
        host.transcript_gate = trio.Event()
        await page.put("hello", chat="main")
        await page.sync()
        await host.say(adapter, outbound(source, session, "meanwhile"))
        host.transcript_gate.set()
        assert (await page.take())["entries"] == []
        assert (await page.take())["entry"]["text"] == "meanwhile"


async def test_a_page_may_look_at_another_chat(
    adapter: WebAdapter, host: FakeHost, source: Source, session: str
) -> None:
    async with open_page(adapter) as page:
        await page.hello("main")
        await page.hello("other")
        await host.say(adapter, outbound(source, session, "for main"))
        await page.put("ping", n=1)
        assert (await page.take())["type"] == "pong"


async def test_older_entries_are_fetched_by_the_id_of_the_first(
    adapter: WebAdapter, host: FakeHost, session: str
) -> None:
    host.remember(
        session, *(host.entry("user", f"line {number}", key=f"k{number}") for number in range(PAGE_ENTRIES + 5))
    )
    async with open_page(adapter) as page:
        snapshot = await page.hello()
        first = snapshot["entries"][0]["id"]
        assert (len(snapshot["entries"]), snapshot["older"]) == (PAGE_ENTRIES, True)
        await page.put("older", chat="main", before=first)
        earlier = await page.take("earlier")
    assert [entry["text"] for entry in earlier["entries"]] == [f"line {number}" for number in range(5)]
    assert (earlier["before"], earlier["older"]) == (first, False)


@pytest.mark.parametrize("asked", [{"type_": "hello"}, {"type_": "older", "before": 9}])
async def test_a_store_that_does_not_answer_closes_the_page_with_the_reason(
    adapter: WebAdapter, host: FakeHost, asked: dict[str, Any]
) -> None:
    host.transcript_failures.append(Unavailable("the store did not answer within 5 s"))
    async with open_page(adapter) as page:
        await page.put(**asked, chat="main")
        assert await page.closed() == (1013, "the store does not answer: try again")


async def test_a_message_of_a_megabyte_is_told_to_be_too_long_and_the_page_goes_on(
    adapter: WebAdapter, host: FakeHost
) -> None:
    async with open_page(adapter) as page:
        told = await page.say("x" * 1_000_000, "m1")
        assert (told["type"], told["id"]) == ("error", "m1")
        assert "too long" in told["reason"]
        assert str(FRAME_BYTES) in told["reason"]
        assert (await page.say("short", "m2"))["type"] == "accepted"
    assert [event.event_id for event in host.events] == ["m2"]


@pytest.mark.parametrize(
    "message", ["", "{", "[]", '{"type":"send"}', '{"type":"send","chat":"A","id":"x","text":"y"}', b"\xff\xfe", b"{}"]
)
async def test_what_cannot_be_read_is_told_and_the_page_goes_on(
    adapter: WebAdapter, host: FakeHost, message: str | bytes
) -> None:
    async with open_page(adapter) as page:
        await page.put_raw(message)
        told = await page.take()
        assert told["type"] == "error"
        assert told["reason"].startswith("not understood")
        assert (await page.say("fine", "m1"))["type"] == "accepted"
    assert [event.text for event in host.events] == ["fine"]


async def test_a_binary_frame_of_good_json_is_read(adapter: WebAdapter) -> None:
    async with open_page(adapter) as page:
        await page.put_raw(json.dumps({"type": "ping", "n": 5}).encode())
        assert await page.take() == {"type": "pong", "n": 5}


async def test_a_text_frame_that_is_not_utf8_ends_its_connection_only(adapter: WebAdapter, host: FakeHost) -> None:
    async with open_page(adapter) as other:
        async with open_raw_page(adapter) as page:
            await page.put_text(b'{"type":"ping","n":"\xff\xfe"}')
            await page.drain()
        assert (await other.say("still here", "m1"))["type"] == "accepted"


async def test_a_bug_of_ours_closes_the_page_with_a_reason_and_no_acknowledgement(
    adapter: WebAdapter, host: FakeHost, caplog: pytest.LogCaptureFixture
) -> None:
    host.failures.append(ZeroDivisionError("a bug"))
    async with open_page(adapter) as page, open_page(adapter) as other:
        await page.put("send", chat="main", id="m1", text="hi")
        assert await page.closed() == (1011, "an error of ours: start again from a snapshot")
        assert (await other.say("hi", "m1"))["duplicate"] is False
    assert "a bug" in caplog.text


async def test_a_page_is_shown_what_was_said_when_the_gateway_ends(
    host: FakeHost, source: Source, session: str
) -> None:
    adapter = create(WebSettings(port=0))
    gateway = trio.CancelScope()

    async def run(*, task_status: trio.TaskStatus[None]) -> None:
        with gateway:
            await adapter.run(host, task_status=task_status)

    async with trio.open_nursery() as nursery:
        await nursery.start(run)
        async with open_page(adapter) as page:
            await page.hello()
            for text in ("one", "two", "three"):
                await host.say(adapter, outbound(source, session, text))
            gateway.cancel()
            assert [(await page.take("message"))["entry"]["text"] for _ in range(3)] == ["one", "two", "three"]
            assert await page.closed() == (1001, "Hermes is stopping")


async def test_the_tree_is_shown_each_second_while_it_is_wanted(
    adapter: WebAdapter, host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_socket, "TREE_INTERVAL", 0.01)
    async with open_page(adapter) as page:
        await page.put("tree", on=True)
        assert (await page.take("tree"))["tree"]["name"] == "root"
        host.tree = worker("root", restarts=3)
        with trio.fail_after(20):
            while (await page.take("tree"))["tree"]["restarts"] != 3:
                pass
        await page.put("tree", on=False)
        await page.put("send", chat="main", id="m1", text="hi")
        await page.take("accepted")
        for number in range(3):
            await page.put("ping", n=number)
            assert (await page.take())["type"] == "pong"


async def test_a_page_that_says_nothing_for_long_is_closed(
    adapter: WebAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_socket, "SILENCE_LIMIT", 0.05)
    async with open_page(adapter) as page:
        assert await page.closed() == (1001, "nothing heard for too long")


async def test_a_page_for_which_too_much_happens_while_its_snapshot_is_read_starts_again(
    adapter: WebAdapter, host: FakeHost, source: Source, session: str
) -> None:
    host.transcript_gate = trio.Event()
    async with open_page(adapter) as page:
        await page.put("hello", chat="main")
        await page.sync()
        for _ in range(QUEUE_FRAMES + 1):
            await adapter.send(outbound(source, session, "more"))
        assert await page.closed() == (1013, "too slow: start again from a snapshot")
