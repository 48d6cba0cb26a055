"""What a transcript is made of: the messages that models, tools and the store exchange. Frozen and serialisable."""

from enum import StrEnum

from attrs import frozen


class Role(StrEnum):
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@frozen
class ToolCall:
    """One call that a model asks for."""

    id: str
    """Unique within its turn; minted here when the model sent none."""
    name: str
    arguments: str
    """JSON text, exactly as the model wrote it, broken or not."""


@frozen
class Message:
    """One entry of a transcript."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    """For a tool's result: the call that it answers."""
    tool_name: str = ""
    reasoning: str = ""
    finish_reason: str = ""
    """Why the model ended, in its own word; "stopped", "interrupted" or "failed" where it was cut short; "error" on a
    tool's result that tells of a failure."""
    reasoning_details: str = ""
    """What the wire that made it wants to see again, as JSON text that only hermes/models reads: signed thoughts and
    the like."""


@frozen
class Usage:
    """Tokens of one model call, or of several added up."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
        )
