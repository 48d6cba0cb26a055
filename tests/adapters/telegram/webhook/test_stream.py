"""Updates by webhook: what Telegram is told, what a stranger is told, and how the stream ends."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from attrs import define, evolve

from adapters.telegram.adapter import WEBHOOK_DEAF_AFTER, TelegramAdapter, create
from adapters.telegram.calls import WebhookState
from adapters.telegram.incoming.events import KINDS
from adapters.telegram.incoming.intake import Intake
from adapters.telegram.webhook.door import AGAIN_AFTER, MAX_BODY, MOST_AT_A_TIME
from adapters.telegram.webhook.settings import Webhook
from adapters.telegram.webhook.stream import WebhookStream
from hermes.errors import ConfigError, StoreFull, TransientError, fold
from tests.adapters.fakehost import FakeHost
from tests.adapters.telegram.botapi import OWNER, WITHIN, BotApi, serving
from tests.adapters.telegram.faults import Fault, refusing
from tests.adapters.telegram.pushing import post
from tests.contract.telegram import CACHE, settings, webhook

UPDATE = {
    "update_id": 5,
    "message": {"message_id": 1, "date": 1, "chat": {"id": OWNER, "type": "private"}, "text": "hi"},
}


@define(eq=False)
class Scene:
    api: BotApi
    adapter: TelegramAdapter
    host: FakeHost
    hook: Webhook

    async def post(self, body: bytes, *, path: str = "/telegram", method: str = "POST", **headers: str) -> int:
        """The status that somebody is answered by who knows the secret, or tells ``secret``."""
        told = {"X-Telegram-Bot-Api-Secret-Token": headers.get("secret", self.hook.secret)}
        return await post(f"http://127.0.0.1:{self.hook.port}{path}", body, told, method)

    async def fails(self) -> Exception:
        """Run the adapter until it fails; what its supervisor would see."""
        try:
            with trio.fail_after(WITHIN):
                await self.adapter.run(self.host)
        except Exception as error:
            return fold(error)
        raise AssertionError("it ended")


@asynccontextmanager
async def scene(**changes: Any) -> AsyncIterator[Scene]:
    """A server and an adapter that does not run."""
    hook = evolve(webhook(), **changes)
    async with serving() as api:
        adapter = create(settings(api, webhook=hook), CACHE)
        try:
            yield Scene(api, adapter, FakeHost(), hook)
        finally:
            await adapter._calls.renew()


@asynccontextmanager
async def running() -> AsyncIterator[Scene]:
    async with scene() as made, trio.open_nursery() as nursery:
        with trio.fail_after(WITHIN):
            await nursery.start(made.adapter.run, made.host)
            yield made
        nursery.cancel_scope.cancel()


async def test_telegram_is_told_where_and_by_which_secret() -> None:
    async with running() as it:
        asked = {"url": it.hook.url, "secret_token": it.hook.secret, "allowed_updates": list(KINDS)}
        assert it.api.webhook_asked == asked | {"drop_pending_updates": False, "max_connections": MOST_AT_A_TIME}
        it.api.say("hello")
        await it.host.received()
        await it.api.until(lambda: it.api.confirmed)
        assert not it.api.of("getUpdates")
        assert it.adapter.limits.deaf_after == WEBHOOK_DEAF_AFTER
    assert [event.text for event in it.host.events] == ["hello"]
    assert it.api.webhook == it.hook.url, "it stays, so that Telegram keeps what comes meanwhile"


async def test_what_waited_is_asked_for_anew_and_nothing_of_it_is_dropped() -> None:
    async with scene() as it:
        it.api.webhook = "http://127.0.0.1:1/gone"
        for number in range(5):
            it.api.say(f"line {number}")
        async with trio.open_nursery() as nursery:
            await nursery.start(it.adapter.run, it.host)
            with trio.fail_after(WITHIN):
                await it.host.received(5)
            nursery.cancel_scope.cancel()
        assert [event.text for event in it.host.events] == [f"line {number}" for number in range(5)]
        assert [asked["drop_pending_updates"] for asked in it.api.of("deleteWebhook")] == [False]


async def test_a_quiet_webhook_is_not_taken_away_for_a_moment() -> None:
    async with running() as it:
        assert not it.api.of("deleteWebhook")


@pytest.mark.parametrize("secret", ["", "a-secret_", "a-secret_12", "A-SECRET_1", "\u00e4"])
async def test_whoever_does_not_know_the_secret_is_not_heard(secret: str) -> None:
    async with running() as it:
        beats = it.host.beats
        assert await it.post(json.dumps(UPDATE).encode(), secret=secret) == 403
        assert not it.host.calls
        assert it.host.beats == beats


async def test_the_rest_of_the_port_is_empty() -> None:
    async with running() as it:
        assert await it.post(b"{}", path="/") == 404
        assert await it.post(b"{}", path="/telegram/x") == 404
        assert await it.post(b"", method="GET") == 405


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"update_id": "5"}', b'"x"', b"[" * 100_000])
async def test_what_holds_no_update_is_passed_over(body: bytes) -> None:
    async with running() as it:
        assert await it.post(body) == 200
        assert not it.host.calls


async def test_a_request_is_bounded_in_size() -> None:
    async with running() as it:
        assert await it.post(b" " * (MAX_BODY + 1)) == 413
        assert await it.post(b" " * MAX_BODY) == 200


async def test_a_request_that_does_not_come_to_its_end_is_bounded_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.telegram.webhook.door.BODY_WITHIN", 0.1)
    async with running() as it:
        head = f"POST /telegram HTTP/1.1\r\nHost: h\r\nX-Telegram-Bot-Api-Secret-Token: {it.hook.secret}\r\n"
        async with await trio.open_tcp_stream("127.0.0.1", it.hook.port) as stream:
            await stream.send_all(f"{head}Content-Length: 9\r\n\r\n{{".encode())
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 413 ")


async def test_what_the_inbox_cannot_take_is_handed_over_again_soon() -> None:
    async with running() as it:
        it.host.failures.extend([StoreFull("no space"), StoreFull("no space")])
        head = f"POST /telegram HTTP/1.1\r\nHost: h\r\nX-Telegram-Bot-Api-Secret-Token: {it.hook.secret}\r\n"
        body = json.dumps({"update_id": 1, "message": it.api.message("first")}).encode()
        async with await trio.open_tcp_stream("127.0.0.1", it.hook.port) as stream:
            await stream.send_all(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            answer = (await stream.receive_some()).lower()
        assert answer.startswith(b"http/1.1 503 ")
        assert f"retry-after: {AGAIN_AFTER}\r\n".encode() in answer
        it.api.say("second")
        await it.host.received()
        await it.api.until(lambda: it.api.confirmed)
    assert it.host.calls == 3
    assert [event.text for event in it.host.events] == ["second"]


async def test_nothing_is_confirmed_before_the_inbox_has_it() -> None:
    async with running() as it:
        it.host.gate = trio.Event()
        number = it.api.say("hello")
        await it.host.called()
        await trio.testing.wait_all_tasks_blocked(0.02)
        assert not it.api.confirmed
        it.host.gate.set()
        await it.api.until(lambda: number in it.api.confirmed)


async def test_more_requests_than_may_be_in_hand_are_sent_again_later() -> None:
    async with running() as it:
        it.host.gate = trio.Event()
        updates = [{"update_id": n, "message": it.api.message("hi")} for n in range(MOST_AT_A_TIME)]
        statuses: list[int] = []

        async def hand_over(update: Any) -> None:
            statuses.append(await it.post(json.dumps(update).encode()))

        async with trio.open_nursery() as nursery:
            for update in updates:
                nursery.start_soon(hand_over, update)
            while it.host.calls < MOST_AT_A_TIME:
                await trio.testing.wait_all_tasks_blocked(0.01)
            assert await it.post(json.dumps(UPDATE).encode()) == 503
            it.host.gate.set()
        assert statuses == [200] * MOST_AT_A_TIME
        assert it.host.calls == MOST_AT_A_TIME


async def test_what_telegram_tells_of_is_told_until_something_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.telegram.webhook.stream.LOOK_EVERY", 0.02)
    async with running() as it:
        await _until(lambda: it.host.beats > 3)
        it.api.webhook_error = "Wrong response from the webhook: 502 Bad Gateway"
        beats = it.host.beats
        await _until(lambda: it.host.beats > beats + 1)
        assert not it.host.reasons, "nothing waits, so it is over"
        # A proxy between that lost the way: what Telegram sends goes nowhere.
        it.api.webhook_asked["secret_token"] = "another"
        it.api.say("hello")
        await _until(lambda: it.host.reasons)
        assert it.host.reasons[0].startswith("Telegram cannot hand over 1 updates: Wrong response")
        beats = it.host.beats
        it.api.webhook_asked["secret_token"] = it.hook.secret
        await it.host.received()
        await _until(lambda: it.host.beats > beats)


async def test_an_old_error_is_not_told_while_updates_arrive() -> None:
    async with scene() as it:
        stream = WebhookStream(it.hook, it.adapter._calls, Intake.__new__(Intake), it.host)
        stream._heard()
        stream._judge(WebhookState(it.hook.url, pending=3, error="Connection timed out"))
        assert not it.host.reasons
        assert it.host.beats == 2


async def test_a_webhook_that_another_program_took_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.telegram.webhook.stream.LOOK_EVERY", 0.02)
    async with scene() as it, trio.open_nursery() as nursery:
        nursery.start_soon(_take_away, it.api)
        error = await it.fails()
    assert type(error) is TransientError
    assert "another program" in str(error)


async def _take_away(api: BotApi) -> None:
    await api.until(lambda: api.webhook_asked)
    await api.until(lambda: len(api.of("getWebhookInfo")) > 1)
    api.webhook = ""


async def test_a_server_that_is_gone_ends_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.telegram.webhook.stream.LOOK_EVERY", 0.02)
    async with scene() as it:
        it.api.fail("getWebhookInfo", *[_answered] * 2)
        it.api.always["getWebhookInfo"] = refusing(502)
        assert isinstance(await it.fails(), TransientError)


async def _answered(api: Any, connection: Any, call: Any) -> None:
    await api.answer(connection, api._result(call))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (refusing(400, "Bad Request: bad webhook: IP address 127.0.0.1 is reserved"), ConfigError),
        (refusing(400, "Bad Request: bad webhook: Failed to resolve host: Name or service not known"), TransientError),
        (refusing(500), TransientError),
    ],
)
async def test_an_address_that_telegram_does_not_take_is_told_by_its_variable(
    fault: Fault, error: type[Exception]
) -> None:
    async with scene() as it:
        it.api.fail("setWebhook", fault)
        found = await it.fails()
    assert isinstance(found, error)
    assert "TELEGRAM_WEBHOOK_URL" in str(found) or error is TransientError


async def test_a_port_that_is_taken_is_told_by_its_variable() -> None:
    async with scene() as it:
        (taken,) = await trio.open_tcp_listeners(it.hook.port, host="127.0.0.1")
        async with taken:
            found = await it.fails()
    assert isinstance(found, ConfigError)
    assert found.key == "TELEGRAM_WEBHOOK_PORT"
    assert not it.api.of("setWebhook")


async def _until(holds: Any) -> None:
    while not holds():
        await trio.testing.wait_all_tasks_blocked(0.001)
