import pytest

from hermes.process import Command, filtered_environment

_HOME = {
    "PATH": "/usr/bin",
    "HOME": "/home/anna",
    "USER": "anna",
    "LOGNAME": "anna",
    "LANG": "de_DE.UTF-8",
    "LC_ALL": "C",
    "LC_TIME": "C",
    "TERM": "xterm",
    "SHELL": "/bin/sh",
    "TMPDIR": "/tmp",
    "TZ": "UTC",
    "XDG_CONFIG_HOME": "/home/anna/.config",
}


def test_a_child_knows_where_the_person_is_at_home() -> None:
    assert filtered_environment(_HOME) == _HOME


@pytest.mark.parametrize(
    "name",
    [
        "OPENROUTER_API_KEY",
        "TELEGRAM_BOT_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "DATABASE_URL",
        "SSH_AUTH_SOCK",
        "HERMES_HOME",
        "LD_PRELOAD",
        "PYTHONPATH",
        "BASH_FUNC_x%%",
        "MYPATH",
        "PATHS",
        "path",
        "",
    ],
)
def test_a_name_that_is_not_on_the_list_is_left_out(name: str) -> None:
    assert filtered_environment({**_HOME, name: "value"}) == _HOME


@pytest.mark.parametrize("name", ["XDG_API_KEY", "XDG_TOKEN", "LC_PASSWORD", "LC_SECRET", "XDG_AUTH_FILE"])
def test_a_secret_is_left_out_though_its_name_begins_harmlessly(name: str) -> None:
    assert filtered_environment({**_HOME, name: "value"}) == _HOME


def test_a_name_that_a_person_allows_passes_whatever_it_is() -> None:
    base = {"GITHUB_TOKEN": "a", "OTHER_TOKEN": "b"}
    assert filtered_environment(base, passthrough=["GITHUB_TOKEN", "ABSENT"]) == {"GITHUB_TOKEN": "a"}


def test_what_is_added_wins() -> None:
    assert filtered_environment({"PATH": "/usr/bin"}, extra={"PATH": "/opt", "KEY": "k"}) == {
        "PATH": "/opt",
        "KEY": "k",
    }


def test_a_command_names_a_program() -> None:
    with pytest.raises(ValueError, match="argv"):
        Command(())
