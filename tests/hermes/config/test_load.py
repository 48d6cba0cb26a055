import os
from enum import StrEnum
from functools import reduce
from pathlib import Path

import pytest
from attrs import evolve

from hermes.config.describe import Key, schema_keys
from hermes.config.load import REPORTED, Loaded, load
from hermes.config.schema import ApprovalMode, BusyInput, Platform, Settings
from hermes.errors import ConfigError
from hermes.home import Home
from hermes.tools.web.guard import Guard

NOTHING: dict[str, str] = {}


@pytest.fixture
def home(hermes_home: Path) -> Home:
    return Home(hermes_home)


def written(home: Home, text: str, env: str = "") -> Home:
    home.config_file.write_text(text)
    if env:
        home.env_file.write_text(env)
        home.env_file.chmod(0o600)
    return home


def settings(home: Home, text: str, env: str = "", **environ: str) -> Settings:
    loaded = load(written(home, text, env), environ)
    assert loaded.notices == ()
    return evolve(loaded.settings, secrets=())


def problems(home: Home, text: str, env: str = "", **environ: str) -> list[str]:
    """The lines of the error, without the folder."""
    with pytest.raises(ConfigError) as caught:
        load(written(home, text, env), environ)
    return str(caught.value).replace(f"{home.root}/", "").splitlines()


def notices(loaded: Loaded, home: Home) -> list[str]:
    return [str(notice).replace(f"{home.root}/", "") for notice in loaded.notices]


def test_without_any_file_everything_is_at_its_default(home: Home) -> None:
    loaded = load(home, NOTHING)
    assert loaded == Loaded(Settings(), {}, {}, {}, ())


def test_a_home_that_does_not_exist_gives_the_defaults(tmp_path: Path) -> None:
    assert load(Home(tmp_path / "new"), NOTHING).settings == Settings()
    assert list(tmp_path.iterdir()) == []


def test_the_defaults_are_those_that_users_expect() -> None:
    default = Settings()
    assert (default.model.default, default.model.provider) == ("offline", "offline")
    assert (default.agent.max_turns, default.agent.clarify_timeout) == (90, 600)
    assert (default.terminal.cwd, default.terminal.timeout) == (".", 180)
    assert (default.approvals.mode, default.approvals.timeout) == (ApprovalMode.MANUAL, 60)
    assert (default.platforms.web.extra.host, default.platforms.web.extra.port) == ("127.0.0.1", 8642)
    assert default.display.busy_input_mode is BusyInput.INTERRUPT
    assert default.security.redact_secrets
    assert default.platforms.web.enabled
    assert not default.api_server.enabled


def test_a_key_of_who_sums_up_that_stands_in_the_file_is_told(home: Home) -> None:
    loaded = load(written(home, "auxiliary: {compression: {api_key: sk-1234567890}}"), NOTHING)
    (notice,) = notices(loaded, home)
    assert notice.startswith("config.yaml:1: auxiliary.compression.api_key: a key is safer in .env")
    assert "sk-1234567890" not in repr(loaded.settings)
    assert "sk-1234567890" in loaded.settings.secrets


def test_folders_of_a_variable_are_separated_as_those_of_a_path(home: Home) -> None:
    found = settings(home, "file: {write_roots: [~/a], read_roots: [/b]}", HERMES_WRITE_SAFE_ROOT="/srv/x:~/y::")
    assert (found.file.write_roots, found.file.read_roots) == (("/srv/x", "~/y"), ("/b",))
    assert "file.write_roots: expected folders" in problems(home, "file: {write_roots: ['']}")[0]


def test_the_file_is_merged_into_the_defaults_key_by_key(home: Home) -> None:
    found = settings(home, "terminal:\n  timeout: 30\nplatforms:\n  web:\n    extra: {port: 9000}\n")
    assert (found.terminal.timeout, found.terminal.cwd) == (30, ".")
    assert (found.platforms.web.enabled, found.platforms.web.extra.host) == (True, "127.0.0.1")
    assert found.platforms.web.extra.port == 9000


def test_every_key_can_be_set(home: Home) -> None:
    found = settings(
        home,
        """
        model: {default: a/b, provider: openrouter, base_url: "http://h", context_length: 1000}
        toolsets: [all]
        agent: {max_turns: 5, restart_drain_timeout: 0, clarify_timeout: 1.5}
        terminal: {cwd: /tmp, timeout: 7, env_passthrough: [A, B]}
        approvals: {mode: smart, timeout: 8}
        command_allowlist: [rm -r]
        display: {busy_input_mode: steer, streaming: off}
        security: {redact_secrets: no}
        skills: {disabled: [x], external_dirs: [/usr/share]}
        platforms:
          web: {enabled: false, extra: {host: "::1", port: 0}}
          telegram: {enabled: true, extra: {anything: [1, {a: b}]}}
        timezone: UTC
        """,
    )
    defaults = Settings()
    assert found.platforms.others == {"telegram": Platform(enabled=True, extra={"anything": [1, {"a": "b"}]})}
    for name in ("model", "toolsets", "agent", "terminal", "approvals", "command_allowlist", "display", "security"):
        assert getattr(found, name) != getattr(defaults, name)
    assert found.approvals.mode is ApprovalMode.SMART
    assert (found.display.streaming, found.security.redact_secrets, found.platforms.web.enabled) == (False,) * 3
    assert (found.agent.restart_drain_timeout, found.agent.clarify_timeout) == (0, 1.5)


def test_a_key_without_a_value_is_at_its_default(home: Home) -> None:
    assert settings(home, "terminal:\nagent:\n  max_turns:\nplatforms:\n  web:\nmodel:\ntoolsets: ~\n") == Settings()


def test_a_bare_off_is_a_mode_of_approvals(home: Home) -> None:
    assert settings(home, "approvals: {mode: off}").approvals.mode is ApprovalMode.OFF


CHOICES = [(key, type(key.default)) for key in schema_keys() if isinstance(key.default, StrEnum)]
named = pytest.mark.parametrize(("key", "kind"), CHOICES, ids=[key.dotted for key, _ in CHOICES])


@named
def test_a_choice_that_is_written_out_is_the_one_that_it_names(home: Home, key: Key, kind: type[StrEnum]) -> None:
    for member in kind:
        written_out: object = settings(home, as_yaml(key, f'"{member}"'))
        assert reduce(getattr, key.path, written_out) is member


@named
def test_a_word_that_is_none_of_the_choices_is_refused(home: Home, key: Key, kind: type[StrEnum]) -> None:
    line = f"config.yaml:1: {key.dotted}: expected one of {', '.join(kind)}, found 'docker'"
    assert problems(home, as_yaml(key, "docker")) == [line]


def as_yaml(key: Key, value: str) -> str:
    return f"{': {'.join(key.path)}: {value}{'}' * (len(key.path) - 1)}"


def test_the_model_may_be_a_single_word(home: Home) -> None:
    found = settings(home, "model: anthropic/claude\n").model
    assert (found.default, found.provider) == ("anthropic/claude", "openrouter")


@pytest.mark.parametrize(
    ("text", "provider", "default"),
    [
        ("model: {default: a/b}", "openrouter", "a/b"),
        ("model: {default: a, base_url: 'http://h'}", "custom", "a"),
        ("model: {base_url: 'http://h'}", "custom", ""),
        ("model: {provider: anthropic}", "anthropic", "claude-opus-4-6"),
        ("model: {provider: deepseek}", "deepseek", ""),
        ("model: {provider: anthropic, default: c}", "anthropic", "c"),
        ("model: offline", "offline", "offline"),
        ("model: {provider: offline}", "offline", "offline"),
        ("model: {provider: ''}", "offline", "offline"),
    ],
)
def test_the_provider_that_is_meant_is_found(home: Home, text: str, provider: str, default: str) -> None:
    found = settings(home, text).model
    assert (found.provider, found.default) == (provider, default)


def test_an_older_max_turns_moves_to_the_agent_unless_that_is_set(home: Home) -> None:
    assert settings(home, "max_turns: 7\n").agent.max_turns == 7
    assert settings(home, "max_turns: 7\nagent: {clarify_timeout: 3}\n").agent.max_turns == 7
    assert settings(home, "max_turns: 7\nagent: {max_turns: 9}\n").agent.max_turns == 9
    assert problems(home, "toolsets: [a]\nmax_turns: word\n") == [
        "config.yaml:2: agent.max_turns: expected a whole number, found 'word'"
    ]


def test_variables_in_the_file_come_from_the_process_and_from_the_env_file(home: Home) -> None:
    text = "terminal: {cwd: '${DIR}/x', timeout: '${SECONDS_}'}\ndisplay: {streaming: '${STREAM}'}\n"
    found = settings(home, text, "DIR=/env\nSECONDS_=12\nSTREAM=off\n", DIR="/process")
    assert (found.terminal.cwd, found.terminal.timeout, found.display.streaming) == ("/process/x", 12, False)


def test_a_variable_that_is_not_set_stays_literal_and_is_told(home: Home) -> None:
    loaded = load(written(home, "mcp_servers:\n  x:\n    env: {T: '${NOT_THERE}'}\n"), NOTHING)
    assert loaded.raw == {"mcp_servers": {"x": {"env": {"T": "${NOT_THERE}"}}}}
    assert notices(loaded, home) == [
        "config.yaml:3: mcp_servers.x.env.T: ${NOT_THERE} is set neither in the environment nor in .env:"
        " it stays as it is written"
    ]


def test_variables_of_the_environment_stand_above_the_file(home: Home) -> None:
    text = "model: a/b\nmax_turns: 5\nterminal: {cwd: /a}\ntimezone: UTC\nplatforms: {web: {extra: {port: 1}}}\n"
    loaded = load(
        written(home, text, "API_SERVER_KEY=sesame-open\nAPI_SERVER_PORT=3\n"),
        {
            "HERMES_MAX_ITERATIONS": "6",
            "HERMES_INFERENCE_MODEL": "c",
            "HERMES_INFERENCE_PROVIDER": "anthropic",
            "TERMINAL_CWD": "/b",
            "MESSAGING_CWD": "/m",
            "HERMES_TIMEZONE": "Europe/Vienna",
            "API_SERVER_HOST": "::1",
            "API_SERVER_PORT": "2",
        },
    )
    found = loaded.settings
    assert (found.agent.max_turns, found.model.default, found.model.provider) == (6, "c", "anthropic")
    assert (found.terminal.cwd, found.messaging_cwd, found.timezone) == ("/b", "/m", "Europe/Vienna")
    assert (found.platforms.web.extra.host, found.platforms.web.extra.port) == ("::1", 2)
    assert (found.api_server.key, found.api_server.enabled) == ("sesame-open", True)
    assert loaded.sources["agent.max_turns"] == "HERMES_MAX_ITERATIONS (environment)"
    assert loaded.sources["api_server.key"] == f"API_SERVER_KEY ({home.env_file})"
    assert loaded.sources["timezone"] == "HERMES_TIMEZONE (environment)"


def test_a_variable_that_is_set_to_nothing_is_not_set(home: Home) -> None:
    assert settings(home, "max_turns: 5", HERMES_MAX_ITERATIONS="", API_SERVER_KEY="").agent.max_turns == 5


def test_the_http_interface_is_on_with_a_key_unless_it_is_switched_off(home: Home) -> None:
    assert settings(home, "", API_SERVER_KEY="k").api_server.enabled
    assert settings(home, "", API_SERVER_ENABLED="yes").api_server.enabled
    assert not settings(home, "", API_SERVER_KEY="k", API_SERVER_ENABLED="false").api_server.enabled


def test_only_the_variables_set_what_has_no_key(home: Home) -> None:
    loaded = load(written(home, "api_server: {key: mine}\nsecrets: [a]\nmessaging_cwd: /x\n"), NOTHING)
    assert loaded.settings == Settings()
    assert [notice.key for notice in loaded.notices] == ["api_server", "secrets", "messaging_cwd"]


def test_the_environment_of_the_process_is_not_touched(home: Home) -> None:
    before = dict(os.environ)
    load(written(home, "", "SOMETHING_NEW=1\n"), os.environ)
    assert dict(os.environ) == before


def test_all_wrong_values_are_told_at_once_with_line_key_and_what_was_found(home: Home) -> None:
    text = (
        "terminal:\n  timeout: abc\n  cwd: 5\ntoolsets: all\nskills: {disabled: [a, 3]}\nagent: [1]\n"
        "platforms:\n  web: {extra: {port: 70000}}\n  telegram: {enabled: maybe}\n  irc: 3\n"
        "security: {redact_secrets: 2}\napprovals: {mode: sometimes, timeout: -1}\n"
    )
    assert sorted(problems(home, text)) == [
        "config.yaml:10: platforms.irc: expected a section (`key: value` lines), found 3",
        "config.yaml:11: security.redact_secrets: expected true or false, found 2",
        "config.yaml:12: approvals.mode: expected one of manual, smart, off, found 'sometimes'",
        "config.yaml:12: approvals.timeout: expected a number above 0, found -1",
        "config.yaml:2: terminal.timeout: expected a number, found 'abc'",
        "config.yaml:3: terminal.cwd: expected text (put it in quotes), found 5",
        "config.yaml:4: toolsets: expected a list ([one, two], or one `- item` line each), found 'all'",
        "config.yaml:5: skills.disabled.1: expected text (put it in quotes), found 3",
        "config.yaml:6: agent: expected a section (`key: value` lines), found a list",
        "config.yaml:8: platforms.web.extra.port: expected a port from 0 to 65535, found 70000",
        "config.yaml:9: platforms.telegram.enabled: expected true or false, found 'maybe'",
    ]


@pytest.mark.parametrize("value", ["true", ".nan", ".inf", "-.inf", "''", "word", "[1]", "{a: 1}", "-3", "0"])
@pytest.mark.parametrize("key", ["terminal: {timeout: %}", "agent: {max_turns: %}", "model: {context_length: %}"])
def test_what_is_no_number_above_zero_is_refused(home: Home, key: str, value: str) -> None:
    if (key, value) == ("model: {context_length: %}", "''"):
        return  # nothing said, as for the other keys of the model
    (line,) = problems(home, key.replace("%", value))
    assert ": expected a" in line


@pytest.mark.parametrize("entry", ["10.0.0.0/33", "nas.local:8080", "b\u00fccher.local", "a b", "fe80::x", ""])
def test_a_host_that_the_web_tools_could_not_use_is_refused_at_the_start(home: Home, entry: str) -> None:
    (line,) = problems(home, f"web: {{allowed_hosts: [{entry!r}]}}")
    assert "web.allowed_hosts: expected names, addresses or networks" in line
    with pytest.raises(ConfigError):
        Guard.allowing([entry])


@pytest.mark.parametrize("entry", ["nas.local", "NAS.local.", "10.0.0.1/8", "[fd00::1]", "fd00::/8", "my_host"])
def test_a_host_that_the_web_tools_can_use_is_taken(home: Home, entry: str) -> None:
    assert Guard.allowing(settings(home, f"web: {{allowed_hosts: [{entry!r}]}}").web.allowed_hosts)


def test_a_whole_number_is_whole(home: Home) -> None:
    assert settings(home, "agent: {max_turns: 12.0}").agent.max_turns == 12
    assert problems(home, "agent: {max_turns: 1.5}") == [
        "config.yaml:1: agent.max_turns: expected a whole number, found 1.5"
    ]


def test_a_wrong_variable_is_told_by_its_name_and_where_it_was_set(home: Home) -> None:
    assert problems(home, "max_turns: 5", "API_SERVER_PORT=x\n", HERMES_MAX_ITERATIONS="many") == [
        "HERMES_MAX_ITERATIONS (environment): expected a whole number, found 'many'",
        "API_SERVER_PORT (.env): expected a whole number, found 'x'",
    ]


def test_a_wrong_section_below_a_variable_is_still_told(home: Home) -> None:
    assert problems(home, "agent: [1]\n", HERMES_MAX_ITERATIONS="5") == [
        "config.yaml:1: agent: expected a section (`key: value` lines), found a list"
    ]


def test_more_problems_than_fit_a_screen_are_counted(home: Home) -> None:
    lines = problems(home, "platforms:\n" + "".join(f"  p{number}: 1\n" for number in range(REPORTED + 5)))
    assert len(lines) == REPORTED + 1
    assert lines[-1] == "config.yaml: and 5 more"


def test_the_error_names_file_and_key_for_programs(home: Home) -> None:
    with pytest.raises(ConfigError) as caught:
        load(written(home, "platforms: {irc: {enabled: 7}}"), NOTHING)
    assert (caught.value.file, caught.value.key) == (str(home.config_file), "platforms.irc.enabled")


def test_a_long_wrong_value_is_shown_in_part(home: Home) -> None:
    (line,) = problems(home, f"agent: {{max_turns: {'long' * 100}}}")
    assert len(line) < 150
    assert line.endswith("long" + "lon" + "...")


@pytest.mark.parametrize("environ", [{"A_TOKEN": "sesame-open"}, {}])
def test_no_secret_stands_in_an_error(home: Home, environ: dict[str, str]) -> None:
    text = "terminal: {timeout: sesame-open}\nplatforms: {x: {enabled: sesame-open, extra: {bot_token: sesame-open}}}\n"
    lines = problems(home, text, **environ)
    assert len(lines) == 2
    assert "sesame" not in "".join(lines)


def test_no_secret_stands_in_a_notice_or_a_repr(home: Home) -> None:
    text = (
        "model: {default: a, base_url: 'http://u:sesame-open@h'}\n"
        "unknown: sesame-open\nplatforms: {x: {extra: {key: sesame-open}}}\n"
    )
    environ = {"API_SERVER_KEY": "sesame-open", "TERMINAL_CWD": "/sesame-open"}
    loaded = load(written(home, text, "TOKEN=sesame-open\nsesame-open\n"), environ)
    found = loaded.settings
    shown = [*map(repr, (loaded, found, found.platforms, found.model, found.api_server)), *notices(loaded, home)]
    assert found.secrets == ("sesame-open",)
    assert [text for text in shown if "sesame" in text] == []
    assert "cwd='/***'" in repr(found)


def test_a_broken_file_is_told_and_left_as_it_is(home: Home) -> None:
    (line,) = problems(home, "model: a\nagent: [\n")
    assert line.startswith("config.yaml:3: this is no valid YAML")
    assert home.config_file.read_text() == "model: a\nagent: [\n"


def test_unknown_and_not_yet_used_keys_are_kept(home: Home) -> None:
    loaded = load(written(home, "mystery: {a: 1}\ncompression: {enabled: true}\nmodel: a/b\n"), NOTHING)
    assert loaded.raw == {"mystery": {"a": 1}, "compression": {"enabled": True}, "model": {"default": "a/b"}}
    assert notices(loaded, home) == ["config.yaml:1: unknown key mystery: kept, and not used"]


def test_the_sources_say_where_a_value_is_from(home: Home) -> None:
    loaded = load(written(home, "model: a/b\nagent: {max_turns: 3}\nplatforms: {web: {extra: {port: 4}}}"), NOTHING)
    assert loaded.sources == dict.fromkeys(("model.default", "agent.max_turns", "platforms.web.extra.port"), "file")


def test_the_working_directory_is_that_of_the_terminal_else_of_the_gateway_else_the_current_one(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    both = settings(home, f"terminal: {{cwd: {tmp_path}/one}}", MESSAGING_CWD=str(tmp_path / "two"))
    gateway_only = settings(home, "", MESSAGING_CWD=str(tmp_path / "two"))
    assert both.working_directory(gateway=True) == tmp_path / "one"
    assert gateway_only.working_directory(gateway=True) == tmp_path / "two"
    assert gateway_only.working_directory(gateway=False) == tmp_path
    assert settings(home, "terminal: {cwd: one}").working_directory(gateway=False) == tmp_path / "one"


@pytest.mark.parametrize("folder", ["/no/such/folder", "~nobody-of-this-name", "a\0b", "config.yaml"])
def test_a_working_directory_that_is_no_folder_is_told(
    home: Home, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home.root)
    home.config_file.touch()
    with pytest.raises(ConfigError, match=r"terminal\.cwd: .* is no folder: make it") as caught:
        load(home, {"TERMINAL_CWD": folder}).settings.working_directory(gateway=False)
    assert caught.value.key == "terminal.cwd"
