"""`hermes chat -q` as a process: what stands on standard output, what beside it, and the exit code."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hermes.store.tables.owners import terminal_owner

# Seconds for one command on a machine that is busy with other tests.
WITHIN = 60.0

# What a question must not pay for: the prompt, the page and the network.
HEAVY = (
    "prompt_toolkit",
    "rich",
    "markdown_it",
    "pygments",
    "starlette",
    "hypercorn",
    "httpx",
    "anyio",
    "asyncio",
    "adapters.web",
    "adapters.terminal.desk",
    "adapters.terminal.screen",
    "actors.gateway",
)


@pytest.fixture(autouse=True)
def home(hermes_home: Path) -> Path:
    (hermes_home / "config.yaml").write_text("toolsets: [terminal]\n")
    return hermes_home


def hermes(*arguments: str, given: bytes = b"", cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "hermes", *arguments]
    return subprocess.run(command, input=given, capture_output=True, timeout=WITHIN, cwd=cwd)


def test_only_the_answer_stands_on_standard_output(tmp_path: Path) -> None:
    done = hermes("chat", "-q", "say **one**\n\ntwo\t\x1b[31mthree", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"**one**\n\ntwo\t\x1b[31mthree\n", "as it is: a pipe is no terminal"


@pytest.mark.parametrize(
    ("closed", "code", "output", "errors"),
    [
        ("<&-", 0, b"hi\n", b""),
        (">&-", 0, b"", b""),
        ("2>&-", 0, b"hi\n", b""),
        ("<&- >&- 2>&-", 0, b"", b""),
    ],
)
def test_standard_descriptors_may_be_closed(closed: str, code: int, output: bytes, errors: bytes) -> None:
    command = [sys.executable, "-m", "hermes", "chat", "-q", "say hi"]
    done = subprocess.run(["bash", "-c", f'exec "$@" {closed}', "bash", *command], capture_output=True, timeout=WITHIN)
    assert (done.returncode, done.stdout, done.stderr) == (code, output, errors)


def test_what_the_locale_cannot_spell_costs_the_sign_and_not_the_answer() -> None:
    command = [sys.executable, "-m", "hermes", "chat", "-q", "say h\u00fc \u2603"]
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(command, capture_output=True, timeout=WITHIN, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"h\xfc ?\n", b"")


@pytest.mark.parametrize(("arguments", "line"), [(("-q", "-"), "the question is empty"), ((), "this is no terminal")])
def test_without_a_standard_input_there_is_nothing_to_read(arguments: tuple[str, ...], line: str) -> None:
    command = [sys.executable, "-m", "hermes", "chat", *arguments]
    done = subprocess.run(["bash", "-c", 'exec "$@" <&-', "bash", *command], capture_output=True, timeout=WITHIN)
    assert done.returncode == 2
    assert line in done.stderr.decode()


def test_the_question_comes_from_standard_input_where_it_is_asked_for() -> None:
    done = hermes("chat", "-q", "-", given="say h\u00e9llo\n".encode())
    assert (done.returncode, done.stdout.decode()) == (0, "h\u00e9llo\n")


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert hermes("chat", "-q", "-", given=b"say a\xffb").stdout.decode() == "a\ufffdb\n"


@pytest.mark.parametrize(
    ("arguments", "given", "line"),
    [
        (("-q", "  "), b"", "the question is empty"),
        (("-q", "-"), b"", "the question is empty"),
        (("-q", "-"), b"x" * 1_000_001, "the question is too long"),
        (("-q", "x", "--resume", "a", "--continue"), b"", "exclude each other"),
        ((), b"", "this is no terminal"),
    ],
)
def test_what_is_used_wrongly_says_how_and_asks_nothing(
    home: Path, arguments: tuple[str, ...], given: bytes, line: str
) -> None:
    done = hermes("chat", *arguments, given=given)
    assert (done.returncode, done.stdout) == (2, b"")
    assert line in done.stderr.decode()
    assert not (home / "state.db").exists()


def test_a_dangerous_command_is_denied_at_once_where_nobody_can_be_asked(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    done = hermes("chat", "-q", f"run rm -rf {victim}")
    assert done.stderr.decode() == f"hermes: denied, as nobody can be asked here: rm -rf {victim}\n"
    assert done.returncode == 0
    assert b"denied, as it needs the approval of a person and nobody can be asked here" in done.stdout
    assert b"by the user" not in done.stdout, "no person has said anything"
    assert victim.exists()


@pytest.mark.parametrize("taken", ["2> /dev/full", "2> >(exec true)"])
def test_what_cannot_be_said_beside_the_answer_does_not_cost_it(tmp_path: Path, taken: str) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    command = [sys.executable, "-m", "hermes", "chat", "-q", f"run rm -rf {victim}"]
    done = subprocess.run(["bash", "-c", f'exec "$@" {taken}', "bash", *command], capture_output=True, timeout=WITHIN)
    assert (done.returncode, b"denied" in done.stdout) == (0, True)
    assert victim.exists()


def test_a_message_that_kills_its_turn_fails_with_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERMES_FAILPOINTS", "turn.before_model=raise,turn.after_model=raise")
    done = hermes("chat", "-Q", "-q", "hello")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"Something went wrong" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_session_goes_on_by_its_id_and_as_the_latest(home: Path) -> None:
    assert hermes("chat", "-q", "todo one; two").returncode == 0
    first = hermes("chat", "-q", "/status").stdout.decode()
    assert "session: none yet" in first
    continued = hermes("chat", "--continue", "-q", "/usage").stdout.decode()
    assert "tokens in" in continued
    status = hermes("chat", "-c", "-q", "/status").stdout.decode()
    session = status.split("session: ")[1].split("\n")[0]
    assert "tokens in" in hermes("chat", "--resume", session, "-q", "/usage").stdout.decode()
    assert "tokens in" in hermes("chat", "--resume", session[:15], "-q", "/usage").stdout.decode()
    assert not list((home / "run").glob(f"{terminal_owner('')}*"))


def test_an_unknown_session_is_one_line() -> None:
    for wish in (("--resume", "nothing"), ("--continue",)):
        done = hermes("chat", *wish, "-q", "hi")
        assert (done.returncode, done.stdout) == (1, b"")
        assert done.stderr.decode().count("\n") == 1


def test_a_provider_that_nobody_knows_is_told_with_the_file_that_names_it(home: Path) -> None:
    (home / "config.yaml").write_text("model: {provider: nobody}\n")
    done = hermes("chat", "-q", "hi")
    assert (done.returncode, done.stdout) == (78, b"")
    assert done.stderr.decode().startswith(f"hermes: {home / 'config.yaml'}: model.provider is 'nobody', and none of: ")


def test_a_wrong_configuration_is_told_with_its_exit_code(home: Path) -> None:
    (home / "config.yaml").write_text("agent:\n  max_turns: many\n")
    done = hermes("chat", "-q", "hi")
    assert (done.returncode, done.stdout) == (78, b"")
    assert b"agent.max_turns" in done.stderr


def test_the_number_of_turns_is_a_number_above_zero() -> None:
    assert hermes("chat", "--max-turns", "0", "-q", "hi").returncode == 2
    assert hermes("chat", "--max-turns", "2", "-m", "offline", "-q", "say hi").stdout == b"hi\n"


def test_a_reader_that_goes_away_is_no_bug() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "hermes", "chat", "-q", "count to 10000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        _, said = process.communicate(timeout=WITHIN)
    assert process.returncode == 141
    assert said == b""


def test_sigterm_leaves_the_question_for_later_and_says_how_to_go_on(home: Path) -> None:
    command = [sys.executable, "-m", "hermes", "chat", "-v", "-q", "count to 500 slowly"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "conversations/agent:main:terminal" in line:
                break
        process.send_signal(signal.SIGTERM)
        answer, said = process.communicate(timeout=WITHIN)
    assert (process.returncode, answer) == (128 + signal.SIGTERM, "")
    assert "`hermes chat --resume " in said
    account = said.split("--resume ")[1].split("`")[0]
    done = hermes("chat", "--resume", account, "-q", "say next")
    assert done.returncode == 0
    assert done.stdout == b"next\n"


def test_a_question_pays_neither_for_the_prompt_nor_for_the_page_nor_for_the_network() -> None:
    script = (
        "import sys\n"
        "from hermes.cli import main\n"
        "try:\n"
        "    main(['chat', '-q', 'say hi'])\n"
        "except SystemExit as ended:\n"
        "    assert ended.code == 0\n"
        "print(*sorted(sys.modules), sep='\\n', file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=WITHIN, text=True)
    assert done.stdout == "hi\n"
    loaded = done.stderr.splitlines()
    assert "trio" in loaded
    assert not [module for module in loaded if module.startswith(HEAVY)]
