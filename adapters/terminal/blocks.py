"""What stands in a terminal's scrollback: frozen pieces, each printed once and never changed.

``of_entry`` makes them of what the store holds, ``of_outbound`` of what is delivered.
"""

import json
import re
from collections.abc import Sequence

from attrs import frozen

from adapters.terminal import asks
from adapters.terminal.asks import OpenAsk
from hermes.events import Outbound, OutboundKind
from hermes.store.rows import TranscriptEntry

# Exchanges of a resumed chat that are shown: about what fits on a screen or two; the rest is in the store.
SHOWN_EXCHANGES = 5

# Characters of a tool's arguments on its line, before the line is cut to the terminal's width.
ARGUMENT_CHARACTERS = 200


@frozen
class Said:
    """A message of the person."""

    text: str


@frozen
class Answered:
    """The agent's answer, in markdown."""

    markdown: str


@frozen
class Noticed:
    """A word of the program itself, in markdown."""

    markdown: str


@frozen
class ToolUsed:
    """A call of a tool."""

    name: str
    arguments: str
    """JSON, perhaps cut off."""
    seconds: float | None = None
    """How long it was seen running."""


@frozen
class Asked:
    """A question to the person."""

    ask: OpenAsk


@frozen
class Remark:
    """One dim line: a choice that was made, a hint."""

    text: str


@frozen
class Trouble:
    """One line that something is wrong."""

    text: str


Block = Said | Answered | Noticed | ToolUsed | Asked | Remark | Trouble


def of_outbound(message: Outbound) -> Block:
    match message.kind:
        case OutboundKind.ANSWER:
            return Answered(message.text)
        case OutboundKind.NOTICE:
            return Noticed(message.text)
        case OutboundKind.ASK:
            return Asked(asks.of_message(message))


def of_entry(entry: TranscriptEntry) -> tuple[Block, ...]:
    """The blocks of one entry; none for a kind that is not known."""
    match entry.kind:
        case "user":
            return (Said(entry.text),)
        case "answer":
            return (Answered(entry.text),)
        case "notice":
            return (Noticed(entry.text),)
        case "tool":
            return (ToolUsed(entry.tool, entry.text),)
        case "ask":
            asked = Asked(asks.of_entry(entry))
            return (asked, Remark(closing(entry.state, entry.answer))) if entry.state != "open" else (asked,)
        case _:
            return ()


def closing(state: str, answer: str) -> str:
    """How a question ended."""
    return f"answered: {answer}" if answer else state


def last_exchanges(entries: Sequence[TranscriptEntry], exchanges: int = SHOWN_EXCHANGES) -> Sequence[TranscriptEntry]:
    """The last ``exchanges`` messages of the person and what followed them, oldest first."""
    said = [index for index, entry in enumerate(entries) if entry.kind == "user"]
    return entries[said[-exchanges] :] if len(said) > exchanges else entries


_FIRST_TEXT = re.compile(r'"[^"]*"\s*:\s*"((?:[^"\\]|\\.)*)')


def arguments_line(arguments: str) -> str:
    """What a call is about: the text of its first argument, or all of it when that is no text."""
    found = _FIRST_TEXT.match(arguments.lstrip().removeprefix("{").lstrip())
    if found is None:
        return "" if arguments.strip() in {"", "{}"} else arguments[:ARGUMENT_CHARACTERS]
    text = found.group(1)[:ARGUMENT_CHARACTERS]
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text  # cut in the middle of an escape
