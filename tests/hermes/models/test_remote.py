"""A whole model over HTTP: from a request to its pieces, and every way in which it can end."""

import gc
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import trio

from hermes.errors import AuthError, HermesError, RateLimited, Refused, RemoteProtocolError, TransientError
from hermes.messages import Message, Role, ToolCall, Usage
from hermes.models.contract import Completed, ModelPiece, ModelRequest, ReasoningDelta, TextDelta, Unshown
from hermes.models.failures import Speaker
from hermes.models.http import Timing
from hermes.models.remote import RemoteModel, joined
from hermes.models.wires.build import Setup, anthropic_model, chat_model
from tests.hermes.models.provider import (
    WITHIN,
    Answer,
    Provider,
    chat,
    cut_after,
    endless,
    event,
    finished,
    refusing,
    said,
    serving,
    silent_after,
    stream,
)
from tests.hermes.models.transcripts import request, user

KEY = "sk-secret-key-123456"
SPEAKER = Speaker("Somebody", "m", KEY, "A_KEY")
QUICK = Timing(connect=5, first_byte=0.2, idle=0.2, event=0.2)
ASKED = request(user("hi"))


@asynccontextmanager
async def model(*answers: Answer, timing: Timing | None = None) -> AsyncIterator[tuple[RemoteModel, Provider]]:
    async with serving(*answers) as provider:
        one = chat_model(Setup(SPEAKER, "somebody", provider.url + "/v1", 1000), timing=timing)
        try:
            yield one, provider
        finally:
            with trio.CancelScope(shield=True):
                await one.aclose()


async def pieces(one: RemoteModel, asked: ModelRequest = ASKED) -> list[ModelPiece]:
    with trio.fail_after(WITHIN):
        async with one.stream(asked) as found:
            return [piece async for piece in found]


async def test_events_that_hold_nothing_are_passed_over() -> None:
    nothing = ["data:\n\n", "data: \n\n", "event: ping\ndata:\n\n", "data:\ndata:\n\n"]
    events = [event(chunk) for chunk in (said("a"), finished(), "[DONE]")]
    async with model(stream(*(part for each in events for part in (*nothing, each)))) as (one, _):
        found = await pieces(one)
    assert found[0] == TextDelta("a")
    assert isinstance(found[-1], Completed)


async def test_events_that_hold_nothing_do_not_hold_a_turn_for_ever() -> None:
    async with model(endless("data:\n\n"), timing=QUICK) as (one, _):
        with pytest.raises(TransientError):
            await pieces(one)


async def test_a_reply_of_chat_completions_comes_piece_by_piece() -> None:
    call = {"index": 0, "id": "c", "function": {"name": "look", "arguments": "{}"}}
    async with model(chat(said("a"), said("b", tool_calls=[call]), finished("tool_calls"))) as (one, provider):
        *deltas, last = await pieces(one)
    assert "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)) == "ab"
    assert sum(delta.size for delta in deltas if isinstance(delta, Unshown)) == 6
    assert isinstance(last, Completed)
    assert last.message.tool_calls == (ToolCall("c", "look", "{}"),)
    (asked,) = provider.requests
    assert (asked.path, asked.headers["authorization"]) == ("/v1/chat/completions", f"Bearer {KEY}")
    assert (asked.body["model"], asked.body["stream"]) == ("m", True)


async def test_a_reply_of_anthropic_comes_piece_by_piece() -> None:
    events = [
        {"type": "message_start", "message": {"usage": {"input_tokens": 3}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "yes"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    async with serving(stream(*(event(each, str(each["type"])) for each in events))) as provider:
        one = anthropic_model(Setup(SPEAKER, "anthropic", provider.url, 1000))
        delta, last = await pieces(one)
        await one.aclose()
    assert delta == TextDelta("yes")
    assert isinstance(last, Completed)
    (asked,) = provider.requests
    assert (asked.path, asked.headers["x-api-key"]) == ("/v1/messages", KEY)
    assert asked.headers["anthropic-version"]
    assert "authorization" not in asked.headers


async def test_the_model_of_a_request_stands_above_the_configured_one() -> None:
    async with model(chat(said("a"), finished())) as (one, provider):
        await pieces(one, ModelRequest("other", "", (), (user("hi"),)))
    assert provider.requests[0].body["model"] == "other"
    assert one.name == "somebody/m"


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (stream("data: {oops\n\n"), RemoteProtocolError, "Somebody: it sent a piece that is not JSON"),
        (cut_after(event(said("half"))), TransientError, "the connection to Somebody was lost"),
        (stream(event(said("half"))), TransientError, "Somebody: the connection was lost in the middle"),
        (stream(), TransientError, "Somebody: the connection was lost in the middle"),
        (refusing(200, "<html>hi</html>", "text/html"), RemoteProtocolError, "Somebody answered with a web page"),
        (refusing(401, {"error": {"message": f"bad key {KEY}"}}), AuthError, "Somebody refused the key of A_KEY"),
        (refusing(429, "", retry_after="9"), RateLimited, "Somebody limits"),
        (refusing(500, "<h1>oops</h1>", "text/html"), TransientError, r"Somebody failed \(500\)"),
        (chat({"error": {"code": 503, "message": "down"}}), TransientError, "Somebody is overloaded"),
        (chat(finished("content_filter")), Refused, "Somebody: its provider's filter withheld the answer"),
        (silent_after(event(said("half"))), TransientError, "did not send the rest within"),
    ],
)
async def test_each_way_to_fail_is_its_error_names_the_provider_and_leaves_nothing_open(
    answer: Answer, kind: type[HermesError], words: str
) -> None:
    async with model(answer, timing=QUICK) as (one, provider):
        with pytest.raises(kind, match=words) as caught:
            await pieces(one)
        assert KEY not in str(caught.value)
        await one.aclose()
        await provider.until_closed()
    gc.collect()


async def test_an_empty_answer_is_handed_on_as_one() -> None:
    async with model(chat(finished())) as (one, _):
        (last,) = await pieces(one)
    assert isinstance(last, Completed)
    assert last.message.content == ""


async def test_a_cancelled_stream_closes_its_connection() -> None:
    async with model(endless(event(said("on")))) as (one, provider):
        with trio.move_on_after(0.1) as scope:
            await pieces(one)
        assert scope.cancelled_caught
        await provider.until_closed()
    gc.collect()


async def test_a_stream_that_is_left_early_closes_its_connection() -> None:
    async with model(endless(event(said("on")), pause=0.0)) as (one, provider):
        with trio.fail_after(WITHIN):
            async with one.stream(ASKED) as found:
                await anext(found)
        await one.aclose()
        await provider.until_closed()
    gc.collect()


async def test_streams_run_side_by_side_and_their_connections_serve_again() -> None:
    async with model(chat(said("a"), finished())) as (one, provider):
        for _ in range(2):
            async with trio.open_nursery() as nursery:
                for _ in range(5):
                    nursery.start_soon(pieces, one)
        assert len(provider.requests) == 10
        assert provider.connections <= 5


async def test_half_a_surrogate_pair_in_a_transcript_does_not_end_the_session() -> None:
    async with model(chat(said("a"), finished())) as (one, provider):
        await pieces(one, request(user("half \ud83d")))
    assert json.loads(provider.requests[0].raw)["messages"][1]["content"] == "half \ufffd"


def test_no_secret_stands_in_a_repr() -> None:
    one = chat_model(Setup(SPEAKER, "somebody", "http://127.0.0.1:1/v1", 1000))
    assert KEY not in repr(one)
    assert KEY not in repr(one.speaker)


def test_neighbours_of_a_kind_are_one_and_keep_their_order() -> None:
    done = Completed(Message(Role.ASSISTANT, "abc"), Usage())
    came = [
        ReasoningDelta("h"),
        ReasoningDelta("m"),
        TextDelta("a"),
        TextDelta("b"),
        ReasoningDelta("x"),
        TextDelta("c"),
    ]
    kept = [ReasoningDelta("hm"), TextDelta("ab"), ReasoningDelta("x"), TextDelta("c")]
    assert list(joined([*came, done])) == [*kept, done]
    assert list(joined(came)) == kept
    assert list(joined([])) == []


def test_what_came_before_an_error_is_given_before_it_is_raised() -> None:
    def cut() -> Iterator[ModelPiece]:
        yield TextDelta("a")
        yield TextDelta("b")
        raise RemoteProtocolError("cut")

    found = joined(cut())
    assert next(found) == TextDelta("ab")
    with pytest.raises(RemoteProtocolError, match="cut"):
        next(found)
