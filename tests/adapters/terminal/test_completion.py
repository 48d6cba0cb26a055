import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from adapters.terminal.completion import LOCAL, SlashCompleter
from hermes.agent.commands import COMMANDS


def completed(text: str, cursor: int | None = None) -> list[str]:
    document = Document(text, len(text) if cursor is None else cursor)
    return [
        text[: len(document.text_before_cursor) + found.start_position] + found.text
        for found in SlashCompleter().get_completions(document, CompleteEvent())
    ]


def test_a_slash_offers_every_command() -> None:
    offered = completed("/")
    assert {f"/{command.name}" for command in COMMANDS} <= set(offered)
    assert {f"/{local.name}" for local in LOCAL} <= set(offered)


@pytest.mark.parametrize(
    ("text", "offered"),
    [("/st", ["/stop", "/status"]), ("/QU", ["/quit"]), ("/commands", ["/commands"]), ("/nothing", [])],
)
def test_the_beginning_of_a_name_is_completed(text: str, offered: list[str]) -> None:
    assert completed(text) == offered


@pytest.mark.parametrize("text", ["", "st", "see /st", "/approve on", "/etc/hosts"])
def test_nothing_else_is_completed(text: str) -> None:
    assert completed(text) == []


def test_a_word_that_stands_before_text_is_left_alone() -> None:
    assert completed("/st and more", cursor=3) == []
