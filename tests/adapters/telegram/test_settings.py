import pytest

from adapters.telegram.chats import home_channel
from adapters.telegram.settings import Access, Ids, ReplyTo, read
from adapters.telegram.webhook.settings import Webhook
from hermes.errors import ConfigError
from hermes.events import ChatType, Source
from hermes.home_channel import HomeChannel
from tests.adapters.telegram.methods import TOKEN

GOOD = {"TELEGRAM_BOT_TOKEN": TOKEN}


def test_a_token_alone_lets_nobody_write() -> None:
    settings = read({}, GOOD)
    assert settings.access == Access()
    assert "4711" not in settings.access.users
    assert not settings.access.owner_alone
    assert settings.account == "bot110201543"
    assert settings.base_url == "https://api.telegram.org/bot"


def test_nothing_shows_the_token() -> None:
    settings = read({}, GOOD | {"TELEGRAM_PROXY": "http://u:sesame@proxy"})
    assert TOKEN not in repr(settings)
    assert "sesame" not in repr(settings)


@pytest.mark.parametrize("token", ["", "   ", "sesame", "123", "123:", "123:a b", "https://x/bot1:a"])
def test_a_token_of_another_form_is_refused_without_being_quoted(token: str) -> None:
    with pytest.raises(ConfigError, match="TELEGRAM_BOT_TOKEN") as caught:
        read({}, {"TELEGRAM_BOT_TOKEN": token})
    assert caught.value.key == "TELEGRAM_BOT_TOKEN"
    assert "sesame" not in str(caught.value)


def test_a_token_may_stand_in_the_file() -> None:
    assert read({"token": TOKEN}, {}).token == TOKEN


def test_lists_hold_ids_with_commas_or_blanks() -> None:
    found = read({}, GOOD | {"TELEGRAM_ALLOWED_USERS": "1, 2\n3", "GATEWAY_ALLOWED_USERS": "4"}).access
    assert found.users == Ids(frozenset({"1", "2", "3", "4"}))
    assert read({}, GOOD | {"TELEGRAM_ALLOWED_USERS": "7"}).access.owner_alone


@pytest.mark.parametrize(
    "environment",
    [{"TELEGRAM_ALLOWED_USERS": "*"}, {"GATEWAY_ALLOW_ALL_USERS": "true"}, {"TELEGRAM_ALLOW_ALL_USERS": "1"}],
)
def test_a_word_opens_the_bot_to_everybody(environment: dict[str, str]) -> None:
    access = read({}, GOOD | {"TELEGRAM_ALLOWED_USERS": "1"} | environment).access
    assert "99" in access.users
    assert not access.owner_alone


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TELEGRAM_ALLOWED_USERS", "@ada"),
        ("TELEGRAM_GROUP_ALLOWED_CHATS", "family"),
        ("TELEGRAM_REQUIRE_MENTION", "perhaps"),
        ("TELEGRAM_MENTION_PATTERNS", "("),
        ("TELEGRAM_REPLY_TO_MODE", "some"),
        ("TELEGRAM_REACTIONS", "some"),
        ("TELEGRAM_FALLBACK_IPS", "149.154.167.220, api.telegram.org"),
        ("TELEGRAM_FALLBACK_IPS", "149.154.167.256"),
        ("TELEGRAM_FALLBACK_IPS", ",".join(f"10.0.0.{number}" for number in range(9))),
        ("TELEGRAM_PROXY", "localhost:1080"),
        ("TELEGRAM_PROXY", "socks4://localhost"),
        ("TELEGRAM_PROXY", "socks5://"),
        ("TELEGRAM_PROXY", "socks5://localhost:port"),
        ("TELEGRAM_PROXY", "socks5://localhost/path"),
        ("TELEGRAM_PROXY", f"socks5://ada:{'x' * 256}@localhost"),
    ],
)
def test_what_cannot_be_read_is_told_by_its_variable(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name) as caught:
        read({}, GOOD | {name: value})
    assert caught.value.key == name


@pytest.mark.parametrize("address", ["http://proxy:3128", "socks5://localhost", "socks5h://a:b%40c@[::1]:1080/"])
def test_a_proxy_speaks_http_or_socks(address: str) -> None:
    assert read({}, GOOD | {"TELEGRAM_PROXY": f" {address} "}).proxy == address


def test_addresses_of_the_server_are_read_once_each() -> None:
    listed = GOOD | {"TELEGRAM_FALLBACK_IPS": "149.154.167.220, 2001:67c:4e8:f004::9,149.154.167.220 [::1]"}
    assert read({}, listed).fallback_ips == ("149.154.167.220", "2001:67c:4e8:f004::9", "::1")
    assert read({}, GOOD).fallback_ips == ()


@pytest.mark.parametrize(
    ("extra", "more", "why"),
    [
        ({}, {"TELEGRAM_PROXY": "http://u:sesame@proxy"}, "TELEGRAM_PROXY"),
        ({"base_url": "https://bots.example/bot"}, {}, "base_url"),
    ],
)
def test_addresses_that_are_of_no_use_are_told_so(
    extra: dict[str, object], more: dict[str, str], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert read(extra, GOOD | {"TELEGRAM_FALLBACK_IPS": "149.154.167.220"} | more).fallback_ips == ()
    assert "TELEGRAM_FALLBACK_IPS does nothing" in caplog.text
    assert why in caplog.text
    assert "sesame" not in caplog.text


HOOK = GOOD | {"TELEGRAM_WEBHOOK_URL": "https://example.org/t%C3%A4", "TELEGRAM_WEBHOOK_SECRET": "sesame-1"}


def test_a_webhook_is_read_and_its_secret_shown_nowhere() -> None:
    settings = read({}, HOOK)
    assert settings.webhook == Webhook("https://example.org/t%C3%A4", "sesame-1", "127.0.0.1", 8443)
    assert settings.webhook.path == "/t\u00e4"
    assert "sesame" not in repr(settings)
    more = {"TELEGRAM_WEBHOOK_HOST": "0.0.0.0", "TELEGRAM_WEBHOOK_PORT": "80"}
    assert read({}, HOOK | more).webhook == Webhook("https://example.org/t%C3%A4", "sesame-1", "0.0.0.0", 80)
    assert read({}, GOOD | more).webhook is None


def test_a_server_of_ones_own_calls_any_address() -> None:
    hook = read(
        {"base_url": "http://127.0.0.1:8081/bot"}, HOOK | {"TELEGRAM_WEBHOOK_URL": "http://127.0.0.1:9"}
    ).webhook
    assert hook is not None
    assert hook.path == "/"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("URL", "http://example.org/"),
        ("URL", "https://"),
        ("URL", "https://example.org:9000/"),
        ("URL", "https://example.org:x/"),
        ("URL", "example.org"),
        ("SECRET", ""),
        ("SECRET", "se same"),
        ("SECRET", "s\u00e4same"),
        ("SECRET", "s" * 257),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "http"),
    ],
)
def test_a_webhook_that_cannot_be_is_told_by_its_variable(name: str, value: str) -> None:
    variable = f"TELEGRAM_WEBHOOK_{name}"
    with pytest.raises(ConfigError, match=variable) as caught:
        read({}, HOOK | {variable: value})
    assert caught.value.key == variable
    assert not value or name != "SECRET" or value not in str(caught.value)


@pytest.mark.parametrize("name", ["base_url", "base_file_url"])
def test_an_address_of_another_form_is_told_by_its_key(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"platforms\.telegram\.extra\.{name}"):
        read({name: "localhost:8081"}, GOOD)


def test_the_rest_is_read() -> None:
    settings = read(
        {"base_url": "http://127.0.0.1:8081/bot", "base_file_url": "http://127.0.0.1:8081/file/bot"},
        GOOD
        | {
            "TELEGRAM_REPLY_TO_MODE": "ALL",
            "TELEGRAM_MENTION_PATTERNS": "^hey\nbot\\b",
            "TELEGRAM_REQUIRE_MENTION": "no",
        },
    )
    assert settings.reply_to is ReplyTo.ALL
    assert [pattern.pattern for pattern in settings.access.mention_patterns] == ["^hey", "bot\\b"]
    assert not settings.access.require_mention
    assert settings.base_url == "http://127.0.0.1:8081/bot"


def test_the_home_channel_is_a_chat_and_perhaps_a_topic_of_it() -> None:
    assert read({}, GOOD).home is None
    assert home_channel(read({}, GOOD)) is None
    person = home_channel(read({}, GOOD | {"TELEGRAM_HOME_CHANNEL": "4711"}))
    source = Source("telegram", "bot110201543", "4711", user_id="4711")
    assert person == HomeChannel(source, "agent:main:telegram:dm:4711")
    more = {"": "-1001", "_NAME": "Us", "_THREAD_ID": "9"}
    group = home_channel(read({}, GOOD | {f"TELEGRAM_HOME_CHANNEL{part}": value for part, value in more.items()}))
    source = Source("telegram", "bot110201543", "-1001", ChatType.GROUP, "9")
    assert group == HomeChannel(source, "agent:main:telegram:group:-1001:9", "Us")
    # Its links give "General" a number, which no send takes.
    more = {"": "-1001", "_THREAD_ID": "1"}
    general = home_channel(read({}, GOOD | {f"TELEGRAM_HOME_CHANNEL{part}": value for part, value in more.items()}))
    assert general is not None
    assert (general.source.thread_id, general.session_key) == ("", "agent:main:telegram:group:-1001")


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("TELEGRAM_HOME_CHANNEL", {"TELEGRAM_HOME_CHANNEL": "@us"}),
        ("TELEGRAM_HOME_CHANNEL", {"TELEGRAM_HOME_CHANNEL": "1,2"}),
        ("TELEGRAM_HOME_CHANNEL", {"TELEGRAM_HOME_CHANNEL_NAME": "Us"}),
        ("TELEGRAM_HOME_CHANNEL", {"TELEGRAM_HOME_CHANNEL_THREAD_ID": "9"}),
        (
            "TELEGRAM_HOME_CHANNEL_THREAD_ID",
            {"TELEGRAM_HOME_CHANNEL": "1", "TELEGRAM_HOME_CHANNEL_THREAD_ID": "general"},
        ),
    ],
)
def test_a_home_channel_that_cannot_be_one_is_told_by_its_variable(name: str, more: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=name) as caught:
        read({}, GOOD | more)
    assert caught.value.key == name
