"""What those who wait are told when the gateway ends, the interface is restarted, or the store does not say."""

from typing import Any

import httpx
import pytest
import trio

from actors.platform.inbound import Host
from adapters.api import runs
from adapters.api.responses_route import Keeper
from hermes.errors import StoreFull, Unavailable
from tests.actors.scripted import ScriptedModel
from tests.adapters.api.conftest import Serve, Served, user
from tests.adapters.api.test_chat import CHAT, Slowly


async def interrupted(served: Served, slowly: Slowly, headers: dict[str, str]) -> httpx.Response:
    """What is told to a request that waits while the interface is restarted."""
    told: list[httpx.Response] = []

    async def ask() -> None:
        told.append(await served.client.post(CHAT, json=user("go"), headers=headers))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await slowly.begun.wait()
        with trio.fail_after(20):
            served.house.tree.root.restart_child("platforms/api_server/inbound", "for a test")
            while not told:
                await trio.sleep(0.01)
    return told[0]


async def test_what_nobody_can_name_again_is_not_repeated_by_itself_after_a_restart(serve: Serve) -> None:
    slowly = Slowly()
    async with serve(ScriptedModel(slowly)) as served:
        told = await interrupted(served, slowly, {})
        slowly.go_on.set()
    assert (told.status_code, told.headers["x-should-retry"]) == (503, "false")
    assert "what was asked goes on" in told.json()["error"]["message"]


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("step", ["accept", "progress", "keep_response"])
async def test_what_may_have_been_taken_is_repeated_only_by_who_can_name_it(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, step: str, named: bool
) -> None:
    silent = True
    whole = getattr(Host, step)

    async def unheard(*given: Any, **more: Any) -> Any:
        done = await whole(*given, **more)
        if silent and (step != "progress" or done is not None):
            raise Unavailable("the store did not answer within 5 s")
        return done

    monkeypatch.setattr(Host, step, unheard)
    headers = {"idempotency-key": "k"} if named else {}
    async with serve() as served:
        told = await served.client.post("/v1/responses", json={"input": "say hi"}, headers=headers)
        silent = False
        if named:
            again = await served.client.post("/v1/responses", json={"input": "say hi"}, headers=headers)
            assert again.json()["status"] == "completed"
        assert served.count("inbox") == 1
    assert told.status_code == 503
    assert told.headers.get("x-should-retry") == (None if named else "false")


async def test_what_certainly_was_not_taken_may_be_repeated(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: Any, **__: Any) -> Any:
        raise StoreFull("the disk is full")

    async with serve() as served:
        served.house.gate.open = False
        draining = await served.client.post(CHAT, json=user("say hi"))
        served.house.gate.open = True
        monkeypatch.setattr(Host, "accept", full)
        refused = await served.client.post(CHAT, json=user("say hi"))
        assert served.count("inbox") == 0
    for told in (draining, refused):
        assert (told.status_code, told.headers.get("x-should-retry")) == (503, None)


async def test_an_interface_that_is_restarted_tells_those_who_wait_to_ask_again(serve: Serve) -> None:
    slowly = Slowly()
    headers = {"idempotency-key": "k"}
    async with serve(ScriptedModel(slowly)) as served:
        told = await interrupted(served, slowly, headers)
        slowly.go_on.set()
        with trio.fail_after(20):
            while (answer := await served.client.post(CHAT, json=user("go"), headers=headers)).status_code == 503:
                await trio.sleep(0.02)
        assert served.count("turns") == 1
    assert told.status_code == 503
    assert "x-should-retry" not in told.headers
    assert answer.json()["choices"][0]["message"]["content"] == "at last"


async def answered_at_the_end(serve: Serve, path: str, body: dict[str, Any]) -> httpx.Response:
    """What is told to a request whose answer stands in the store when the gateway ends, and not yet elsewhere."""
    told: list[httpx.Response] = []
    async with trio.open_nursery() as nursery, serve() as served:
        # Not the house's client, which is closed before the house.
        client = httpx.AsyncClient(base_url=served.page.address, timeout=60, trust_env=False)

        async def ask() -> None:
            async with client:
                told.append(await client.post(path, json=body))

        nursery.start_soon(ask)
        await served.house.until(lambda: len(served.rows("SELECT 1 FROM outbox WHERE state = 'sent'")) == 1)
    return told[0]


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_is_there_when_the_gateway_ends_is_told(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    monkeypatch.setattr(runs, "LOOK_EVERY", 60.0)
    monkeypatch.setattr(runs.Runs, "sent", lambda *_: None)
    monkeypatch.setattr(runs.Runs, "show", lambda *_: None)
    answer = await answered_at_the_end(serve, CHAT, user("say hi", stream=stream))
    assert answer.status_code == 200
    assert '"content":"hi"' in answer.text
    assert answer.text.endswith("data: [DONE]\n\n") == stream


async def test_an_answer_that_is_being_told_when_the_gateway_ends_is_told_whole(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = Keeper.keep

    async def slowly(self: Keeper, response: Any, progress: Any) -> None:
        if response["status"] == "completed":
            await trio.sleep(0.3)
        await keep(self, response, progress)

    monkeypatch.setattr(Keeper, "keep", slowly)
    answer = await answered_at_the_end(serve, "/v1/responses", {"input": "say hi"})
    assert answer.json()["status"] == "completed"
