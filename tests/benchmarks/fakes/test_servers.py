"""Both fakes as anyone starts them: processes of their own, asked over HTTP."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from benchmarks.services import World, world

# Seconds for one answer, on a machine that is busy with others.
WITHIN = 30.0


@pytest.fixture(scope="module")
def running() -> Iterator[World]:
    with world() as both:
        yield both


@pytest.fixture
def fakes(running: World) -> World:
    running.reset()
    return running


def _bot(fakes: World, method: str, **given: Any) -> Any:
    answer = httpx.post(f"{fakes.bot_url}1:token/{method}", json=given, timeout=WITHIN)
    told = answer.json()
    return told["result"] if told["ok"] else (answer.status_code, told["description"])


def _complete(fakes: World, text: str, **more: Any) -> httpx.Response:
    asked = {"model": "m", "messages": [{"role": "user", "content": text}], **more}
    return httpx.post(f"{fakes.model_url}/chat/completions", json=asked, timeout=WITHIN)


def test_what_a_person_says_is_polled_and_an_answer_with_its_mark_stands_in_the_chat(fakes: World) -> None:
    mark = fakes.bot_api.ask("say", {"chat": 7})["mark"]
    (update,) = _bot(fakes, "getUpdates", timeout=0)
    assert update["message"]["text"] == f"hello {mark}"
    assert update["message"]["chat"]["id"] == 7
    sent = _bot(fakes, "sendMessage", chat_id=7, text=f"yes {mark}")
    assert sent["from"]["is_bot"] is True
    record = fakes.bot_api.ask("record")
    assert record["copies"] == {mark: 1}
    assert record["calls"] == {"getUpdates": 1, "sendMessage": 1}
    assert isinstance(record["first_poll"], float)


def test_the_parameters_of_a_method_come_as_json_as_a_form_in_parts_or_in_the_address(fakes: World) -> None:
    url = f"{fakes.bot_url}1:token/sendMessage"
    given = {"chat_id": "7", "text": "ä & b"}
    ways: list[dict[str, Any]] = [
        {"json": given},
        {"data": given},
        {"params": given},
        {"files": {name: (None, value) for name, value in given.items()}},
    ]
    assert [httpx.post(url, timeout=WITHIN, **way).json()["result"]["text"] for way in ways] == ["ä & b"] * 4


def test_an_edit_is_refused_as_the_documents_say(fakes: World) -> None:
    sent = _bot(fakes, "sendMessage", chat_id=7, text="draft")
    edit = {"chat_id": 7, "message_id": sent["message_id"]}
    assert _bot(fakes, "editMessageText", **edit, text="draft") == (400, "Bad Request: message is not modified")
    assert _bot(fakes, "editMessageText", **edit, text="whole")["text"] == "whole"
    edit["message_id"] += 1
    assert _bot(fakes, "editMessageText", **edit, text="x") == (400, "Bad Request: message to edit not found")


@pytest.mark.parametrize(("text", "reason"), [(" ", "text is empty"), ("\U0001f600" * 2049, "is too long")])
def test_a_message_that_cannot_stand_is_refused(fakes: World, text: str, reason: str) -> None:
    assert _bot(fakes, "sendMessage", chat_id=7, text=text) == (400, f"Bad Request: message {reason}")


def test_a_deleted_webhook_drops_what_waits_when_it_is_asked_to(fakes: World) -> None:
    fakes.bot_api.ask("say", {"chat": 7})
    assert _bot(fakes, "deleteWebhook", drop_pending_updates=False) is True
    assert len(_bot(fakes, "getUpdates")) == 1
    assert _bot(fakes, "deleteWebhook", drop_pending_updates=True) is True
    assert _bot(fakes, "getUpdates") == []


def test_a_loop_that_nobody_answers_is_given_up(fakes: World) -> None:
    told = fakes.bot_api.ask("loop", {"first": 1, "chats": 3, "stalled": 0.0})
    assert (told["answered"], told["unanswered"]) == (0, 3)


def test_the_model_repeats_the_last_mark_streamed_and_whole(fakes: World) -> None:
    whole = _complete(fakes, "one [[a.1]] two [[a.2]]").json()
    assert whole["choices"][0]["message"]["content"].endswith(" [[a.2]]")
    streamed = _complete(fakes, "[[a.3]]", stream=True, stream_options={"include_usage": True})
    events = [json.loads(line[6:]) for line in streamed.text.splitlines() if line.startswith("data: {")]
    text = "".join(choice["delta"].get("content", "") for event in events for choice in event["choices"])
    assert text.endswith(" [[a.3]]")
    assert events[-1]["usage"]["total_tokens"] == 120
    assert streamed.text.endswith("data: [DONE]\n\n")


def test_the_model_tells_what_it_was_asked(fakes: World) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
    _complete(fakes, "x", tools=[tool, tool], stream=True)
    record: Any = fakes.model.ask("record")
    assert (record["requests"], record["running"], record["peak"]) == (1, 0, 1)
    assert record["first"][0]["tools"] == 2
    assert record["first"][0]["streamed"] is True


def test_a_request_that_is_none_is_refused(fakes: World) -> None:
    answer = httpx.post(f"{fakes.model_url}/chat/completions", content=b"{", timeout=WITHIN)
    assert answer.status_code == 400
