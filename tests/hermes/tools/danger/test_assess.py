"""What is blocked, what is asked, what simply runs; and that no disguise makes a command less than it is."""

import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hermes.tools.danger.assess import DANGEROUS as DANGEROUS_RULES
from hermes.tools.danger.assess import assess
from hermes.tools.danger.blocked import BLOCKED as BLOCKED_RULES
from hermes.tools.danger.protected import Place
from hermes.tools.danger.verdict import Level
from tests.hermes.tools.danger.commands import BLOCKED, DANGEROUS, SAFE

_PLACE = Place("/work/app", hermes_home="/home/me/.hermes", user_home="/home/me")


@pytest.mark.parametrize(("command", "rule"), BLOCKED)
def test_what_destroys_the_machine_or_all_work_is_blocked(command: str, rule: str) -> None:
    verdict = assess(command, _PLACE)
    assert (verdict.level, verdict.rule) == (Level.BLOCKED, rule)


@pytest.mark.parametrize(("command", "rule"), DANGEROUS)
def test_what_is_dangerous_is_asked_about(command: str, rule: str) -> None:
    verdict = assess(command, _PLACE)
    assert (verdict.level, verdict.rule) == (Level.DANGEROUS, rule)
    assert verdict.reason


@pytest.mark.parametrize("command", SAFE)
def test_ordinary_work_is_not_asked_about(command: str) -> None:
    assert assess(command, _PLACE).findings == ()


@pytest.mark.parametrize(
    ("command", "directory", "level"),
    [
        ("rm -rf *", "/home/me", Level.BLOCKED),
        ("rm -rf *", "/home/me/app", Level.DANGEROUS),
        ("rm -rf .", "/", Level.BLOCKED),
        ("rm -rf $PWD", "/etc", Level.BLOCKED),
        ('rm -rf "$(pwd)"', "/", Level.BLOCKED),
        ("rm -rf ..", "/etc/x", Level.BLOCKED),
        ("cd sub && rm -rf ..", "/home/me", Level.BLOCKED),
        ("command cd sub && rm -rf ..", "/home/me", Level.BLOCKED),
        ("builtin cd /etc; echo x > passwd", "/work", Level.BLOCKED),
        ("env -C / rm -rf etc", "/work", Level.BLOCKED),
        ("env A=b --chdir=/etc tee passwd", "/work", Level.BLOCKED),
        ("sudo -D ~ tee .bashrc", "/work", Level.DANGEROUS),
        ("sudo -u me -D.. tee passwd", "/etc/x", Level.BLOCKED),
        ("env -C $x tee passwd", "/etc", Level.SAFE),
        ("env git -C /etc log > passwd", "/work", Level.SAFE),
        ("rm -rf /data/me", "/", Level.DANGEROUS),
        ("cat .env", "/home/me/.hermes", Level.DANGEROUS),
        ("cat .env", "/home/me/app", Level.SAFE),
        ("echo x > passwd", "/etc", Level.BLOCKED),
        ("rm state.db", "/home/me/.hermes", Level.DANGEROUS),
    ],
)
def test_a_relative_path_is_judged_from_where_the_command_runs(command: str, directory: str, level: Level) -> None:
    place = Place(directory, hermes_home="/home/me/.hermes", user_home="/home/me")
    assert assess(command, place).level is level


def test_homes_in_unusual_places_are_known() -> None:
    place = Place("/", hermes_home="/var/lib/hermes/.hermes", user_home="/data/me")
    assert assess("rm -rf /data/me", place).level is Level.BLOCKED
    assert assess("cat /var/lib/hermes/.hermes/auth.json", place).rule == "read-secrets"


def test_every_rule_that_matches_is_told_so_that_allowing_one_does_not_let_another_through() -> None:
    verdict = assess("rm -r build; git push --force; chmod 777 x")
    assert [finding.rule for finding in verdict.findings] == ["rm-recursive", "git-push-force", "world-writable"]


def test_the_worst_finding_comes_first() -> None:
    assert assess("git push -f; rm -rf /").level is Level.BLOCKED


def test_inside_a_container_the_blocked_set_is_asked_about_instead() -> None:
    verdict = assess("docker exec web rm -rf /")
    assert (verdict.level, verdict.rule) == (Level.DANGEROUS, "rm-root")


@pytest.mark.parametrize("rules", [BLOCKED_RULES, DANGEROUS_RULES])
def test_the_table_is_well_formed(rules: tuple[object, ...]) -> None:
    for rule in (*BLOCKED_RULES, *DANGEROUS_RULES):
        assert re.fullmatch(r"[a-z][a-z-]+", rule.id)
        assert rule.reason
        assert not rule.reason.endswith(".")
        assert all(program == program.lower() for program in rule.programs)


def test_every_rule_of_the_tables_is_exercised_by_a_command_here() -> None:
    commands = [command for command, _ in (*BLOCKED, *DANGEROUS)]
    found = {finding.rule for command in commands for finding in assess(command, _PLACE).findings}
    assert {rule.id for rule in (*BLOCKED_RULES, *DANGEROUS_RULES)} - found == set()


def test_a_text_that_is_too_long_or_too_deep_to_be_judged_is_blocked() -> None:
    assert assess("echo " + "x" * 40_000).rule == "too-long"
    assert assess("$(" * 100 + "ls").rule == "too-much"
    assert assess("ls;" * 2_000 + "rm -rf /").rule == "too-much"


@pytest.mark.parametrize(
    "command",
    [
        "rm\u200b -rf /",
        "r\x1b[31mm -rf /",
        "\x1b]0;\nrm -rf /\n\x07",
        "\uff52\uff4d -rf /",
        "rm -rf \uff0f",
        "rm -rf /\r",
    ],
)
def test_characters_that_are_not_what_they_seem_do_not_hide_a_command(command: str) -> None:
    assert assess(command).level is Level.BLOCKED


@pytest.mark.parametrize("command", ["ls \u202e;x", "ls\x1b[2K", "ls\u200b", "ls\x08", "ls \ufeff"])
def test_a_command_that_does_not_show_all_of_itself_is_asked_about(command: str) -> None:
    assert "hidden-characters" in {finding.rule for finding in assess(command).findings}


@pytest.mark.parametrize(
    "command",
    [
        "ls\r\npwd\r\n",
        "git commit -m '\U0001f469\u200d\U0001f4bb \u2764\ufe0f \u65e5\uff1b\uff08\uff09'",
        "echo '\u4ed6\uff02\u597d\uff02'",
    ],
)
def test_line_ends_of_other_systems_and_other_scripts_are_no_hiding(command: str) -> None:
    assert assess(command).findings == ()


# Disguises: each gives shell text that runs the command all the same.
_PREFIXES = [
    "",
    "A=1 ",
    "A=1 B='x y' ",
    "sudo ",
    "sudo -u root ",
    "env ",
    "env -i X=1 ",
    "nohup ",
    "nice -n 5 ",
    "time ",
]
_PREFIXES += [
    "timeout 5 ",
    "timeout -s KILL 5 ",
    "command ",
    "exec ",
    "setsid -w ",
    "stdbuf -oL ",
    "ionice -c 3 ",
    "! ",
]
_PREFIXES += [
    "true; ",
    "true && ",
    "false || ",
    "true | ",
    "true & ",
    "echo hi\n",
    "cd /tmp; ",
    "if true; then ",
    "\t",
    "{ ",
]
_SUFFIXES = ["", " ", ";", " &", " # comment", "\n", " 2>&1", " > /dev/null", " || true", "; echo done", " </dev/null"]
_WRAPPED = [
    "bash -c {}",
    "sh -ec {}",
    "eval {}",
    "bash <<< {}",
    "echo {} | sh",
    "sudo bash -lc {}",
    "su -c {}",
    "trap {} EXIT",
]
_NESTED = [
    "{}",
    "echo $({})",
    'echo "$({})"',
    "({})",
    "f() {{ {}\n}}; f",
    "for i in 1; do {}\ndone",
    "cat <(echo; {})",
    "x=$({})",
]


def _requoted(word: str, style: int) -> str:
    """One word, written in another way. Words that expand are left as they are."""
    if not re.fullmatch(r"[\w./:=+-]+", word) or "=" in word or word in {"if", "then", "do", "done", "fi"}:
        return word
    middle = len(word) // 2
    styles = [
        word,
        f"'{word}'",
        f'"{word}"',
        "\\" + word if word[0] not in "\n" else word,
        f"{word[:middle]}''{word[middle:]}",
        f'{word[:middle]}"{word[middle:]}"',
        "$'" + "".join(f"\\x{ord(character):02x}" for character in word) + "'",
        f"{word[:middle]}\\\n{word[middle:]}" if middle else word,
    ]
    return styles[style % len(styles)]


@st.composite
def _disguised(draw: st.DrawFn, commands: list[str]) -> tuple[str, str]:
    command = draw(st.sampled_from(commands))
    text = command
    if not re.search(r"['\"`$\\<>|&;(){}*\n]", command):
        styles = draw(st.lists(st.integers(0, 7), min_size=8, max_size=8))
        blanks = draw(st.sampled_from([" ", "  ", "\t", " \\\n "]))
        text = blanks.join(_requoted(word, styles[index % 8]) for index, word in enumerate(command.split(" ")))
    if re.match(r"[\w$/'\"\\]", command) and not re.match("if|for|f\\(|function|case|time|cd|pushd", command):
        text = draw(st.sampled_from(_PREFIXES)) + text
    if "\n" not in command and "#" not in text:
        text += draw(st.sampled_from(_SUFFIXES))
    quoted = "'" + text.replace("'", "'\\''") + "'"
    text = draw(st.sampled_from(_WRAPPED)).replace("{}", quoted) if draw(st.booleans()) else text
    if not draw(st.booleans()):
        return command, text
    return command, draw(st.sampled_from(_NESTED)).format(text + "\n")


_PLAIN_BLOCKED = [command for command, _ in BLOCKED if not re.match(r"[:.{>!(]|\w+\(\)|function|x=|a=", command)]
_PLAIN_DANGEROUS = [
    command
    for command, rule in DANGEROUS
    if rule not in {"hidden-characters", "unreadable", "history"}
    and not re.match(r"\w+\(\)|\w=|IFS|while|read|set", command)
]


@given(_disguised(_PLAIN_BLOCKED))
@settings(max_examples=150)
@example(("rm -rf /", "sudo -u root env A=1 bash -c 'eval \"r\\m -rf /\"'"))
def test_no_disguise_makes_a_blocked_command_anything_else(disguised: tuple[str, str]) -> None:
    command, text = disguised
    assert assess(text).level is Level.BLOCKED, command


@given(_disguised(_PLAIN_DANGEROUS))
@settings(max_examples=150)
def test_no_disguise_makes_a_dangerous_command_safe(disguised: tuple[str, str]) -> None:
    command, text = disguised
    assert assess(text).level is not Level.SAFE, command


@given(
    st.sampled_from([command for command, _ in (*BLOCKED, *DANGEROUS)]),
    st.sampled_from(["echo", "git commit -m", "grep"]),
)
def test_a_command_that_is_only_quoted_is_text_and_is_safe(command: str, program: str) -> None:
    quoted = "'" + command.replace("'", "'\\''") + "'"
    hidden = "hidden-characters" in {finding.rule for finding in assess(command).findings}
    assert hidden or assess(f"{program} {quoted} file.txt").findings == ()


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from([*"/~'\"`);|&{}\n<>", "rm", "-rf", "$HOME", "$(", "<<", "E"])).map(" ".join)
)
@settings(max_examples=150)
def test_any_text_at_all_gets_a_verdict(text: str) -> None:
    assert assess(text, _PLACE).level in Level


@pytest.mark.parametrize(
    "program", ["sed -e", "ed", "vim -c", "sqlite3 x", "psql -c", "mysql -e", "gdb -ex", "git config"]
)
@pytest.mark.parametrize("filling", ["\n", " ", " +", "-c ", "s\u00a7", "config "])
def test_a_text_that_repeats_itself_takes_time_by_its_length(program: str, filling: str) -> None:
    def seconds(characters: int) -> float:
        command = f"{program} '{filling * (characters // len(filling))}'"
        begun = time.process_time()
        assess(command, _PLACE)
        return time.process_time() - begun

    # By the square it would be a hundred times as long, and seconds.
    assert seconds(30_000) < 20 * max(seconds(3_000), 0.05)
