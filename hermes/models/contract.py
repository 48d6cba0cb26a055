"""What a chat model is to the rest: a request in, a stream of pieces out.

One module a wire format stands behind this. A stream is opened by ``async with`` and runs in the task of its caller;
leaving the block early, by cancellation or not, closes it.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from attrs import field, frozen

from hermes.errors import Refused
from hermes.messages import Message, Usage


@frozen
class ToolSchema:
    """A tool as a model is told of it."""

    name: str
    description: str
    parameters: dict[str, Any]
    """JSON Schema of the arguments; never changed."""
    size: int = field(init=False, eq=False, repr=False)
    """Bytes of all that, nearly: each request asks for it, several times."""

    def __attrs_post_init__(self) -> None:
        size = len(f"{self.name}{self.description}{self.parameters}".encode(errors="replace"))
        object.__setattr__(self, "size", size)


@frozen
class ModelRequest:
    """One call. Everything before ``messages`` is the prefix that stays byte-identical over a session."""

    model: str
    """Its name as the provider spells it; empty: the one that is configured."""
    system: str
    tools: tuple[ToolSchema, ...]
    messages: tuple[Message, ...]
    max_output_tokens: int | None = None
    may_call: bool = True
    """False: ``tools`` are named for the sake of the prefix, and none is to be called."""


@frozen
class TextDelta:
    text: str


@frozen
class ReasoningDelta:
    text: str


@frozen
class Unshown:
    """More of the reply that no delta shows: names and arguments of calls, thoughts that are only kept."""

    size: int
    """Bytes of text."""


@frozen
class Completed:
    """The last piece of a stream: the whole message, with its tool calls, and what it cost.

    Of ``usage``, input tokens include those read from and written to a cache, output tokens those of reasoning.
    """

    message: Message
    usage: Usage


class ContextOverflow(Refused):
    """The request is longer than the model takes."""


ModelPiece = TextDelta | ReasoningDelta | Unshown | Completed


class ChatModel(Protocol):
    """A model behind one wire format."""

    @property
    def provider(self) -> str:
        """Whose limits and failures it shares: "openrouter", "anthropic", the host of a custom one."""
        ...

    @property
    def name(self) -> str:
        """Provider and model, as ``/status`` shows it."""
        ...

    @property
    def context_length(self) -> int:
        """Tokens of input and output together."""
        ...

    @property
    def max_output_tokens(self) -> int:
        """Tokens that one reply has at most, as far as is known."""
        ...

    def stream(self, request: ModelRequest) -> AbstractAsyncContextManager[AsyncIterator[ModelPiece]]:
        """Open a stream that ends with exactly one ``Completed``.

        Raises ``TransientError``, ``RateLimited``, ``AuthError``, ``ConfigError``, ``Refused`` and
        ``RemoteProtocolError``, on entering or while iterating. The text of each is one line for a person, without
        secrets.
        """
        ...

    async def aclose(self) -> None:
        """End idle connections. A stream under way goes on, and the next one opens what it needs."""
        ...
