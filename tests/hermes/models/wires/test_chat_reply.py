"""Streams of chat completions, by the shapes that the providers' documents show."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes.errors import Refused, RemoteProtocolError, TransientError
from hermes.messages import ToolCall, Usage
from hermes.models.contract import Completed, ReasoningDelta, TextDelta, Unshown
from hermes.models.failures import Speaker, complaint
from hermes.models.wires.assembly import MAX_BLOCKS, MAX_CALLS, MAX_CHARACTERS
from hermes.models.wires.chat_reply import ChatReply
from hermes.models.wires.sse import SseEvent, SseReader
from tests.hermes.models.provider import event, finished, said

SPEAKER = Speaker("Somebody", "m")


def read(*chunks: object) -> list[object]:
    reply = ChatReply("p/m", lambda error: complaint(SPEAKER, error))
    events = [SseEvent("", chunk if isinstance(chunk, str) else json.dumps(chunk)) for chunk in chunks]
    return [piece for each in events for piece in reply.take(each)]


def completed(*chunks: object) -> Completed:
    *_, last = read(*chunks, "[DONE]")
    assert isinstance(last, Completed)
    return last


def delta(**fields: object) -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": None}]}


def fragment(index: int | None, call_id: str | None = None, name: str | None = None, arguments: object = "") -> object:
    function = {"arguments": arguments} | ({"name": name} if name else {})
    found: dict[str, Any] = {"function": function}
    found |= {"index": index} if index is not None else {}
    return found | ({"id": call_id, "type": "function"} if call_id else {})


def test_text_comes_as_it_is_written_and_whole_at_the_end() -> None:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    begun = (delta(role="assistant", content=""), said("Hel"), said("lo"))
    pieces = read(*begun, finished(), {"choices": [], "usage": usage}, "[DONE]")
    assert pieces[:2] == [TextDelta("Hel"), TextDelta("lo")]
    assert isinstance(pieces[2], Completed)
    assert (pieces[2].message.content, pieces[2].message.finish_reason) == ("Hello", "stop")
    assert pieces[2].usage == Usage(10, 5, cache_read_tokens=4, reasoning_tokens=2)


def test_parallel_calls_are_put_together_by_their_index() -> None:
    message = completed(
        delta(tool_calls=[fragment(0, "a", "look", ""), fragment(1, "b", "read", "")]),
        delta(tool_calls=[fragment(1, arguments='{"x"'), fragment(0, arguments='{"y": 1')]),
        delta(tool_calls=[fragment(0, arguments="}"), fragment(1, arguments=": 2}")]),
        finished("tool_calls"),
    ).message
    assert message.tool_calls == (ToolCall("a", "look", '{"y": 1}'), ToolCall("b", "read", '{"x": 2}'))


@pytest.mark.parametrize(
    "fragments",
    [
        # Every call numbered 0, told apart by their ids.
        [fragment(0, "a", "look", "{}"), fragment(0, "b", "read", "{}")],
        # No index at all.
        [fragment(None, "a", "look", "{}"), fragment(None, "b", "read", "{}")],
        [fragment(None, "a", "look", "{"), fragment(None, arguments="}"), fragment(None, "b", "read", "{}")],
        # An id made up for each fragment.
        [
            fragment(0, "a", "look"),
            fragment(0, "x", arguments="{"),
            fragment(0, "y", arguments="}"),
            fragment(1, "b", "read"),
            fragment(1, "z", arguments="{}"),
        ],
        [fragment(0, "a", "look", "{}"), fragment(0, "b", "read", "{"), fragment(0, "x", arguments="}")],
        # The id before the name.
        [fragment(0, "a"), fragment(0, None, "look", "{}"), fragment(0, "b"), fragment(0, None, "read", "{}")],
        # Arguments as an object, the id repeated in each fragment.
        [fragment(0, "a", "look", "{"), fragment(0, "a", "look", "}"), fragment(1, "b", "read", {})],
    ],
)
def test_what_other_servers_make_of_calls_is_borne_with(fragments: list[object]) -> None:
    message = completed(*(delta(tool_calls=[each]) for each in fragments), finished("tool_calls")).message
    assert [(each.id, each.name) for each in message.tool_calls] == [("a", "look"), ("b", "read")]
    assert all(each.arguments in {"{}", ""} for each in message.tool_calls)


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_thoughts_are_no_text_and_are_kept_by_their_name(name: str) -> None:
    pieces = read(delta(**{name: "h"}), delta(**{name: "m"}), said("yes"), finished(), "[DONE]")
    assert pieces[:3] == [ReasoningDelta("h"), ReasoningDelta("m"), TextDelta("yes")]
    assert isinstance(pieces[3], Completed)
    assert pieces[3].message.reasoning == "hm"
    assert json.loads(pieces[3].message.reasoning_details) == {"of": "p/m", "field": name}


def test_what_no_delta_shows_is_told_by_its_size() -> None:
    pieces = read(
        delta(reasoning="abc", reasoning_details=[{"type": "reasoning.text", "index": 0, "text": "abc"}]),
        delta(reasoning="d", reasoning_details=[{"type": "reasoning.summary", "index": 1, "summary": "\u20acd"}]),
        delta(reasoning_details=[{"type": "reasoning.encrypted", "index": 2, "data": "xyz"}]),
        delta(tool_calls=[{"index": 0, "id": "a", "function": {"name": "look", "arguments": '{"a":'}}]),
        delta(tool_calls=[{"index": 0, "id": "a", "function": {"name": "look", "arguments": "1}"}}]),
    )
    thoughts = [ReasoningDelta("abc"), ReasoningDelta("d"), Unshown(3), Unshown(3)]
    assert pieces == [*thoughts, Unshown(9), Unshown(2)]


def test_thoughts_in_details_are_put_together_block_by_block() -> None:
    def detail(**fields: object) -> dict[str, object]:
        return delta(reasoning="x", reasoning_details=[fields])

    kept = completed(
        detail(type="reasoning.text", index=0, text="a", format="f"),
        detail(type="reasoning.text", index=0, text="b", signature=None),
        detail(type="reasoning.text", index=0, signature="sig"),
        detail(type="reasoning.encrypted", index=1, data="xyz", id="r1", parts=[{"a": 1}]),
        finished(),
    ).message.reasoning_details
    assert json.loads(kept)["details"] == [
        {"type": "reasoning.text", "index": 0, "text": "ab", "format": "f", "signature": "sig"},
        {"type": "reasoning.encrypted", "index": 1, "data": "xyz", "id": "r1", "parts": [{"a": 1}]},
    ]


def test_what_a_provider_wants_back_with_a_call_is_kept() -> None:
    one = {**fragment(0, "a", "look", "{}"), "extra_content": {"google": {"thought_signature": "s"}}}  # type: ignore[dict-item]
    kept = completed(delta(tool_calls=[one]), finished("tool_calls")).message.reasoning_details
    assert json.loads(kept)["calls"] == [{"google": {"thought_signature": "s"}}]


def test_a_refusal_in_the_models_words_is_its_answer() -> None:
    assert completed(delta(refusal="I will "), delta(refusal="not."), finished()).message.content == "I will not."


@pytest.mark.parametrize(
    ("reason", "words"), [("content_filter", "filter withheld"), ("length", "bound of its output")]
)
def test_an_answer_of_which_nothing_is_left_says_why(reason: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        read(delta(reasoning="hm"), finished(reason), "[DONE]")


def test_a_part_of_an_answer_is_kept_with_the_reason_of_its_end() -> None:
    message = completed(said("half"), finished("length")).message
    assert (message.content, message.finish_reason) == ("half", "length")


def test_an_empty_answer_is_handed_on_as_one() -> None:
    assert completed(delta(role="assistant"), finished()).message.content == ""


@pytest.mark.parametrize("chunk", ["{", "[]", "null", "<html>", "[" * 100_000])
def test_a_malformed_chunk_is_the_other_sides_fault(chunk: str) -> None:
    with pytest.raises(RemoteProtocolError, match="not JSON"):
        read(chunk)


@pytest.mark.parametrize(
    "chunk",
    [{}, {"choices": None}, {"choices": [None]}, {"choices": [{"delta": 3}]}, delta(content=5, tool_calls="x"),
     delta(tool_calls=[None, {"index": "0", "function": 3}]), {"usage": "much"}, delta(reasoning_details=[1])],
)  # fmt: skip
def test_a_chunk_of_an_odd_shape_is_passed_over(chunk: object) -> None:
    assert completed(chunk, said("yes"), finished()).message.content == "yes"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"error": {"code": 502, "message": "upstream fell over"}}, TransientError),
        ({"error": {"code": 429, "message": "slow down"}}, TransientError),
        ({"error": {"code": "context_length_exceeded", "message": "x"}}, Refused),
        ({"error": "something broke"}, TransientError),
    ],
)
def test_an_error_in_the_middle_ends_the_stream(error: dict[str, object], kind: type[Exception]) -> None:
    with pytest.raises(kind, match="Somebody"):
        read(said("half"), {**error, "choices": [{"delta": {"content": ""}, "finish_reason": "error"}]})


@pytest.mark.parametrize(
    "choice",
    [
        {"delta": {"content": ""}, "finish_reason": "error", "error": {"code": 502, "message": "gone"}},
        {"delta": {}, "finish_reason": "error"},
    ],
)
def test_a_choice_that_ends_in_an_error_is_no_answer(choice: dict[str, object]) -> None:
    with pytest.raises(TransientError):
        read({"choices": [{"delta": {"content": "Half an"}}]}, {"choices": [choice]}, "[DONE]")


def test_a_stream_may_end_without_its_mark_and_is_cut_without_a_reason() -> None:
    reply = ChatReply("p/m", lambda error: complaint(SPEAKER, error))
    list(reply.take(SseEvent("", json.dumps(said("half")))))
    with pytest.raises(TransientError, match="lost in the middle"):
        reply.end()
    list(reply.take(SseEvent("", json.dumps(finished()))))
    assert reply.end().message.content == "half"


def test_a_server_that_does_not_stream_is_understood() -> None:
    whole = {"choices": [{"message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}]}
    assert completed(whole).message.content == "yes"


def test_content_in_parts_is_read() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "thinking", "thinking": []}, {"type": "text", "text": "b"}]
    assert completed(delta(content=parts), finished()).message.content == "ab"


def test_calls_without_end_and_text_without_end_are_refused() -> None:
    many = delta(tool_calls=[fragment(number, f"c{number}", "look") for number in range(MAX_CALLS + 1)])
    with pytest.raises(RemoteProtocolError, match="tool calls at once"):
        read(many)
    with pytest.raises(RemoteProtocolError, match="longer than"):
        read(*[said("x" * (MAX_CHARACTERS // 3))] * 4)


def test_kept_thoughts_without_end_are_refused_too() -> None:
    one = {"type": "reasoning.encrypted", "index": 0, "data": "x" * (MAX_CHARACTERS // 3)}
    with pytest.raises(RemoteProtocolError, match="longer than"):
        read(*[delta(reasoning_details=[one])] * 4)
    with pytest.raises(RemoteProtocolError, match="parts"):
        read(delta(reasoning_details=[{"type": "t", "index": number} for number in range(MAX_BLOCKS + 1)]))


STREAM = "".join(
    [
        ": processing\n\n",
        event(delta(reasoning_content="h\u00e4")),
        event(said("caf\u00e9 \U0001f600")),
        event(delta(tool_calls=[fragment(0, "a", "look", '{"x": "\u20ac')])),
        ": processing\n\n",
        event(delta(tool_calls=[fragment(0, arguments='"}')])),
        event(finished("tool_calls")),
        event({"choices": [], "usage": {"prompt_tokens": 1}}),
        event("[DONE]"),
    ]
).encode()


@given(st.sets(st.integers(1, len(STREAM) - 1), max_size=12))
def test_a_stream_gives_the_same_reply_however_it_is_cut(cuts: set[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    reader, reply = SseReader(), ChatReply("p/m", lambda error: complaint(SPEAKER, error))
    pieces: list[object] = []
    for start, end in itertools.pairwise(places):
        for each in reader.feed(STREAM[start:end]):
            pieces += reply.take(each)
    assert isinstance(pieces[-1], Completed)
    message = pieces[-1].message
    assert (message.content, message.reasoning) == ("caf\u00e9 \U0001f600", "h\u00e4")
    assert message.tool_calls == (ToolCall("a", "look", '{"x": "\u20ac"}'),)
