"""A model provider: OpenAI's chat completions, streamed and whole, with a settable latency. Starts alone:

    python -m benchmarks.fakes.model --port 8080 --latency 0

Rules:

1. ``POST …/chat/completions`` answers after ``latency`` seconds. It calls no tools. The answer repeats the last mark
   (``[[word]]``) of what people said, so that whoever asked finds its own answer again.
2. A streamed answer comes in ``pieces`` chunks at once: what a client does between two pieces is the client's cost.
3. ``GET …/models`` names the one model. ``GET /control/record`` tells what was asked so far, ``POST /control/reset``
   forgets it; its body may set ``latency`` (seconds) and ``pieces``.
"""

import argparse
import asyncio
import json
import re
from typing import cast

from attrs import asdict, define, field, frozen

from benchmarks.fakes.http import Exchange, port_of, serve

MODEL = "fake-model"
CONTEXT_LENGTH = 200_000
MARK = re.compile(r"\[\[[\w.:-]+\]\]")

# Requests that are described one by one; the first is the figure, some more show what else a product asks.
_KEPT = 20

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


class FakeModel:
    """The server's state; ``handle`` is its ``Handler``."""

    def __init__(self, *, latency: float = 0.0, pieces: int = 8) -> None:
        self.latency = latency
        self.pieces = pieces
        self.record = Record()

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
        else:
            exchange.answer_json({"error": {"message": f"no such path: {path}", "type": "invalid_request_error"}}, 404)

    def _reset(self, exchange: Exchange) -> None:
        wanted = json.loads(exchange.request.body or b"{}")
        self.latency = float(wanted.get("latency", self.latency))
        self.pieces = int(wanted.get("pieces", self.pieces))
        self.record = Record(running=self.record.running)
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
        words = [*_WORDS, mark] if (mark := _last_mark(messages)) else _WORDS
        if streamed:
            options = cast(dict[str, object], asked.get("stream_options") or {})
            answer = _streamed(words, self.pieces, usage=options.get("include_usage") is True)
        else:
            answer = [_whole(words)]
        self._later(exchange, answer, streamed=streamed)

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

        def now() -> None:
            record.running -= 1
            if streamed:
                exchange.stream(answer)
            else:
                exchange.answer(answer[0])

        if not self.latency:
            now()
            return
        timer = asyncio.get_running_loop().call_later(self.latency, now)

        def gone() -> None:
            timer.cancel()
            record.running -= 1
            record.gone += 1

        exchange.on_gone = gone


_USAGE = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
_NAMED = {"id": "chatcmpl-fake", "created": 1_700_000_000, "model": MODEL}


def _event(value: object) -> bytes:
    return b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n"


def _chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _event({**_NAMED, "object": "chat.completion.chunk", "choices": [choice]})


def _streamed(words: list[str], pieces: int, *, usage: bool) -> list[bytes]:
    size = max(1, -(-len(words) // pieces))
    texts = [" ".join(words[start : start + size]) for start in range(0, len(words), size)]
    events = [
        _chunk({"role": "assistant", "content": texts[0]}),
        *(_chunk({"content": f" {text}"}) for text in texts[1:]),
    ]
    events.append(_chunk({}, "stop"))
    if usage:
        events.append(_event({**_NAMED, "object": "chat.completion.chunk", "choices": [], "usage": _USAGE}))
    return [*events, b"data: [DONE]\n\n"]


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
