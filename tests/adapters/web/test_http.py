"""The page's port over real connections: what is served, to whom, and with which headers."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import trio

from adapters.web import routes
from adapters.web.adapter import WebAdapter
from adapters.web.login import ATTEMPTS
from adapters.web.routes import LOGIN_BYTES
from tests.adapters.fakehost import FakeHost
from tests.adapters.web.client import handshake_status, open_page
from tests.adapters.web.conftest import KEY


@asynccontextmanager
async def browsing(adapter: WebAdapter, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=adapter.address, headers=headers, timeout=20, trust_env=False) as client:
        yield client


def raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


async def test_the_page_and_its_files_are_served_with_their_types(adapter: WebAdapter) -> None:
    async with browsing(adapter) as client:
        page = await client.get("/")
        script = await client.get("/page/app.js")
        style = await client.get("/page/base.css")
    assert page.status_code == script.status_code == style.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert script.headers["content-type"].startswith("text/javascript")
    assert style.headers["content-type"].startswith("text/css")


async def test_the_page_names_nothing_beyond_itself_and_holds_no_inline_script(adapter: WebAdapter) -> None:
    async with browsing(adapter) as client:
        page = (await client.get("/")).text
    assert "//" not in page.replace("<!--", "").replace("http://www.w3.org", "")
    assert page.count("<script") == page.count('<script type="module" src="/page/') == 1
    assert "style=" not in page
    assert " on" + "click" not in page


async def test_an_unchanged_file_is_not_sent_again(adapter: WebAdapter) -> None:
    async with browsing(adapter) as client:
        first = await client.get("/page/app.js")
        again = await client.get("/page/app.js", headers={"if-none-match": first.headers["etag"]})
    assert first.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/page/",
        "/page/nothing.js",
        "/page/%2e%2e/adapter.py",
        "/page/../adapter.py",
        "/ws",
        "/api",
        "/v1/models",
    ],
)
async def test_anything_else_is_not_found(adapter: WebAdapter, path: str) -> None:
    async with browsing(adapter) as client:
        answer = await client.get(path)
    assert answer.status_code == 404


@pytest.mark.parametrize("path", ["/", "/health", "/api/commands", "/nothing"])
async def test_every_answer_carries_the_security_headers(adapter: WebAdapter, path: str) -> None:
    async with browsing(adapter) as client:
        headers = (await client.get(path)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers
    assert "access-control-allow-origin" not in headers


async def test_health_says_little_and_no_secret(locked: WebAdapter) -> None:
    async with browsing(locked) as client:
        answer = await client.get("/health")
    assert answer.json()["status"] == "ok"
    assert set(answer.json()) <= {"status", "platform"}


async def test_the_commands_are_those_of_the_settings(adapter: WebAdapter) -> None:
    async with browsing(adapter) as client:
        answer = await client.get("/api/commands")
    assert answer.json() == {"commands": [{"name": "stop", "help": "Stop the turn"}, {"name": "help", "help": "Help"}]}
    assert answer.headers["cache-control"] == "no-store"


FOREIGN = [
    {"host": "evil.example"},
    {"host": "127.0.0.1:1"},
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site", "sec-fetch-mode": "websocket"},
]


@pytest.mark.parametrize("headers", FOREIGN)
async def test_another_site_or_a_rebound_name_is_refused_everywhere(
    adapter: WebAdapter, host: FakeHost, headers: dict[str, str]
) -> None:
    async with browsing(adapter, **headers) as client:
        for method, path in (("GET", "/"), ("GET", "/api/commands"), ("POST", "/api/login"), ("GET", "/health")):
            answer = await client.request(method, path)
            assert (answer.status_code, path) == (403, path)
            assert "frame-ancestors" in answer.headers["content-security-policy"]
    assert await handshake_status(adapter, raw(headers)) == 403
    assert host.calls == 0


async def test_a_websocket_of_our_own_page_is_taken(adapter: WebAdapter) -> None:
    origin = adapter.address.rstrip("/")
    async with open_page(adapter, headers=raw({"origin": origin, "sec-fetch-site": "same-origin"})) as page:
        assert (await page.hello())["entries"] == []


async def test_a_locked_page_shows_its_shell_and_nothing_else(locked: WebAdapter) -> None:
    async with browsing(locked) as client:
        assert (await client.get("/")).status_code == 200
        assert (await client.get("/api/commands")).status_code == 401
    assert await handshake_status(locked, []) == 401


async def test_the_key_opens_as_a_bearer_token(locked: WebAdapter) -> None:
    proof = {"authorization": f"Bearer {KEY}"}
    async with browsing(locked, **proof) as client:
        assert (await client.get("/api/commands")).status_code == 200
    async with open_page(locked, headers=raw(proof)) as page:
        assert (await page.hello())["type"] == "snapshot"


async def test_a_login_sets_a_cookie_that_opens_and_that_no_script_or_other_site_can_use(locked: WebAdapter) -> None:
    async with browsing(locked) as client:
        answer = await client.post("/api/login", json={"key": KEY})
        assert answer.status_code == 200
        assert (await client.get("/api/commands")).status_code == 200
        cookie = f"{locked_cookie(locked)}={client.cookies[locked_cookie(locked)]}"
    attributes = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/"} <= attributes
    assert KEY not in answer.headers["set-cookie"]
    async with open_page(locked, headers=raw({"cookie": cookie})) as page:
        assert (await page.hello())["type"] == "snapshot"


def locked_cookie(adapter: WebAdapter) -> str:
    return f"hermes_page_{adapter.port}"


async def test_wrong_keys_are_few_a_minute_and_then_the_right_one_waits_too(locked: WebAdapter) -> None:
    async with browsing(locked) as client:
        wrong = [(await client.post("/api/login", json={"key": "guess"})).status_code for _ in range(ATTEMPTS)]
        right = await client.post("/api/login", json={"key": KEY})
        bearer = await client.get("/api/commands", headers={"authorization": f"Bearer {KEY}"})
    assert wrong == [401] * ATTEMPTS
    assert (right.status_code, bearer.status_code) == (429, 429)
    assert 1 <= int(right.headers["retry-after"]) <= 61
    assert "set-cookie" not in right.headers


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b'{"key": 1}', "application/json"),
        (b'{"key": "sesame-open"}', "text/plain"),
        (b"key=sesame-open", "application/x-www-form-urlencoded"),
        (b'{"key": "' + b"x" * LOGIN_BYTES + b'"}', "application/json"),
    ],
)
async def test_a_login_that_is_not_the_json_of_our_page_is_refused(
    locked: WebAdapter, content: bytes, kind: str
) -> None:
    async with browsing(locked) as client:
        answer = await client.post("/api/login", content=content, headers={"content-type": kind})
    assert answer.status_code == 400


async def test_a_login_whose_body_does_not_come_is_refused(locked: WebAdapter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "LOGIN_SECONDS", 0.05)
    assert locked.port is not None
    head = f"POST /api/login HTTP/1.1\r\nHost: 127.0.0.1:{locked.port}\r\nContent-Type: application/json\r\n"
    async with await trio.open_tcp_stream("127.0.0.1", locked.port) as stream:
        await stream.send_all(f"{head}Content-Length: 20\r\n\r\n".encode())
        with trio.fail_after(20):
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 400 ")


async def test_a_login_is_a_post(locked: WebAdapter) -> None:
    async with browsing(locked) as client:
        assert (await client.get("/api/login")).status_code == 405


async def test_a_cookie_behind_tls_is_only_sent_over_tls(locked: WebAdapter, monkeypatch: pytest.MonkeyPatch) -> None:
    # The guard takes an origin with https beyond this machine only, where this test may not listen.
    monkeypatch.setattr("adapters.web.guard.refusal", lambda *_: None)
    async with browsing(locked, origin="https://hermes.example") as client:
        answer = await client.post("/api/login", json={"key": KEY})
    assert "secure" in answer.headers["set-cookie"].lower()


async def test_a_broken_request_ends_its_own_connection_only(adapter: WebAdapter) -> None:
    assert adapter.port is not None
    async with await trio.open_tcp_stream("127.0.0.1", adapter.port) as stream:
        await stream.send_all(b"\x00\xff nonsense\r\n\r\n" * 100)
        with trio.fail_after(20):
            while await stream.receive_some():
                pass
    async with browsing(adapter) as client:
        assert (await client.get("/health")).status_code == 200


# Asks by hand for each path, and prints the status of each answer.
ASKS = """
import socket, sys
for path in sys.argv[2:]:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
        host = "127.0.0.1:" + sys.argv[1]
        upgrade = "Connection: Upgrade\\r\\nUpgrade: websocket\\r\\nSec-WebSocket-Version: 13\\r\\n"
        upgrade += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n" if path == "/ws" else ""
        more = upgrade if path == "/ws" else "Connection: close\\r\\n"
        connection.sendall(f"GET {path} HTTP/1.1\\r\\nHost: {host}\\r\\n{more}\\r\\n".encode())
        print(connection.makefile("rb").readline().split()[1].decode())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="another user's program is started by root alone")
async def test_without_a_key_another_user_of_the_machine_sees_the_page_and_reaches_nothing(adapter: WebAdapter) -> None:
    paths = ("/", "/health", "/api/commands", "/ws")
    for user, allowed in ((65534, "403"), (0, "200")):
        with trio.fail_after(60):
            told = await trio.run_process(
                [sys.executable, "-I", "-c", ASKS, str(adapter.port), *paths], capture_stdout=True, user=user
            )
        statuses = told.stdout.decode().split()
        assert statuses == ["200", "200", allowed, "403" if user else "101"]
