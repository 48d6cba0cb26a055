"""A transcript on its way into a request: what both wires ask of it.

1. Every call is followed by its result and no result stands alone: a hole is filled with a sentence, an orphan is left
   out. The journal keeps pairs whole; a provider refuses the whole session for one that is not.
2. Ids of calls are what every wire takes (``[A-Za-z0-9_-]``, at most ``MAX_ID``), and unique in the request: those of
   a transcript are unique in their turn only, and may come from another provider.
3. What a message becomes depends on it and on those before it, never on those behind: a prefix stays the same bytes.
"""

import re
from collections.abc import Iterable, Iterator

from attrs import define, evolve, field

from hermes.messages import Message, Role, ToolCall
from hermes.models.parse import Json, dump, parse_object

# OpenAI refuses a longer id; Anthropic names no bound.
MAX_ID = 40

NO_RESULT = "No result was recorded for this call: its outcome is unknown."

_FOREIGN = re.compile(r"[^A-Za-z0-9_-]")


@define
class _Ids:
    """Ids that were given away in one request."""

    used: set[str] = field(factory=set[str])

    def take(self, original: str) -> str:
        stem = _FOREIGN.sub("_", original)[:MAX_ID] or "call"
        name, number = stem, 1
        while name in self.used:
            number += 1
            suffix = f"_{number}"
            name = stem[: MAX_ID - len(suffix)] + suffix
        self.used.add(name)
        return name


def wire_messages(messages: Iterable[Message]) -> Iterator[Message]:
    """The messages by the rules above."""
    ids = _Ids()
    open_calls: dict[str, str] = {}
    for message in messages:
        if message.role is Role.TOOL:
            if (renamed := open_calls.pop(message.tool_call_id, None)) is not None:
                yield evolve(message, tool_call_id=renamed)
            continue
        yield from _unanswered(open_calls)
        open_calls = {}
        if message.tool_calls:
            calls = tuple(evolve(call, id=ids.take(call.id)) for call in message.tool_calls)
            open_calls = {old.id: new.id for old, new in zip(message.tool_calls, calls, strict=True)}
            message = evolve(message, tool_calls=calls)
        yield message
    yield from _unanswered(open_calls)


def _unanswered(open_calls: dict[str, str]) -> Iterator[Message]:
    for renamed in open_calls.values():
        yield Message(Role.TOOL, NO_RESULT, tool_call_id=renamed, finish_reason="error")


def arguments_object(call: ToolCall) -> Json:
    """The arguments as the object that a wire wants; broken JSON is wrapped, so that the model sees what it wrote."""
    if not call.arguments.strip():
        return {}
    found = parse_object(call.arguments)
    return {"invalid_json": call.arguments} if found is None else found


def arguments_text(call: ToolCall) -> str:
    """The arguments as text that is a JSON object: as the model wrote them wherever they are one."""
    if parse_object(call.arguments) is not None:
        return call.arguments
    return dump(arguments_object(call))
