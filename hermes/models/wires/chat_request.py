"""A request as OpenAI-compatible chat completions want it: a pure function.

Source: OpenAI API reference, "Create chat completion"; OpenRouter documentation, "Prompt caching" and "Reasoning
tokens"; DeepSeek API documentation, "Thinking mode". Rules:

1. The same request gives the same bytes, and a longer transcript begins with the bytes of the shorter one, cache marks
   aside.
2. Thoughts go back under the name under which they came, to the model that made them.
3. The tools stay named when the model may call none: their place is in the prefix.
"""

from collections.abc import Iterator
from enum import StrEnum

from attrs import field, frozen

from hermes.messages import Message, Role
from hermes.models.contract import ModelRequest
from hermes.models.wires.history import arguments_text, wire_messages
from hermes.models.wires.parse import items
from hermes.models.wires.reasoning import unpack

Part = dict[str, object]

# The last messages of a person or a tool that end a cached prefix, beside the system prompt: a mark each, four in all.
MARKED_MESSAGES = 3


class EffortStyle(StrEnum):
    """How a provider is told how hard to think."""

    NONE = "none"
    FIELD = "field"
    """``reasoning_effort``, OpenAI's."""
    OBJECT = "object"
    """``reasoning: {effort}``, OpenRouter's."""


@frozen
class Dialect:
    """Where providers of the one wire differ."""

    max_tokens: str = "max_tokens"
    """Name of the field that bounds the output."""
    effort: EffortStyle = EffortStyle.FIELD
    cache_marks: bool = False
    """Takes ``cache_control`` on parts of a message for models that know no caching of their own."""
    always_reasoning: bool = False
    """Refuses a message of an assistant without ``reasoning_content`` while it thinks."""


@frozen
class ChatOptions:
    """What is configured."""

    provider: str
    model: str
    effort: str = ""
    """Empty: the provider's own."""
    max_output_tokens: int | None = None
    cache_ttl: str = "5m"
    dialect: Dialect = field(factory=Dialect)

    @property
    def owner(self) -> str:
        """Whose thoughts these are."""
        return f"{self.provider}/{self.model}"


def chat_request(request: ModelRequest, options: ChatOptions) -> Part:
    """The body of the request."""
    messages: list[Part] = [{"role": "system", "content": request.system}] if request.system else []
    messages.extend(_message(message, options) for message in wire_messages(request.messages))
    if options.dialect.cache_marks and _wants_marks(options.model):
        _mark(messages, options.cache_ttl)
    body: Part = {"model": options.model, "messages": messages}
    if request.tools:
        body["tools"] = list(_tools(request))
        if not request.may_call:
            body["tool_choice"] = "none"
    if limit := request.max_output_tokens or options.max_output_tokens:
        body[options.dialect.max_tokens] = limit
    if options.effort and options.dialect.effort is EffortStyle.FIELD:
        body["reasoning_effort"] = options.effort
    elif options.effort and options.dialect.effort is EffortStyle.OBJECT:
        body["reasoning"] = {"effort": options.effort}
    return body | {"stream": True, "stream_options": {"include_usage": True}}


def _tools(request: ModelRequest) -> Iterator[Part]:
    for tool in request.tools:
        function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
        yield {"type": "function", "function": function}


def _message(message: Message, options: ChatOptions) -> Part:
    match message.role:
        case Role.TOOL:
            return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.content}
        case Role.ASSISTANT:
            return _assistant(message, options)
        case Role.USER | Role.SYSTEM:
            return {"role": message.role.value, "content": message.content}


def _assistant(message: Message, options: ChatOptions) -> Part:
    kept = unpack(message, options.owner)
    found: Part = {"role": "assistant", "content": message.content or (None if message.tool_calls else "")}
    if details := items(kept.get("details")):
        found["reasoning_details"] = details
    elif isinstance(name := kept.get("field"), str):
        found[name] = message.reasoning
    if options.dialect.always_reasoning:
        found.setdefault("reasoning_content", "")
    if message.tool_calls:
        extras = dict(enumerate(items(kept.get("calls"))))
        found["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": arguments_text(call)},
                **({"extra_content": extras[number]} if extras.get(number) else {}),
            }
            for number, call in enumerate(message.tool_calls)
        ]
    return found


def _wants_marks(model: str) -> bool:
    return model.startswith("anthropic/") or "/claude" in model


def _mark(messages: list[Part], ttl: str) -> None:
    """Marks on the system prompt and on the last messages that are not the model's own."""
    control: Part = {"type": "ephemeral", "ttl": "1h"} if ttl == "1h" else {"type": "ephemeral"}
    system = [message for message in messages[:1] if message["role"] == "system"]
    others = [message for message in messages if message["role"] in {"user", "tool"} and message["content"]]
    for message in (*system, *others[-MARKED_MESSAGES:]):
        message["content"] = [{"type": "text", "text": message["content"], "cache_control": control}]
