"""The slash commands of every chat: their names, what they say of themselves, and when they may run.

Adapters render this registry natively (a menu, completion); actors/conversation/commands.py carries them out.
"""

from enum import StrEnum

from attrs import frozen


class Busy(StrEnum):
    """What a command does while a turn runs."""

    NOW = "now"
    """It runs beside the turn."""
    AFTER = "after"
    """It waits for the turn's end, in order with the messages."""


@frozen
class Command:
    name: str
    help: str
    busy: Busy
    arguments: str = ""
    aliases: tuple[str, ...] = ()


COMMANDS = (
    Command("new", "start a new session; this one stays searchable", Busy.AFTER, aliases=("reset",)),
    Command("stop", "stop what is running", Busy.NOW),
    Command("status", "what this chat and the gateway are doing", Busy.NOW),
    Command("help", "what can be typed here", Busy.NOW, aliases=("commands",)),
    Command("approve", "allow the command that is waiting", Busy.NOW, "[once|session|always]"),
    Command("deny", "refuse the command that is waiting", Busy.NOW),
    Command(
        "sethome", "make this chat the home channel: what has no chat of its own is told here", Busy.NOW, "[NAME|off]"
    ),
    Command("usage", "tokens of this session and of the last 24 hours", Busy.NOW),
    Command("model", "which model answers; a name chooses another for this session", Busy.NOW, "[NAME|default]"),
    Command(
        "compress", "sum up the middle of this conversation before the next answer; nothing is deleted", Busy.AFTER
    ),
    Command("retry", "answer the last message again", Busy.AFTER),
    Command("undo", "forget the last exchange", Busy.AFTER),
)

_BY_NAME = {name: command for command in COMMANDS for name in (command.name, *command.aliases)}


@frozen
class Invocation:
    """A command as it was typed."""

    command: Command
    argument: str


def parse(text: str) -> Invocation | None:
    """The command in ``text``, or None when it is an ordinary message.

    Only a known name counts, so that a path ("/etc/hosts is odd") reaches the model; ``/name@bot`` is a name.
    """
    if not text.startswith("/"):
        return None
    head, _, argument = text[1:].partition(" ")
    command = _BY_NAME.get(head.partition("@")[0].strip().lower())
    return Invocation(command, argument.strip()) if command else None


def help_text() -> str:
    """The list of commands, in markdown."""
    lines = [f"- `/{' '.join(filter(None, (c.name, c.arguments)))}` {c.help}" for c in COMMANDS]
    return "\n".join(("You can type:", *lines))
