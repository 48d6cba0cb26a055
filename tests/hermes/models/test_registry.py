"""From the configuration to models."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from hermes.config.load import load
from hermes.errors import ConfigError
from hermes.home import Home
from hermes.models.contract import ChatModel
from hermes.models.offline.model import OfflineModel
from hermes.models.registry import open_models, open_summarizer
from hermes.models.remote import RemoteModel

KEYS = {
    "OPENROUTER_API_KEY": "sk-or-1234567890",
    "ANTHROPIC_API_KEY": "sk-ant-1234567890",
    "OPENAI_API_KEY": "sk-1234567890",
}


@pytest.fixture
def home(hermes_home: Path) -> Home:
    return Home(hermes_home)


def opened(home: Home, text: str = "", **environ: str) -> tuple[ChatModel, ...]:
    home.config_file.write_text(text)
    loaded = load(home, environ)
    return open_models(loaded.settings, loaded.environment)


def remote(home: Home, text: str = "", **environ: str) -> RemoteModel:
    (one,) = opened(home, text, **environ)
    assert isinstance(one, RemoteModel)
    return one


def only(*names: str) -> dict[str, str]:
    return {name: KEYS[name] for name in names}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("model: {base_url: 'http://[::1:11434/v1', default: x}", "model.base_url"),
        ("model: {provider: openai, base_url: 'http://[::1', default: x}", "model.base_url"),
        ("model: {provider: deepseek, default: x, api_key: abcdef}", "DEEPSEEK_BASE_URL"),
    ],
)
def test_an_address_without_a_host_names_its_key(home: Home, text: str, key: str) -> None:
    with pytest.raises(ConfigError, match="is no address: Invalid IPv6 URL") as caught:
        opened(home, text, DEEPSEEK_BASE_URL="http://[::1", **KEYS)
    assert caught.value.key == key


def test_a_fresh_home_without_a_key_is_offline(home: Home) -> None:
    (one,) = opened(home)
    assert isinstance(one, OfflineModel)


@pytest.mark.parametrize(
    ("keys", "text", "name"),
    [
        (tuple(KEYS), "", "openrouter/anthropic/claude-opus-4.6"),
        (("ANTHROPIC_API_KEY", "OPENAI_API_KEY"), "", "anthropic/claude-opus-4-6"),
        (("OPENAI_API_KEY",), "", "openai/gpt-5"),
        (tuple(KEYS), "model: openai/gpt-x", "openrouter/openai/gpt-x"),
        (tuple(KEYS), "model: claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
        (tuple(KEYS), "model: gpt-4o", "openai/gpt-4o"),
        (("ANTHROPIC_API_KEY",), "model: anthropic/claude-opus-4.6", "anthropic/claude-opus-4-6"),
        (("OPENAI_API_KEY",), "model: openai/gpt-x", "openai/gpt-x"),
        (tuple(KEYS), "model: {provider: anthropic}", "anthropic/claude-opus-4-6"),
        (tuple(KEYS), "model: {provider: openrouter, default: a/b}", "openrouter/a/b"),
    ],
)
def test_the_provider_is_the_one_whose_key_is_there(home: Home, keys: tuple[str, ...], text: str, name: str) -> None:
    one = remote(home, text, **only(*keys))
    assert one.name == name
    assert one.speaker.key == KEYS[f"{one.provider.upper()}_API_KEY"]


def test_a_key_in_the_environment_file_counts_as_well(home: Home) -> None:
    home.env_file.write_text("OPENAI_API_KEY=sk-from-the-file\n")
    home.env_file.chmod(0o600)
    assert remote(home).speaker.key == "sk-from-the-file"


@pytest.mark.parametrize("text", ["model: offline", "model: {provider: offline}"])
def test_offline_is_offline_whatever_keys_are_there(home: Home, text: str) -> None:
    (one,) = opened(home, text, **KEYS)
    assert isinstance(one, OfflineModel)


@pytest.mark.parametrize(
    ("text", "variable"),
    [
        ("model: a/b", "OPENROUTER_API_KEY"),
        ("model: {provider: anthropic}", "ANTHROPIC_API_KEY"),
        ("model: {provider: openai, api_key_env: MY_KEY}", "MY_KEY"),
        ("model: {provider: google, default: gemini-x}", "GEMINI_API_KEY"),
    ],
)
def test_a_provider_without_its_key_is_told_in_one_line_with_the_choices(home: Home, text: str, variable: str) -> None:
    with pytest.raises(ConfigError) as caught:
        opened(home, text)
    line = str(caught.value)
    assert caught.value.key == variable
    assert "\n" not in line
    assert f"put {variable} into .env, or choose another: openrouter (OPENROUTER_API_KEY), anthropic" in line


def test_a_provider_that_does_not_exist_is_told_with_those_that_do(home: Home) -> None:
    with pytest.raises(
        ConfigError, match=r"model.provider is 'nosuch', and none of: offline, custom, openrouter"
    ) as caught:
        opened(home, "model: {provider: nosuch, default: x}")
    assert caught.value.key == "model.provider"


def test_a_server_of_ones_own_needs_an_address_and_a_model_and_no_key(home: Home) -> None:
    one = remote(home, "model: {base_url: 'http://127.0.0.1:8080/v1/', default: qwen, context_length: 9000}", **KEYS)
    assert (one.name, one.context_length, one.speaker.key) == ("127.0.0.1:8080/qwen", 9000, "")
    with pytest.raises(ConfigError, match=r"set model.base_url to its address"):
        opened(home, "model: {provider: custom, default: x}")
    with pytest.raises(ConfigError, match=r"model.default names no model"):
        opened(home, "model: {base_url: 'http://127.0.0.1:8080/v1'}")


def test_a_key_goes_to_its_own_providers_address_alone(home: Home) -> None:
    own = remote(home, "model: {base_url: 'https://api.openai.com/v1', default: gpt-x}", **KEYS)
    assert (own.provider, own.speaker.key) == ("openai", KEYS["OPENAI_API_KEY"])
    named = remote(home, "model: {base_url: 'https://h/v1', default: x, api_key_env: OPENAI_API_KEY}", **KEYS)
    assert (named.provider, named.speaker.key, named.speaker.key_from) == (
        "h",
        KEYS["OPENAI_API_KEY"],
        "OPENAI_API_KEY",
    )


def test_a_password_in_an_address_stands_in_no_name(home: Home) -> None:
    one = remote(home, "model: {base_url: 'http://me:secret-word@h:1/v1', default: x}")
    assert one.name == "h:1/x"
    assert "secret-word" not in repr(one)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("model: {base_url: 'https://api.anthropic.com/v1', default: claude-x}", "/v1/messages"),
        ("model: {base_url: 'https://h/anthropic', default: x}", "/v1/messages"),
        ("model: {base_url: 'https://h', default: x, api_mode: anthropic_messages}", "/v1/messages"),
        ("model: {base_url: 'https://h/v1/chat/completions', default: x}", "/chat/completions"),
    ],
)
def test_the_wire_is_told_by_the_address_or_by_its_key(home: Home, text: str, path: str) -> None:
    assert remote(home, text, **KEYS).wire.path == path


def test_a_key_in_the_file_works(home: Home) -> None:
    one = remote(home, "model: {provider: openai, default: x, api_key: sk-in-the-file}")
    assert (one.speaker.key, one.speaker.key_from) == ("sk-in-the-file", "model.api_key")
    assert "sk-in-the-file" not in repr(one)


@pytest.mark.parametrize("key", ["two words", "sk-\u00e4", "sk-\nb"])
def test_what_cannot_be_a_key_is_told_without_being_shown(home: Home, key: str) -> None:
    with pytest.raises(ConfigError, match="OPENAI_API_KEY holds what is no key") as caught:
        opened(home, "model: {provider: openai}", OPENAI_API_KEY=key)
    assert key not in str(caught.value)


def test_blanks_around_a_key_are_nothing(home: Home) -> None:
    assert remote(home, "", OPENAI_API_KEY=" sk-1 \n").speaker.key == "sk-1"


def test_the_address_of_a_provider_may_come_from_its_variable(home: Home) -> None:
    environ = {"DEEPSEEK_API_KEY": "k", "DEEPSEEK_BASE_URL": "http://127.0.0.1:1/v1"}
    one = remote(home, "model: {provider: deepseek, default: x}", **environ)
    assert one.http.base_url == "http://127.0.0.1:1/v1"


@pytest.mark.parametrize(
    ("model", "length"),
    [("claude-opus-4-6", 200_000), ("gpt-4.1-mini", 1_047_576), ("openai/o3", 200_000), ("gpt-4", 8192),
     ("new", 128_000)],
)  # fmt: skip
def test_what_a_model_takes_is_known_by_its_name(home: Home, model: str, length: int) -> None:
    assert remote(home, f"model: {{provider: openrouter, default: {model}}}", **KEYS).context_length == length


def test_fallbacks_stand_behind_the_first_in_order_whatever_key_names_them(home: Home) -> None:
    text = """
        model: {provider: openrouter, default: a/b}
        fallback_providers:
          - {provider: anthropic, model: claude-x}
          - {base_url: 'http://127.0.0.1:1/v1', model: local}
        fallback_model: {provider: offline}
    """
    names = [one.name for one in opened(home, text, **KEYS)]
    assert names == ["openrouter/a/b", "anthropic/claude-x", "127.0.0.1:1/local", "offline"]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://h.example/v1", True),
        ("https://h.example/v1", False),
        ("http://192.168.1.5/v1", False),
        ("http://pi/v1", False),
    ],
)
def test_a_key_that_would_travel_in_the_open_is_told(
    home: Home, url: str, told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        remote(home, f"model: {{base_url: '{url}', default: x, api_key_env: OPENAI_API_KEY}}", **KEYS)
    assert ("model.base_url is not https" in caplog.text) is told


def test_a_model_of_ones_own_network_gets_more_time_for_its_first_byte(home: Home) -> None:
    own = remote(home, "model: {base_url: 'http://192.168.1.5/v1', default: x}")
    assert own.http.timing.first_byte > remote(home, "", **KEYS).http.timing.first_byte


def test_a_fallback_that_cannot_work_is_told_and_left_out(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    text = "model: {provider: offline}\nfallback_providers: [{provider: deepseek, model: x}]\n"
    with caplog.at_level(logging.WARNING):
        (one,) = opened(home, text)
    assert isinstance(one, OfflineModel)
    assert "fallback_providers.0.provider is deepseek and there is no key for it" in caplog.text


def summarizer(home: Home, text: str = "", **environ: str) -> ChatModel | None:
    home.config_file.write_text(text)
    loaded = load(home, environ)
    return open_summarizer(loaded.settings, loaded.environment)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "auxiliary: {compression: {provider: auto, model: small, base_url: '', api_key: ''}}",
        "auxiliary: {compression: {provider: main}}",
        "compression: {summary_provider: auto, summary_base_url: null, summary_model: small}",
    ],
)
def test_by_itself_who_answers_sums_up(home: Home, text: str) -> None:
    assert summarizer(home, text, **only("OPENROUTER_API_KEY")) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("auxiliary: {compression: {provider: openai, model: gpt-4o-mini}}", "openai/gpt-4o-mini"),
        ("auxiliary: {compression: {provider: openai}, vision: {provider: auto}}", "openai/gpt-5"),
        ("auxiliary: {compression: {base_url: 'http://127.0.0.1:9/v1', model: m}}", "127.0.0.1:9/m"),
        ("compression: {summary_provider: openai, summary_model: gpt-4o-mini}", "openai/gpt-4o-mini"),
        ("compression: {summary_base_url: 'http://127.0.0.1:9/v1', summary_model: m}", "127.0.0.1:9/m"),
        (
            "compression: {summary_provider: openai, summary_model: m}\n"
            "auxiliary: {compression: {provider: anthropic, model: claude-x}}",
            "anthropic/claude-x",
        ),
    ],
)
def test_another_model_may_sum_up(home: Home, text: str, name: str) -> None:
    found = summarizer(home, text, **only("OPENAI_API_KEY", "ANTHROPIC_API_KEY"))
    assert found is not None
    assert found.name == name


def test_the_key_of_who_sums_up_may_come_from_a_variable(home: Home) -> None:
    text = "auxiliary: {compression: {base_url: 'https://x.example/v1', model: m, api_key_env: MINE}}"
    found = summarizer(home, text, MINE="sk-mine-123456")
    assert isinstance(found, RemoteModel)
    assert found.speaker.key == "sk-mine-123456"
    expanded = text.replace("api_key_env: MINE", "api_key: '${MINE}'")
    found = summarizer(home, expanded, MINE="sk-mine-123456")
    assert isinstance(found, RemoteModel)
    assert found.speaker.key == "sk-mine-123456"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("auxiliary: {compression: {provider: openai}}", "OPENAI_API_KEY"),
        ("auxiliary: {compression: {provider: nobody}}", "auxiliary.compression.provider"),
        ("auxiliary: {compression: {base_url: 'http://127.0.0.1:9'}}", "auxiliary.compression.model"),
    ],
)
def test_one_that_cannot_sum_up_is_told(home: Home, text: str, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        summarizer(home, text)
    assert caught.value.key == key


def test_no_model_is_imported_before_it_is_configured() -> None:
    look = (
        "import sys, hermes.models.registry as r; from hermes.config.schema import Settings;"
        "a = 'hermes.models.offline.model' in sys.modules; r.open_models(Settings(), {});"
        "print(a, 'httpx' in sys.modules, 'hermes.models.providers' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.split() == ["False", "False", "False"]


def test_a_remote_model_imports_nothing_that_it_does_not_need() -> None:
    look = (
        "import sys, hermes.models.wires.build; print('httpx' in sys.modules,"
        " *(name for name in ('rich', 'pygments', 'click', 'asyncio', 'anyio', 'h2') if name in sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.split() == ["True"]
