"""The requests of chat completions, against what the public reference shows."""

import json

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from hermes.messages import Message, Role
from hermes.models.wires.chat_request import ChatOptions, Dialect, EffortStyle, chat_request
from hermes.models.wires.reasoning import pack
from tests.hermes.models.transcripts import TRANSCRIPTS, assistant, call, request, result, user

PLAIN = ChatOptions("p", "m")
OBJECT, NONE = Dialect(effort=EffortStyle.OBJECT), Dialect(effort=EffortStyle.NONE)
ROUTER = ChatOptions(
    "openrouter", "anthropic/claude-x", dialect=Dialect(effort=EffortStyle.OBJECT, cache_marks=True), effort="high"
)


def test_a_request_with_tools_as_the_reference_has_it() -> None:
    asked = request(user("hi"), assistant("", call("c1", '{"path": "a"}'), call("c2")), result("c2"), result("c1"))
    assert chat_request(asked, PLAIN) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "hi"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"path": "a"}'}},
                    {"id": "c2", "type": "function", "function": {"name": "look", "arguments": "{}"}},
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "done"},
            {"role": "tool", "tool_call_id": "c2", "content": "done"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "look",
                    "description": "Look at a file.",
                    "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},
                },
            }
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_a_request_without_tools_and_system_prompt_names_neither() -> None:
    body = chat_request(evolve(request(user("hi"), tools=()), system=""), PLAIN)
    assert body["messages"] == [{"role": "user", "content": "hi"}]
    assert "tools" not in body


def test_the_tools_stay_in_the_prefix_when_none_may_be_called() -> None:
    free, bound = (chat_request(request(user("hi"), may_call=may), PLAIN) for may in (True, False))
    assert bound == free | {"tool_choice": "none"}


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        (ChatOptions("p", "m", effort="low"), {"reasoning_effort": "low"}),
        (ChatOptions("p", "m", max_output_tokens=9), {"max_tokens": 9}),
        (
            ChatOptions("p", "m", max_output_tokens=9, dialect=Dialect(max_tokens="max_completion_tokens")),
            {"max_completion_tokens": 9},
        ),
        (ChatOptions("p", "m", effort="low", dialect=OBJECT), {"reasoning": {"effort": "low"}}),
        (ChatOptions("p", "m", effort="low", dialect=NONE), {}),
    ],
)
def test_each_provider_is_told_in_its_own_fields(options: ChatOptions, fields: dict[str, object]) -> None:
    assert chat_request(request(user("hi")), options) == chat_request(request(user("hi")), PLAIN) | fields


def test_the_requests_own_bound_of_output_wins() -> None:
    body = chat_request(request(user("hi"), max_output_tokens=5), ChatOptions("p", "m", max_output_tokens=9))
    assert body["max_tokens"] == 5


def assistants(*messages: Message, options: ChatOptions) -> list[dict[str, object]]:
    body = chat_request(request(user("hi"), *messages, user("on")), options)
    return [message for message in body["messages"] if message["role"] == "assistant"]  # type: ignore[attr-defined]


def test_thoughts_go_back_under_the_name_under_which_they_came() -> None:
    kept = pack("p/m", {"field": "reasoning_content"})
    (found,) = assistants(assistant("yes", reasoning="hm", reasoning_details=kept), options=PLAIN)
    assert found == {"role": "assistant", "content": "yes", "reasoning_content": "hm"}


def test_signed_thoughts_go_back_unchanged_and_to_no_other_model() -> None:
    details = [{"type": "reasoning.text", "text": "hm", "signature": "s", "index": 0}]
    message = assistant("yes", reasoning="hm", reasoning_details=pack("p/m", {"details": details}))
    (own,) = assistants(message, options=PLAIN)
    (other,) = assistants(message, options=ChatOptions("p", "other"))
    assert own["reasoning_details"] == details
    assert other == {"role": "assistant", "content": "yes"}


def test_what_a_provider_wants_back_with_a_call_goes_back_with_it() -> None:
    extra = {"google": {"thought_signature": "s"}}
    message = assistant("", call("c1"), call("c2"), reasoning_details=pack("p/m", {"calls": [{}, extra]}))
    (found,) = assistants(message, result("c1"), result("c2"), options=PLAIN)
    assert [each.get("extra_content") for each in found["tool_calls"]] == [None, extra]  # type: ignore[attr-defined]


def test_a_provider_that_wants_thoughts_with_every_reply_gets_them() -> None:
    options = ChatOptions("deepseek", "m", dialect=Dialect(always_reasoning=True))
    (found,) = assistants(assistant("yes"), options=options)
    assert found["reasoning_content"] == ""


def test_cache_marks_stand_on_the_system_prompt_and_the_last_three_that_are_not_the_models() -> None:
    asked = request(
        user("1"), assistant("a"), user("2"), assistant("b", call("c")), result("c", ""), user("3"), user("4")
    )
    marked = {
        str(message["content"][0]["text"])
        for message in chat_request(asked, ROUTER)["messages"]  # type: ignore[attr-defined]
        if isinstance(message["content"], list) and message["content"][0]["cache_control"] == {"type": "ephemeral"}
    }
    assert marked == {"Be brief.", "2", "3", "4"}


def test_a_model_that_caches_by_itself_gets_no_marks() -> None:
    assert "cache_control" not in json.dumps(chat_request(request(user("1")), evolve(ROUTER, model="openai/gpt")))


@given(TRANSCRIPTS, st.integers(0, 30), st.sampled_from([PLAIN, ROUTER]))
def test_a_longer_transcript_begins_with_the_bytes_of_the_shorter_one(
    messages: list[Message], end: int, options: ChatOptions
) -> None:
    ends = [n for n, m in enumerate(messages) if m.role is Role.USER]
    cut = ends[end % len(ends)] if ends else 0
    shorter, longer = (plain(chat_request(request(*part), options)) for part in (messages[:cut], messages))
    assert longer[: len(shorter)] == shorter


def plain(body: dict[str, object]) -> list[str]:
    """The messages as text, cache marks aside."""
    found: list[str] = []
    for message in body["messages"]:  # type: ignore[attr-defined]
        content = message["content"]
        if isinstance(content, list):
            message = {**message, "content": content[0]["text"]}
        found.append(json.dumps(message))
    return found
