"""Both fakes while they misbehave, as a client sees it."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from benchmarks.services import World, world

# Seconds for one answer, on a machine that is busy with others.
WITHIN = 30.0

# Seconds without an answer that show that there is none; what is answered takes a hundredth of it.
SILENCE = 0.5


@pytest.fixture(scope="module")
def running() -> Iterator[World]:
    with world() as both:
        yield both


@pytest.fixture
def fakes(running: World) -> World:
    running.reset()
    return running


def _bot(fakes: World, method: str, *, within: float = WITHIN, **given: Any) -> Any:
    answer = httpx.post(f"{fakes.bot_url}1:token/{method}", json=given, timeout=within)
    told = answer.json()
    return told["result"] if told["ok"] else (answer.status_code, told.get("parameters"))


def _complete(fakes: World, text: str = "hi", *, within: float = WITHIN, **more: Any) -> httpx.Response:
    asked = {"messages": [{"role": "user", "content": text}], "stream": True, **more}
    return httpx.post(f"{fakes.model_url}/chat/completions", json=asked, timeout=within)


def test_a_bot_api_in_trouble_refuses_without_carrying_out(fakes: World) -> None:
    found = {}
    for kind in ("5xx", "429"):
        fakes.bot_api.ask("trouble", {"kind": kind})
        found[kind] = _bot(fakes, "sendMessage", chat_id=1, text="[[a.1]]")
    fakes.bot_api.ask("trouble", {"kind": ""})
    assert found == {"5xx": (502, None), "429": (429, {"retry_after": 2})}
    assert fakes.bot_api.ask("record")["copies"] == {}
    assert _bot(fakes, "getMe")["is_bot"] is True


def test_a_conflict_is_of_polls_alone(fakes: World) -> None:
    fakes.bot_api.ask("trouble", {"kind": "409"})
    assert _bot(fakes, "getUpdates", timeout=0) == (409, None)
    assert _bot(fakes, "getMe")["is_bot"] is True


def test_a_dropped_call_is_not_carried_out_and_a_lost_one_is_every_second_time(fakes: World) -> None:
    fakes.bot_api.ask("trouble", {"kind": "drop"})
    with pytest.raises(httpx.TransportError):
        _bot(fakes, "sendMessage", chat_id=1, text="[[a.1]]")
    assert fakes.bot_api.ask("record")["copies"] == {}
    fakes.bot_api.ask("trouble", {"kind": "lost"})
    outcomes = []
    for _ in range(4):
        try:
            outcomes.append(bool(_bot(fakes, "sendMessage", chat_id=1, text="[[a.1]]")))
        except httpx.TransportError:
            outcomes.append(False)
    assert sorted(outcomes) == [False, False, True, True]
    assert fakes.bot_api.ask("record")["copies"] == {"[[a.1]]": 4}
    assert _bot(fakes, "getUpdates", timeout=0) == []


@pytest.mark.parametrize(("kind", "ends"), [("409", True), ("5xx", True), ("drop", True), ("hole", False)])
def test_a_poll_that_waits_meets_the_trouble_too(fakes: World, kind: str, ends: bool) -> None:
    answered = threading.Event()

    def poll() -> None:
        try:
            _bot(fakes, "getUpdates", timeout=50, within=WITHIN if ends else 3 * SILENCE)
        except httpx.ReadTimeout:
            return
        except httpx.TransportError:
            pass
        answered.set()

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(poll)
        until = time.monotonic() + WITHIN
        while "getUpdates" not in fakes.bot_api.ask("record")["calls"]:  # type: ignore[operator]
            assert time.monotonic() < until
        fakes.bot_api.ask("trouble", {"kind": kind})
        fakes.bot_api.ask("say", {"chat": 1})
        done.result(WITHIN)
    assert answered.is_set() is ends
    fakes.bot_api.ask("trouble", {"kind": ""})
    assert len(_bot(fakes, "getUpdates", timeout=0)) == 1


def test_a_model_that_is_down_refuses_and_a_cut_one_ends_in_the_middle(fakes: World) -> None:
    fakes.model.ask("trouble", {"kind": "down"})
    assert _complete(fakes).status_code == 503
    fakes.model.ask("trouble", {"kind": "cut"})
    with pytest.raises(httpx.RemoteProtocolError):
        _complete(fakes)
    fakes.model.ask("trouble", {"kind": "hole"})
    with pytest.raises(httpx.ReadTimeout):
        _complete(fakes, within=SILENCE)
    fakes.model.ask("trouble", {"kind": "slow"})
    with pytest.raises(httpx.ReadTimeout):
        _complete(fakes, within=SILENCE)
    fakes.model.ask("trouble", {"kind": ""})
    assert _complete(fakes).text.endswith("data: [DONE]\n\n")


def test_the_model_asks_for_a_tool_only_where_a_person_wants_it_and_it_is_there(fakes: World) -> None:
    wanted = "hello [[a.1]] please run `true`"
    tools = [{"type": "function", "function": {"name": "terminal", "parameters": {}}}]
    called = _complete(fakes, wanted, tools=tools).text
    assert '"tool_calls"' in called
    assert r"{\"command\": \"true\"}" in called
    assert "tool_calls" not in _complete(fakes, wanted).text
    assert "tool_calls" not in _complete(fakes, "hello [[a.1]]", tools=tools).text
    result = [{"role": "user", "content": wanted}, {"role": "tool", "content": "done"}]
    assert "[[a.1]]" in _complete(fakes, tools=tools, messages=result).text


def test_a_talk_is_said_and_told_and_ends_when_it_is_to(fakes: World) -> None:
    fakes.bot_api.ask("talk", {"first": 5, "chats": 2, "every": 0.01, "seed": 1})
    until = time.monotonic() + WITHIN
    while fakes.bot_api.ask("told")["said"] != 6:
        assert time.monotonic() < until
    fakes.bot_api.ask("quiet", {})
    updates = _bot(fakes, "getUpdates", timeout=0)
    assert {update["message"]["chat"]["id"] for update in updates} == {5, 6}
    first = updates[0]["message"]
    mark = first["text"].split()[1]
    answer = {"chat_id": first["chat"]["id"], "reply_parameters": {"message_id": first["message_id"]}}
    _bot(fakes, "sendMessage", text=f"yes {mark}", **answer)
    told: Any = fakes.bot_api.ask("told")
    assert (told["answered"], len(told["open"]), told["said"]) == (1, 5, 6)
