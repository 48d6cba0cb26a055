import pytest

from adapters.web.adapter import create
from adapters.web.settings import WebSettings, is_loopback
from hermes.errors import ConfigError


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "LocalHost", "::1", "[::1]"])
def test_names_of_this_machine_alone_are_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["", "0.0.0.0", "::", "192.168.1.7", "example.org", "localhost.example.org", "127.0.0.1.nip.io", "127.1", "[::1"],
)
def test_nothing_else_is_loopback(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("key", [None, ""])
@pytest.mark.parametrize(
    "settings", [WebSettings(host="0.0.0.0"), WebSettings(host="example.org"), WebSettings(require_key=True)]
)
def test_a_page_that_has_to_ask_for_a_key_is_not_made_without_one(settings: WebSettings, key: str | None) -> None:
    with pytest.raises(ConfigError, match="API_SERVER_KEY") as caught:
        create(WebSettings(host=settings.host, require_key=settings.require_key, key=key))
    assert caught.value.key == "API_SERVER_KEY"


def test_a_page_beyond_this_machine_is_made_with_a_key_and_is_not_keyless() -> None:
    assert not create(WebSettings(host="0.0.0.0", key="k")).keyless


def test_a_key_that_nobody_is_asked_for_proves_nothing() -> None:
    assert create(WebSettings(key="k")).keyless
    assert not create(WebSettings(key="k", require_key=True)).keyless


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_cannot_be_is_named_by_its_setting(port: int) -> None:
    with pytest.raises(ConfigError) as caught:
        create(WebSettings(port=port))
    assert caught.value.key == "platforms.web.extra.port"


def test_the_key_is_not_shown_by_the_settings() -> None:
    assert "sesame" not in repr(WebSettings(key="sesame"))


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (WebSettings(host="example.org"), "platforms.web.extra.host is example.org, which other machines reach"),
        (WebSettings(require_key=True), "others than you may write"),
    ],
)
def test_who_lacks_a_key_is_told_why_one_is_needed(settings: WebSettings, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        create(settings)
