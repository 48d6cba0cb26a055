"""POST /v1/chat/completions without streaming: a request is an event, its answer the outbox row of its turn."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
import trio

from actors.conversation import actor
from adapters.api.settings import ApiSettings
from hermes.errors import AuthError
from hermes.messages import Message, Role, Usage
from hermes.models.contract import Completed, ModelPiece, ModelRequest
from tests.actors.scripted import ScriptedModel, echo
from tests.adapters.api.conftest import KEY, Serve, user

CHAT = "/v1/chat/completions"
SESSION = "x-hermes-session-id"


async def test_a_question_is_answered_in_the_shape_of_a_chat_completion(serve: Serve) -> None:
    async with serve() as served:
        answer = await served.client.post(CHAT, json=user("say hello", model="my/model"))
    told = answer.json()
    assert answer.status_code == 200
    assert told["id"].startswith("chatcmpl-")
    assert (told["object"], told["model"]) == ("chat.completion", "my/model")
    (choice,) = told["choices"]
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"] == "hello"
    assert choice["finish_reason"] == "stop"
    assert answer.headers["cache-control"] == "no-store"


async def test_tokens_are_those_that_the_store_has_of_this_turn(serve: Serve) -> None:
    async def counted(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        yield Completed(Message(Role.ASSISTANT, "yes"), Usage(100, 20, 30, 0, 5))

    async with serve(ScriptedModel(counted)) as served:
        first = await served.client.post(CHAT, json=user("one"))
        again = await served.client.post(CHAT, json=user("two"), headers={SESSION: first.headers[SESSION]})
    for answer in (first, again):
        assert answer.json()["usage"] == {
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "total_tokens": 120,
            "prompt_tokens_details": {"cached_tokens": 30},
            "completion_tokens_details": {"reasoning_tokens": 5},
        }


async def test_what_was_said_before_is_the_history_of_a_new_session(serve: Serve) -> None:
    model = ScriptedModel(echo)
    said = [
        {"role": "system", "content": "Speak like a pirate."},
        {"role": "user", "content": [{"type": "text", "text": "my name is Ada"}]},
        {"role": "assistant", "content": "Ahoy, Ada."},
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "who am I?"},
    ]
    async with serve(model) as served:
        answer = await served.client.post(CHAT, json={"messages": said})
    (asked,) = model.asked
    assert [(message.role, message.content) for message in asked.messages] == [
        (Role.USER, "my name is Ada"),
        (Role.ASSISTANT, "Ahoy, Ada."),
        (Role.USER, "who am I?"),
    ]
    assert asked.system.endswith("Speak like a pirate.\n\nBe brief.")
    assert answer.json()["model"] == "hermes-agent"


# As chat programs send them: what steers the sampling, tools that they offer, fields of their own.
_SHAPES = [
    {"model": None, "stream": None, "n": None, "tools": None, "tool_choice": None, "response_format": None},
    {"temperature": 0.7, "top_p": 1, "max_tokens": 4000, "frequency_penalty": 0, "presence_penalty": 0, "stop": None},
    {"max_completion_tokens": None, "reasoning_effort": "low", "n": 1, "response_format": {"type": "text"}, "seed": 1},
    {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}], "tool_choice": "auto"},
    {"user": "7", "metadata": {"chat_id": "x"}, "session_id": "y", "chat_id": "z", "background_tasks": {"title": True}},
    {
        "stream": False,
        "stream_options": None,
        "modalities": ["text"],
        "store": True,
        "logprobs": False,
        "logit_bias": {},
    },
]


@pytest.mark.parametrize("shape", _SHAPES)
async def test_what_chat_programs_send_besides_is_taken(serve: Serve, shape: dict[str, Any]) -> None:
    async with serve() as served:
        answer = await served.client.post(CHAT, json=user("say hi", **shape))
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"] == "hi"


async def test_a_session_goes_on_by_its_header_and_is_not_told_its_history_again(serve: Serve) -> None:
    model = ScriptedModel(echo)
    async with serve(model) as served:
        first = await served.client.post(CHAT, json=user("one"))
        session = first.headers[SESSION]
        more = {"messages": [{"role": "user", "content": "another past"}, *user("two")["messages"]]}
        again = await served.client.post(CHAT, json=more, headers={SESSION: session})
        other = await served.client.post(CHAT, json=user("three"))
    assert again.headers[SESSION] == session != other.headers[SESSION]
    assert [message.content for message in model.asked[1].messages] == ["one", "heard one", "two"]
    assert model.asked[0].system == model.asked[1].system
    assert [message.content for message in model.asked[2].messages] == ["three"]


async def test_a_session_of_another_platform_or_none_is_not_found(serve: Serve) -> None:
    async with serve() as served:
        await served.house.chat.say("1", "say hi")
        await served.house.chat.answer("1")
        ((theirs,),) = served.rows("SELECT id FROM sessions")
        for session in (theirs, "20200101_000000_abcdef", "x" * 1000):
            answer = await served.client.post(CHAT, json=user("hi"), headers={SESSION: session})
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "session_not_found")
        assert served.count("inbox") == 1


async def test_without_a_key_of_its_own_each_request_is_its_own(serve: Serve) -> None:
    async with serve() as served:
        answers = [await served.client.post(CHAT, json=user("say hi")) for _ in range(2)]
        assert served.count("inbox") == served.count("sessions") == 2
    assert answers[0].json()["id"] != answers[1].json()["id"]


async def test_the_same_request_again_is_answered_from_the_journal(serve: Serve) -> None:
    model = ScriptedModel(echo)
    headers = {"idempotency-key": "order 7"}
    async with serve(model) as served:
        first = await served.client.post(CHAT, json=user("one"), headers=headers)
    async with serve(model) as served:
        again = await served.client.post(CHAT, json=user("one"), headers=headers)
        assert served.count("inbox") == served.count("turns") == 1
    assert again.status_code == 200
    assert again.json() == first.json()
    assert again.headers[SESSION] == first.headers[SESSION]
    assert len(model.asked) == 1


async def test_the_same_request_twice_at_once_is_one_turn(serve: Serve) -> None:
    model = ScriptedModel(slowly := Slowly())
    headers = {"idempotency-key": "k"}
    answers: list[str] = []

    async with serve(model) as served:

        async def ask() -> None:
            answers.append((await served.client.post(CHAT, json=user("one"), headers=headers)).text)

        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(ask)
            await slowly.begun.wait()
            slowly.go_on.set()
        assert served.count("inbox") == served.count("turns") == 1
    assert len(answers) == 4
    assert len(set(answers)) == 1


async def test_a_key_that_was_used_for_another_request_is_refused(serve: Serve) -> None:
    headers = {"idempotency-key": "k"}
    async with serve() as served:
        await served.client.post(CHAT, json=user("say one"), headers=headers)
        answer = await served.client.post(CHAT, json=user("say two"), headers=headers)
        assert served.count("inbox") == 1
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "idempotency_key_reused")


async def test_a_client_that_goes_away_stops_nothing_and_finds_its_answer(serve: Serve) -> None:
    model = ScriptedModel(slowly := Slowly())
    headers = {"idempotency-key": "k"}
    async with serve(model) as served:
        with trio.move_on_after(60) as leaving:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(lambda: served.client.post(CHAT, json=user("one"), headers=headers))
                await slowly.begun.wait()
                leaving.cancel()
        slowly.go_on.set()
        answer = await served.client.post(CHAT, json=user("one"), headers=headers)
        assert served.count("turns") == 1
    assert answer.json()["choices"][0]["message"]["content"] == "at last"
    assert len(model.asked) == 1


async def test_a_restart_in_the_middle_of_a_turn_ends_in_one_answer(serve: Serve) -> None:
    headers = {"idempotency-key": "k"}
    async with serve(ScriptedModel(slowly := Slowly())) as served, trio.open_nursery() as nursery:
        nursery.start_soon(_ignore, served.client.post(CHAT, json=user("one"), headers=headers))
        await slowly.begun.wait()
        nursery.cancel_scope.cancel()
    async with serve(ScriptedModel(echo)) as served:
        answer = await served.client.post(CHAT, json=user("one"), headers=headers)
        assert served.count("turns") == 1
    assert answer.json()["choices"][0]["message"]["content"] == "heard one"


async def _ignore(request: object) -> None:
    await request  # type: ignore[misc]


async def test_a_turn_that_fails_says_why_and_asks_for_no_repetition(serve: Serve) -> None:
    async def failing(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        if request is None:
            yield
        raise AuthError("key refused")

    async with serve(ScriptedModel(failing)) as served:
        answer = await served.client.post(CHAT, json=user("one"))
    error = answer.json()["error"]
    assert answer.status_code == 502
    assert (error["code"], error["type"]) == ("no_answer", "server_error")
    assert "cannot be used with its key" in error["message"]
    assert answer.headers["x-should-retry"] == "false"
    assert answer.headers[SESSION]


async def test_requests_of_one_session_wait_for_each_other(serve: Serve) -> None:
    model = ScriptedModel(slowly := Slowly())
    answers: list[str] = []
    async with serve(model) as served:
        slowly.go_on.set()
        first = await served.client.post(CHAT, json=user("zero"))
        slowly.begun, slowly.go_on = trio.Event(), trio.Event()

        async def ask(text: str) -> None:
            answer = await served.client.post(CHAT, json=user(text), headers={SESSION: first.headers[SESSION]})
            answers.append(f"{text}: {answer.json()['choices'][0]['message']['content']}")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, "one")
            await slowly.begun.wait()
            nursery.start_soon(ask, "two")
            while served.count("inbox") < 3:
                await trio.sleep(0.01)
            slowly.go_on.set()
    assert answers == ["one: at last", "two: at last"]
    assert [message.content for message in model.asked[-1].messages] == [
        "zero", "at last", "one", "at last", "two",
    ]  # fmt: skip


async def test_a_command_is_carried_out_and_its_output_is_the_answer(serve: Serve) -> None:
    async with serve() as served:
        answer = await served.client.post(CHAT, json=user("/help"))
    assert answer.json()["choices"][0]["message"]["content"].startswith("You can type:")


async def test_one_run_too_many_is_told_to_come_back_and_a_known_one_is_not(serve: Serve) -> None:
    model = ScriptedModel(slowly := Slowly())
    headers = {"idempotency-key": "k"}
    async with serve(model, settings=ApiSettings(max_runs=1)) as served:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: served.client.post(CHAT, json=user("one"), headers=headers))
            await slowly.begun.wait()
            nursery.start_soon(lambda: served.client.post(CHAT, json=user("one"), headers=headers))
            refused = await served.client.post(CHAT, json=user("two"))
            assert served.count("inbox") == 1
            slowly.go_on.set()
        assert (await served.client.post(CHAT, json=user("three"))).status_code == 200
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"


async def test_a_gateway_that_drains_takes_nothing_and_answers_what_it_took(serve: Serve) -> None:
    headers = {"idempotency-key": "k"}
    async with serve() as served:
        await served.client.post(CHAT, json=user("say one"), headers=headers)
        served.house.gate.open = False
        refused = await served.client.post(CHAT, json=user("say two"))
        known = await served.client.post(CHAT, json=user("say one"), headers=headers)
        assert served.count("inbox") == 1
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "unavailable")
    assert "retry-after" in refused.headers
    assert known.status_code == 200


@pytest.mark.parametrize("key", [None, KEY])
async def test_what_would_be_asked_is_denied_at_once_and_the_answer_says_so(serve: Serve, key: str | None) -> None:
    async with serve(key=key) as served:
        (served.house.folder / "kept").mkdir()
        with trio.fail_after(15):
            answer = await served.client.post(CHAT, json=user("run rm -rf kept"))
        assert (served.house.folder / "kept").exists()
        assert served.count("asks") == 0
    text = answer.json()["choices"][0]["message"]["content"]
    assert text.endswith("nobody can be asked here:\n- `rm -rf kept`")


@pytest.mark.parametrize(("key", "runs"), [(None, False), (KEY, True)])
async def test_an_ordinary_command_runs_only_for_who_has_shown_the_key(
    serve: Serve, key: str | None, runs: bool
) -> None:
    async with serve(key=key) as served:
        await served.client.post(CHAT, json=user("run touch made.txt"))
        assert (served.house.folder / "made.txt").exists() is runs


async def test_the_actor_of_a_request_does_not_stay_long(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actor, "UNATTENDED_IDLE", 0.05)
    async with serve() as served:
        for _ in range(3):
            await served.client.post(CHAT, json=user("say hi"))
        await served.house.chat.say("1", "say hi")
        await served.house.chat.answer("1")

        def stay() -> list[str]:
            return [path for path in served.house.children() if path.startswith("conversations/")]

        await served.house.until(lambda: len(stay()) == 1)
        assert stay() == ["conversations/session:c"]


class Slowly:
    """A model that waits to be let go on."""

    def __init__(self) -> None:
        self.begun = trio.Event()
        self.go_on = trio.Event()

    async def __call__(self, request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        self.begun.set()
        await self.go_on.wait()
        yield Completed(Message(Role.ASSISTANT, "at last"), Usage(1, 1))
