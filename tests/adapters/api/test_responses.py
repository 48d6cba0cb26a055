"""POST /v1/responses: asked, streamed, kept, gone on with, fetched again and forgotten."""

import json
from typing import Any

import pytest
import trio

from adapters.api import responses_route
from adapters.api.problem import ApiError, Problem
from hermes.errors import AuthError
from hermes.messages import Role
from hermes.store.tables import responses as shelf
from tests.actors.scripted import ScriptedModel, echo
from tests.adapters.api.conftest import Serve, Served
from tests.adapters.api.test_chat import SESSION, Slowly
from tests.adapters.api.test_stream import by_hand

PATH = "/v1/responses"


async def ask(served: Served, text: Any, headers: dict[str, str] | None = None, **more: Any) -> Any:
    answer = await served.client.post(PATH, json={"model": "m", "input": text, **more}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def text_of(response: Any) -> str:
    ((part,),) = [item["content"] for item in response["output"]]
    assert part["type"] == "output_text"
    return str(part["text"])


async def test_an_answer_has_the_shape_of_a_response_and_is_kept(serve: Serve) -> None:
    async with serve() as served:
        told = await ask(served, "say hello", metadata={"order": "7"})
    async with serve() as served:
        again = await served.client.get(f"{PATH}/{told['id']}")
    assert again.json() == told
    assert told["id"].startswith("resp_")
    assert (told["object"], told["status"], told["model"]) == ("response", "completed", "m")
    assert text_of(told) == "hello"
    assert told["metadata"] == {"order": "7"}
    assert told["usage"]["total_tokens"] == told["usage"]["input_tokens"] + told["usage"]["output_tokens"] > 0
    assert (told["error"], told["previous_response_id"]) == (None, None)


async def test_items_and_instructions_are_history_and_prompt(serve: Serve) -> None:
    model = ScriptedModel(echo)
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "one"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "two"}]},
        {"role": "user", "content": "three"},
    ]
    async with serve(model) as served:
        await ask(served, items, instructions="Be brief.")
    assert [message.content for message in model.asked[0].messages] == ["one", "two", "three"]
    assert model.asked[0].system.endswith("Be brief.")


async def test_a_response_goes_on_in_the_session_of_the_one_before(serve: Serve) -> None:
    model = ScriptedModel(echo)
    async with serve(model) as served:
        first = await ask(served, "one", instructions="Be brief.")
        second = await ask(served, "two", previous_response_id=first["id"], instructions="Be brief.")
        await ask(served, "three", previous_response_id=second["id"])
        assert served.count("sessions") == 1
    assert [message.content for message in model.asked[2].messages] == ["one", "heard one", "two", "heard two", "three"]
    assert len({request.system for request in model.asked}) == 1
    assert second["previous_response_id"] == first["id"]


async def test_a_response_that_others_went_on_from_branches(serve: Serve) -> None:
    model = ScriptedModel(echo)
    async with serve(model) as served:
        first = await ask(served, [{"role": "user", "content": "zero"}, {"role": "assistant", "content": "0"},
                                   {"role": "user", "content": "one"}], instructions="Be brief.")  # fmt: skip
        await ask(served, "two", previous_response_id=first["id"])
        await ask(served, "other", previous_response_id=first["id"])
        assert served.count("sessions") == 2
    before = ["zero", "0", "one", "heard one"]
    assert [message.content for message in model.asked[1].messages] == [*before, "two"]
    assert [message.content for message in model.asked[2].messages] == [*before, "other"]
    assert model.asked[2].system == model.asked[0].system


async def test_other_instructions_begin_a_session_that_knows_what_was_said(serve: Serve) -> None:
    model = ScriptedModel(echo)
    async with serve(model) as served:
        first = await ask(served, "one", instructions="Be brief.")
        await ask(served, "two", previous_response_id=first["id"], instructions="Be long.")
    assert [message.content for message in model.asked[1].messages] == ["one", "heard one", "two"]
    assert model.asked[1].system.endswith("Be long.")
    assert "Be brief." not in model.asked[1].system


@pytest.mark.parametrize("conversation", ["kitchen", {"id": "kitchen"}])
async def test_a_conversation_is_a_session_under_a_name(serve: Serve, conversation: Any) -> None:
    model = ScriptedModel(echo)
    async with serve(model) as served:
        first = await ask(served, "one", conversation=conversation)
        await ask(served, [{"role": "user", "content": "two"}, {"role": "user", "content": "three"}],
                  conversation="kitchen")  # fmt: skip
        await ask(served, "four", conversation="cellar")
    assert first["conversation"] == {"id": "kitchen"}
    assert [message.content for message in model.asked[1].messages] == ["one", "heard one", "two\n\nthree"]
    assert [message.content for message in model.asked[2].messages] == ["four"]


async def test_a_response_is_forgotten_when_it_is_deleted_or_was_not_to_be_kept(serve: Serve) -> None:
    async with serve() as served:
        kept, passing = await ask(served, "say one"), await ask(served, "say two", store=False)
        deleted = await served.client.delete(f"{PATH}/{kept['id']}")
        assert deleted.json() == {"id": kept["id"], "object": "response", "deleted": True}
        for gone in (kept["id"], passing["id"], "resp_nothing"):
            for method in ("GET", "DELETE"):
                answer = await served.client.request(method, f"{PATH}/{gone}")
                assert (answer.status_code, answer.json()["error"]["code"]) == (404, "response_not_found")
            answer = await served.client.post(PATH, json={"input": "say x", "previous_response_id": gone})
            assert (answer.status_code, answer.json()["error"]["param"]) == (404, "previous_response_id")
        assert served.count("inbox") == 2


@pytest.mark.parametrize("stream", [False, True])
async def test_a_response_that_is_deleted_while_it_is_answered_stays_deleted(serve: Serve, stream: bool) -> None:
    slowly = Slowly()
    headers = {"idempotency-key": "k"}
    told: list[str] = []
    async with serve(ScriptedModel(slowly)) as served:

        async def create() -> None:
            body = {"input": "one", "stream": stream}
            told.append((await served.client.post(PATH, json=body, headers=headers)).text)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(create)
            await slowly.begun.wait()
            await served.house.until(lambda: served.count("responses") == 1)
            ((response_id,),) = served.rows("SELECT id FROM responses")
            assert (await served.client.delete(f"{PATH}/{response_id}")).json()["deleted"]
            slowly.go_on.set()
        assert "at last" in told[0]
        for again in (served.client.get, served.client.delete):
            assert (await again(f"{PATH}/{response_id}")).status_code == 404
        await create()
        assert "at last" in told[1]
        assert (await served.client.get(f"{PATH}/{response_id}")).status_code == 404
        assert "one" not in str(served.rows("SELECT body FROM responses"))


async def test_of_too_many_responses_the_least_used_goes(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "KEPT", 2)
    async with serve() as served:
        first, second = await ask(served, "say one"), await ask(served, "say two")
        await served.client.get(f"{PATH}/{first['id']}")
        third = await ask(served, "say three")
        found = [(await served.client.get(f"{PATH}/{each['id']}")).status_code for each in (first, second, third)]
    assert found == [200, 404, 200]


async def test_the_same_request_again_is_the_same_response(serve: Serve) -> None:
    model = ScriptedModel(echo)
    headers = {"idempotency-key": "k"}
    async with serve(model) as served:
        first = await ask(served, "one", headers)
        again = await ask(served, "one", headers)
        session = (await served.client.post(PATH, json={"input": "two"})).headers[SESSION]
        assert (await ask(served, "three", {SESSION: session}))["status"] == "completed"
    assert (again["id"], text_of(again)) == (first["id"], text_of(first))
    assert len(model.asked) == 3
    assert [message.content for message in model.asked[2].messages] == ["two", "heard two", "three"]


async def test_a_stream_tells_each_step_in_order(serve: Serve) -> None:
    async with serve() as served:
        answer = await served.client.post(PATH, json={"input": "count to 6 slowly", "stream": True})
        events = _events(answer.text)
        kept = (await served.client.get(f"{PATH}/{events[0]['response']['id']}")).json()
    kinds = [each["type"] for each in events]
    deltas = [each["delta"] for each in events if each["type"] == "response.output_text.delta"]
    assert kinds == [
        "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
        *["response.output_text.delta"] * len(deltas),
        "response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed",
    ]  # fmt: skip
    assert [each["sequence_number"] for each in events] == list(range(len(events)))
    assert len(deltas) > 2
    assert "".join(deltas) == events[-4]["text"] == "1 2 3 4 5 6" == text_of(events[-1]["response"])
    assert events[-1]["response"] == kept
    assert len({each["item_id"] for each in events if "item_id" in each}) == 1


def _events(text: str) -> list[Any]:
    found = []
    for block in text.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    return found


@pytest.mark.parametrize("stream", [False, True])
async def test_a_turn_that_fails_is_a_failed_response(serve: Serve, stream: bool) -> None:
    async def failing(_: object) -> Any:
        raise AuthError("key refused")
        yield

    async with serve(ScriptedModel(failing)) as served:
        answer = await served.client.post(PATH, json={"input": "one", "stream": stream})
    told = _events(answer.text)[-1]["response"] if stream else answer.json()
    assert (told["status"], told["output"]) == ("failed", [])
    assert "cannot be used with its key" in told["error"]["message"]


async def test_an_answer_that_nobody_waited_for_is_there_after_a_restart(serve: Serve) -> None:
    slowly = Slowly()
    async with serve(ScriptedModel(slowly)) as served:
        body = {"input": "one", "stream": True}
        async with await by_hand(served, body, path=PATH) as reader:
            await slowly.begun.wait()
            told = b""
            with trio.fail_after(20):
                while b"response.created" not in told:
                    told += await reader.receive_some(100_000)
        ((response_id,),) = served.rows("SELECT id FROM responses")
        waiting = (await served.client.get(f"{PATH}/{response_id}")).json()
        refused = await served.client.post(PATH, json={"input": "two", "previous_response_id": response_id})
    assert waiting["status"] == "in_progress"
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "response_in_progress")
    async with serve(ScriptedModel(echo)) as served:
        with trio.fail_after(20):
            while (answer := (await served.client.get(f"{PATH}/{response_id}")).json())["status"] != "completed":
                await trio.sleep(0.02)
        assert text_of(await ask(served, "two", previous_response_id=response_id)) == "heard two"
        assert served.count("sessions") == 1
    assert text_of(answer) == "heard one"


NOW = [{"role": "user", "content": "now"}]


@pytest.mark.parametrize(
    ("asked", "status", "param"),
    [
        ({}, 400, "input"),
        ({"input": []}, 400, "input"),
        ({"input": 7}, 400, "input"),
        ({"input": " "}, 400, "input"),
        ({"input": [*NOW, {"type": "function_call_output"}]}, 400, "input[1]"),
        ({"input": [{"role": Role.USER.value, "content": [{"type": "input_image"}]}]}, 400, "input[0].content[0]"),
        ({"input": "x", "instructions": ["y"]}, 400, "instructions"),
        ({"input": "x", "instructions": "y" * 70_000}, 413, None),
        ({"input": "x", "metadata": {"a": 1}}, 400, "metadata"),
        ({"input": "x", "metadata": {str(number): "" for number in range(17)}}, 400, "metadata"),
        ({"input": "x", "conversation": {"id": 7}}, 400, "conversation"),
        ({"input": "x", "conversation": "y" * 201}, 400, "conversation"),
        ({"input": "x", "conversation": "y", "previous_response_id": "z"}, 400, "conversation"),
        ({"input": "x", "previous_response_id": []}, 400, "previous_response_id"),
        ({"input": "x", "background": True}, 400, "background"),
        ({"input": "x", "tool_choice": "required"}, 400, "tool_choice"),
        ({"input": "x", "text": {"format": {"type": "json_schema"}}}, 400, "text.format"),
    ],
)
async def test_what_cannot_work_is_refused_by_its_name(
    serve: Serve, asked: dict[str, Any], status: int, param: str | None
) -> None:
    async with serve() as served:
        answer = await served.client.post(PATH, json=asked)
        assert served.count("inbox") == 0
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)


async def test_a_repetition_that_is_cut_short_leaves_the_answer_that_is_kept(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cut(*_: object) -> None:
        raise ApiError(Problem(503, "cut", "cut"))

    headers = {"idempotency-key": "k"}
    async with serve() as served:
        await ask(served, "say one", headers)
        monkeypatch.setattr(responses_route.Keeper, "end", cut)
        assert (await served.client.post(PATH, json={"model": "m", "input": "say one"}, headers=headers)).is_error
        ((body,),) = served.rows("SELECT body FROM responses")
    assert json.loads(body)["status"] == "completed"
