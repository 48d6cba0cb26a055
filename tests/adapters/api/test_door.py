"""Who may use the interface: the key, the host, web pages, and what everybody may see."""

import json

import httpx
import pytest
import trio

from adapters.api import door, routes
from adapters.api.settings import ApiSettings, origins
from adapters.web.login import ATTEMPTS, STRANGER
from adapters.web.peer import Peer
from tests.adapters.api.conftest import KEY, Serve, Served, user
from tests.adapters.api.test_chat import CHAT

LISTED = "http://ui.example:3000"


def without_key(served: Served) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=served.page.address, timeout=30, trust_env=False)


async def test_without_the_key_nothing_but_life_is_told(serve: Serve) -> None:
    async with serve(key=KEY) as served, without_key(served) as client:
        for method, path in (
            ("POST", CHAT), ("GET", "/v1/models"), ("GET", "/health/detailed"), ("GET", "/v1/nothing"),
            ("DELETE", "/v1/responses/x"),
        ):  # fmt: skip
            answer = await client.request(method, path, content=b"not read")
            assert (answer.status_code, path) == (401, path)
            error = answer.json()["error"]
            assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", "invalid_api_key", None)
            assert answer.headers["www-authenticate"] == "Bearer"
        assert (await client.get("/v1/health")).json() == {"status": "ok", "platform": "hermes-agent"}
        assert (await client.get("/health")).status_code == 200
        assert served.count("inbox") == 0


async def test_without_a_key_another_user_of_the_machine_is_turned_away(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Peer, "is_ours", lambda _: False)
    async with serve(key=None) as served, without_key(served) as client:
        answer = await client.get("/v1/models")
        assert (answer.status_code, answer.json()["error"]["message"]) == (403, STRANGER)
        assert (await client.get("/v1/health")).status_code == 200


@pytest.mark.parametrize("host", ["x/v1/models?", "x/v1/models#", "x/health/detailed?"])
async def test_a_host_that_holds_a_path_leads_to_nothing_else(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    # Beyond the loopback interface any Host is served.
    monkeypatch.setattr(door, "foreign_host", lambda *_: None)
    async with serve(key=KEY) as served, without_key(served) as client:
        answer = await client.get("/v1/health", headers={"host": host})
        assert answer.json() == {"status": "ok", "platform": "hermes-agent"}


async def test_a_model_is_found_whatever_signs_its_name_has(serve: Serve) -> None:
    async with serve(settings=ApiSettings(model_name="agent? #1")) as served:
        assert (await served.client.get("/v1/models/agent%3F%20%231")).json()["id"] == "agent? #1"


async def test_a_cookie_of_the_page_opens_nothing(serve: Serve) -> None:
    async with serve(key=KEY) as served, without_key(served) as client:
        await client.post("/api/login", json={"key": KEY})
        assert (await client.get("/api/commands")).status_code == 200
        assert (await client.get("/v1/models")).status_code == 401


async def test_wrong_keys_count_together_with_the_pages(serve: Serve) -> None:
    async with serve(key=KEY) as served, without_key(served) as client:
        for number in range(ATTEMPTS):
            if number % 2:
                await client.post("/api/login", json={"key": "guess"})
            else:
                await client.get("/v1/models", headers={"authorization": "Bearer guess"})
        answer = await served.client.get("/v1/models")
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert 0 < int(answer.headers["retry-after"]) <= 61


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-origin"},
    ],
)
@pytest.mark.parametrize("key", [None, KEY])
async def test_web_pages_and_rebound_names_are_refused(serve: Serve, headers: dict[str, str], key: str | None) -> None:
    async with serve(key=key, settings=ApiSettings(origins=frozenset({LISTED}))) as served:
        answer = await served.client.post(CHAT, json=user("say hi"), headers=headers)
        asked = await served.client.options(CHAT, headers={**headers, "access-control-request-method": "POST"})
        assert served.count("inbox") == 0
    for each in (answer, asked):
        assert each.status_code == 403
        assert each.json()["error"]["code"] == "forbidden"
        assert "access-control-allow-origin" not in each.headers
        assert each.headers["x-content-type-options"] == "nosniff"


async def test_a_listed_web_page_may_ask_and_read(serve: Serve) -> None:
    async with serve(key=KEY, settings=ApiSettings(origins=origins(f"{LISTED}/, https://b.example"))) as served:
        headers = {"origin": LISTED, "sec-fetch-site": "cross-site"}
        async with without_key(served) as client:
            beforehand = await client.options(
                CHAT,
                headers={
                    **headers,
                    "access-control-request-method": "POST",
                    "access-control-request-headers": "authorization, x-stainless-lang",
                },
            )
        answer = await served.client.post(CHAT, json=user("say hi"), headers=headers)
    assert beforehand.status_code == 204
    assert beforehand.headers["access-control-allow-headers"] == "authorization, x-stainless-lang"
    assert "POST" in beforehand.headers["access-control-allow-methods"]
    assert answer.status_code == 200
    for each in (beforehand, answer):
        assert each.headers["access-control-allow-origin"] == LISTED
        assert "access-control-allow-credentials" not in each.headers
        assert "origin" in each.headers["vary"].lower()
    assert "x-hermes-session-id" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize(("keyed", "status"), [(True, 200), (False, 403)])
async def test_any_origin_counts_only_where_a_key_is_asked_for(serve: Serve, keyed: bool, status: int) -> None:
    settings = ApiSettings(origins=frozenset({"*"}), keyed=keyed)
    async with serve(key=KEY if keyed else None, settings=settings) as served:
        answer = await served.client.get("/v1/models", headers={"origin": "http://anywhere.example"})
    assert answer.status_code == status


async def test_the_list_of_models_is_the_agent(serve: Serve) -> None:
    async with serve(settings=ApiSettings(model_name="house/agent")) as served:
        listed = (await served.client.get("/v1/models")).json()
        one = await served.client.get("/v1/models/house/agent")
        other = await served.client.get("/v1/models/gpt")
    assert listed["object"] == "list"
    assert [(model["id"], model["object"]) for model in listed["data"]] == [("house/agent", "model")]
    assert one.json() == listed["data"][0]
    assert (other.status_code, other.json()["error"]["code"]) == (404, "model_not_found")


async def test_a_slash_at_the_end_of_a_path_means_nothing(serve: Serve) -> None:
    async with serve(key=KEY) as served:
        bearer = {"authorization": f"Bearer {KEY}"}
        for path in ("/v1/models", "/health/detailed", "/v1/health"):
            plain = await served.client.get(path, headers=bearer)
            slashed = await served.client.get(f"{path}/", headers=bearer)
            assert plain.status_code == slashed.status_code == 200
        wrong = {"authorization": "Bearer guess"}
        assert (await served.client.get("/v1/health/", headers=wrong)).status_code == 200
        assert (await served.client.get("/v1/models/", headers=wrong)).status_code == 401
        assert (await served.client.get("/v1/models//", headers=bearer)).status_code == 404


async def test_health_in_detail_is_the_tree(serve: Serve) -> None:
    async with serve() as served:
        answer = await served.client.get("/health/detailed")
    told = answer.json()
    assert (answer.status_code, told["status"], told["runs"]) == (200, "ok", {"active": 0, "most": 10})
    assert {child["name"] for child in told["tree"]["children"]} >= {"core", "conversations", "platforms"}


async def test_health_in_detail_says_so_where_something_is_wrong(serve: Serve) -> None:
    async with serve() as served:
        served.house.chat.break_run(ZeroDivisionError("a bug"))
        for _ in range(10):
            served.house.chat.fail_run.append(ZeroDivisionError("a bug"))
        with trio.fail_after(20):
            while (answer := await served.client.get("/health/detailed")).status_code == 200:
                served.house.chat._broken.set()
                await trio.sleep(0.01)
        assert (await served.client.get("/health")).status_code == 200
    assert answer.json()["status"] == "unhealthy"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v1/nothing", 404), ("GET", CHAT, 405)])
async def test_what_is_not_there_is_told_in_the_same_shape(serve: Serve, method: str, path: str, status: int) -> None:
    async with serve() as served:
        answer = await served.client.request(method, path)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert status != 405 or answer.headers["allow"] == "POST"


async def test_too_many_open_requests_are_told_to_come_back(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "MAX_REQUESTS", 1)
    async with serve() as served:
        async with await trio.open_tcp_stream("127.0.0.1", served.page.port or 0) as slow:
            place = f"127.0.0.1:{served.page.port}"
            head = f"POST {CHAT} HTTP/1.1\r\nHost: {place}\r\nContent-Length: 100\r\n\r\n{{"
            await slow.send_all(head.encode())
            with trio.fail_after(20):
                while (answer := await served.client.get("/v1/models")).status_code == 200:
                    await trio.sleep(0.01)
        with trio.fail_after(20):
            while (await served.client.get("/v1/models")).status_code != 200:
                await trio.sleep(0.01)
    assert answer.status_code == 429
    assert "retry-after" in answer.headers


async def test_a_bug_ends_its_own_request(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    async with serve() as served:
        with monkeypatch.context() as patch:
            patch.setattr("adapters.api.chat_request.parse", broken)
            answer = await served.client.post(CHAT, json=user("say hi"))
        assert (await served.client.post(CHAT, json=user("say hi"))).status_code == 200
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
    assert answer.headers["x-should-retry"] == "false"
    assert "a bug" not in json.dumps(answer.json()).replace("a bug of ours", "")
