"""What the command line makes of `hermes chat`, and what it prints, without a tree."""

import signal
from typing import Any

import pytest
from click.testing import CliRunner

from actors.chat import Parting, Reply
from adapters.terminal.chats import session_key, source
from hermes.cli import run_chat
from hermes.cli.chat import chat
from hermes.cli.run_chat import Wish
from hermes.events import Outbound, OutboundKind

REPLY = Outbound("k", source("s1"), session_key("s1"), OutboundKind.ANSWER, "the \x1b[31manswer")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Wish, str | None]]:
    """What the command asks for; nothing runs."""
    seen: list[tuple[Wish, str | None]] = []

    def take(wish: Wish, query: str | None) -> int:
        seen.append((wish, query))
        return 0

    monkeypatch.setattr(run_chat, "run_chat", take)
    return seen


@pytest.mark.parametrize(
    ("arguments", "wish"),
    [
        ("", Wish()),
        ("--resume ID", Wish(resume=True, name="ID")),
        ("--continue", Wish(resume=True)),
        ("-c NAME", Wish(resume=True, name="NAME")),
        ("-m some/model --max-turns 7", Wish(model="some/model", max_turns=7)),
        ("-vv", Wish(verbosity=2)),
        ("-Q", Wish(verbosity=-1)),
    ],
)
def test_each_option_is_a_wish(arguments: str, wish: Wish, asked: list[tuple[Wish, str | None]]) -> None:
    result = CliRunner().invoke(chat, [*arguments.split(), "-q", "hello"])
    assert result.exit_code == 0, result.output
    assert asked == [(wish, "hello")]


def test_continue_without_a_name_takes_no_option_for_one(asked: list[tuple[Wish, str | None]]) -> None:
    assert CliRunner().invoke(chat, ["-c", "-q", "hello"]).exit_code == 0
    assert asked == [(Wish(resume=True), "hello")]


def test_without_a_terminal_there_is_only_one_question(asked: list[tuple[Wish, str | None]]) -> None:
    result = CliRunner().invoke(chat, [])
    assert (result.exit_code, asked) == (2, [])
    assert "this is no terminal" in result.output


def test_what_is_chosen_on_the_command_line_stands_above_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERMES_MAX_ITERATIONS", "5")
    assert Wish().environment()["HERMES_MAX_ITERATIONS"] == "5"
    chosen = Wish(model="some/model", max_turns=7).environment()
    assert (chosen["HERMES_INFERENCE_MODEL"], chosen["HERMES_MAX_ITERATIONS"]) == ("some/model", "7")


@pytest.mark.parametrize(
    ("reply", "out", "err", "code"),
    [
        (Reply(REPLY, failed=False), "the \x1b[31manswer\n", "", 0),
        (Reply(REPLY, failed=True), "the \x1b[31manswer\n", "", 1),
        (Reply(REPLY, failed=True, signal=signal.SIGINT), "the \x1b[31manswer\n", "", 130),
        (Reply(None, failed=True, signal=signal.SIGTERM), "", "hermes: left without the answer", 143),
    ],
)
def test_a_reply_is_printed_where_it_belongs(
    reply: Reply, out: str, err: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_chat._print(reply, "s1") == code
    printed = capsys.readouterr()
    assert printed.out == out
    assert printed.err.startswith(err)


def test_a_failure_is_told_beside_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    notice = Outbound("k", source("s1"), session_key("s1"), OutboundKind.NOTICE, "it \x1b[2Jfailed")
    assert run_chat._print(Reply(notice, failed=True), "s1") == 1
    assert capsys.readouterr() == ("", "hermes: it failed\n")


def test_on_a_terminal_an_answer_is_shown_and_not_obeyed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_chat, "_is_terminal", lambda _: True)
    run_chat._print(Reply(REPLY, failed=False), "s1")
    assert capsys.readouterr().out == "the answer\n"


@pytest.mark.parametrize(
    ("parting", "lines"),
    [
        (Parting("", unfinished=False, unsent=()), []),
        (Parting("S", unfinished=False, unsent=()), ["hermes chat --resume S"]),
        (
            Parting("S", unfinished=True, unsent=("one\ntwo",)),
            [
                "not sent: one two",
                "the answer is not finished: it goes on with `hermes chat --continue`",
                "hermes chat --resume S",
            ],
        ),
    ],
)
def test_leaving_says_what_is_left(parting: Parting, lines: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    run_chat._say_goodbye(parting)
    assert capsys.readouterr().out.splitlines() == lines


def test_a_terminal_that_is_gone_hears_no_goodbye(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(run_chat.click, "echo", gone)
    run_chat._say_goodbye(Parting("S", unfinished=True, unsent=()))


def test_a_question_keeps_what_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_chat._question(" a\udcffb \n") == "a\ufffdb"
