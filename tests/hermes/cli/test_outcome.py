import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from hermes.cli.outcome import reported
from hermes.errors import AuthError, ConfigError, HermesError, TransientError


def end_of(error: BaseException) -> int:
    with pytest.raises(click.exceptions.Exit) as caught, reported():
        raise error
    return caught.value.exit_code


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (HermesError("no gateway is running"), 1, "hermes: no gateway is running\n"),
        (AuthError("the token was refused"), 1, "hermes: the token was refused\n"),
        (HermesError(), 1, "hermes: HermesError\n"),
        (ConfigError("config.yaml:1: a\nconfig.yaml:2: b"), 78, "hermes: config.yaml:1: a\nhermes: config.yaml:2: b\n"),
        (ExceptionGroup("", [ConfigError("a"), ExceptionGroup("", [ConfigError("b")])]), 78, "hermes: a\nhermes: b\n"),
        (ExceptionGroup("", [ConfigError("a"), TransientError("b")]), 1, "hermes: a\nhermes: b\n"),
        (ExceptionGroup("", [HermesError("same"), HermesError("same")]), 1, "hermes: same\n"),
        (KeyboardInterrupt(), 130, ""),
        (BaseExceptionGroup("", [KeyboardInterrupt(), HermesError("x")]), 130, ""),
    ],
)
def test_each_end_has_its_lines_and_its_code(
    error: BaseException, code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert end_of(error) == code
    assert capsys.readouterr() == ("", told)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("odd"),
        ExceptionGroup("x", [ValueError("odd"), ConfigError("y")]),
        BrokenPipeError("odd"),
        OSError("odd"),
    ],
)
def test_a_bug_is_shown_with_its_traceback_and_is_one(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    assert end_of(error) == 1
    shown = capsys.readouterr().err
    assert "Traceback (most recent call last)" in shown
    assert "odd" in shown
    assert shown.endswith("hermes: this is a bug of Hermes: nobody asked for this end\n")


@pytest.mark.parametrize("kind", [ValueError, HermesError])
def test_no_end_shows_a_key(kind: type[Exception], capsys: pytest.CaptureFixture[str]) -> None:
    assert end_of(kind("Bearer abcdefghij0123456789abcd")) == 1
    assert "abcdefghij0123456789" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "error", [click.UsageError("x"), click.exceptions.Exit(5), click.Abort(), SystemExit(7), GeneratorExit()]
)
def test_what_is_meant_for_others_passes(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, reported():
        raise error
    assert caught.value is error


PROGRAM = """
import sys, time, click
from hermes.cli import Program, main
from hermes.cli.lazy import Entry

@click.command()
def much() -> None:
    for _ in range(100_000):
        click.echo("x" * 99)

@click.command()
def little() -> None:
    sys.stdout.write("x")

@click.command()
def forever() -> None:
    click.echo("ready", err=True)
    while True:
        time.sleep(60)

Program.entries = {name: Entry(f"__main__:{name}", "") for name in ("much", "little", "forever")}
main()
"""


def start(command: str, folder: Path, **pipes: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, command], stderr=subprocess.PIPE, env={"HOME": str(folder)}, **pipes
    )


def test_a_reader_that_goes_away_ends_the_program_quietly(tmp_path: Path) -> None:
    with start("much", tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read(10) == b"x" * 10
        process.stdout.close()
        _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (141, b"")


@pytest.mark.parametrize("command", ["much", "little"])
def test_a_full_disk_behind_the_output_is_one_line(tmp_path: Path, command: str) -> None:
    full = os.open("/dev/full", os.O_WRONLY | os.O_CLOEXEC)
    try:
        with start(command, tmp_path, stdout=full) as process:
            _, told = process.communicate(timeout=60)
    finally:
        os.close(full)
    assert process.returncode == 1
    assert told == b"hermes: the output cannot be written: [Errno 28] No space left on device\n"


def test_the_keyboard_ends_a_command_without_a_traceback(tmp_path: Path) -> None:
    with start("forever", tmp_path) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (130, b"")


def test_wrong_use_is_code_2(tmp_path: Path) -> None:
    with start("--nonsense", tmp_path) as process:
        _, told = process.communicate(timeout=60)
    assert process.returncode == 2
    assert b"no such command: chat" in told
