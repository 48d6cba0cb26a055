"""Streams of Anthropic's messages, by the events that the public reference shows."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes.errors import AuthError, RateLimited, Refused, RemoteProtocolError, TransientError
from hermes.messages import ToolCall, Usage
from hermes.models.contract import Completed, ReasoningDelta, TextDelta, Unshown
from hermes.models.failures import Speaker, complaint
from hermes.models.wires.anthropic_reply import AnthropicReply
from hermes.models.wires.assembly import MAX_BLOCKS, MAX_CHARACTERS
from hermes.models.wires.sse import SseEvent, SseReader
from tests.hermes.models.provider import event

SPEAKER = Speaker("Anthropic", "claude")


def reply() -> AnthropicReply:
    return AnthropicReply("anthropic/claude", lambda error: complaint(SPEAKER, error))


def read(*events: dict[str, Any]) -> list[object]:
    one = reply()
    return [piece for each in events for piece in one.take(SseEvent(each["type"], json.dumps(each)))]


def block(index: int, content: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": content},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def text(words: str) -> dict[str, Any]:
    return {"type": "text_delta", "text": words}


def json_part(words: str) -> dict[str, Any]:
    return {"type": "input_json_delta", "partial_json": words}


def message(*blocks: list[dict[str, Any]], reason: str = "end_turn") -> list[dict[str, Any]]:
    usage = {"input_tokens": 10, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20, "output_tokens": 1}
    return [
        {"type": "message_start", "message": {"id": "msg_1", "role": "assistant", "content": [], "usage": usage}},
        {"type": "ping"},
        *(each for one in blocks for each in one),
        {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    ]


TEXT = {"type": "text", "text": ""}


def completed(*events: dict[str, Any]) -> Completed:
    *_, last = read(*events)
    assert isinstance(last, Completed)
    return last


def test_text_comes_as_it_is_written_and_the_usage_counts_the_cache_in() -> None:
    pieces = read(*message(block(0, TEXT, text("Hel"), text("lo"))))
    assert pieces[:2] == [TextDelta("Hel"), TextDelta("lo")]
    assert isinstance(pieces[2], Completed)
    assert (pieces[2].message.content, pieces[2].message.finish_reason) == ("Hello", "end_turn")
    assert pieces[2].message.reasoning_details == ""
    assert pieces[2].usage == Usage(130, 7, cache_read_tokens=100, cache_write_tokens=20)


def test_parallel_calls_are_put_together_by_their_block() -> None:
    found = completed(
        *message(
            block(0, TEXT, text("Let me look.")),
            block(
                1, {"type": "tool_use", "id": "a", "name": "look", "input": {}}, json_part('{"x"'), json_part(": 1}")
            ),
            block(2, {"type": "tool_use", "id": "b", "name": "read", "input": {}}),
            block(3, {"type": "tool_use", "id": "c", "name": "read", "input": {"y": 2}}),
            reason="tool_use",
        )
    ).message
    assert [(each.id, each.name, each.arguments) for each in found.tool_calls] == [
        ("a", "look", '{"x": 1}'),
        ("b", "read", "{}"),
        ("c", "read", '{"y":2}'),
    ]


def test_thoughts_are_kept_whole_with_their_signatures_and_the_layout_of_the_reply() -> None:
    pieces = read(
        *message(
            block(0, {"type": "thinking", "thinking": "", "signature": ""},
                  {"type": "thinking_delta", "thinking": "h"}, {"type": "thinking_delta", "thinking": "m"},
                  {"type": "signature_delta", "signature": "sig"}),
            block(1, {"type": "redacted_thinking", "data": "xyz"}),
            block(2, TEXT, text("yes")),
            block(3, {"type": "tool_use", "id": "a", "name": "look", "input": {}}),
        )
    )  # fmt: skip
    shown = [piece for piece in pieces if not isinstance(piece, Unshown)]
    assert shown[:3] == [ReasoningDelta("h"), ReasoningDelta("m"), TextDelta("yes")]
    last = shown[3]
    assert isinstance(last, Completed)
    assert last.message.reasoning == "hm"
    assert json.loads(last.message.reasoning_details) == {
        "of": "anthropic/claude",
        "blocks": [
            {"type": "thinking", "thinking": "hm", "signature": "sig"},
            {"type": "redacted_thinking", "data": "xyz"},
            {"type": "text", "length": 3},
            {"type": "tool_use"},
        ],
    }


def test_what_no_delta_shows_is_told_by_its_size() -> None:
    pieces = read(
        *message(
            block(0, {"type": "thinking", "thinking": "", "signature": ""},
                  {"type": "thinking_delta", "thinking": "hm"}, {"type": "signature_delta", "signature": "sig"}),
            block(1, {"type": "redacted_thinking", "data": "xyzxyz"}),
            block(2, {"type": "tool_use", "id": "a", "name": "look", "input": {}}, json_part('{"a":'), json_part("1}")),
        )
    )  # fmt: skip
    assert pieces[:-1] == [ReasoningDelta("hm"), Unshown(3), Unshown(6), Unshown(4), Unshown(5), Unshown(2)]


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("overloaded_error", TransientError),
        ("api_error", TransientError),
        ("rate_limit_error", RateLimited),
        ("authentication_error", AuthError),
        ("invalid_request_error", Refused),
    ],
)
def test_an_error_in_the_middle_ends_the_stream(kind: str, error: type[Exception]) -> None:
    begun = message(block(0, TEXT, text("half")))[:4]
    with pytest.raises(error, match=r"Anthropic.*Sorry"):
        read(*begun, {"type": "error", "error": {"type": kind, "message": "Sorry"}})


@pytest.mark.parametrize(("reason", "words"), [("refusal", "declined"), ("max_tokens", "bound of its output")])
def test_an_answer_of_which_nothing_is_left_says_why(reason: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        read(*message(reason=reason))


def test_an_empty_answer_is_handed_on_as_one() -> None:
    assert completed(*message()).message.content == ""


def test_events_and_blocks_that_are_not_known_are_passed_over() -> None:
    odd = [{"type": "something_new"}, *block(0, {"type": "new_block", "x": 1}, {"type": "new_delta"})]
    found = completed(*message(odd, block(1, TEXT, text("yes"), {"type": "citations_delta"}))).message
    assert (found.content, found.reasoning_details) == ("yes", "")


def test_a_piece_that_is_not_json_or_belongs_nowhere_is_the_other_sides_fault() -> None:
    with pytest.raises(RemoteProtocolError, match="not JSON"):
        list(reply().take(SseEvent("", "{")))
    with pytest.raises(RemoteProtocolError, match="never began"):
        read({"type": "content_block_delta", "index": 4, "delta": text("x")})


def test_any_end_but_its_own_is_a_cut() -> None:
    with pytest.raises(TransientError, match="lost in the middle"):
        reply().end()


def test_a_server_that_does_not_stream_is_understood() -> None:
    whole = {
        "type": "message",
        "content": [
            {"type": "text", "text": "yes"},
            {"type": "tool_use", "id": "a", "name": "look", "input": {"x": 1}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 3, "output_tokens": 4},
    }
    found = completed(whole)
    assert (found.message.content, found.message.tool_calls) == ("yes", (ToolCall("a", "look", '{"x":1}'),))
    assert found.usage == Usage(3, 4)


def test_thoughts_that_come_whole_are_shown_counted_and_kept() -> None:
    thought = {"type": "thinking", "thinking": "Hm, tea.", "signature": "sig"}
    pieces = read(*message(block(0, thought), block(1, TEXT, text("Tea"))))
    assert pieces[:2] == [ReasoningDelta("Hm, tea."), TextDelta("Tea")]
    assert isinstance(pieces[2], Completed)
    assert pieces[2].message.reasoning == "Hm, tea."
    kept = json.loads(pieces[2].message.reasoning_details)["blocks"]
    assert kept == [thought, {"type": "text", "length": 3}]
    with pytest.raises(RemoteProtocolError, match="longer than"):
        read(*message(block(0, {**thought, "thinking": "x" * (MAX_CHARACTERS + 1)})))


def test_a_reply_without_end_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="longer than"):
        read(
            *block(
                0, {"type": "thinking"}, *[{"type": "signature_delta", "signature": "x" * (MAX_CHARACTERS // 3)}] * 4
            )
        )
    with pytest.raises(RemoteProtocolError, match="parts"):
        read(*({"type": "content_block_start", "index": n, "content_block": {}} for n in range(MAX_BLOCKS + 1)))


STREAM = "".join(
    event(each, str(each["type"]))
    for each in message(
        block(0, {"type": "thinking", "thinking": ""}, {"type": "thinking_delta", "thinking": "h\u00e4"}),
        block(1, TEXT, text("caf\u00e9 \U0001f600")),
        block(
            2, {"type": "tool_use", "id": "a", "name": "look", "input": {}}, json_part('{"x": "\u20ac'), json_part('"}')
        ),
    )
).encode()


@given(st.sets(st.integers(1, len(STREAM) - 1), max_size=12))
def test_a_stream_gives_the_same_reply_however_it_is_cut(cuts: set[int]) -> None:
    reader, one = SseReader(), reply()
    pieces: list[object] = []
    for start, end in pairwise([0, *sorted(cuts), len(STREAM)]):
        for each in reader.feed(STREAM[start:end]):
            pieces += one.take(each)
    last = pieces[-1]
    assert isinstance(last, Completed)
    assert (last.message.content, last.message.reasoning) == ("caf\u00e9 \U0001f600", "h\u00e4")
    assert last.message.tool_calls == (ToolCall("a", "look", '{"x": "\u20ac"}'),)
