"""The way through a SOCKS5 proxy, on the wire."""

import subprocess
import sys
from collections.abc import Callable

import pytest
import trio

from adapters.telegram.way.lost import Lost, NotSent
from adapters.telegram.way.transport import CONNECT_WITHIN, Request, Transport
from adapters.telegram.way.ways import way
from hermes.errors import TransientError
from tests.adapters.telegram.botapi import BotApi, serving
from tests.adapters.telegram.faults import lose_reply
from tests.adapters.telegram.scenes import scene
from tests.adapters.telegram.socks5 import Fault, SocksServer, Step, proxying

NAME = "api.telegram.org"


async def ask(proxy: SocksServer, api: BotApi, login: str = "", scheme: str = "socks5") -> int:
    """The status of the answer to one request for ``NAME``, which means the fake Bot API to the proxy alone."""
    proxy.names[NAME] = "127.0.0.1"
    transport = Transport(way(f"{scheme}://{login}{proxy.address}"))
    request = Request("POST", f"http://{NAME}:{api.port}/bot{api.token}/getMe")
    try:
        return (await transport.request(request, read_within=10.0))[0]
    finally:
        await transport.aclose()


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_the_proxy_is_handed_the_name_of_the_host(scheme: str) -> None:
    async with serving() as api, proxying(SocksServer()) as proxy:
        assert await ask(proxy, api, scheme=scheme) == 200
    assert proxy.asked == [(NAME, api.port)]


async def test_a_login_is_told_to_a_proxy_that_asks_for_one() -> None:
    async with serving() as api, proxying(SocksServer(login=(b"ada", b"p@ss"))) as proxy:
        assert await ask(proxy, api, "ada:p%40ss@") == 200


async def test_a_login_is_kept_from_a_proxy_that_asks_for_none() -> None:
    async with serving() as api, proxying(SocksServer()) as proxy:
        assert await ask(proxy, api, "ada:sesame@") == 200


@pytest.mark.parametrize(
    "bound_to",
    [b"\x01\x7f\x00\x00\x01\x00\x00", b"\x04" + bytes(16) + b"\x00\x50", b"\x03\x05proxy\x04\x38", b"\x03\x00\x00\x00"],
)
async def test_answers_of_every_form_are_read_also_in_pieces(bound_to: bytes) -> None:
    proxy = SocksServer(login=(b"ada", b""), bound_to=bound_to, drips=True)
    async with serving() as api, proxying(proxy):
        assert await ask(proxy, api, "ada@") == 200


@pytest.mark.parametrize("login", ["", "ada:wrong@"])
async def test_a_proxy_that_refuses_the_login_is_not_sent(login: str) -> None:
    async with serving() as api, proxying(SocksServer(login=(b"ada", b"sesame"))) as proxy:
        with pytest.raises(NotSent, match="TELEGRAM_PROXY") as caught:
            await ask(proxy, api, login)
    assert "wrong" not in str(caught.value)
    assert not proxy.asked
    assert not api.calls


async def test_a_proxy_that_picks_what_was_not_offered_is_told_no_password() -> None:
    async with serving() as api, proxying(SocksServer(method=b"\x02", login=(b"", b""))) as proxy:
        with pytest.raises(NotSent, match="takes no login"):
            await ask(proxy, api)


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (b"\x05\x00\x01\x00\x00\x00\x00\x00\x00", "connection refused"),
        (b"\x02", "not allowed by ruleset"),
        (b"\x04\x00\x00", "host unreachable"),
        (b"\x5b\x00\x01", "its code 91"),
    ],
)
async def test_a_proxy_that_gives_no_way_says_why(refusal: bytes, said: str) -> None:
    async with serving() as api, proxying(SocksServer(refusal=refusal)) as proxy:
        with pytest.raises(NotSent, match=said):
            await ask(proxy, api)


@pytest.mark.parametrize("step", list(Step))
@pytest.mark.parametrize("fault", [Fault.CLOSE, Fault.BABBLE])
async def test_a_proxy_that_breaks_off_or_babbles_is_not_sent(step: Step, fault: Fault) -> None:
    proxy = SocksServer(login=(b"ada", b"p"), faults={step: fault})
    async with serving() as api, proxying(proxy):
        with pytest.raises(NotSent):
            await ask(proxy, api, "ada:p@")
        await _until(lambda: not proxy.connections)
    assert not api.calls


@pytest.mark.parametrize("step", list(Step))
async def test_a_proxy_that_says_nothing_is_given_up_in_the_time_of_a_connection(
    step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.telegram.way.transport.CONNECT_WITHIN", CONNECT_WITHIN / 20)
    proxy = SocksServer(login=(b"ada", b"p"), faults={step: Fault.HANG})
    async with serving() as api, proxying(proxy):
        with pytest.raises(NotSent, match="within"):
            await ask(proxy, api, "ada:p@")
        await _until(lambda: not proxy.connections)


async def test_what_is_lost_behind_the_proxy_is_lost() -> None:
    async with serving() as api, proxying(SocksServer()) as proxy:
        api.fail("getMe", lose_reply)
        with pytest.raises(Lost):
            await ask(proxy, api)


async def test_a_message_goes_through_the_proxy_and_waits_while_it_is_gone() -> None:
    async with proxying(SocksServer()) as proxy, scene(proxy=f"socks5://{proxy.address}") as it:
        await it.send("first")
        assert it.api.said() == ["first"]
        proxy.refusal = b"\x01"
        await it.adapter._calls.renew()
        with pytest.raises(TransientError, match="TELEGRAM_PROXY"):
            await it.send("second")
        assert it.api.said() == ["first"]


def test_socksio_is_loaded_only_for_such_a_proxy() -> None:
    code = (
        "import sys, adapters.telegram.adapter; from adapters.telegram.way.ways import way\n"
        "way(''); way('http://p'); assert 'socksio' not in sys.modules\n"
        "way('socks5://p'); assert 'socksio' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


async def _until(holds: Callable[[], object]) -> None:
    while not holds():
        await trio.testing.wait_all_tasks_blocked(0.001)
