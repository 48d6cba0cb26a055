"""A model provider: OpenAI's chat completions, streamed and whole, with a settable latency. Starts alone:

    python -m benchmarks.fakes.model --port 8080 --latency 0

Rules:

1. ``POST …/chat/completions`` answers after ``latency`` seconds. The answer repeats the last mark (``[[word]]``) of
   what people said, so that whoever asked finds its own answer again. It calls a tool only where the last message is a
   person's, with "please run" and a command in backticks, and a tool of the name ``terminal`` is offered.
2. A streamed answer comes in ``pieces`` chunks at once: what a client does between two pieces is the client's cost.
3. ``GET …/models`` names the one model. ``GET /control/record`` tells what was asked so far, ``POST /control/reset``
   forgets it; its body may set ``latency`` (seconds) and ``pieces``.
4. ``POST /control/trouble`` with ``{"kind": "down"}`` lets it misbehave until the kind is empty: ``down`` refuses with
   503, ``slow`` takes ``SLOW`` seconds longer, ``cut`` closes the connection in the middle of an answer, ``hole``
   says nothing for as long as the client stays.
"""

import argparse
import asyncio
import json
import re
import secrets
from collections.abc import Mapping
from enum import StrEnum
from typing import cast

from attrs import asdict, define, field, frozen

from benchmarks.fakes.http import Exchange, port_of, serve

MODEL = "fake-model"
CONTEXT_LENGTH = 200_000
MARK = re.compile(r"\[\[[\w.:-]+\]\]")

# Requests that are described one by one; the first is the figure, some more show what else a product asks.
_KEPT = 20

# Seconds more of a model that is slow: a person notices, no deadline does.
SLOW = 4.0

_RUN = re.compile(r"please run `([^`]+)`")

_WORDS = ["This", "is", "a", "short", "answer", "of", "the", "model,", "as", "it", "would", "be", "to", "a", "greeting"]


@frozen
class Asked:
    """What one request carried."""

    size: int
    """Bytes of its body."""
    tools: int
    tool_bytes: int
    streamed: bool


@define
class Record:
    """What was asked since the last reset."""

    requests: int = 0
    running: int = 0
    peak: int = 0
    """Most requests that were answered at one time."""
    gone: int = 0
    """Clients that left before their answer."""
    first: list[Asked] = field(factory=list[Asked])


def _last_mark(messages: list[dict[str, object]]) -> str:
    # From the latest back: after an interruption some products speak of it in a message of their own.
    for message in reversed(messages):
        if message.get("role") == "user" and (found := MARK.findall(json.dumps(message.get("content", "")))):
            return str(found[-1])
    return ""


class Trouble(StrEnum):
    """See rule 4."""

    NONE = ""
    DOWN = "down"
    SLOW = "slow"
    CUT = "cut"
    HOLE = "hole"


class FakeModel:
    """The server's state; ``handle`` is its ``Handler``."""

    def __init__(self, *, latency: float = 0.0, pieces: int = 8) -> None:
        self.latency = latency
        self.pieces = pieces
        self.record = Record()
        self.trouble = Trouble.NONE

    def handle(self, exchange: Exchange) -> None:
        path = exchange.request.path
        if path.endswith("/chat/completions"):
            self._complete(exchange)
        elif path.endswith("/models") or "/models/" in path:
            entry = {"id": MODEL, "object": "model", "owned_by": "fake", "context_length": CONTEXT_LENGTH}
            exchange.answer_json({"object": "list", "data": [entry]} if path.endswith("/models") else entry)
        elif path == "/control/record":
            exchange.answer_json(asdict(self.record))
        elif path == "/control/reset":
            self._reset(exchange)
        elif path == "/control/trouble":
            self.trouble = Trouble(json.loads(exchange.request.body)["kind"])
            exchange.answer_json({"ok": True})
        else:
            exchange.answer_json({"error": {"message": f"no such path: {path}", "type": "invalid_request_error"}}, 404)

    def _reset(self, exchange: Exchange) -> None:
        wanted = json.loads(exchange.request.body or b"{}")
        self.latency = float(wanted.get("latency", self.latency))
        self.pieces = int(wanted.get("pieces", self.pieces))
        self.record = Record(running=self.record.running)
        self.trouble = Trouble.NONE
        exchange.answer_json({"ok": True})

    def _complete(self, exchange: Exchange) -> None:
        try:
            asked = cast(dict[str, object], json.loads(exchange.request.body))
            messages = cast(list[dict[str, object]], asked["messages"])
        except (ValueError, KeyError):
            exchange.answer_json({"error": {"message": "not a request", "type": "invalid_request_error"}}, 400)
            return
        streamed = asked.get("stream") is True
        self._note(exchange, asked, streamed=streamed)
        if self.trouble is Trouble.DOWN:
            exchange.answer_json({"error": {"message": "overloaded", "type": "overloaded_error"}}, 503)
        elif self.trouble is not Trouble.HOLE:
            self._later(exchange, self._answer(asked, messages, streamed=streamed), streamed=streamed)

    def _answer(self, asked: dict[str, object], messages: list[dict[str, object]], *, streamed: bool) -> list[bytes]:
        """Its chunks; one, where it is not streamed."""
        words = [*_WORDS, mark] if (mark := _last_mark(messages)) else _WORDS
        if not streamed:
            return [_whole(words)]
        options = cast(dict[str, object], asked.get("stream_options") or {})
        usage = options.get("include_usage") is True
        command = _command(messages[-1]) if "terminal" in json.dumps(asked.get("tools")) else ""
        return _called(command, usage=usage) if command else _streamed(words, self.pieces, usage=usage)

    def _note(self, exchange: Exchange, asked: dict[str, object], *, streamed: bool) -> None:
        record = self.record
        record.requests += 1
        if len(record.first) < _KEPT:
            tools = cast(list[object], asked.get("tools") or [])
            record.first.append(Asked(len(exchange.request.body), len(tools), len(json.dumps(tools)), streamed))

    def _later(self, exchange: Exchange, answer: list[bytes], *, streamed: bool) -> None:
        record = self.record
        record.running += 1
        record.peak = max(record.peak, record.running)

        trouble = self.trouble
        latency = self.latency + (SLOW if trouble is Trouble.SLOW else 0.0)

        def now() -> None:
            record.running -= 1
            if trouble is Trouble.CUT:
                _cut(exchange, answer)
            elif streamed:
                exchange.stream(answer)
            else:
                exchange.answer(answer[0])

        if not latency:
            now()
            return
        timer = asyncio.get_running_loop().call_later(latency, now)

        def gone() -> None:
            timer.cancel()
            record.running -= 1
            record.gone += 1

        exchange.on_gone = gone


def _command(message: dict[str, object]) -> str:
    """What a person asks to be run with the last word; empty: nothing."""
    found = _RUN.findall(json.dumps(message.get("content", ""))) if message.get("role") == "user" else []
    return str(found[-1]) if found else ""


def _cut(exchange: Exchange, answer: list[bytes]) -> None:
    exchange.begin()
    for piece in answer[: len(answer) // 2]:
        exchange.send(piece)
    exchange.cut()


_USAGE = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
_DONE = b"data: [DONE]\n\n"
_NAMED = {"id": "chatcmpl-fake", "created": 1_700_000_000, "model": MODEL}


def _event(value: object) -> bytes:
    return b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n"


def _chunk(delta: Mapping[str, object], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _event({**_NAMED, "object": "chat.completion.chunk", "choices": [choice]})


def _streamed(words: list[str], pieces: int, *, usage: bool) -> list[bytes]:
    size = max(1, -(-len(words) // pieces))
    texts = [" ".join(words[start : start + size]) for start in range(0, len(words), size)]
    events = [
        _chunk({"role": "assistant", "content": texts[0]}),
        *(_chunk({"content": f" {text}"}) for text in texts[1:]),
    ]
    return [*events, _chunk({}, "stop"), *_end(usage=usage)]


def _called(command: str, *, usage: bool) -> list[bytes]:
    function = {"name": "terminal", "arguments": json.dumps({"command": command})}
    call = {"index": 0, "id": f"call_{secrets.token_hex(4)}", "type": "function", "function": function}
    begin = _chunk({"role": "assistant", "content": None, "tool_calls": [call]})
    return [begin, _chunk({}, "tool_calls"), *_end(usage=usage)]


def _end(*, usage: bool) -> list[bytes]:
    counted = _event({**_NAMED, "object": "chat.completion.chunk", "choices": [], "usage": _USAGE})
    return [counted, _DONE] if usage else [_DONE]


def _whole(words: list[str]) -> bytes:
    message = {"role": "assistant", "content": " ".join(words)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json.dumps({**_NAMED, "object": "chat.completion", "choices": [choice], "usage": _USAGE}).encode()


async def main(port: int, latency: float, pieces: int) -> None:
    """Serve until cancelled."""
    server = await serve(FakeModel(latency=latency, pieces=pieces).handle, port)
    print(f"model: http://127.0.0.1:{port_of(server)}/v1", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A fake model provider on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--pieces", type=int, default=8, help="chunks of a streamed answer")
    given = parser.parse_args()
    asyncio.run(main(given.port, given.latency, given.pieces))
