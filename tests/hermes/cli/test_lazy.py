import sys
from typing import ClassVar

import click
import pytest
from click.testing import CliRunner

from hermes.cli import Program, main
from hermes.cli.lazy import DefaultGroup, Entry, LazyGroup


class Group(LazyGroup):
    default = "first"
    entries: ClassVar = {
        "first": Entry("lazy_test_module:first", "The first."),
        "second": Entry("nowhere:x", "The second."),
    }


class Module:
    @staticmethod
    @click.command()
    @click.argument("words", nargs=-1)
    @click.option("--loud", is_flag=True)
    def first(words: tuple[str, ...], loud: bool) -> None:
        click.echo(f"first {words} {loud}")


@click.group(cls=Group)
@click.option("--own", is_flag=True)
def group(own: bool) -> None:
    """A group."""


@pytest.fixture(autouse=True)
def module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lazy_test_module", Module)  # type: ignore[arg-type]


def test_help_is_written_from_the_table_and_imports_nothing() -> None:
    done = CliRunner().invoke(group, ["--help"])
    assert done.exit_code == 0
    assert "first   The first." in done.output
    assert "second  The second." in done.output


def test_a_command_is_imported_when_it_is_used() -> None:
    assert CliRunner().invoke(group, ["first", "a"]).output == "first ('a',) False\n"
    assert isinstance(CliRunner().invoke(group, ["second"]).exception, ModuleNotFoundError)


@pytest.mark.parametrize(("arguments", "output"), [([], "()"), (["--loud"], "()"), (["--loud", "x"], "('x',)")])
def test_without_a_command_the_default_is_meant(arguments: list[str], output: str) -> None:
    assert CliRunner().invoke(group, arguments).output == f"first {output} {bool(arguments)}\n"


def test_an_option_of_the_group_is_its_own() -> None:
    assert CliRunner().invoke(group, ["--own", "first", "a"]).output == "first ('a',) False\n"


@pytest.mark.parametrize(("word", "guess"), [("secnd", " (did you mean second?)"), ("xyzzy", "")])
def test_a_slip_of_the_pen_starts_nothing(word: str, guess: str) -> None:
    done = CliRunner().invoke(group, [word])
    assert done.exit_code == 2
    assert done.output.endswith(f"Error: no such command: {word}{guess}\n")


def test_a_group_of_ordinary_commands_may_have_a_default_too() -> None:
    class Ordinary(DefaultGroup):
        default = "one"

    @click.group(cls=Ordinary)
    def ordinary() -> None: ...

    @ordinary.command()
    def one() -> None:
        click.echo("one")

    assert CliRunner().invoke(ordinary, []).output == "one\n"
    assert CliRunner().invoke(ordinary, ["two"]).exit_code == 2


@pytest.mark.parametrize("name", sorted(Program.entries))
def test_the_table_of_the_program_leads_to_commands_and_tells_their_first_line(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.name == name
    assert (command.help or "").splitlines()[0].startswith(Program.entries[name].help.rstrip("."))
