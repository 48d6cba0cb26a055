"""Bodies of chat completions: what is understood, and what is refused with a clear word."""

import json
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from adapters.api import body, chat_request
from adapters.api.asked import MAX_KEY, Asked
from adapters.api.content import BEGINNING, MAX_MESSAGES
from adapters.api.growing import GrowingText
from adapters.api.problem import ApiError
from hermes.messages import Role
from tests.adapters.api.conftest import Serve, Served, user
from tests.adapters.api.test_chat import CHAT


def parsed(key: str | None = None, session: str = "", **asked: Any) -> Asked:
    return chat_request.parse(asked, key=key, session=session, model_name="agent")


def said(*messages: tuple[str, Any]) -> list[dict[str, Any]]:
    return [{"role": role, "content": content} for role, content in messages]


def test_neighbours_of_one_role_are_one_message_and_empty_ones_are_none() -> None:
    spoken = (("user", "a"), ("user", "b"), ("assistant", None), ("assistant", "c"), ("user", ""), ("assistant", "d"))
    history = parsed(messages=said(*spoken, ("user", "now"))).history
    assert [(message.role, message.content) for message in history] == [
        (Role.USER, "a\n\nb"),
        (Role.ASSISTANT, "c\n\nd"),
    ]


def test_a_greeting_of_the_assistant_keeps_its_place_behind_a_word_of_the_user() -> None:
    history = parsed(messages=said(("assistant", "Hello!"), ("user", "hi"))).history
    assert [message.content for message in history] == [BEGINNING, "Hello!"]


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant", "system"]), st.sampled_from(["", " ", "a", "b"]))))
def test_whatever_was_said_the_history_is_spoken_in_turns(spoken: list[tuple[str, str]]) -> None:
    history = parsed(messages=said(*spoken, ("user", "now"))).history
    roles = [message.role for message in history]
    assert roles == [Role.USER, Role.ASSISTANT] * (len(roles) // 2) + [Role.USER] * (len(roles) % 2)
    assert all(message.content.strip() for message in history)


def test_instructions_may_stand_anywhere() -> None:
    asked = parsed(messages=said(("system", "one"), ("user", "now"), ("developer", [{"type": "text", "text": "two"}])))
    assert (asked.instructions, asked.text) == ("one\n\ntwo", "now")


def test_one_key_is_one_id_and_without_one_each_is_new() -> None:
    messages = said(("user", "now"))
    assert parsed("k", messages=messages).id == parsed("k", messages=messages).id
    assert parsed("k", messages=messages).id != parsed("l", messages=messages).id
    assert parsed(messages=messages).id != parsed(messages=messages).id


def test_a_repetition_may_be_streamed_and_may_not_ask_for_something_else() -> None:
    messages = said(("user", "now"))
    first = parsed(messages=messages)
    assert parsed(messages=messages, stream=True, stream_options={"include_usage": True}).digest == first.digest
    assert parsed(messages=said(("user", "then"))).digest != first.digest
    assert parsed(session="s", messages=messages).digest != first.digest


NOW = said(("user", "now"))


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": NOW * (MAX_MESSAGES + 1)}, "messages"),
        ({"messages": ["hello"]}, "messages[0]"),
        ({"messages": said(("tool", "x"), ("user", "now"))}, "messages[0].role"),
        ({"messages": said((["user"], "x"))}, "messages[0].role"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": said(("user", 7))}, "messages[0].content"),
        ({"messages": said(("user", ["x"]))}, "messages[0].content[0]"),
        ({"messages": said(("user", [{"type": "text"}]))}, "messages[0].content[0]"),
        ({"messages": said(("user", [{"type": "image_url", "image_url": {}}]))}, "messages[0].content[0]"),
        ({"messages": said(("user", " "))}, "messages"),
        ({"messages": said(("system", "x"))}, "messages"),
        ({"messages": said(("user", "x"), ("assistant", "y"))}, "messages"),
        ({"messages": NOW, "model": 7}, "model"),
        ({"messages": NOW, "model": "x" * 201}, "model"),
        ({"messages": NOW, "n": 2}, "n"),
        ({"messages": NOW, "n": []}, "n"),
        ({"messages": NOW, "tool_choice": "required"}, "tool_choice"),
        ({"messages": NOW, "tool_choice": {"type": "function"}}, "tool_choice"),
        ({"messages": NOW, "response_format": {"type": "json_object"}}, "response_format"),
        ({"messages": NOW, "response_format": {"type": {}}}, "response_format"),
        ({"messages": NOW, "modalities": ["text", "audio"]}, "modalities"),
    ],
)
def test_what_cannot_work_is_refused_by_its_name(asked: dict[str, Any], param: str) -> None:
    with pytest.raises(ApiError) as caught:
        parsed(**asked)
    assert (caught.value.problem.status, caught.value.problem.param) == (400, param)


@pytest.mark.parametrize("key", ["", " ", "x" * (MAX_KEY + 1)])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(ApiError) as caught:
        parsed(key, messages=NOW)
    assert caught.value.problem.code == "invalid_idempotency_key"


_FIELDS = st.sampled_from(["role", "content", "type", "text"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_FIELDS, inner),
    max_leaves=8,
)
_NAMES = ("messages", "model", "n", "stream", "stream_options", "tool_choice", "response_format", "modalities")


@given(st.dictionaries(st.sampled_from(_NAMES), _JSON))
def test_no_body_is_a_bug(asked: dict[str, Any]) -> None:
    status = 200
    try:
        parsed(**asked)
    except ApiError as error:
        status = error.problem.status
    assert status in {200, 400}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "invalid_json"),
        (b"[]", "invalid_json"),
        (b"{", "invalid_json"),
        (b"\xff", "invalid_json"),
        (b"[" * 100_000, "invalid_json"),
    ],
)
async def test_a_body_that_is_no_object_is_refused(serve: Serve, content: bytes, code: str) -> None:
    async with serve() as served:
        answer = await served.client.post(CHAT, content=content)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_json")


async def test_a_large_body_is_taken_and_a_larger_one_refused(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "MAX_BODY", 1_000_000)
    async with serve() as served:
        taken = await served.client.post(CHAT, json=user("say hi", metadata="x" * 700_000))
        told = await raw(served, "Content-Length: 1000001\r\n", b"{")
        untold = await raw(served, "Transfer-Encoding: chunked\r\n", b"80000\r\n" + b" " * 0x80000 + b"\r\n", times=2)
        assert served.count("inbox") == 1
    assert taken.status_code == 200
    for answer in (told, untold):
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"request_too_large" in answer


async def raw(served: Served, headers: str, content: bytes, *, times: int = 1) -> bytes:
    """A request with a body that is not ended, and the beginning of its answer."""
    place = f"127.0.0.1:{served.page.port}"
    async with await trio.open_tcp_stream("127.0.0.1", served.page.port or 0) as stream:
        await stream.send_all(f"POST {CHAT} HTTP/1.1\r\nHost: {place}\r\n{headers}\r\n".encode())
        for _ in range(times):
            await stream.send_all(content)
        answer = b""
        with trio.fail_after(20):
            while b"}}" not in answer:
                answer += await stream.receive_some(10_000)
        return answer


@pytest.mark.parametrize("messages", [said(("user", "x" * 300_000)), said(("system", "x" * 70_000), ("user", "hi"))])
async def test_a_message_or_instructions_beyond_the_journals_bounds_are_too_large(
    serve: Serve, messages: list[dict[str, Any]]
) -> None:
    async with serve() as served:
        answer = await served.client.post(CHAT, json={"messages": messages})
        assert served.count("inbox") == served.count("sessions") == 0
    assert answer.status_code == 413
    assert "KB" in answer.json()["error"]["message"]


async def test_a_body_that_never_ends_is_given_up(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "BODY_WITHIN", 0.1)
    async with serve() as served:
        answer = await raw(served, "Content-Length: 100\r\n", b"{")
    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_a_session_in_surrogates_is_stored_and_answered(serve: Serve) -> None:
    async with serve() as served:
        content = json.dumps(user("say \ud83d hi")).encode()
        answer = await served.client.post(CHAT, content=content)
    assert answer.status_code == 200


@given(st.lists(st.text("ab .", max_size=12), max_size=8), st.text("ab .", max_size=12))
def test_what_was_sent_stands_and_the_end_is_the_answer(drafts: list[str], answer: str) -> None:
    growing, sent = GrowingText(), ""
    for draft in drafts:
        added = growing.grow(draft)
        sent += added
        assert not added or sent.endswith(draft)
    sent += growing.finish(answer)
    assert sent.rstrip().endswith(answer.rstrip())


def test_a_text_that_only_grows_is_sent_once() -> None:
    growing = GrowingText()
    pieces = [growing.grow("one "), growing.grow("one two "), growing.grow("one "), growing.finish("one two three")]
    assert pieces == ["one ", "two ", "", "three"]


@pytest.mark.parametrize(
    ("path", "more", "told"),
    [
        (CHAT, {"model": "\ud83d"}, 200),
        ("/v1/responses", {"metadata": {"\ud83d": "\ud83d"}}, 200),
        ("/v1/responses", {"instructions": "\ud83d"}, 200),
        ("/v1/responses", {"conversation": "\ud83d"}, 200),
        ("/v1/responses", {"previous_response_id": "\ud83d"}, 404),
    ],
)
async def test_half_of_an_emoji_is_told_back_as_it_came(
    serve: Serve, path: str, more: dict[str, Any], told: int
) -> None:
    asked = {"messages": said(("user", "hi \ud83d")), "input": "hi \ud83d", **more}
    async with serve() as served:
        answer = await served.client.post(path, content=json.dumps(asked))
    assert answer.status_code == told
    assert "\\ud83d" in answer.text


async def test_a_body_that_is_nested_too_deep_is_refused(serve: Serve) -> None:
    # Read in a thread, as this one is by its size, JSON may be nested deeper than it can be written elsewhere.
    padding = " " * body.IN_A_THREAD
    async with serve() as served:
        for depth in range(900, 1000, 10):
            content = f'{{"messages":[{{"role":"user","content":"hi"}}],"x":{"[" * depth}{"]" * depth}}}{padding}'
            answer = await served.client.post(CHAT, content=content)
            assert answer.status_code in {200, 400}
