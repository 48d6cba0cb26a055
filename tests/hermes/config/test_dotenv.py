from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes.config.dotenv import parse_env, read_env_file
from hermes.errors import ConfigError


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=word", "word"),
        ("A=", ""),
        ("A=''", ""),
        ("  A = spaced out  ", "spaced out"),
        ("export A=exported", "exported"),
        ("A=value # comment", "value"),
        ("A=value#no-comment", "value#no-comment"),
        ("A=# comment", ""),
        ("A=a=b=c", "a=b=c"),
        ("A=${B} and $B", "${B} and $B"),
        ("A=it's", "it's"),
        ('A=say "hi"', 'say "hi"'),
        ("A='single # kept' # comment", "single # kept"),
        ('A="double # kept"', "double # kept"),
        (r'A="a\nb\t\"\\\$\x"', 'a\nb\t"\\$\\x'),
        (r"A='a\nb\'\\'", r"a\nb'" + "\\"),
        ("A='two\nlines'", "two\nlines"),
        ('A="two\n\nlines"', "two\n\nlines"),
        ("A=crlf\r", "crlf"),
        ("A=é😀", "é😀"),
    ],
)
def test_a_line_gives_its_value(line: str, value: str) -> None:
    assert parse_env(line + "\n") == ({"A": value}, [])


def test_comments_and_blank_lines_say_nothing_and_the_last_line_of_a_name_counts() -> None:
    assert parse_env("\ufeff# first\r\n\r\n   # indented\nA=1\nB=2\n\nA=3") == ({"A": "3", "B": "2"}, [])


@pytest.mark.parametrize(
    "line",
    [
        "word",
        "1A=x",
        "A-B=x",
        "=x",
        "A: x",
        "export A",
        "A='open",
        'A="open',
        "A='a' b",
        'A="a"b',
        "A=a\0b",
        "A='a\0b'",
    ],
)
def test_a_line_that_cannot_be_read_is_told_by_number_and_the_others_count(line: str) -> None:
    assert parse_env(f"B=1\n\n{line}\nC=2\n") == ({"B": "1", "C": "2"}, [3])


def test_a_stray_quote_does_not_swallow_the_lines_behind_it() -> None:
    values, bad_lines = parse_env("A='stray\nB='quoted'\nC=3\n")
    assert (values, bad_lines) == ({"B": "quoted", "C": "3"}, [1])


def quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


values = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


@given(st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True), values, max_size=5))
def test_any_quoted_value_is_read_back(values: dict[str, str]) -> None:
    assert parse_env("".join(f"{name}={quoted(value)}\n" for name, value in values.items())) == (values, [])


@given(st.text(alphabet="AB=\"'\\# \t\n\rx\0$", max_size=60))
def test_any_text_is_read_and_bad_lines_are_within_it(text: str) -> None:
    found, bad_lines = parse_env(text)
    assert all("\0" not in value for value in found.values())
    assert bad_lines == sorted(set(bad_lines))
    assert all(1 <= line <= text.count("\n") + 1 for line in bad_lines)


def test_a_file_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    found = read_env_file(tmp_path / ".env")
    assert (found.values, found.notices) == ({}, ())


def test_a_bad_line_is_told_without_its_contents(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1\nTOKEN sesame-open\n")
    path.chmod(0o600)
    (notice,) = read_env_file(path).notices
    assert str(notice) == f"{path}:2: expected NAME=VALUE (quotes must be closed); the line is not used"


@pytest.mark.parametrize(("mode", "told"), [(0o600, False), (0o640, False), (0o644, True), (0o604, True)])
def test_a_file_that_everybody_can_read_is_told(tmp_path: Path, mode: int, told: bool) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1\n")
    path.chmod(mode)
    notices = [str(notice) for notice in read_env_file(path).notices]
    assert notices == ([f"{path} can be read by everybody: chmod 600 {path}"] if told else [])


def test_bytes_that_are_no_utf8_survive(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"A=caf\xe9\n")
    assert read_env_file(path).values["A"].encode("utf-8", "surrogateescape") == b"caf\xe9"


def test_a_folder_in_its_place_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    with pytest.raises(ConfigError, match=r"\.env is no regular file: move it away"):
        read_env_file(tmp_path / ".env")


def test_the_repr_shows_no_value(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("TOKEN=sesame-open\n")
    assert "sesame" not in repr(read_env_file(path))
