from pathlib import Path

from hermes.config.effective import effective, unused
from hermes.config.load import Loaded, load
from hermes.home import Home


def loaded(folder: Path, text: str, **environ: str) -> Loaded:
    (folder / "config.yaml").write_text(text)
    return load(Home(folder), environ)


def test_each_key_has_its_value_and_where_it_comes_from(hermes_home: Path) -> None:
    found = loaded(hermes_home, "model: a/b\nterminal: {timeout: 5}", HERMES_MAX_ITERATIONS="7", API_SERVER_KEY="k")
    shown = {entry.key: (entry.value, entry.source) for entry in effective(found)}
    assert shown["model.default"] == ("a/b", "file")
    assert shown["model.provider"] == ("openrouter", "default")
    assert shown["terminal.timeout"] == (5.0, "file")
    assert shown["terminal.cwd"] == (".", "default")
    assert shown["agent.max_turns"] == (7, "HERMES_MAX_ITERATIONS (environment)")
    assert shown["API_SERVER_ENABLED"] == (True, "API_SERVER_KEY (environment)")
    assert shown["MESSAGING_CWD"] == ("", "default")


def test_secrets_are_masked_by_name_however_short_and_by_value_wherever_they_stand(hermes_home: Path) -> None:
    text = "model: {base_url: 'http://u:sesame-open@h'}\nplatforms: {x: {extra: {token: abc, url: sesame-open}}}\n"
    found = loaded(hermes_home, text, API_SERVER_KEY="k", TERMINAL_CWD="/sesame-open")
    shown = {entry.key: entry.value for entry in effective(found)}
    assert shown["API_SERVER_KEY"] == "***"
    assert shown["model.base_url"] == "http://u:***@h"
    assert shown["platforms.x.extra"] == {"token": "***", "url": "***"}
    assert shown["terminal.cwd"] == "/***"


def test_each_platform_of_the_file_is_shown_under_its_name(hermes_home: Path) -> None:
    found = loaded(hermes_home, "platforms: {irc: {enabled: true}, matrix: {}}")
    shown = {entry.key: (entry.value, entry.source) for entry in effective(found)}
    assert shown["platforms.irc.enabled"] == (True, "file")
    assert shown["platforms.irc.extra"] == ({}, "default")
    assert shown["platforms.matrix.enabled"] == (False, "default")
    assert not [key for key in shown if ".NAME" in key]


def test_what_is_kept_and_not_used_is_told_apart(hermes_home: Path) -> None:
    text = (
        "model: a\nagent: {max_turns: 1, verbose: true}\nmystery: {a: {b: 1}, password: abc}\n"
        "auxiliary: {vision: {provider: auto}, compression: {provider: auto, extra_body: {a: 1}}}\n"
        "platforms: {web: {extra: {port: 1}, odd: 2}, irc: {extra: {x: 1}}}\nempty: {}\n"
    )
    assert unused(loaded(hermes_home, text)) == {
        "agent": {"verbose": True},
        "mystery": {"a": {"b": 1}, "password": "***"},
        "auxiliary": {"vision": {"provider": "auto"}, "compression": {"extra_body": {"a": 1}}},
        "platforms": {"web": {"odd": 2}},
        "empty": {},
    }
