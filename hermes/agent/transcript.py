"""The shape of a turn's transcript, and what can be read off it.

Both wire formats (OpenAI chat completions, Anthropic messages) refuse a history in which a tool call has no result, or
a result stands anywhere but right behind the message that called. So a turn's messages keep these rules, in the journal
as on the wire:

1. The first is the user's.
2. An assistant message with tool calls is followed by exactly one result for each, in any order, before anything else.
3. No two assistant messages stand side by side. User messages may: they were written one after the other.
4. A call id names one call of the turn.
"""

from collections.abc import Iterable, Sequence

from hermes.errors import LocalProtocolError
from hermes.messages import Message, Role, ToolCall
from hermes.tools.contract import ToolResult

ERROR = "error"
"""``finish_reason`` of a tool's result that tells of a failure."""


def check(messages: Sequence[Message]) -> None:
    """Raise ``LocalProtocolError`` unless ``messages`` are a turn's; calls of the last reply may still lack results."""
    if not messages or messages[0].role is not Role.USER:
        raise LocalProtocolError("a turn begins with a message of the user")
    known: set[str] = set()
    open_calls: set[str] = set()
    before = Role.USER
    for message in messages:
        if message.role is Role.TOOL:
            _close(message.tool_call_id, open_calls)
        elif open_calls:
            raise LocalProtocolError(f"tool calls without a result: {', '.join(sorted(open_calls))}")
        elif message.role is Role.SYSTEM or message.role is before is Role.ASSISTANT:
            raise LocalProtocolError(f"a {message.role} message has no place behind a {before} message")
        else:
            open_calls = _open(message.tool_calls, known)
        before = message.role


def _close(call_id: str, open_calls: set[str]) -> None:
    if call_id not in open_calls:
        raise LocalProtocolError(f"a tool result stands apart from its call: {call_id}")
    open_calls.remove(call_id)


def _open(calls: Iterable[ToolCall], known: set[str]) -> set[str]:
    fresh: set[str] = set()
    for call in calls:
        if call.id in known:
            raise LocalProtocolError(f"a tool call id is used twice in one turn: {call.id}")
        known.add(call.id)
        fresh.add(call.id)
    return fresh


def call_ids(messages: Iterable[Message]) -> set[str]:
    """Ids of all calls."""
    return {call.id for message in messages for call in message.tool_calls}


def unanswered(messages: Iterable[Message]) -> tuple[ToolCall, ...]:
    """The calls that have no result yet, in the order the model gave."""
    results = {message.tool_call_id for message in messages if message.role is Role.TOOL}
    return tuple(call for message in messages for call in message.tool_calls if call.id not in results)


def answers(messages: Iterable[Message]) -> list[str]:
    """What the model said to the person, which is a reply that calls no tool: several when steered messages came."""
    return [m.content for m in messages if m.role is Role.ASSISTANT and not m.tool_calls]


def replies(messages: Iterable[Message]) -> int:
    """Model calls that ended with a reply."""
    return sum(message.role is Role.ASSISTANT for message in messages)


def result_message(call: ToolCall, result: ToolResult) -> Message:
    """A tool's result as the transcript keeps it."""
    return Message(
        Role.TOOL,
        result.content,
        tool_call_id=call.id,
        tool_name=call.name,
        finish_reason=ERROR if result.is_error else "",
    )
