"""A whole gateway with a provider of models behind real HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from hermes.config.model_schema import Caps, Fallback, Model
from hermes.config.schema import Agent
from hermes.events import DraftState, InboundKind
from hermes.models import retry
from tests.actors.house import House, house, settings
from tests.hermes.models.provider import (
    Answer,
    Line,
    Provider,
    chat,
    cut_after,
    event,
    finished,
    refusing,
    said,
    serving,
    silent_after,
)

USAGE = {"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 7}}


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE", 0.01)


@asynccontextmanager
async def gateway(folder: Path, *answers: Answer, **more: Any) -> AsyncIterator[tuple[House, Provider]]:
    async with serving(*answers) as provider:
        model = Model(default="m", provider="custom", base_url=f"{provider.url}/v1")
        agent = Agent(max_turns=more.pop("max_turns", 90), clarify_timeout=20.0)
        async with house(folder, settings=settings(model=model, agent=agent, **more)) as running:
            yield running, provider
        await provider.until_closed()


def calling(name: str, arguments: str, call_id: str = "call_0") -> dict[str, object]:
    function = {"name": name, "arguments": arguments}
    return {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "id": call_id, "function": function}]}}]}


async def test_a_message_is_answered_by_the_provider_with_a_tool_on_the_way(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("the content of the note")
    read = chat(calling("read_file", '{"path": "note"}'), finished("tool_calls"), USAGE)
    async with gateway(tmp_path, read, chat(said("It says "), said("hello."), finished(), USAGE)) as (
        running,
        provider,
    ):
        await running.chat.say("1", "what does the note say?")
        assert await running.chat.answer("1") == "It says hello."
        session = await running.tree.base.store.current("session:c")
        assert session is not None
        assert (session.usage.input_tokens, session.usage.output_tokens) == (200, 14)
        first, second = (request.body for request in provider.requests)
        assert second["messages"][: len(first["messages"])] == first["messages"]
        assert second["tools"] == first["tools"]
        result = second["messages"][-1]
        assert (result["role"], result["tool_call_id"]) == ("tool", "call_0")
        assert "the content of the note" in result["content"]


async def test_a_later_turn_begins_with_the_bytes_of_the_earlier_one(tmp_path: Path) -> None:
    look = chat(calling("read_file", '{"path": "nothing"}'), finished("tool_calls"))
    answers = (look, chat(said("one"), finished()), look, chat(said("two"), finished()))
    async with gateway(tmp_path, *answers) as (running, provider):
        await running.chat.say("1", "first")
        await running.chat.answer("1")
        await running.chat.say("2", "second")
        await running.chat.answer("2")
        longest = provider.requests[-1].body["messages"]
        for request in provider.requests:
            assert longest[: len(request.body["messages"])] == request.body["messages"]
        ids = [call["id"] for message in longest for call in message.get("tool_calls", ())]
        assert len(ids) == len(set(ids)) == 2


async def test_a_failure_that_passes_is_not_seen_by_the_chat(tmp_path: Path) -> None:
    answers = (refusing(503, "busy"), cut_after(), chat(said("yes"), finished()))
    async with gateway(tmp_path, *answers) as (running, provider):
        await running.chat.say("1", "hello")
        assert await running.chat.answer("1") == "yes"
        assert len(provider.requests) == 3


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (refusing(401, {"error": {"message": "no"}}), "The model cannot be used with its key: HOST wants a key"),
        (refusing(404, {"error": {"message": "no such model"}}), "The model is not set up right: HOST knows no"),
        (refusing(400, {"error": {"message": "maximum context length"}}), "This conversation is longer than the model"),
        (refusing(400, {"error": {"message": "odd"}}), "The model did not answer: HOST refused it (400): odd."),
        (refusing(200, "<html>hi", "text/html"), "The model's answer could not be used: HOST"),
        (chat(finished()), "The model returned an empty answer twice."),
        (refusing(500, "<title>oops</title>"), "The model cannot be reached just now: HOST failed (500)"),
        (cut_after(event(said("half"))), "half\n\nThe model cannot be reached just now: the connection to HOST"),
    ],
)  # fmt: skip
async def test_each_failure_ends_in_a_sentence_in_the_chat(tmp_path: Path, answer: Answer, sentence: str) -> None:
    async with gateway(tmp_path, answer) as (running, provider):
        await running.chat.say("1", "hello")
        found = await running.chat.answer("1")
        assert found.startswith(sentence.replace("HOST", f"127.0.0.1:{provider.port}"))


async def test_stop_in_the_middle_of_a_stream_closes_its_connection(tmp_path: Path) -> None:
    async with gateway(tmp_path, silent_after(event(said("on ")))) as (running, provider):
        await running.chat.say("1", "hello")
        await running.chat.draft(lambda draft: draft.state is DraftState.WRITING)
        await running.chat.say("2", "/stop", kind=InboundKind.COMMAND)
        assert "Stopped" in await running.chat.answer("1")
        await provider.until_closed()


async def test_the_end_of_the_models_actor_ends_no_turn(tmp_path: Path) -> None:
    release = trio.Event()

    async def slow(line: Line) -> None:
        await line.head()
        await line.send(event(said("on ")))
        await release.wait()
        await line.send(event(said("and on")) + event(finished()) + event("[DONE]"))
        await line.end()

    async with gateway(tmp_path, slow) as (running, _):
        await running.chat.say("1", "hello")
        await running.chat.draft(lambda draft: draft.state is DraftState.WRITING)
        running.tree.root.restart_child("core/models", "a test")
        await running.until(lambda: running.children()["core/models"].restarts > 0)
        release.set()
        assert await running.chat.answer("1") == "on and on"


async def test_a_fallback_takes_over_for_one_turn(tmp_path: Path) -> None:
    async with serving(chat(said("from the second"), finished())) as second:
        other = Fallback(provider="custom", model="n", base_url=f"{second.url}/v1")
        async with gateway(tmp_path, refusing(401), fallback_providers=(other,)) as (running, provider):
            for number in ("1", "2"):
                await running.chat.say(number, "hello")
                assert await running.chat.answer(number) == "from the second"
            assert len(provider.requests) == len(second.requests) == 2


async def test_a_spent_budget_keeps_the_prefix_and_calls_no_tool(tmp_path: Path) -> None:
    look = chat(calling("read_file", '{"path": "nothing"}'), finished("tool_calls"))
    async with gateway(tmp_path, look, chat(said("that is all"), finished()), max_turns=1) as (running, provider):
        await running.chat.say("1", "look for ever")
        assert await running.chat.answer("1") == "that is all"
        first, last = (request.body for request in provider.requests)
        assert (last["tools"], last["tool_choice"]) == (first["tools"], "none")


async def test_a_provider_that_is_down_is_told_once_its_breaker_opens(tmp_path: Path) -> None:
    async with gateway(tmp_path, refusing(500)) as (running, provider):
        for number in ("1", "2"):
            await running.chat.say(number, "hello", chat=number)
            await running.chat.answer(number)
        assert "times in a row" in await running.chat.answer("2")
        assert len(provider.requests) == 5
        assert "failed 5 times in a row" in running.children()["core/models"].detail


async def test_a_cap_refuses_the_call_that_would_pass_it_in_a_clear_sentence(tmp_path: Path) -> None:
    caps = Caps(tokens_per_conversation=8_000)
    answers = (chat(said("one"), finished(), USAGE),)
    async with gateway(tmp_path, *answers, caps=caps) as (running, provider):
        await running.chat.say("1", "hello")
        assert await running.chat.answer("1") == "one"
        await running.chat.say("2", "x" * 12_000)
        found = await running.chat.answer("2")
        assert found.startswith(
            "I stopped here: this conversation may cost 8,000 tokens (caps.tokens_per_conversation)"
        )
        assert len(provider.requests) == 1


async def test_usage_tells_the_session_the_day_and_the_caps(tmp_path: Path) -> None:
    caps = Caps(tokens_per_day=1_000_000)
    async with gateway(tmp_path, chat(said("one"), finished(), USAGE), caps=caps) as (running, _):
        await running.chat.say("0", "/usage", kind=InboundKind.COMMAND)
        assert await running.chat.answer("0") == "This session has used no tokens yet."
        await running.chat.say("1", "hello")
        await running.chat.answer("1")
        await running.chat.say("2", "/usage", kind=InboundKind.COMMAND)
        found = await running.chat.answer("2")
        assert "This session: 100 tokens in, 7 out" in found
        assert "The last 24 hours, all chats: 107 tokens in 1 model calls, of 1,000,000 at most." in found


async def test_a_model_is_told_and_chosen_for_a_session(tmp_path: Path) -> None:
    async with gateway(tmp_path, chat(said("one"), finished())) as (running, provider):
        name = f"127.0.0.1:{provider.port}"

        async def command(event_id: str, text: str) -> str:
            await running.chat.say(event_id, text, kind=InboundKind.COMMAND)
            return await running.chat.answer(event_id)

        assert await command("0", "/model") == f"Model: {name}/m"
        assert "no session yet" in await command("1", "/model other")
        await running.chat.say("2", "hello")
        await running.chat.answer("2")
        assert f"Model: {name}/other" in await command("3", "/model other")
        await running.chat.say("4", "hello")
        await running.chat.answer("4")
        assert await command("5", "/model default") == f"Model: {name}/m"
        await running.chat.say("6", "hello")
        await running.chat.answer("6")
        assert [request.body["model"] for request in provider.requests] == ["m", "other", "m"]


async def test_the_embedded_model_has_no_others(tmp_path: Path) -> None:
    async with house(tmp_path) as running:
        await running.chat.say("1", "hello")
        await running.chat.answer("1")
        await running.chat.say("2", "/model gpt", kind=InboundKind.COMMAND)
        assert "alone here" in await running.chat.answer("2")
