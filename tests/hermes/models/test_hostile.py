"""Whatever a provider sends, and whatever a transcript holds: an answer or an error of the tree, never a crash."""

import json

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from hermes.errors import HermesError
from hermes.messages import Message, Role
from hermes.models.contract import Completed
from hermes.models.failures import Speaker, complaint, refusal
from hermes.models.remote import Reply
from hermes.models.wires.anthropic_reply import AnthropicReply
from hermes.models.wires.anthropic_request import AnthropicOptions, anthropic_request
from hermes.models.wires.chat_reply import ChatReply
from hermes.models.wires.chat_request import ChatOptions, chat_request
from hermes.models.wires.parse import dump
from hermes.models.wires.reasoning import pack
from hermes.models.wires.sse import SseEvent
from tests.hermes.models.transcripts import TRANSCRIPTS, request, user

SPEAKER = Speaker("Somebody", "m", "sk-secret-key-123456", "A_KEY")

# Names and words that the wires know, so that the odd values land where they are looked for.
NAMES = st.sampled_from(
    ["type", "choices", "delta", "content", "tool_calls", "function", "arguments", "index", "id", "name", "usage",
     "error", "message", "code", "reasoning", "reasoning_content", "reasoning_details", "finish_reason", "text",
     "content_block", "thinking", "signature", "partial_json", "stop_reason", "input", "data", "extra_content",
     "prompt_tokens", "prompt_tokens_details", "output_tokens", "metadata", "raw", "refusal", "status", "detail"]
)  # fmt: skip
WORDS = st.sampled_from(
    ["", "text", "text_delta", "thinking_delta", "signature_delta", "input_json_delta", "tool_use", "thinking", "stop",
     "content_block_start", "content_block_delta", "content_block_stop", "message_start", "message_delta",
     "message_stop", "message", "error", "length", "content_filter", "overloaded_error", "[DONE]", "x", "\ud83d"]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 600) | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=20,
)
CHUNKS = st.one_of(
    VALUES,
    st.builds(lambda delta, reason: {"choices": [{"delta": delta, "finish_reason": reason}]}, VALUES, WORDS),
    st.builds(lambda call: {"choices": [{"delta": {"tool_calls": [call]}}]}, VALUES),
    st.builds(
        lambda kind, index, body: {"type": kind, "index": index, "delta": body, "content_block": body, "message": body},
        WORDS,
        st.integers(0, 2),
        VALUES,
    ),
)


def survive(reply: Reply, chunks: list[object]) -> None:
    failed = ""
    try:
        for chunk in chunks:
            for piece in reply.take(SseEvent("", json.dumps(chunk))):
                if isinstance(piece, Completed):
                    assert isinstance(piece.message.content, str)
                    assert all(isinstance(call.arguments, str) for call in piece.message.tool_calls)
                    chat_request(request(user("a"), piece.message, user("b")), ChatOptions("p", "m"))
                    anthropic_request(request(user("a"), piece.message, user("b")), AnthropicOptions("p", "m"))
                    return
        reply.end()
    except HermesError as error:
        failed = str(error)
    assert "\n" not in failed


@given(st.lists(CHUNKS, max_size=6))
def test_any_chunks_of_chat_completions_are_survived(chunks: list[object]) -> None:
    survive(ChatReply("p/m", lambda error: complaint(SPEAKER, error)), chunks)


@given(st.lists(CHUNKS, max_size=6))
def test_any_events_of_anthropic_are_survived(chunks: list[object]) -> None:
    survive(AnthropicReply("p/m", lambda error: complaint(SPEAKER, error)), chunks)


@given(st.integers(201, 599), VALUES.map(json.dumps) | st.text(), st.text(max_size=20))
def test_any_refusal_is_one_line_of_an_error(status: int, body: str, header: str) -> None:
    error = refusal(SPEAKER, status, body + "sk-secret-key-123456", header)
    assert "\n" not in str(error)
    assert "sk-secret-key" not in str(error)


@given(TRANSCRIPTS, VALUES, st.sampled_from(["blocks", "details", "field", "calls"]))
def test_any_kept_thoughts_are_survived(messages: list[Message], kept: object, name: str) -> None:
    for details in (pack("p/m", {name: kept}), dump(kept), "{", "\x00"):
        held = [evolve(m, reasoning_details=details) if m.role is Role.ASSISTANT else m for m in messages]
        json.dumps(chat_request(request(*held, user("on")), ChatOptions("p", "m")))
        json.dumps(anthropic_request(request(*held, user("on")), AnthropicOptions("p", "m", "high")))
