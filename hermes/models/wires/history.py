"""A transcript on its way into a request: what both wires ask of it.

1. Every call is followed by its result and no result stands alone: a hole is filled with a sentence, an orphan is left
   out. The journal keeps pairs whole; a provider refuses the whole session for one that is not.
2. Ids of calls are what every wire takes (``[A-Za-z0-9_-]``, at most ``MAX_ID``), and unique in the request: those of
   a transcript are unique in their turn only, and may come from another provider.
3. The results of one reply stand in the order of its calls, whichever came first: the prompt templates of many open
   models leave the ids out, and only the order tells such a model which result is which.
4. What a message becomes depends on it, on those before it and on the other results of the same reply, never on what
   stands behind those: what one request ended with stays the same bytes.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from attrs import define, evolve, field

from hermes.messages import Message, Role, ToolCall
from hermes.models.wires.parse import Json, dump, strict_object

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
    names: dict[str, str] = {}
    results: dict[str, Message] = {}
    for message in messages:
        if message.role is Role.TOOL:
            if message.tool_call_id in names:
                results.setdefault(message.tool_call_id, message)
            continue
        yield from _in_order(names, results)
        names, results = {}, {}
        if message.tool_calls:
            calls = tuple(evolve(call, id=ids.take(call.id)) for call in message.tool_calls)
            names = {old.id: new.id for old, new in zip(message.tool_calls, calls, strict=True)}
            message = evolve(message, tool_calls=calls)
        yield message
    yield from _in_order(names, results)


def _in_order(names: Mapping[str, str], results: Mapping[str, Message]) -> Iterator[Message]:
    """The results of one reply; ``names`` are the ids of its calls, as they were and as they are in the request."""
    for original, name in names.items():
        if (found := results.get(original)) is not None:
            yield evolve(found, tool_call_id=name)
        else:
            yield Message(Role.TOOL, NO_RESULT, tool_call_id=name, finish_reason="error")


def arguments_object(call: ToolCall) -> Json:
    """The arguments as the object that a wire wants; broken JSON is wrapped, so that the model sees what it wrote."""
    if not call.arguments.strip():
        return {}
    found = strict_object(call.arguments)
    return {"invalid_json": call.arguments} if found is None else found


def arguments_text(call: ToolCall) -> str:
    """The arguments as text that is a JSON object: as the model wrote them wherever they are one."""
    if strict_object(call.arguments) is not None:
        return call.arguments
    return dump(arguments_object(call))
