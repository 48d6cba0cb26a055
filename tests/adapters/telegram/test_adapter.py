"""The adapter over the fake Bot API: what it raises when the world is out of joint, and what it sends."""

from typing import Any

import pytest
import trio
from attrs import evolve

from adapters.contract import Ambiguous
from adapters.telegram.adapter import create
from adapters.telegram.failures import PollConflict
from adapters.telegram.outgoing.message import MARK
from adapters.telegram.settings import ReplyTo
from hermes.errors import AuthError, RateLimited, Refused, TransientError
from hermes.events import DraftState
from tests.adapters.fakehost import FakeHost, draft, outbound
from tests.adapters.telegram.botapi import OWNER, WITHIN
from tests.adapters.telegram.faults import (
    Fault,
    babble,
    cut,
    flooded,
    hang,
    lose_reply,
    page,
    quote_oddly,
    refusing,
)
from tests.adapters.telegram.scenes import SESSION, SOURCE, Scene, running, scene
from tests.contract.telegram import CACHE, settings


async def test_what_waited_while_nobody_polled_is_taken_and_then_confirmed() -> None:
    async with scene() as it:
        numbers = [it.api.say(f"line {number}") for number in range(20)]
        async with trio.open_nursery() as nursery:
            await nursery.start(it.adapter.run, it.host)
            await it.host.received(20)
            await it.api.until(lambda: it.api.confirmed == set(numbers))
            nursery.cancel_scope.cancel()
        assert [event.text for event in it.host.events] == [f"line {number}" for number in range(20)]


async def test_the_first_poll_does_not_wait_until_the_bot_knows_its_name() -> None:
    async with scene() as it:
        it.api.fail("getMe", hang)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(it.adapter.run, it.host)
            await it.api.until(lambda: it.api.of("getMe") and it.api.of("getUpdates"))
            nursery.cancel_scope.cancel()


async def test_the_offset_is_not_sent_again_once_all_is_confirmed() -> None:
    """After a quiet week the server counts anew, anywhere: an old offset would hide what comes."""
    async with running() as it:
        it.api.say("hello")
        await it.host.received()
        await it.api.until(lambda: it.api.confirmed)
        # The poll that confirmed it is answered by nothing.
        it.api.end_poll()
        await it.api.until(lambda: "offset" not in it.api.of("getUpdates")[-1])
        it.api.push_raw({"update_id": 5, "message": it.api.message("from a new count")})
        await it.host.received(2)


async def test_an_update_that_was_not_taken_comes_again_while_other_chats_go_on() -> None:
    async with running() as it:
        it.host.failures.append(TransientError("busy"))
        it.api.say("hello")
        await it.host.received()
        assert len(it.host.events) == 1


async def test_an_update_that_only_breaks_our_code_is_passed_over_when_others_are_not() -> None:
    async with running() as it:
        bad = it.api.say("bad")

        async def break_on_bad(event: Any) -> None:
            if event.text == "bad":
                it.host.events.remove(event)
                raise ZeroDivisionError("a bug")

        it.host.on_accept = break_on_bad
        await it.host.called()
        it.api.say("/status", -5)
        await it.api.until(lambda: bad in it.api.confirmed)
        assert [event.text for event in it.host.events] == ["/status"]


async def test_a_message_that_is_too_large_is_turned_down_in_its_chat() -> None:
    async with running() as it:
        it.host.failures.append(Refused("it is too large"))
        it.api.say("hello")
        await it.api.until(lambda: it.api.said())
        assert it.api.said() == ["I cannot take this message: it is too large"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (refusing(500), TransientError),
        (refusing(502, "Bad Gateway"), TransientError),
        (refusing(409, "Conflict: terminated by other getUpdates request"), PollConflict),
        (refusing(401, "Unauthorized"), AuthError),
        (flooded(7), RateLimited),
        (cut, TransientError),
        (babble, TransientError),
    ],
)
@pytest.mark.parametrize("polls", [0, 1])
async def test_what_ends_the_polling_is_raised_by_its_remedy(fault: Fault, error: type[Exception], polls: int) -> None:
    async with scene() as it:
        it.api.fail_after("getUpdates", polls, fault)
        found = await it.run()
        assert isinstance(found, error)
        assert it.api.token not in str(found)
        assert it.host.beats == polls


async def test_a_server_that_is_not_there_is_the_worlds_fault() -> None:
    async with scene() as it:
        adapter = create(evolve(settings(it.api), base_url="http://127.0.0.1:1/bot"), CACHE)
        found = await Scene(it.api, adapter, it.host).run()
        assert isinstance(found, TransientError)
        assert not isinstance(found, Ambiguous)
        assert it.api.token not in str(found)


async def test_a_token_that_is_not_known_is_a_persons_to_renew() -> None:
    async with scene() as it:
        it.api.token = "1:other"
        found = await it.run()
        assert isinstance(found, AuthError)
        assert "TELEGRAM_BOT_TOKEN" in str(found)


async def test_a_second_program_is_told_of_as_what_it_is() -> None:
    async with scene() as it, trio.open_nursery() as nursery:
        other = create(settings(it.api), CACHE)
        found: list[Exception] = []

        async def first() -> None:
            found.append(await it.run())
            nursery.cancel_scope.cancel()

        nursery.start_soon(first)
        await it.api.until(lambda: it.host.beats == 1 and it.api.polled)
        nursery.start_soon(other.run, FakeHost())
    assert isinstance(found[0], PollConflict)
    assert "another program" in str(found[0])


async def test_a_webhook_is_removed_and_nothing_that_waited_is_dropped() -> None:
    async with scene() as it:
        it.api.webhook = "https://example.org/hook"
        it.api.say("hello")
        async with trio.open_nursery() as nursery:
            await nursery.start(it.adapter.run, it.host)
            await it.host.received()
            nursery.cancel_scope.cancel()
        assert it.api.webhook == ""


async def test_the_menu_of_commands_is_offered() -> None:
    async with running() as it:
        await it.api.until(lambda: it.api.commands)
        assert it.api.commands == [{"command": "new", "description": "begin anew"}]


async def test_a_menu_that_is_refused_ends_nothing() -> None:
    async with scene() as it:
        it.api.fail("setMyCommands", refusing(400, "Bad Request: no"))
        it.api.say("hello")
        async with trio.open_nursery() as nursery:
            await nursery.start(it.adapter.run, it.host)
            await it.host.received()
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("fault", "error", "exactly"),
    [
        (refusing(400, "Bad Request: chat not found"), Refused, True),
        (refusing(403, "Forbidden: bot was blocked by the user"), Refused, True),
        (refusing(401, "Unauthorized"), AuthError, True),
        (refusing(500), Ambiguous, True),
        (flooded(3), RateLimited, True),
        (cut, Ambiguous, True),
        (lose_reply, Ambiguous, True),
        (babble, Ambiguous, True),
    ],
)
async def test_a_send_fails_by_its_remedy(fault: Fault, error: type[Exception], exactly: bool) -> None:
    async with scene() as it:
        it.api.fail("sendMessage", fault)
        with pytest.raises(error) as caught:
            await it.send("hello")
        assert type(caught.value) is error
        assert it.api.token not in str(caught.value)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 407, 409])
async def test_what_somebody_between_refuses_is_no_word_of_telegrams(status: int) -> None:
    """Nobody is blocked by it, no chat is gone, and the token is as good as before."""
    async with scene() as it:
        for method in ("sendMessage", "getUpdates"):
            it.api.fail(method, page(status))
        with pytest.raises(Ambiguous):
            await it.send("hello")
        found = await it.run()
        assert type(found) is Ambiguous
        assert "html" not in str(found)


async def test_a_message_that_quotes_what_cannot_be_read_is_sent_and_edited_once() -> None:
    async with scene() as it:
        it.api.fail("sendMessage", quote_oddly)
        it.api.fail("editMessageText", quote_oddly)
        receipt = await it.send("hello", reply_to="1")
        await it.adapter.edit(outbound(SOURCE, SESSION, "hello you"), receipt.message_id)
        assert it.api.said() == ["hello you"]


async def test_a_send_that_never_left_is_not_ambiguous() -> None:
    async with scene() as it:
        adapter = create(evolve(settings(it.api), base_url="http://127.0.0.1:1/bot"), CACHE)
        with pytest.raises(TransientError) as caught:
            await adapter.send(outbound(SOURCE, SESSION, "hello"))
        assert type(caught.value) is TransientError


async def test_during_a_pause_the_server_is_not_asked_again() -> None:
    async with scene() as it:
        it.api.fail("sendMessage", flooded(60))
        for _ in range(3):
            with pytest.raises(RateLimited) as caught:
                await it.send("hello")
            assert 0 < caught.value.retry_after <= 60
        assert len(it.api.of("sendMessage")) == 1
        await it.adapter.send(outbound(evolve(SOURCE, chat_id="12"), SESSION, "another chat"))


async def test_a_repetition_says_so() -> None:
    async with scene() as it:
        await it.adapter.send(outbound(SOURCE, SESSION, "hello"), marked=True)
        assert it.api.said() == [f"{MARK}hello"]


async def test_the_longest_message_has_room_for_the_mark() -> None:
    async with scene() as it:
        length = it.adapter.limits.message_length
        await it.adapter.send(outbound(SOURCE, SESSION, "\U0001f600" * (length // 2)), marked=True)
        with pytest.raises(Refused):
            await it.send("\U0001f600" * (length // 2 + 1))


@pytest.mark.parametrize(("mode", "quoted"), [(ReplyTo.OFF, []), (ReplyTo.FIRST, [0]), (ReplyTo.ALL, [0, 1])])
async def test_an_answer_quotes_what_it_answers(mode: ReplyTo, quoted: list[int]) -> None:
    async with scene(reply_to=mode) as it:
        asked = it.api.message("hi")
        for part in (0, 1):
            await it.send("hello", reply_to=str(asked["message_id"]), part=part)
        assert [part for part, message in enumerate(it.api.by_bot()) if "replies_to" in message] == quoted


async def test_an_answer_to_a_message_that_is_gone_is_sent_all_the_same() -> None:
    async with scene() as it:
        await it.send("hello", reply_to="999")
        assert it.api.said() == ["hello"]


async def test_a_topic_is_answered_in_the_topic() -> None:
    async with scene() as it:
        await it.adapter.send(outbound(evolve(SOURCE, chat_id="-5", thread_id="33"), SESSION, "hello"))
        assert it.api.by_bot(-5)[0]["message_thread_id"] == 33


async def test_a_group_that_became_a_supergroup_is_written_to_under_its_new_id() -> None:
    async with scene() as it:
        it.api.migrated[-5] = -1005
        await it.adapter.send(outbound(evolve(SOURCE, chat_id="-5"), SESSION, "hello"))
        assert it.api.said(-1005) == ["hello"]


async def test_an_answer_that_grows_is_completed_in_a_group_that_became_a_supergroup() -> None:
    """Else its last edit would be refused, and the answer come a second time."""
    async with scene() as it:
        it.api.migrated[-5] = -1005
        source = evolve(SOURCE, chat_id="-5")
        receipt = await it.adapter.send(outbound(source, SESSION, "so far"))
        for _ in range(2):
            await it.adapter.edit(outbound(source, SESSION, "the answer"), receipt.message_id)
        assert it.api.said(-1005) == ["the answer"]


async def test_an_edit_that_changes_nothing_is_a_success() -> None:
    async with scene() as it:
        receipt = await it.send("so far")
        message = outbound(SOURCE, SESSION, "the answer")
        for _ in range(2):
            assert await it.adapter.edit(message, receipt.message_id) == receipt
        assert it.api.said() == ["the answer"]


async def test_an_edit_of_a_message_that_is_gone_is_refused() -> None:
    async with scene() as it:
        with pytest.raises(Refused):
            await it.adapter.edit(outbound(SOURCE, SESSION, "the answer"), "999")


async def test_a_chat_sees_that_the_bot_is_at_work_until_it_waits_or_has_answered() -> None:
    async with running() as it:
        await it.adapter.show_draft(draft(SOURCE, SESSION, "", state=DraftState.THINKING))
        await it.api.until(lambda: it.api.of("sendChatAction"))
        assert it.api.of("sendChatAction") == [{"chat_id": OWNER, "action": "typing"}]
        assert it.adapter._presence._at_work
        await it.adapter.show_draft(draft(SOURCE, SESSION, "", state=DraftState.WAITING))
        assert not it.adapter._presence._at_work
        await it.adapter.show_draft(draft(SOURCE, SESSION, "", state=DraftState.TOOL))
        assert it.adapter._presence._at_work
        await it.send("the answer", turn_id="turn-1")
        assert not it.adapter._presence._at_work


@pytest.mark.parametrize("state", [DraftState.ENDED, DraftState.WAITING, None])
async def test_in_a_group_the_sign_stays_while_somebody_elses_turn_runs(state: DraftState | None) -> None:
    async with running() as it:
        group = evolve(SOURCE, chat_id="-5")
        for turn in ("turn-1", "turn-2"):
            await it.adapter.show_draft(draft(group, SESSION, "", turn_id=turn, state=DraftState.TOOL))
        if state is None:
            await it.adapter.send(outbound(group, SESSION, "the answer", turn_id="turn-1"))
        else:
            await it.adapter.show_draft(draft(group, SESSION, "", turn_id="turn-1", state=state))
        await it.api.until(lambda: it.api.of("sendChatAction"))
        await it.adapter.send(outbound(group, SESSION, "the answer", turn_id="turn-2"))
        assert not it.adapter._presence._at_work


async def test_signs_that_hang_hold_up_no_message() -> None:
    async with running() as it:
        it.api.always["sendChatAction"] = hang
        for number in range(150):
            at_work = draft(evolve(SOURCE, chat_id=str(number + 1)), SESSION, "", state=DraftState.THINKING)
            await it.adapter.show_draft(at_work)
        await it.api.until(lambda: len(it.api.of("sendChatAction")) >= 16)
        with trio.fail_after(WITHIN):
            await it.send("the answer")
        assert len(it.api.of("sendChatAction")) == 16


async def test_what_a_proxy_of_no_address_is_told_holds_no_token() -> None:
    async with scene(proxy="http://127.0.0.1:1") as it:
        with pytest.raises(TransientError) as caught:
            await it.send("hello")
        assert it.api.token not in repr(caught.value)


async def test_connections_are_closed_when_it_ends() -> None:
    async with scene() as it:
        async with trio.open_nursery() as nursery:
            await nursery.start(it.adapter.run, it.host)
            await it.send("hello")
            nursery.cancel_scope.cancel()
        it.api.end_poll()
        await it.api.until(lambda: it.api.connections == 0)
