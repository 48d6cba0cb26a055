"""A text that grows is never shown more than it may keep: each showing begins with the one before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes.redact import PLACEHOLDER, Redactor, Unredacted

PASSPHRASE = "correct horse battery staple 9"
TOKEN = "Zx81-tango-Foxtrot-77"
LINES = "first line of a secret\nsecond line of it\nthird"
KEY = (
    "-----BEGIN RSA PRIVATE KEY-----\n" + "\n".join(["MIIEow" + "A1b2C3d4" * 7] * 4) + "\n-----END RSA PRIVATE KEY-----"
)
REDACTOR = Redactor([PASSPHRASE, TOKEN, LINES])

WORDS = st.sampled_from(
    [
        "the key is ", "correct ", "correct horse ", "c", "\n", " ", "password: ", 'token = "', '"', "ordinary words, ",
        PASSPHRASE, TOKEN, LINES, KEY, "sk-" + "a1" * 16, "Bearer ", "abcdefghij0123456789", "ключ ", "\U0001f511",
        TOKEN[:9] + "\n" + TOKEN[9:], "-----BEGIN CERTIFICATE-----\n", "correct horse battery\n",
    ]
)  # fmt: skip


@given(st.lists(WORDS, max_size=12).map("".join))
def test_each_showing_begins_with_the_one_before_and_the_end_with_the_last(text: str) -> None:
    shown = ""
    for length in range(len(text) + 1):
        now = REDACTOR.settle(text[:length])
        assert now.startswith(shown)
        shown = now
    assert REDACTOR.redact(text).startswith(shown)


def grown(text: str) -> str:
    """The most that any prefix of ``text`` shows."""
    return max((REDACTOR.settle(text[:length]) for length in range(len(text) + 1)), key=len)


def test_a_value_of_several_words_is_held_back_from_its_first_one() -> None:
    assert REDACTOR.settle("it is correct horse ") == "it is "
    assert REDACTOR.settle("it is correct horses and ") == "it is correct horses and "
    assert grown(f"it is {PASSPHRASE} so") == f"it is {PLACEHOLDER} "


def test_a_value_of_several_lines_is_held_back_from_its_first_one() -> None:
    assert REDACTOR.settle("it is first line of a secret\nsecond ") == "it is "


def test_a_value_with_line_breaks_put_into_it_is_held_back() -> None:
    assert REDACTOR.settle(f"it is {TOKEN[:9]}\n") == "it is "
    assert REDACTOR.settle(f"it is {TOKEN[:2]}\n{TOKEN[2:12]}\n") == "it is "


def test_a_private_key_is_held_back_until_its_last_line() -> None:
    for length in range(len("so: -----BEGIN RSA "), len(f"so: {KEY}")):
        assert REDACTOR.settle(f"so: {KEY}"[:length]) == "so: "
    assert REDACTOR.settle(f"so: {KEY}\n").startswith(f"so: {PLACEHOLDER}")


def test_the_word_that_is_being_written_is_held_back_and_other_scripts_are_not() -> None:
    assert REDACTOR.settle("two wor") == "two "
    assert REDACTOR.settle("два сло") == "два сло"


def test_where_nothing_is_redacted_nothing_is_held_back() -> None:
    assert Unredacted().settle(f"it is {PASSPHRASE[:9]}") == f"it is {PASSPHRASE[:9]}"


@pytest.mark.parametrize(
    "text",
    [f"{PASSPHRASE}correct ", f"{PASSPHRASE}{LINES}", f"password: abcdefghij0123456789{PASSPHRASE}", f"{KEY}{KEY}"],
)
def test_secrets_that_are_glued_to_each_other_are_never_shown_half(text: str) -> None:
    shown = ""
    for length in range(len(text) + 1):
        now = REDACTOR.settle(text[:length])
        assert now.startswith(shown)
        assert "horse" not in now
        shown = now
    assert REDACTOR.redact(text).startswith(shown)
