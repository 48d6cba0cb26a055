"""Secrets go, everything else stays."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hermes.redact import PLACEHOLDER, Redactor, Unredacted, redact

_PEM = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEow1BAAKCAQEAu1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gun\n" * 6
_SECRETS = [
    "sk-ant-api03-" + "aB3" * 20,
    "sk-proj-" + "x9Y" * 12,
    "sk-" + "0a" * 24,
    "ghp_" + "aB3dE6" * 6,
    "github_pat_" + "11AAAAAAA0abcdefgh_" + "Z9" * 20,
    "xoxb-123456789012-abcdefABCDEF",
    "AKIAIOSFODNN7EXAMPLE",
    "AIza" + "SyA-0123456789_abcdefghijklmnopqrst",
    "123456789:AA" + "HdqTcvCH1vGWJxfSeofSAs0K5PA" + "LDsaw",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "hf_" + "aBcDeFgHiJkLmNoPqRsTuVwX",
    "SG." + "aB3dE6gH9jK2mN5pQ8sT1v." + "wX4yZ7aB0cD3eF6gH9jK2mN5pQ8sT1vW4yZ",
]


@pytest.mark.parametrize("secret", _SECRETS, ids=lambda secret: secret[:8])
@pytest.mark.parametrize("frame", ["{}", "the key is {}.", "KEY={}\nnext", '"{}"', "x {} y {} z"])
def test_a_key_of_a_known_shape_is_taken_out_wherever_it_stands(secret: str, frame: str) -> None:
    cleaned = redact(frame.replace("{}", secret))
    assert secret[4:] not in cleaned
    assert cleaned.count(PLACEHOLDER) == frame.count("{}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password=hunter2x", "password=[redacted]"),
        ("DB_PASSWORD=s3cr3t-value", "DB_PASSWORD=[redacted]"),
        ("api_key: abcdef123456", "api_key: [redacted]"),
        ('{"client_secret": "q1w2e3r4t5"}', '{"client_secret": "[redacted]"}'),
        ("token = 'a1b2c3d4e5'", "token = '[redacted]'"),
        ("https://bob:pa55word@example.test/x", "https://bob:[redacted]@example.test/x"),
        ("postgres://app:plain@db/x", "postgres://app:[redacted]@db/x"),
        ("Authorization: Bearer abcdefghij0123456789", "Authorization: Bearer [redacted]"),
        ("authorization: basic dXNlcjpwYXNzd29yZA==", "authorization: basic [redacted]"),
        ("GET /?token=abc123def HTTP/1.1", "GET /?token=[redacted] HTTP/1.1"),
    ],
)
def test_a_value_behind_a_telling_name_is_taken_out_and_the_name_stays(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize("end", ["-----END RSA PRIVATE KEY-----\n", "", "short+\n"])
def test_a_private_key_is_taken_out_with_or_without_its_end_and_the_line_count_stays(end: str) -> None:
    text = "before\n" + _PEM + end
    cleaned = redact(text)
    assert cleaned.startswith("before\n" + PLACEHOLDER)
    assert "MIIE" not in cleaned
    assert cleaned.count("\n") == text.count("\n")


def test_a_private_key_on_one_line_with_written_newlines_is_taken_out() -> None:
    text = json.dumps({"key": _PEM + "-----END RSA PRIVATE KEY-----\n", "other": 1})
    assert json.loads(redact(text)) == {"key": PLACEHOLDER + "\n", "other": 1}


def test_what_is_left_of_a_known_prefix_says_which_key_it_was() -> None:
    assert redact(_SECRETS[3]) == "ghp_" + PLACEHOLDER


@pytest.mark.parametrize(
    "text",
    [
        "def login(password: str, token: str | None = None) -> None: ...",
        "client.login(user=user, password=password)",
        "password = get_password(user)",
        'password = os.environ["DB_PASSWORD"]',
        "password=$DB_PASSWORD1 token=${TOKEN2}",
        "password=<your password> api_key='...'",
        "max_tokens=4096 token_count: 123456789",
        '{"token": "refresh_token", "password": "Password"}',
        "secret: /run/secrets/db1",
        "see https://example.test/a:b@c and ssh://git@host:22/x",
        "https://$USER:$PASS@host/",
        "a task-list sk-learn skin-care-routine-for-winter-days",
        "the words Bearer and Basic, -----BEGIN PRIVATE KEY-----, and eyJ",
        "2026-01-02 12:30:45 AAA started",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "commit 1f0e3dad99908345f7439f8ffabdffc4",
    ],
)
def test_ordinary_text_and_code_come_back_as_the_same_object(text: str) -> None:
    assert redact(text) is text
    assert Redactor(["another-value"]).redact(text) is text


_FRAGMENTS = [
    *_SECRETS,
    _PEM,
    "password",
    "=",
    ": ",
    "token",
    "://",
    "user:",
    "@host",
    "Bearer ",
    '"',
    "a1b2c3d4e5f6",
    "\n",
]


@given(
    st.text(st.characters(codec="utf-8"), max_size=300)
    | st.lists(st.sampled_from([*_FRAGMENTS, PLACEHOLDER, "sk-", "word "]), max_size=4).map("".join)
)
@example("password: " * 20)
@example("sk-" * 40)
def test_redacting_twice_changes_nothing_more_and_lines_are_never_lost(text: str) -> None:
    once = redact(text)
    assert redact(once) == once
    assert once.count("\n") == text.count("\n")


@given(st.lists(st.sampled_from(["make", "the", "12", "token", "=", ":", "key", "\n", "a/b.py", "(x)", "secret"])))
def test_words_without_a_value_are_never_touched(words: list[str]) -> None:
    text = " ".join(words)
    assert redact(text) is text


# A value that no frame of the tests below contains.
_VALUES = st.text(st.sampled_from("QWXZJ0123456789+/&$ü"), min_size=6, max_size=60)


@given(value=_VALUES, before=st.binary(max_size=4), after=st.binary(max_size=4))
def test_a_configured_value_is_found_in_every_spelling(value: str, before: bytes, after: bytes) -> None:
    data = value.encode()
    spellings = {
        "plain": value,
        "hex": data.hex(),
        "upper hex": data.hex().upper(),
        "url": quote(value, safe=""),
        "json": json.dumps(value),
        "base64": base64.b64encode(data).decode(),
        "base64 url": base64.urlsafe_b64encode(data).decode(),
        "base64 inside": base64.b64encode(before + data + after).decode(),
    }
    redactor = Redactor([value])
    for name, spelling in spellings.items():
        assert PLACEHOLDER in redactor.redact(f"<< {spelling} >>"), name


@given(value=st.text(st.sampled_from("QWXZJ0123456789"), min_size=12, max_size=60), width=st.integers(1, 20))
def test_a_configured_value_with_newlines_put_into_it_is_found(value: str, width: int) -> None:
    folded = "\n".join(value[start : start + width] for start in range(0, len(value), width))
    cleaned = Redactor([value]).redact(f"a\n{folded}\nb")
    assert value[:width] not in cleaned
    assert cleaned.count("\n") == folded.count("\n") + 2


def test_a_value_that_lies_in_another_leaves_no_rest() -> None:
    assert Redactor(["abcdef", "abcdefghij"]).redact("abcdefghij") == PLACEHOLDER


def test_each_long_line_of_a_value_of_several_lines_is_found_alone() -> None:
    value = "-----BEGIN X-----\nQWXZJQWXZJQWXZJQWXZJ\nab\n-----END X-----"
    assert Redactor([value]).redact("3: QWXZJQWXZJQWXZJQWXZJ") == f"3: {PLACEHOLDER}"
    assert Redactor([value]).redact("ab -----BEGIN X-----") == "ab -----BEGIN X-----"


@pytest.mark.parametrize("value", ["", "  ", "12345", "redacted"])
def test_a_value_that_would_blank_out_words_is_ignored(value: str) -> None:
    text = f"value {value} 12345 {PLACEHOLDER}"
    assert Redactor([value]).redact(text) is text


def test_a_value_can_be_registered_later_and_the_oldest_is_dropped_but_never_a_configured_one() -> None:
    redactor = Redactor(["configured-value"])
    for number in range(200):
        redactor.register(f"renewed-{number:04}")
    assert redactor.redact("renewed-0199") == PLACEHOLDER
    assert redactor.redact("renewed-0000") == "renewed-0000"
    assert redactor.redact("configured-value") == PLACEHOLDER
    assert len(redactor._registered) == 128


def test_a_redactor_does_not_show_its_values() -> None:
    assert "configured" not in repr(Redactor(["configured-value"]))


def test_a_lone_surrogate_in_text_or_value_does_no_harm() -> None:
    assert Redactor(["abc\ud800defg"]).redact("x\ud800 abc\ud800defg") == f"x\ud800 {PLACEHOLDER}"


def test_where_redaction_is_switched_off_everything_passes() -> None:
    assert Unredacted(("sesame-open-9",)).redact("sesame-open-9 sk-aaaaaaaaaaaaaaaaaaaaaaaa") == (
        "sesame-open-9 sk-aaaaaaaaaaaaaaaaaaaaaaaa"
    )
