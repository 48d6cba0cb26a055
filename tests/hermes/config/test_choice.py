"""Which provider is meant, and where that is said from."""

from pathlib import Path

import pytest

from hermes.config.choice import Choice, choose, default_model
from hermes.config.effective import effective
from hermes.config.load import load
from hermes.config.model_schema import Fallback
from hermes.errors import ConfigError
from hermes.home import Home

ALL = {"OPENROUTER_API_KEY": "a" * 9, "ANTHROPIC_API_KEY": "b" * 9, "OPENAI_API_KEY": "c" * 9}


@pytest.fixture
def home(hermes_home: Path) -> Home:
    return Home(hermes_home)


@pytest.mark.parametrize(
    ("default", "base_url", "keys", "choice"),
    [
        ("", "", "", Choice("offline")),
        ("offline", "http://h", "OPENROUTER", Choice("offline")),
        ("", "http://h", "OPENROUTER", Choice("custom")),
        ("", "", "OPENROUTER ANTHROPIC OPENAI", Choice("openrouter", "OPENROUTER_API_KEY")),
        ("", "", "ANTHROPIC OPENAI", Choice("anthropic", "ANTHROPIC_API_KEY")),
        ("", "", "OPENAI", Choice("openai", "OPENAI_API_KEY")),
        ("a/b", "", "OPENAI", Choice("openrouter")),
        ("claude-x", "", "OPENROUTER OPENAI", Choice("openrouter")),
        ("openai/o3", "", "OPENAI ANTHROPIC", Choice("openai", "OPENAI_API_KEY")),
    ],
)
def test_an_address_or_a_key_decides(default: str, base_url: str, keys: str, choice: Choice) -> None:
    environment = {f"{name}_API_KEY": "k" for name in keys.split()}
    assert choose(default, base_url, environment) == choice


def test_a_variable_that_is_set_to_nothing_decides_nothing() -> None:
    assert choose("", "", {"OPENROUTER_API_KEY": ""}) == Choice("offline")


def test_only_what_was_chosen_has_a_model_by_default() -> None:
    assert default_model("offline") == "offline"
    assert default_model("anthropic")
    assert default_model("deepseek") == ""


def test_the_key_that_decided_is_named_where_the_configuration_is_shown(home: Home) -> None:
    home.env_file.write_text("OPENAI_API_KEY=sk-1234567\n")
    home.env_file.chmod(0o600)
    shown = {each.key: (each.value, each.source) for each in effective(load(home, {}))}
    assert shown["model.provider"] == ("openai", f"OPENAI_API_KEY ({home.env_file})")
    shown = {each.key: (each.value, each.source) for each in effective(load(home, ALL))}
    assert shown["model.provider"] == ("openrouter", "OPENROUTER_API_KEY (environment)")


@pytest.mark.parametrize("where", ["file", "variable"])
@pytest.mark.parametrize(
    ("more", "keys", "found"),
    [
        ("", {}, ("offline", "offline")),
        ("", ALL, ("openrouter", default_model("openrouter"))),
        (", default: gpt-5", ALL, ("openai", "gpt-5")),
        (", default: a/b", {}, ("openrouter", "a/b")),
        (", default: m, base_url: http://h", ALL, ("custom", "m")),
    ],
)
def test_a_provider_called_auto_is_none_that_was_named(
    home: Home, where: str, more: str, keys: dict[str, str], found: tuple[str, str]
) -> None:
    home.config_file.write_text(f"model: {{provider: {'auto' if where == 'file' else ''}{more}}}\n")
    environ = keys | ({"HERMES_INFERENCE_PROVIDER": "auto"} if where == "variable" else {})
    model = load(home, environ).settings.model
    assert (model.provider, model.default) == found


def test_a_model_by_a_variable_is_looked_at_too(home: Home) -> None:
    found = load(home, {**ALL, "HERMES_INFERENCE_MODEL": "claude-x"}).settings.model
    assert (found.provider, found.default) == ("anthropic", "claude-x")
    found = load(home, {**ALL, "HERMES_INFERENCE_PROVIDER": "offline"}).settings.model
    assert (found.provider, found.default) == ("offline", "offline")


def test_the_older_key_for_one_fallback_stands_behind_the_list(home: Home) -> None:
    home.config_file.write_text("fallback_model: {provider: a, model: b}\nfallback_providers:\n  - {provider: c}\n")
    loaded = load(home, {})
    assert loaded.settings.fallback_providers == (Fallback("c"), Fallback("a", "b"))
    assert loaded.notices == ()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("fallback_providers: {provider: a}", "fallback_providers: expected a list"),
        ("fallback_providers: [a]", "fallback_providers.0: expected a section"),
        (
            "fallback_providers: [{context_length: 0}]",
            "fallback_providers.0.context_length: expected a number of tokens",
        ),
        ("model: {api_mode: codex_responses}", "model.api_mode: expected one of nothing, chat_completions"),
        ("agent: {reasoning_effort: very}", "agent.reasoning_effort: expected one of nothing, none, minimal, low"),
        ("prompt_caching: {cache_ttl: 2h}", "prompt_caching.cache_ttl: expected one of 5m, 1h"),
        ("model: {default: 3}", "model.default: expected text"),
    ],
)
def test_a_slip_is_told_with_its_key(home: Home, text: str, line: str) -> None:
    home.config_file.write_text(text + "\n")
    with pytest.raises(ConfigError) as caught:
        load(home, {})
    assert line in str(caught.value)


def test_a_key_in_the_file_works_with_a_warning_that_does_not_show_it(home: Home) -> None:
    home.config_file.write_text("model: {provider: openai, api_key: sk-open-secret}\n")
    loaded = load(home, {})
    assert loaded.settings.model.api_key == "sk-open-secret"
    assert loaded.settings.secrets == ("sk-open-secret",)
    (notice,) = loaded.notices
    assert "model.api_key: a key is safer in .env" in str(notice)
    assert "sk-open-secret" not in str(notice) + repr(loaded)


def test_a_key_that_only_points_to_the_environment_is_no_open_one(home: Home) -> None:
    home.config_file.write_text("model: {provider: openai, api_key: '${MY_KEY}'}\n")
    loaded = load(home, {"MY_KEY": "sk-12345678"})
    assert (loaded.settings.model.api_key, loaded.notices) == ("sk-12345678", ())


def test_keys_of_fallbacks_are_secrets_too(home: Home) -> None:
    home.config_file.write_text("fallback_providers: [{provider: openai, api_key: sk-open-secret}]\n")
    loaded = load(home, {})
    assert loaded.settings.secrets == ("sk-open-secret",)
    assert "fallback_providers.api_key: a key is safer in .env" in str(loaded.notices[0])
    assert "sk-open-secret" not in repr(loaded.settings) + str(effective(loaded)) + str(loaded.notices)
