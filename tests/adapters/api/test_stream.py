"""Streaming: chunks as the public documents have them, whose texts add up to the answer and are never taken back."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import trio
from attrs import define, field

from adapters.api import routes, runs, sse, writing
from adapters.api.settings import ApiSettings
from hermes.errors import TransientError
from hermes.messages import Message, Role, ToolCall, Usage
from hermes.models.contract import Completed, ModelPiece, ModelRequest, TextDelta
from tests.actors.scripted import ScriptedModel
from tests.adapters.api.conftest import Serve, Served, user
from tests.adapters.api.test_chat import CHAT, SESSION, Slowly


@define
class Stream:
    """What a client has read so far."""

    lines: AsyncGenerator[str]
    headers: dict[str, str]
    data: list[Any] = field(factory=list[Any])
    comments: int = 0

    async def next(self) -> Any:
        """The next event; the text "[DONE]" for the last."""
        with trio.fail_after(30):
            async for line in self.lines:
                if line.startswith(":"):
                    self.comments += 1
                elif line:
                    assert line.startswith("data: ")
                    told = line.removeprefix("data: ")
                    self.data.append(told if told == "[DONE]" else json.loads(told))
                    return self.data[-1]
        raise EOFError

    async def rest(self) -> None:
        with trio.fail_after(30):
            try:
                while True:
                    await self.next()
            except EOFError:
                return

    @property
    def text(self) -> str:
        chunks = [each for each in self.data if isinstance(each, dict) and each.get("choices")]
        return "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)


@asynccontextmanager
async def streaming(served: Served, text: str, headers: dict[str, str] | None = None, **more: Any) -> Any:
    body = user(text, stream=True, **more)
    async with served.client.stream("POST", CHAT, json=body, headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Stream(answer.aiter_lines(), dict(answer.headers))


async def test_an_answer_grows_chunk_by_chunk(serve: Serve) -> None:
    async with serve() as served, streaming(served, "count to 8 slowly") as stream:
        await stream.rest()
        assert served.count("turns") == 1
    first, *chunks, last, done = stream.data
    assert done == "[DONE]"
    assert first["choices"] == [
        {"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None}
    ]
    assert last["choices"] == [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}]
    assert {chunk["object"] for chunk in (first, *chunks, last)} == {"chat.completion.chunk"}
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in (first, *chunks, last)}) == 1
    assert len(chunks) > 2
    assert stream.text == "1 2 3 4 5 6 7 8"
    assert "usage" not in last
    assert stream.headers[SESSION]


async def test_tokens_come_in_a_chunk_of_their_own_for_who_asked(serve: Serve) -> None:
    async with serve() as served, streaming(served, "say hi", stream_options={"include_usage": True}) as stream:
        await stream.rest()
    *others, spent, done = stream.data
    assert done == "[DONE]"
    assert spent["choices"] == []
    assert spent["usage"]["total_tokens"] > spent["usage"]["completion_tokens"] > 0
    assert [chunk["usage"] for chunk in others] == [None] * len(others)


async def test_what_a_model_says_before_a_tool_stands_and_the_answer_follows(serve: Serve) -> None:
    async def looks_first(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        if request.messages[-1].role is Role.USER:
            for word in ("Let ", "me ", "look ", "at ", "it. "):
                yield TextDelta(word)
                await trio.sleep(0.06)
            call = ToolCall("c1", "todo", '{"todos": []}')
            yield Completed(Message(Role.ASSISTANT, "Let me look at it. ", (call,)), Usage(1, 1))
            return
        for word in ("The ", "list ", "is ", "empty."):
            yield TextDelta(word)
            await trio.sleep(0.06)
        yield Completed(Message(Role.ASSISTANT, "The list is empty."), Usage(1, 1))

    async with serve(ScriptedModel(looks_first)) as served, streaming(served, "look") as stream:
        await stream.rest()
    assert stream.text.startswith("Let me")
    assert stream.text.endswith("\n\nThe list is empty.")
    assert stream.text.count("The list") == 1


async def test_a_secret_that_is_recognised_late_was_never_sent(serve: Serve) -> None:
    words = ["the ", "token: ", "sk-", "a1b2", "c3d4e5f6a1b2c3d4e5f6 ", "and ", "more"]

    async def tells(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        for word in words:
            yield TextDelta(word)
            await trio.sleep(0.06)
        yield Completed(Message(Role.ASSISTANT, "".join(words)), Usage(1, 1))

    async with serve(ScriptedModel(tells)) as served, streaming(served, "tell") as stream:
        await stream.rest()
    assert stream.text == "the token: sk-[redacted] and more"
    assert "a1b2" not in json.dumps(stream.data)


async def test_a_client_that_comes_late_has_the_whole_text(serve: Serve) -> None:
    go_on = trio.Event()

    async def halting(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        yield TextDelta("one two ")
        await go_on.wait()
        yield Completed(Message(Role.ASSISTANT, "one two three"), Usage(1, 1))

    headers = {"idempotency-key": "k"}
    model = ScriptedModel(halting)
    async with serve(model) as served:
        async with streaming(served, "go", headers) as early:
            while "one" not in early.text:
                await early.next()
            async with streaming(served, "go", headers) as late:
                while "one" not in late.text:
                    await late.next()
                go_on.set()
                await early.rest()
                await late.rest()
        async with streaming(served, "go", headers) as afterwards:
            await afterwards.rest()
        whole = await served.client.post(CHAT, json=user("go"), headers=headers)
    assert early.text == late.text == afterwards.text == "one two three"
    assert whole.json()["choices"][0]["message"]["content"] == "one two three"
    assert len(model.asked) == 1


async def test_a_reader_that_goes_away_stops_nothing(serve: Serve) -> None:
    slowly = Slowly()
    async with serve(ScriptedModel(slowly)) as served:
        async with await by_hand(served, user("go", stream=True), "idempotency-key: k\r\n") as stream:
            await slowly.begun.wait()
            assert b"chat.completion.chunk" in await stream.receive_some(100_000)
        slowly.go_on.set()
        answer = await served.client.post(CHAT, json=user("go"), headers={"idempotency-key": "k"})
        assert served.count("turns") == 1
    assert answer.json()["choices"][0]["message"]["content"] == "at last"


async def by_hand(served: Served, body: dict[str, Any], headers: str = "", path: str = CHAT) -> trio.SocketStream:
    """A request on a connection of its own, of which nothing is read."""
    content = json.dumps(body).encode()
    place = f"127.0.0.1:{served.page.port}"
    head = f"POST {path} HTTP/1.1\r\nHost: {place}\r\nContent-Length: {len(content)}\r\n{headers}\r\n"
    stream = await trio.open_tcp_stream("127.0.0.1", served.page.port or 0)
    await stream.send_all(head.encode() + content)
    return stream


async def test_silence_is_filled_with_comments(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "KEEP_ALIVE", 0.05)
    slowly = Slowly()
    async with (
        serve(ScriptedModel(slowly)) as served,
        streaming(served, "go") as stream,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(stream.rest)
        while stream.comments < 3:
            await trio.sleep(0.01)
        slowly.go_on.set()
    assert stream.text == "at last"


async def test_a_turn_that_fails_in_a_stream_is_an_error_and_no_end(serve: Serve) -> None:
    async def failing(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        yield TextDelta("half an ")
        raise TransientError("the line broke")

    async with serve(ScriptedModel(failing)) as served, streaming(served, "go") as stream:
        await stream.rest()
    assert "the line broke" in stream.data[-1]["error"]["message"]
    assert stream.data[-1]["error"]["code"] == "no_answer"


async def test_a_reader_that_takes_nothing_is_cut_off_and_holds_up_nobody(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "WRITE_WITHIN", 0.3)
    page = "x" * 99_000 + " "

    async def floods(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        if request.messages[-1].content == "quick":
            yield Completed(Message(Role.ASSISTANT, "quick"), Usage(1, 1))
            return
        yield TextDelta(page)
        await trio.sleep(0.1)
        yield Completed(Message(Role.ASSISTANT, page * 300), Usage(1, 1))

    async with serve(ScriptedModel(floods)) as served, await by_hand(served, user("flood", stream=True)) as slow:
        with trio.fail_after(30):
            while served.rows("SELECT 1 FROM turns WHERE state = 'done'") == []:
                await trio.sleep(0.02)
            quick = await served.client.post(CHAT, json=user("quick"))
            assert quick.json()["choices"][0]["message"]["content"] == "quick"
            taken = await _drain(slow)
    assert taken < len(page) * 300


async def _drain(stream: trio.SocketStream) -> int:
    """Bytes until the connection is gone."""
    await trio.sleep(1.0)
    taken = 0
    try:
        while piece := await stream.receive_some(1_000_000):
            taken += len(piece)
    except trio.BrokenResourceError:
        pass
    return taken


async def test_a_client_that_goes_away_makes_no_room(serve: Serve) -> None:
    slowly = Slowly()
    async with serve(ScriptedModel(slowly), settings=ApiSettings(max_runs=1)) as served:
        async with await by_hand(served, user("go", stream=True)):
            await slowly.begun.wait()
        refused = await served.client.post(CHAT, json=user("more"))
        assert refused.status_code == 429
        assert served.count("inbox") == 1
        slowly.go_on.set()
        with trio.fail_after(20):
            while (await served.client.post(CHAT, json=user("more"))).status_code == 429:
                await trio.sleep(0.05)


async def test_an_answer_without_a_nudge_is_found_all_the_same(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "LOOK_EVERY", 0.05)
    monkeypatch.setattr(runs.Runs, "sent", lambda *_: None)
    monkeypatch.setattr(runs.Runs, "show", lambda *_: None)
    async with serve() as served:
        answer = await served.client.post(CHAT, json=user("say hi"))
    assert answer.json()["choices"][0]["message"]["content"] == "hi"


@pytest.mark.parametrize(("stream", "goes"), [(False, False), (True, True)])
async def test_a_client_that_takes_nothing_leaves_its_place(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, stream: bool, goes: bool
) -> None:
    monkeypatch.setattr(writing, "WRITE_WITHIN", 1.0)
    monkeypatch.setattr(routes, "MAX_REQUESTS", 1)

    async def floods(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        flood = request.messages[-1].content == "flood"
        yield Completed(Message(Role.ASSISTANT, "x" * (20_000_000 if flood else 1)), Usage(1, 1))

    async with (
        serve(ScriptedModel(floods)) as served,
        await by_hand(served, user("flood", stream=stream)) as stuck,
    ):
        with trio.fail_after(30):
            while served.rows("SELECT 1 FROM turns WHERE state = 'done'") == []:
                await trio.sleep(0.02)
            if goes:
                # So that the buffers are full by then, as a rule; else it is a client that goes early.
                await trio.sleep(0.3)
                with suppress(trio.BrokenResourceError):
                    await stuck.send_eof()
            while (await served.client.post(CHAT, json=user("quick"))).status_code == 429:
                await trio.sleep(0.02)
