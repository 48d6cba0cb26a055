"""The reader against a real bash: what bash would run, it must have seen."""

import itertools
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hermes.tools.danger.calls import read_calls
from hermes.tools.danger.lexer import parse
from hermes.tools.danger.shell import Script, TooMuch

bash = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")

_PLAIN = st.text(st.sampled_from("abcXYZ019_-./:=@%+"), min_size=1, max_size=6)
_ANY = st.text(st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=["Cs", "Co"]), max_size=6)


def _double_quoted(text: str) -> str:
    return '"' + "".join("\\" + character if character in '$`"\\' else character for character in text) + '"'


def _single_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _ansi_quoted(text: str) -> str:
    return "$'" + "".join(f"\\x{byte:02x}" if byte < 128 else f"\\{byte:o}" for byte in text.encode("ascii")) + "'"


def _escaped(text: str) -> str:
    return "".join(character if character.isalnum() else "\\" + character for character in text if character != "\n")


_PIECE = st.one_of(
    _PLAIN,
    _ANY.map(_double_quoted),
    _ANY.map(_single_quoted),
    st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=6).map(_ansi_quoted),
    _ANY.map(_escaped),
    st.sampled_from(
        ["{a,b}", "{x,{y,z}}w", "$@", "''", '""', "a\\\nb", "$(echo q)", "`printf %s r`", "${unset:-d e}", "#"]
    ),
)
_WORDS = st.lists(st.lists(_PIECE, min_size=1, max_size=3).map("".join), min_size=1, max_size=4)


@bash
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(_WORDS)
@example(["{a,b}{c,d}", '"{a,b}"', "a{b", "{}", "{a}", "a,b"])
@example(["$'\\x41\\101\\u0041'", "$'it\\'s'", '"a\\b\\$"'])
def test_words_are_read_as_bash_reads_them(words: list[str]) -> None:
    # A comment or a tilde at the start of a word depends on what stands before it.
    text = "printf '%s\\0' x " + " ".join("x" + word for word in words)
    said = subprocess.run(["bash", "-f", "-c", text], capture_output=True, check=True, timeout=30).stdout.decode()
    (command,) = parse(text).commands
    assert [word.text for word in command.words][2:] == said.split("\0")[:-1]


# Each takes shell text that runs a command and gives other shell text that runs it too.
_DISGUISES = {
    "true && {}": str,
    "false || {}": str,
    "true; {} ; true": str,
    "if true; then {}; fi": str,
    "for i in 1; do {}; done": str,
    "while true; do {}; break; done": str,
    "case a in a) {};; esac": str,
    "f() {{ {}; }}; f": str,
    "( {} )": str,
    "{{ {}; }}": str,
    "! {}": str,
    ": $( {} )": str,
    ": `{}`": lambda text: text.replace("\\", "\\\\").replace("`", "\\`").replace("$", "\\$"),
    ': "$( {} )"': str,
    "true $(( $( {} ; echo 1) + 1 ))": str,
    ": <( {} ) ; wait; sleep 0.05": str,
    "x=${{y:-$( {} )}}": str,
    "cat <<E\n$( {} )\nE": str,
    "cat <<'E' | bash\n{}\nE": str,
    "bash <<< {}": _single_quoted,
    "bash -c {}": _single_quoted,
    "sh -ec {}": _double_quoted,
    "env A=b bash -c {}": _double_quoted,
    "eval {}": _single_quoted,
    "echo {} | bash": _single_quoted,
    "printf %s {} | sh": _single_quoted,
    "env -u X nice -n 1 timeout 20 sh -c {}": _single_quoted,
    "nohup bash -c {} < /dev/null": _single_quoted,
    "trap {} EXIT": _single_quoted,
    "bash -c 'eval \"$0\"' {}": _single_quoted,
    "true\n{}\n": str,
    "true # comment\n{}": str,
    "true & {}": str,
    "echo x | {}": str,
    "A=1 B=2; {}": str,
}


def _disguised(picked: list[str], text: str) -> str:
    for frame in picked:
        text = frame.format(_DISGUISES[frame](text))
    return text


@pytest.fixture
def stub(tmp_path: Path) -> Path:
    """A program ``zap`` that writes down its arguments, into a file that the test names."""
    path = tmp_path / "zap"
    path.write_text('#!/bin/sh\nprintf "%s " "$@" >> "$ZAP_LOG"\n')
    path.chmod(0o755)
    return path


_NUMBERS = itertools.count()


@bash
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    picked=st.lists(st.sampled_from(sorted(_DISGUISES)), max_size=3, unique=True),
    command=st.sampled_from(
        ["zap -rf /x", "z\\ap '-rf' \"/x\"", "$'za'p -r''f /x", "{zap,-rf,/x}", "a=zap; $a -rf /x", "z${no}ap -rf /x"]
    ),
)
def test_a_command_that_bash_runs_is_seen_through_every_disguise(stub: Path, picked: list[str], command: str) -> None:
    # A new file each time: what an earlier example left in the background may still write to its own.
    log = stub.with_name(f"log{next(_NUMBERS)}")
    text = _disguised(picked, command)
    environment = {"PATH": f"{stub.parent}:/usr/bin:/bin", "HOME": str(stub.parent), "ZAP_LOG": str(log)}
    subprocess.run(["bash", "-c", text], env=environment, capture_output=True, check=False, timeout=30)
    try:
        calls = read_calls(text).calls
    except TooMuch:
        return
    if log.exists():
        assert ("-rf", "/x") in [call.texts for call in calls if call.program == "zap"], text


@pytest.mark.parametrize("text", ["'", '"a', "$(ls", "`ls", "${a", "cat <<E\nx", "echo >", "$((1", "$'x", "${a:-'"])
def test_text_that_bash_would_not_parse_is_marked(text: str) -> None:
    assert parse(text).broken


@pytest.mark.parametrize("text", ["", "  ", "\n", "#", "$", "a\\", ";", "&", "|", ")", "}", "((", "<", "&>", "{", "$'"])
def test_fragments_are_read_without_failing(text: str) -> None:
    assert isinstance(parse(text), Script)


@given(st.text(st.sampled_from("ab $(){}[]'\"`\\;|&<>\n#~=*,!x0@"), max_size=40))
@settings(max_examples=400)
def test_any_text_is_read_or_refused_as_too_much(text: str) -> None:
    try:
        read_calls(text)
    except TooMuch:
        assert len(text) > 16


@pytest.mark.parametrize(
    "text", ["$(" * 100, "${a:-" * 100, "`" + "\\`" * 3 + "$(" * 100, "eval " * 100 + "x", "a;" * 1001]
)
def test_nesting_and_length_beyond_the_bound_are_refused(text: str) -> None:
    with pytest.raises(TooMuch):
        read_calls(text)


def test_values_that_feed_on_each_other_do_not_grow_without_end() -> None:
    text = "a0=xxxxxxxxxx;" + ";".join(f"a{n + 1}=$a{n}$a{n}" for n in range(40)) + ";echo $a40"
    longest = max(len(word.text) for command in parse(text).commands for word in command.words)
    assert longest <= 10_000


def test_a_directory_is_followed_through_cd_until_it_is_not_known() -> None:
    calls = read_calls("cd /a && cd b; rm x; cd $y; rm z", "/start").calls
    assert [call.directory for call in calls if call.program == "rm"] == ["/a/b", ""]
