"""Completion of slash commands: those of every chat, and the few that only a terminal has."""

from collections.abc import Iterable, Iterator

from attrs import frozen
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from hermes.agent.commands import COMMANDS


@frozen
class LocalCommand:
    """A command that the terminal carries out itself."""

    name: str
    help: str


QUIT = LocalCommand("quit", "leave")
EXIT = LocalCommand("exit", "leave")
CLEAR = LocalCommand("clear", "clear the screen")
LOCAL = (QUIT, EXIT, CLEAR)


def candidates() -> Iterable[tuple[str, str]]:
    """Name and meaning of all commands, those of every chat first."""
    for command in COMMANDS:
        for name in (command.name, *command.aliases):
            yield name, " ".join(filter(None, (command.arguments, command.help)))
    for local in LOCAL:
        yield local.name, local.help


class SlashCompleter(Completer):
    """Completes the first word while it is all that stands there."""

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        typed = document.text_before_cursor
        if not typed.startswith("/") or document.text_after_cursor.strip():
            return
        for name, meaning in candidates():
            if name.startswith(typed[1:].lower()):
                yield Completion(name, start_position=1 - len(typed), display=f"/{name}", display_meta=meaning)
