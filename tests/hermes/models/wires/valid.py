"""Whether providers take a request: what each wire asks of the order of messages."""

import json
from itertools import pairwise
from typing import Any

from hermes.models.contract import ModelRequest
from hermes.models.wires.anthropic_request import AnthropicOptions, anthropic_request
from hermes.models.wires.chat_request import ChatOptions, chat_request
from hermes.models.wires.history import NO_RESULT

CHAT = ChatOptions("openai", "a-model")
ANTHROPIC = AnthropicOptions("anthropic", "claude-sonnet-4-5")


def chat_body(request: ModelRequest) -> list[dict[str, Any]]:
    """The messages of a request to an OpenAI-compatible provider, which checks them."""
    system, *messages = json.loads(json.dumps(chat_request(request, CHAT)))["messages"]
    assert system["role"] == "system"
    waited: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            waited.remove(message["tool_call_id"])
            continue
        assert not waited, "a call has no result"
        waited = [call["id"] for call in message.get("tool_calls", ())]
    assert not waited
    assert all(message["content"] != NO_RESULT for message in messages), "a hole was filled"
    return list(messages)


def anthropic_body(request: ModelRequest) -> list[dict[str, Any]]:
    """The messages of a request to Anthropic, which checks them."""
    messages = json.loads(json.dumps(anthropic_request(request, ANTHROPIC)))["messages"]
    roles = [message["role"] for message in messages]
    assert roles[0] == roles[-1] == "user"
    assert all(one != other for one, other in pairwise(roles))
    waited: list[str] = []
    for message in messages:
        blocks = message["content"] if isinstance(message["content"], list) else []
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        assert sorted(results) == sorted(waited), "a call has no result, or a result no call"
        assert [block["type"] for block in blocks[: len(results)]] == ["tool_result"] * len(results)
        waited = [block["id"] for block in blocks if block["type"] == "tool_use"]
    return [_unmarked(message) for message in messages]


def _unmarked(message: dict[str, Any]) -> dict[str, Any]:
    """Without the marks of the cache, which wander."""
    if isinstance(message["content"], str):
        return {**message, "content": [{"type": "text", "text": message["content"]}]}
    blocks = [{name: value for name, value in block.items() if name != "cache_control"} for block in message["content"]]
    return {**message, "content": blocks}
