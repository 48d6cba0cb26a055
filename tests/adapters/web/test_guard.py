"""Rule by rule, who may speak to the port."""

import pytest

from adapters.web.guard import Bound, refusal

HERE = Bound(loopback=True, port=8642)
BEYOND = Bound(loopback=False, port=8642)
OURS = {"host": "127.0.0.1:8642"}


@pytest.mark.parametrize("host", ["127.0.0.1:8642", "localhost:8642", "LOCALHOST:8642", "[::1]:8642", "127.0.0.2:8642"])
def test_our_own_names_are_served(host: str) -> None:
    assert refusal(HERE, "GET", {"host": host}) is None


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:8642",
        "localhost.evil.example:8642",
        "127.0.0.1",
        "127.0.0.1:80",
        "127.0.0.1:8643",
        "127.0.0.1:8642:8642",
        "user@127.0.0.1:8642",
        "0.0.0.0:8642",
        "[::]:8642",
        "192.168.0.1:8642",
        "127.0.0.1:8642 evil",
    ],
)
def test_a_foreign_or_rebound_name_is_refused_with_the_address_to_use(host: str) -> None:
    reason = refusal(HERE, "GET", {"host": host})
    assert reason is not None
    assert "http://127.0.0.1:8642/" in reason


def test_no_host_at_all_is_refused() -> None:
    assert refusal(HERE, "GET", {}) is not None


def test_on_the_port_of_the_web_the_host_needs_no_port() -> None:
    assert refusal(Bound(loopback=True, port=80), "GET", {"host": "localhost"}) is None


def test_beyond_this_machine_any_name_may_be_ours() -> None:
    assert refusal(BEYOND, "GET", {"host": "hermes.example"}) is None


@pytest.mark.parametrize("bound", [HERE, BEYOND])
@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://evil.example",
        "http://127.0.0.1:9999",
        "http://localhost:8642",
        "http://127.0.0.1:8642.evil.example",
        "file://",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_origin_is_refused(bound: Bound, origin: str, method: str) -> None:
    assert refusal(bound, method, {**OURS, "origin": origin}) is not None


def test_our_own_origin_is_served() -> None:
    assert refusal(HERE, "POST", {**OURS, "origin": "http://127.0.0.1:8642"}) is None


def test_an_origin_behind_tls_is_ours_beyond_this_machine_only() -> None:
    assert refusal(BEYOND, "POST", {"host": "hermes.example", "origin": "https://hermes.example"}) is None
    assert refusal(HERE, "POST", {**OURS, "origin": "https://127.0.0.1:8642"}) is not None


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_a_request_of_our_page_or_of_the_address_bar_is_served(site: str) -> None:
    assert refusal(HERE, "POST", {**OURS, "sec-fetch-site": site}) is None


@pytest.mark.parametrize("site", ["cross-site", "same-site", "something-new"])
def test_a_request_from_another_page_is_refused_unless_it_opens_the_page(site: str) -> None:
    crossing = {**OURS, "sec-fetch-site": site}
    opening = {**crossing, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert refusal(HERE, "GET", crossing) is not None
    assert refusal(HERE, "GET", {**crossing, "sec-fetch-mode": "websocket"}) is not None
    assert refusal(HERE, "GET", {**opening, "sec-fetch-dest": "iframe"}) is not None
    assert refusal(HERE, "POST", opening) is not None
    assert refusal(HERE, "GET", opening) is None
