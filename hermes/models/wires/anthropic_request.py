"""A request as Anthropic's messages want it: a pure function.

Source: Anthropic API reference, "Create a Message"; "Tool use", "Extended thinking", "Adaptive thinking", "Prompt
caching". Rules:

1. User and assistant alternate: results of tools and what a person wrote between two replies are one user message, the
   results first. Empty blocks are left out, an empty message says so.
2. A reply goes back with its blocks in the order in which they came, thoughts and their signatures unchanged, to the
   model that made them.
3. Where thinking has a budget, it is not asked for while the loop of tool calls under way goes on without it: the API
   refuses a loop that changes in the middle.
4. The same request gives the same bytes, and a longer transcript begins with the bytes of the shorter one, cache marks
   aside.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from attrs import frozen

from hermes.messages import Message, Role
from hermes.models.contract import ModelRequest
from hermes.models.wires.history import arguments_object, wire_messages
from hermes.models.wires.parse import Json, count, items, section, text
from hermes.models.wires.reasoning import unpack

Block = dict[str, object]

# A mark each on the last messages of a person or of tools, beside the one on the system prompt: four is what the API
# takes.
MARKED_MESSAGES = 3

# Tokens of output where nothing is set: the API wants a bound, and refuses one above the model's own.
_DEFAULT_OUTPUT = 32_000
_OLD_OUTPUT = {(3, 0): 4096, (3, 5): 8192}

# Tokens of thought: the least that the API takes, and what each effort comes to for models that want a number.
_LEAST_BUDGET = 1024
_BUDGETS = {"minimal": _LEAST_BUDGET, "low": 4096, "medium": 8192, "high": 16_384, "xhigh": 24_000, "max": 24_000}
# Room for the answer beside the thoughts.
_ANSWER_TOKENS = 4096

_ADAPTIVE_SINCE = (4, 6)
_XHIGH_SINCE = (4, 7)
_VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d)(?:[-.](\d{1,2}))?(?!\d)")

_EMPTY_MESSAGE = "(empty message)"


@frozen
class AnthropicOptions:
    """What is configured."""

    provider: str
    model: str
    effort: str = ""
    """Empty or "none": thinking is not asked for."""
    max_output_tokens: int | None = None
    cache_ttl: str = "5m"

    @property
    def owner(self) -> str:
        """Whose thoughts these are."""
        return f"{self.provider}/{self.model}"


def anthropic_request(request: ModelRequest, options: AnthropicOptions) -> Block:
    """The body of the request."""
    messages = list(wire_messages(request.messages))
    body: Block = {
        "model": options.model,
        "max_tokens": request.max_output_tokens or _output(options),
    }
    control: Block = {"type": "ephemeral", "ttl": "1h"} if options.cache_ttl == "1h" else {"type": "ephemeral"}
    if request.system:
        body["system"] = [{"type": "text", "text": request.system, "cache_control": control}]
    if request.tools:
        body["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
            for tool in request.tools
        ]
        if not request.may_call:
            body["tool_choice"] = {"type": "none"}
    if options.effort not in {"", "none"}:
        body |= _thinking(messages, options, request.max_output_tokens)
    body["messages"] = _messages(messages, options, control)
    return body | {"stream": True}


def _messages(messages: Iterable[Message], options: AnthropicOptions, control: Block) -> list[Block]:
    found: list[Block] = []
    of_user: list[list[Block]] = []
    for is_assistant, group in groupby(messages, key=lambda message: message.role is Role.ASSISTANT):
        if is_assistant:
            blocks = [block for message in group for block in _assistant(message, options)]
        else:
            blocks = list(_user(list(group)))
            of_user.append(blocks)
        blocks = blocks or [{"type": "text", "text": _EMPTY_MESSAGE}]
        found.append({"role": "assistant" if is_assistant else "user", "content": blocks})
    for blocks in of_user[-MARKED_MESSAGES:]:
        if blocks:
            blocks[-1] = {**blocks[-1], "cache_control": control}
    return found


def _user(messages: Sequence[Message]) -> Iterator[Block]:
    for message in messages:
        if message.role is Role.TOOL:
            block: Block = {"type": "tool_result", "tool_use_id": message.tool_call_id, "content": message.content}
            yield block | {"is_error": True} if message.finish_reason == "error" else block
    for message in messages:
        if message.role is not Role.TOOL and message.content.strip():
            yield {"type": "text", "text": message.content}


def _assistant(message: Message, options: AnthropicOptions) -> Iterator[Block]:
    layout = [section(block) for block in items(unpack(message, options.owner).get("blocks"))]
    if layout and _fits(layout, message):
        yield from _laid_out(layout, message)
        return
    yield from (dict(block) for block in layout if text(block.get("type")) not in {"text", "tool_use"})
    if message.content.strip():
        yield {"type": "text", "text": message.content}
    yield from _calls(message)


def _fits(layout: Sequence[Json], message: Message) -> bool:
    """Whether the reply is still what it was: a secret that was taken out of it moves what stands behind."""
    length = sum(count(block.get("length")) for block in layout)
    calls = sum(block.get("type") == "tool_use" for block in layout)
    return (length, calls) == (len(message.content), len(message.tool_calls))


def _laid_out(layout: Sequence[Json], message: Message) -> Iterator[Block]:
    start, calls = 0, _calls(message)
    for block in layout:
        if block.get("type") == "text":
            end = start + count(block.get("length"))
            if message.content[start:end].strip():
                yield {"type": "text", "text": message.content[start:end]}
            start = end
        elif block.get("type") == "tool_use":
            yield next(calls)
        else:
            yield dict(block)


def _calls(message: Message) -> Iterator[Block]:
    for call in message.tool_calls:
        yield {"type": "tool_use", "id": call.id, "name": call.name, "input": arguments_object(call)}


def _began_without_thought(messages: Sequence[Message], options: AnthropicOptions) -> bool:
    """Whether the last reply called tools and holds no thought of this model."""
    last = next((message for message in reversed(messages) if message.role is not Role.TOOL), None)
    if last is None or last.role is not Role.ASSISTANT or not last.tool_calls:
        return False
    return not items(unpack(last, options.owner).get("blocks"))


def _thinking(messages: Sequence[Message], options: AnthropicOptions, limit: int | None) -> Block:
    """The fields that ask for thought: an effort for models that decide by themselves, a budget for older ones.

    ``limit``: of the request's own, in tokens. The budget yields to it, and not the other way round.
    """
    version = model_version(options.model)
    if version is None or version < _ADAPTIVE_SINCE:
        if _began_without_thought(messages, options):
            return {}
        if limit is not None:
            budget = max(_LEAST_BUDGET, min(_budget(options), limit - _ANSWER_TOKENS))
            return {"max_tokens": max(limit, budget + 1), "thinking": {"type": "enabled", "budget_tokens": budget}}
        thinking: Block = {"type": "enabled", "budget_tokens": _budget(options)}
        return {"max_tokens": _with_room(_output(options), options), "thinking": thinking}
    effort = "low" if options.effort == "minimal" else options.effort
    if effort == "xhigh" and version < _XHIGH_SINCE:
        effort = "high"
    return {"thinking": {"type": "adaptive"}, "output_config": {"effort": effort}}


def most_output(options: AnthropicOptions) -> int:
    """Tokens that one reply has at most, its thoughts included."""
    version = model_version(options.model)
    has_budget = options.effort not in {"", "none"} and (version is None or version < _ADAPTIVE_SINCE)
    return _with_room(_output(options), options) if has_budget else _output(options)


def _output(options: AnthropicOptions) -> int:
    return options.max_output_tokens or _default_output(options.model)


def _budget(options: AnthropicOptions) -> int:
    return _BUDGETS.get(options.effort, _BUDGETS["medium"])


def _with_room(output: int, options: AnthropicOptions) -> int:
    return max(output, _budget(options) + _ANSWER_TOKENS)


def model_version(model: str) -> tuple[int, int] | None:
    """(4, 6) of "claude-opus-4-6"; None where a name tells none. A date is no version."""
    found = _VERSION.search(model)
    return (int(found[1]), int(found[2] or 0)) if found else None


def _default_output(model: str) -> int:
    version = model_version(model)
    return _OLD_OUTPUT.get(version, _DEFAULT_OUTPUT) if version else _DEFAULT_OUTPUT
