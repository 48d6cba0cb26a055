"""A program that asks the gateway over its interface: it repeats one request, under one key, until it is answered."""

import json
from typing import Any

import httpx
import trio
from attrs import define, field

KEY = "sesame-open-9"

# Seconds between two tries.
PAUSE = 0.05

# Seconds for one try: the official clients wait for ten minutes, a test does not.
TRY_WITHIN = 60.0


@define
class Program:
    """One request."""

    port: int
    text: str
    idempotency_key: str = "order-7"
    stream: bool = False
    history: list[dict[str, str]] = field(factory=list[dict[str, str]])
    """What was said before, as the program has it."""
    tries: int = 0
    answer: Any = None
    answered: trio.Event = field(factory=trio.Event)

    async def ask(self) -> None:
        """Until there is an answer."""
        while not self.answered.is_set():
            try:
                self.answer = await self.once()
                self.answered.set()
            except (httpx.TransportError, LookupError):
                await trio.sleep(PAUSE)

    async def once(self) -> Any:
        """One try: the completion, or the texts of a whole stream. Raises ``LookupError`` when it was refused for now,
        or cut short."""
        self.tries += 1
        headers = {"authorization": f"Bearer {KEY}", "idempotency-key": self.idempotency_key}
        messages = [*self.history, {"role": "user", "content": self.text}]
        body = {"model": "any", "stream": self.stream, "messages": messages}
        url = f"http://127.0.0.1:{self.port}/v1/chat/completions"
        async with httpx.AsyncClient(headers=headers, timeout=TRY_WITHIN, trust_env=False) as client:
            answer = await client.post(url, json=body)
        if answer.status_code in {429, 503}:
            raise LookupError(answer.text)
        assert answer.status_code == 200, answer.text
        return _streamed(answer.text) if self.stream else answer.json()


def _streamed(text: str) -> str:
    events = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    if not events or events[-1] != "[DONE]":
        raise LookupError("the stream was cut short")
    chunks = [json.loads(event) for event in events[:-1]]
    return "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
