"""A model on the loopback interface that does what the person's words say, over the wire of chat completions.

``one: USE [["read_file", {"path": "x"}]]`` makes these calls, and tells their results; ``one: KNOWS x`` tells whether
the system prompt has x, ``one: HEARD x`` whether the conversation has; to anything else it says that it heard. Each
answer names the word before the colon.
"""

import json
from typing import Any

import trio
from attrs import define, field

from hermes.agent import compression
from tests.hermes.models.provider import Line, Provider, event, finished, said

SUMMARY = "SUMMED UP"
EVENT = "[Background process"

# Characters of a result that an answer tells.
MAX_TOLD = 400


@define(eq=False)
class Puppet:
    """Its ``answer`` is one of ``serving``."""

    provider: Provider | None = None
    hangs: str = ""
    """What it falls silent in, once: ``answer`` of results, or ``summary``."""
    hanging: trio.Event = field(factory=trio.Event)
    calls: int = 0
    summaries: int = 0

    def hang_in(self, what: str) -> None:
        self.hangs, self.hanging = what, trio.Event()

    async def answer(self, line: Line) -> None:
        assert self.provider is not None
        messages: list[dict[str, Any]] = self.provider.requests[-1].body["messages"]
        await line.head()
        if messages[0]["content"] == compression.SYSTEM:
            await self._maybe_hang("summary", line)
            self.summaries += 1
            await self._say(line, f"{SUMMARY} {self.summaries}", messages)
        elif messages[-1]["role"] == "tool":
            await self._maybe_hang("answer", line)
            results = " ".join(message["content"] for message in messages[_after_calls(messages) :]).split()
            await self._say(line, f"{_asked(messages)} gave {' '.join(results)[:MAX_TOLD]}", messages)
        else:
            await self._begin(line, messages)

    async def _begin(self, line: Line, messages: list[dict[str, Any]]) -> None:
        name, _, words = _words(messages[-1]).partition(": ")
        if words.startswith("USE "):
            await self._call(line, json.loads(words.removeprefix("USE ")), messages)
        elif words.startswith("KNOWS "):
            known = words.removeprefix("KNOWS ") in messages[0]["content"]
            await self._say(line, f"{name} is {'known' if known else 'unknown'}", messages)
        elif words.startswith("HEARD "):
            heard = any(words.removeprefix("HEARD ") in str(message["content"]) for message in messages[1:-1])
            await self._say(line, f"{name} was {'told' if heard else 'not told'}", messages)
        elif EVENT in messages[-1]["content"]:
            await self._say(line, f"told that {' '.join(messages[-1]['content'].split())}", messages)
        else:
            await self._say(line, f"{name} was heard", messages)

    async def _maybe_hang(self, what: str, line: Line) -> None:
        if self.hangs == what:
            self.hangs = ""
            await line.send(event(said("It begins ")))
            self.hanging.set()
            await line.until_closed()
            raise trio.BrokenResourceError

    async def _say(self, line: Line, text: str, messages: list[dict[str, Any]]) -> None:
        for word in text.split(" "):
            await line.send(event(said(word + " ")))
        await line.send(event(finished()))
        await self._end(line, messages)

    async def _call(self, line: Line, calls: list[tuple[str, Any]], messages: list[dict[str, Any]]) -> None:
        for index, (name, arguments) in enumerate(calls):
            self.calls += 1
            function = {"name": name, "arguments": json.dumps(arguments)}
            call = {"index": index, "id": f"call_{self.calls}", "type": "function", "function": function}
            await line.send(event({"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}]}))
        await line.send(event(finished("tool_calls")))
        await self._end(line, messages)

    async def _end(self, line: Line, messages: list[dict[str, Any]]) -> None:
        used = {"prompt_tokens": len(json.dumps(messages)) // 4, "completion_tokens": 5}
        await line.send(event({"choices": [], "usage": used}))
        await line.send(event("[DONE]"))
        await line.end()


def _words(message: dict[str, Any]) -> str:
    """What a person said: the last line of it, since the time may stand before."""
    content = message["content"]
    text = content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)
    return text.strip().splitlines()[-1]


def _after_calls(messages: list[dict[str, Any]]) -> int:
    return max(index for index, message in enumerate(messages) if message.get("tool_calls")) + 1


def _asked(messages: list[dict[str, Any]]) -> str:
    asked = (_words(message).partition(": ") for message in reversed(messages) if message["role"] == "user")
    return next(name for name, _, words in asked if words)
