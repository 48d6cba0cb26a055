"""A model by script, and events that nobody was told of."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

from attrs import define, field

from hermes.events import InboundKind
from hermes.messages import Message, Role, Usage
from hermes.models.contract import Completed, ModelPiece, ModelRequest
from tests.actors.house import House


@define
class ScriptedModel:
    """Streams what ``script`` yields, and remembers what it was asked."""

    script: Callable[[ModelRequest], AsyncGenerator[ModelPiece]]
    asked: list[ModelRequest] = field(factory=list[ModelRequest])
    name: str = "scripted"
    provider: str = "scripted"
    context_length: int = 1000
    max_output_tokens: int = 100

    @asynccontextmanager
    async def stream(self, request: ModelRequest) -> AsyncIterator[AsyncIterator[ModelPiece]]:
        self.asked.append(request)
        async with aclosing(self.script(request)) as pieces:
            yield pieces

    async def aclose(self) -> None:
        pass


async def echo(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
    yield Completed(Message(Role.ASSISTANT, f"heard {request.messages[-1].content}"), Usage())


async def silently(house: House, event_id: str, text: str, kind: InboundKind = InboundKind.MESSAGE) -> None:
    """Into the inbox without a nudge, as when whoever accepted it crashed right after."""
    await house.tree.base.store.accept(house.chat.event(event_id, text, kind=kind), time.time())
