import pytest

from hermes.config.secrecy import find_secrets, is_secret_name, masked

SECRET = """
TELEGRAM_BOT_TOKEN API_SERVER_KEY SUDO_PASSWORD MATRIX_RECOVERY_KEY AWS_SECRET_ACCESS_KEY APIKEY
api_key apiKey botToken X-Api-Key Authorization cookie client_secret passphrase
"""

ORDINARY = """
HOME PWD model max_tokens TELEGRAM_ALLOWED_USERS API_SERVER_PORT SSH_AUTH_SOCK AWS_ACCESS_KEY_ID KEY_FILE token_url
HERMES_LANGFUSE_PUBLIC_KEY record_key keyboard monkey api_key_env
"""


@pytest.mark.parametrize("name", SECRET.split())
def test_a_name_of_a_secret_is_recognised(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["", *ORDINARY.split()])
def test_a_name_of_anything_else_is_not(name: str) -> None:
    assert not is_secret_name(name)


def test_secrets_of_variables_and_of_the_file_are_found_longest_first_and_once() -> None:
    environment = {"A_TOKEN": "sesame-1", "B_TOKEN": "sesame-1", "PATH": "/usr/bin", "PORT": "8642"}
    values = {
        "mcp": {"x": {"env": {"SOME_KEY": "sesame-number-2"}}},
        "keys": ["nothing"],
        "list": [{"password": "sesame3"}],
    }
    assert find_secrets(environment, values) == ("sesame-number-2", "sesame-1", "sesame3")


def test_a_header_is_a_secret_whole_and_by_its_last_word() -> None:
    assert find_secrets({}, {"headers": {"Authorization": "Bearer sesame-1"}}) == ("Bearer sesame-1", "sesame-1")


def test_a_password_inside_an_address_is_a_secret_under_any_name() -> None:
    assert find_secrets({"PROXY": "http://me:s%40same1@host/"}, {"a": "redis://:pass-word@h"}) == (
        "pass-word",
        "s%40same1",
        "s@same1",
    )


@pytest.mark.parametrize("value", ["", "short", "${NOT_SET}", True, None, 12345])
def test_what_is_too_short_or_no_value_is_no_secret(value: object) -> None:
    assert find_secrets({}, {"token": value}) == ()


def test_a_number_may_be_a_secret() -> None:
    assert find_secrets({}, {"password": 12345678}) == ("12345678",)


def test_masking_hides_by_name_and_by_value_and_keeps_the_rest() -> None:
    shown = masked(
        {
            "token": "abc",
            "tokens": {"a": 1},
            "url": "http://sesame-1@h",
            "list": ["sesame-1", 2],
            "key": "",
            "secret": True,
        },
        ("sesame-1",),
    )
    assert shown == {
        "token": "***", "tokens": {"a": 1}, "url": "http://***@h", "list": ["***", 2], "key": "", "secret": True,
    }  # fmt: skip


def test_a_list_below_a_secrets_name_is_hidden_too() -> None:
    assert masked({"api_key": ["one", "two"]}, ()) == {"api_key": ["***", "***"]}
