"""Requests for tests: short hands, and transcripts as the turn machine may leave them."""

from collections.abc import Sequence

from hypothesis import strategies as st

from hermes.messages import Message, Role, ToolCall
from hermes.models.contract import ModelRequest, ToolSchema

TOOLS = (ToolSchema("look", "Look at a file.", {"type": "object", "properties": {"path": {"type": "string"}}}),)


def user(text: str) -> Message:
    return Message(Role.USER, text)


def assistant(text: str = "", *calls: ToolCall, **rest: str) -> Message:
    return Message(Role.ASSISTANT, text, tool_calls=calls, **rest)


def call(call_id: str, arguments: str = "{}", name: str = "look") -> ToolCall:
    return ToolCall(call_id, name, arguments)


def result(call_id: str, text: str = "done", *, error: bool = False) -> Message:
    return Message(Role.TOOL, text, tool_call_id=call_id, tool_name="look", finish_reason="error" if error else "")


def request(*messages: Message, tools: Sequence[ToolSchema] = TOOLS, **rest: object) -> ModelRequest:
    return ModelRequest("", "Be brief.", tuple(tools), messages, **rest)  # type: ignore[arg-type]


TEXTS = st.sampled_from(["", " ", "hello", "two\nlines", "\u00e4\ud83d", "x" * 50])
IDS = st.sampled_from(["call_0", "call_1", "toolu_01Ab", "odd id/\u00e4", "", "y" * 60])
ARGUMENTS = st.sampled_from(["", "{}", '{"path": "a"}', '{"path": "a', "[1]", "null", "[" * 2000])


@st.composite
def replies(draw: st.DrawFn) -> list[Message]:
    """A reply with calls, and their results in any order."""
    ids = draw(st.lists(IDS, min_size=1, max_size=3, unique=True))
    calls = [call(each, draw(ARGUMENTS)) for each in ids]
    results = [result(each, draw(TEXTS), error=draw(st.booleans())) for each in draw(st.permutations(ids))]
    return [assistant(draw(TEXTS), *calls), *results, *(user("and") for _ in range(draw(st.integers(0, 1))))]


TURNS = st.tuples(
    st.lists(TEXTS.map(user), min_size=1, max_size=2),
    st.lists(replies(), max_size=2).map(lambda parts: [message for part in parts for message in part]),
    TEXTS.map(assistant),
).map(lambda turn: [*turn[0], *turn[1], turn[2]])
TRANSCRIPTS = st.lists(TURNS, max_size=3).map(lambda turns: [message for turn in turns for message in turn])
