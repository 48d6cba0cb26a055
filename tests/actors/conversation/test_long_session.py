"""A session of 300 turns with tools, compressions and restarts loses nothing, and providers take its requests."""

import json
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field

from hermes.agent import compression
from hermes.messages import Message, Role, ToolCall, Usage
from hermes.models.contract import Completed, ContextOverflow, ModelPiece, ModelRequest
from hermes.models.sizes import request_size
from tests.actors.house import house
from tests.actors.scripted import ScriptedModel
from tests.hermes.models.wires.valid import anthropic_body, chat_body

TURNS = 300
A_RUN = 50
"""Turns from one restart to the next."""

TEXT = "It was a long and winding tale. " * 12
WINDOW = 24_000


def begins_with(messages: Sequence[dict[str, Any]], before: Sequence[dict[str, Any]]) -> bool:
    """Whether ``messages`` go on where ``before`` ended; the last one may have been added to."""
    *same, last = before
    if list(messages[: len(same)]) != same:
        return False
    found = messages[len(same)]
    return bool(found == last or (isinstance(last["content"], list) and _adds(found, last)))


def _adds(found: dict[str, Any], last: dict[str, Any]) -> bool:
    return bool(found["role"] == last["role"] and found["content"][: len(last["content"])] == last["content"])


@define
class Provider:
    """Answers, calls tools, sums up, refuses what is too long, and checks whatever it is asked."""

    said: list[tuple[str, str]] = field(factory=list[tuple[str, str]])
    """What the transcript has to hold of the models' side."""
    summaries: int = 0
    refused: int = 0
    unbroken: int = 0
    _chat: list[dict[str, Any]] = field(factory=list[dict[str, Any]])
    _anthropic: list[dict[str, Any]] = field(factory=list[dict[str, Any]])
    _prefix: tuple[object, ...] = ()
    _compressed: bool = False

    async def reply(self, request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        if request.system == compression.SYSTEM:
            self.summaries += 1
            self._compressed = True
            yield self._completed(request, Message(Role.ASSISTANT, f"Summary {self.summaries}. " + TEXT))
            return
        self._check(request)
        if self.refused < 2 and len(self.said) > 40 * (self.refused + 1):
            self.refused += 1
            raise ContextOverflow("it is too long today")
        message = self._next(request.messages)
        self.said.append((message.content, ",".join(call.id for call in message.tool_calls)))
        yield self._completed(request, message)

    def _completed(self, request: ModelRequest, message: Message) -> Completed:
        return Completed(message, Usage(request_size(request) // 4, 50))

    def _next(self, messages: Sequence[Message]) -> Message:
        last = messages[-1]
        number = int(last.content.split()[1]) if last.role is Role.USER else -1
        wanted = 2 if number % 7 == 0 else 1 if number % 3 == 0 else 0
        if last.role is Role.USER and wanted:
            made = tuple(ToolCall(f"call_{each}", "todo", json.dumps({"note": TEXT})) for each in range(wanted))
            return Message(Role.ASSISTANT, "", made)
        return Message(Role.ASSISTANT, f"answer {len(self.said)}. {TEXT}")

    def _check(self, request: ModelRequest) -> None:
        chat, anthropic = chat_body(request), anthropic_body(request)
        prefix = (request.system, request.tools)
        assert self._prefix in ((), prefix)
        if not self._compressed and self._chat:
            assert begins_with(chat, self._chat)
            assert begins_with(anthropic, self._anthropic)
            self.unbroken += 1
        self._chat, self._anthropic, self._prefix, self._compressed = chat, anthropic, prefix, False


async def test_300_turns_with_tools_compressions_and_restarts_lose_nothing(tmp_path: Path) -> None:
    provider = Provider()
    asked: list[str] = []
    largest = 0
    for begin in range(0, TURNS, A_RUN):
        model = ScriptedModel(provider.reply, context_length=WINDOW)
        async with house(tmp_path, model=model) as gateway:
            for number in range(begin, begin + A_RUN):
                asked.append(f"turn {number} {TEXT}")
                await gateway.chat.say(f"e{number}", asked[-1])
                assert (await gateway.chat.answer(f"e{number}")).startswith("answer")
            largest = max(largest, *(request_size(request) for request in model.asked))
            store = gateway.tree.base.store
            session = await store.current("session:c")
            assert session is not None
            history = await store.history(session.id)
    assert [message.content for message in history if message.role is Role.USER] == asked
    replies = [m for m in history if m.role is Role.ASSISTANT]
    assert [(m.content, ",".join(call.id for call in m.tool_calls)) for m in replies] == provider.said
    calls = sum(len(message.tool_calls) for message in history)
    assert calls == sum(message.role is Role.TOOL for message in history) > 100
    assert session.message_count == len(history)
    assert provider.refused == 2
    assert provider.summaries >= 8
    assert provider.unbroken > 250
    assert largest / 4 < WINDOW
