import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hermes.cli import main
from hermes.config.describe import schema_keys


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["config", *arguments])


def test_the_paths_are_printed_whether_or_not_the_files_exist(tmp_path: Path) -> None:
    home = tmp_path / "home" / ".hermes"
    assert run("path").output == f"{home}/config.yaml\n"
    assert run("env-path").output == f"{home}/.env\n"
    assert not home.exists()


def test_show_is_meant_without_a_command_and_makes_nothing(tmp_path: Path) -> None:
    bare, show = run(), run("show")
    assert (bare.exit_code, bare.output) == (0, show.output)
    assert "config.yaml (does not exist: all defaults)" in bare.output
    assert not (tmp_path / "home").exists()


def test_every_setting_is_shown_with_its_source(hermes_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (hermes_home / "config.yaml").write_text("model: a/b\nodd: 1\n")
    monkeypatch.setenv("HERMES_MAX_ITERATIONS", "7")
    done = run()
    rows = {words[0]: words[1:] for words in map(str.split, done.stdout.splitlines()) if words}
    assert rows["model.default"] == ["a/b", "file"]
    assert rows["agent.max_turns"] == ["7", "HERMES_MAX_ITERATIONS", "(environment)"]
    assert rows["terminal.timeout"] == ["180.0", "default"]
    assert rows["odd:"] == ["1"]
    assert {key.dotted for key in schema_keys() if "NAME" not in key.dotted} <= set(rows)
    assert done.stderr == f"hermes: {hermes_home}/config.yaml:2: unknown key odd: kept, and not used\n"


def test_what_is_set_for_a_chat_platform_is_shown_without_its_secrets(
    hermes_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "TELEGRAM_BOT_TOKEN=110201543:AAHdqTcvCH1\nTELEGRAM_ALLOWED_USERS=12\nTELEGRAM_HOME_CHANNEL=\n"
    (hermes_home / ".env").write_text(text + "TELEGRAM_MENTION_PATTERNS='one\ntwo'\n")
    monkeypatch.setenv("TELEGRAM_ALLOWED_USERS", "34")
    done = run()
    rows = {words[0]: words[1:] for words in map(str.split, done.stdout.splitlines()) if words}
    assert rows["TELEGRAM_ALLOWED_USERS"] == ["34", "TELEGRAM_ALLOWED_USERS", "(environment)"]
    assert rows["TELEGRAM_BOT_TOKEN"] == ["***", "TELEGRAM_BOT_TOKEN", f"({hermes_home}/.env)"]
    assert rows["TELEGRAM_MENTION_PATTERNS"][0] == '"one\\ntwo"'
    assert "TELEGRAM_HOME_CHANNEL" not in rows
    assert json.loads(run("--json").stdout)["settings"]["TELEGRAM_ALLOWED_USERS"]["value"] == "34"


def test_a_value_with_blanks_around_it_shows_them(hermes_home: Path) -> None:
    assert '" \u2589"' in run().stdout


def test_a_script_gets_json(hermes_home: Path) -> None:
    (hermes_home / "config.yaml").write_text("approvals: {mode: off}\nodd: {a: 1}\n")
    (hermes_home / ".managed").touch()
    done = run("show", "--json")
    found = json.loads(done.stdout)
    assert found["settings"]["approvals.mode"] == {"value": "off", "source": "file"}
    assert found["unused"] == {"odd": {"a": 1}}
    assert found["managed_by"] == "NixOS"
    assert found["config_file"] == str(hermes_home / "config.yaml")
    assert len(found["notices"]) == 1
    assert done.stderr == ""


def test_the_option_may_stand_without_the_command(hermes_home: Path) -> None:
    assert json.loads(run("--json").stdout)["home"] == str(hermes_home)


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_no_secret_is_shown(hermes_home: Path, monkeypatch: pytest.MonkeyPatch, form: list[str]) -> None:
    (hermes_home / ".env").write_text("TELEGRAM_BOT_TOKEN=sesame-one\nAPI_SERVER_KEY=abc-sesame\n")
    (hermes_home / "config.yaml").write_text(
        "model: {base_url: 'http://u:sesame-two@h'}\nplatforms: {telegram: {extra: {token: '${TELEGRAM_BOT_TOKEN}'}}}\n"
        "mcp_servers: {x: {headers: {Authorization: Bearer sesame-three}}}\nodd: sesame-one\n"
    )
    monkeypatch.setenv("TERMINAL_CWD", "/sesame-one")
    done = run("show", *form)
    assert done.exit_code == 0
    assert "sesame" not in done.output
    assert "***" in done.output


def test_a_broken_configuration_is_code_78_with_a_line_for_each_problem(hermes_home: Path) -> None:
    path = hermes_home / "config.yaml"
    path.write_text("agent: {max_turns: many}\ntoolsets: all\n")
    done = run()
    assert done.exit_code == 78
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        f"hermes: {path}:2: toolsets: expected a list ([one, two], or one `- item` line each), found 'all'",
        f"hermes: {path}:1: agent.max_turns: expected a whole number, found 'many'",
    ]
    path.write_text("agent: [\n")
    done = run()
    assert done.exit_code == 78
    assert done.stderr.startswith(f"hermes: {path}:2: this is no valid YAML")
    assert path.read_text() == "agent: [\n"


def test_showing_changes_no_mode(hermes_home: Path) -> None:
    hermes_home.chmod(0o755)
    run()
    assert stat.S_IMODE(hermes_home.stat().st_mode) == 0o755
