"""The requests of Anthropic's messages, against what the public reference shows."""

import json

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from hermes.messages import Message, Role
from hermes.models.wires.anthropic_request import AnthropicOptions, anthropic_request, model_version, most_output
from hermes.models.wires.parse import count, section
from hermes.models.wires.reasoning import pack
from hermes.spending import LEAST_OUTPUT
from tests.hermes.models.transcripts import TRANSCRIPTS, assistant, call, request, result, user

MARK = {"type": "ephemeral"}
PLAIN = AnthropicOptions("anthropic", "claude-sonnet-4-5")
OWNER = "anthropic/claude-sonnet-4-5"
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "s"}


def test_a_request_with_tools_as_the_reference_has_it() -> None:
    asked = request(
        user("hi"),
        assistant("Let me look.", call("c1", '{"path": "a"}'), call("c2")),
        result("c2"),
        result("c1", "no such file", error=True),
        user("and?"),
    )
    assert anthropic_request(asked, PLAIN) == {
        "model": "claude-sonnet-4-5",
        "max_tokens": 32_000,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": MARK}],
        "tools": [
            {
                "name": "look",
                "description": "Look at a file.",
                "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}},
            }
        ],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": MARK}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "Let me look."},
                    {"type": "tool_use", "id": "c1", "name": "look", "input": {"path": "a"}},
                    {"type": "tool_use", "id": "c2", "name": "look", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": "no such file", "is_error": True},
                    {"type": "tool_result", "tool_use_id": "c2", "content": "done"},
                    {"type": "text", "text": "and?", "cache_control": MARK},
                ],
            },
        ],
        "stream": True,
    }


def test_the_tools_stay_in_the_prefix_when_none_may_be_called() -> None:
    free, bound = (anthropic_request(request(user("hi"), may_call=may), PLAIN) for may in (True, False))
    assert bound == free | {"tool_choice": {"type": "none"}}


def test_at_most_four_marks_are_set_and_they_last_as_long_as_is_configured() -> None:
    asked = request(*(message for n in range(9) for message in (user(str(n)), assistant("ok"))), user("last"))
    text = json.dumps(anthropic_request(asked, evolve(PLAIN, cache_ttl="1h")))
    assert text.count('"cache_control": {"type": "ephemeral", "ttl": "1h"}') == 4
    assert '"text": "last", "cache_control"' in text


@pytest.mark.parametrize(
    ("model", "effort", "fields"),
    [
        ("claude-sonnet-4-5", "low", {"thinking": {"type": "enabled", "budget_tokens": 4096}}),
        ("claude-opus-4-20250514", "high", {"thinking": {"type": "enabled", "budget_tokens": 16_384}}),
        ("kimi-k2", "medium", {"thinking": {"type": "enabled", "budget_tokens": 8192}}),
        ("claude-opus-4-6", "minimal", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}),
        ("claude-opus-4-6", "xhigh", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}),
        ("claude-opus-4-7", "xhigh", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}}),
        ("claude-sonnet-5", "max", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}),
        ("claude-opus-4-6", "none", {}),
        ("claude-opus-4-6", "", {}),
    ],
)
def test_each_generation_is_asked_to_think_in_its_own_form(model: str, effort: str, fields: dict[str, object]) -> None:
    plain = anthropic_request(request(user("hi")), AnthropicOptions("anthropic", model))
    assert anthropic_request(request(user("hi")), AnthropicOptions("anthropic", model, effort)) == plain | fields


@pytest.mark.parametrize("model", ["claude-3-5-haiku", "claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-4-7", "x"])
@pytest.mark.parametrize("effort", ["", "none", "low", "high", "max"])
@pytest.mark.parametrize("bound", [None, 1000, 60_000])
def test_no_request_asks_for_more_than_it_is_counted_with(model: str, effort: str, bound: int | None) -> None:
    options = evolve(PLAIN, model=model, effort=effort, max_output_tokens=bound)
    assert anthropic_request(request(user("hi")), options)["max_tokens"] == most_output(options)


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "claude-opus-4-6", "x"])
@pytest.mark.parametrize("effort", ["", "minimal", "high", "max"])
@pytest.mark.parametrize("limit", [LEAST_OUTPUT, LEAST_OUTPUT + 1, 9000, 30_000, 100_000])
def test_no_request_asks_for_more_than_its_own_bound(model: str, effort: str, limit: int) -> None:
    asked = evolve(request(user("hi")), max_output_tokens=limit)
    body = anthropic_request(asked, evolve(PLAIN, model=model, effort=effort))
    assert body["max_tokens"] == limit
    if budget := section(body.get("thinking")).get("budget_tokens"):
        assert 1024 <= count(budget) < limit


def test_a_bound_that_is_no_less_than_the_usual_changes_nothing() -> None:
    options = AnthropicOptions("anthropic", "claude-sonnet-4-5", "max")
    free = request(user("hi"))
    assert anthropic_request(evolve(free, max_output_tokens=most_output(options)), options) == anthropic_request(
        free, options
    )


def test_a_budget_of_thought_leaves_room_for_the_answer() -> None:
    body = anthropic_request(request(user("hi")), evolve(PLAIN, effort="high", max_output_tokens=1000))
    assert body["max_tokens"] == 16_384 + 4096


@pytest.mark.parametrize(
    ("model", "version"),
    [
        ("claude-opus-4-6", (4, 6)),
        ("claude-haiku-4-5-20251001", (4, 5)),
        ("claude-opus-4-20250514", (4, 0)),
        ("claude-3-7-sonnet-20250219", (3, 7)),
        ("claude-3-opus-20240229", (3, 0)),
        ("claude-sonnet-5", (5, 0)),
        ("us.anthropic.claude-opus-4.6-v1", (4, 6)),
        ("gpt-5", None),
    ],
)
def test_a_version_is_read_off_a_name(model: str, version: object) -> None:
    assert model_version(model) == version


def contents(message: Message, options: AnthropicOptions = PLAIN) -> list[dict[str, object]]:
    """How an assistant's message goes back."""
    results = [result(each.id) for each in message.tool_calls]
    body = anthropic_request(request(user("hi"), message, *results, user("on")), options)
    return body["messages"][1]["content"]  # type: ignore[index, no-any-return]


def test_a_reply_goes_back_in_the_order_in_which_it_came() -> None:
    words = {"type": "text", "length": 3}
    layout = [THOUGHT, words, {**THOUGHT, "signature": "t"}, {"type": "tool_use"}, words]
    message = assistant("onetwo", call("c1"), reasoning_details=pack(OWNER, {"blocks": layout}))
    assert contents(message) == [
        THOUGHT,
        {"type": "text", "text": "one"},
        {**THOUGHT, "signature": "t"},
        {"type": "tool_use", "id": "c1", "name": "look", "input": {}},
        {"type": "text", "text": "two"},
    ]


def test_a_reply_that_was_redacted_goes_back_with_its_thoughts_first() -> None:
    layout = [{"type": "text", "length": 9}, {"type": "redacted_thinking", "data": "x"}, {"type": "tool_use"}]
    message = assistant("shorter", call("c1"), reasoning_details=pack(OWNER, {"blocks": layout}))
    assert [block["type"] for block in contents(message)] == ["redacted_thinking", "text", "tool_use"]


def test_thoughts_go_to_no_other_model() -> None:
    message = assistant("yes", reasoning_details=pack("other/m", {"blocks": [THOUGHT]}))
    assert contents(message) == [{"type": "text", "text": "yes"}]


def test_a_loop_that_began_without_thought_goes_on_without_and_the_next_turn_thinks_again() -> None:
    thinking = evolve(PLAIN, effort="low")
    loop = [user("hi"), assistant("", call("c1")), result("c1")]
    assert "thinking" not in anthropic_request(request(*loop), thinking)
    assert "thinking" in anthropic_request(request(*loop, assistant("done"), user("next")), thinking)
    own = evolve(loop[1], reasoning_details=pack(OWNER, {"blocks": [THOUGHT, {"type": "tool_use"}]}))
    assert "thinking" in anthropic_request(request(loop[0], own, loop[2]), thinking)
    adaptive = AnthropicOptions("anthropic", "claude-opus-4-6", "low")
    assert "thinking" in anthropic_request(request(*loop), adaptive)


@given(TRANSCRIPTS)
def test_every_transcript_becomes_a_request_that_the_api_takes(messages: list[Message]) -> None:
    found = anthropic_request(request(*messages, user("on")), PLAIN)["messages"]
    assert isinstance(found, list)
    roles = [message["role"] for message in found]
    assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]
    for number, message in enumerate(found):
        blocks = message["content"]
        assert blocks
        assert all(block["text"].strip() for block in blocks if block["type"] == "text")
        calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
        behind = found[number + 1]["content"] if calls else []
        assert calls == [] or {b["tool_use_id"] for b in behind[: len(calls)]} == set(calls)


@given(TRANSCRIPTS, st.integers(0, 30))
def test_a_longer_transcript_begins_with_the_bytes_of_the_shorter_one(messages: list[Message], end: int) -> None:
    turns = [n for n, m in enumerate(messages) if m.role is Role.USER]
    ends = [n for n in turns if n == 0 or messages[n - 1].role is Role.ASSISTANT]
    cut = ends[end % len(ends)] if ends else 0
    shorter, longer = (plain(anthropic_request(request(*part), PLAIN)) for part in (messages[:cut], messages))
    assert longer[: len(shorter)] == shorter


def plain(body: dict[str, object]) -> list[str]:
    """The messages as text, cache marks aside."""
    messages = body["messages"]
    assert isinstance(messages, list)
    for message in messages:
        for block in message["content"]:
            block.pop("cache_control", None)
    return [json.dumps(message) for message in messages]
