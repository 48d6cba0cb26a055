"""Blocks as lines for a terminal: text with escape sequences, each block ending its line.

What others wrote passes through adapters/terminal/plain.py; the only sequences are the ones made here and by rich.
"""

from attrs import frozen

from adapters.terminal import plain
from adapters.terminal.asks import OpenAsk
from adapters.terminal.blocks import (
    Answered,
    Asked,
    Block,
    Noticed,
    Remark,
    Said,
    ToolUsed,
    Trouble,
    arguments_line,
)

_DIM, _BOLD, _RED, _YELLOW, _CYAN = "2", "1", "31", "33", "1;36"


@frozen
class Paper:
    """What is printed on."""

    width: int
    """Columns."""
    colour: bool = True


def render(block: Block, paper: Paper) -> str:
    """One block, its last newline included."""
    match block:
        case Said(text):
            return "\n" + _styled(_indented(plain.harmless(text), "> ", "  "), _CYAN, paper) + "\n"
        case Answered(markdown) | Noticed(markdown):
            return "\n" + _markdown(markdown, paper)
        case ToolUsed():
            return _styled(_tool(block, paper.width), _DIM, paper) + "\n"
        case Asked(ask):
            return "\n" + _question(ask, paper)
        case Remark(text):
            return _styled(_indented(plain.harmless(text), "  ", "  "), _DIM, paper) + "\n"
        case Trouble(text):
            return _styled(_indented(plain.harmless(text), "! ", "  "), _RED, paper) + "\n"


def _markdown(markdown: str, paper: Paper) -> str:
    from adapters.terminal.markdown import render as render_markdown

    return render_markdown(markdown, paper.width, colour=paper.colour)


def _question(ask: OpenAsk, paper: Paper) -> str:
    lines = [_styled(plain.harmless(ask.question), _YELLOW, paper)]
    if ask.subject:
        lines.append(_styled(_indented(plain.exact(ask.subject), "    ", "    "), _BOLD, paper))
    if not ask.approval:
        lines.extend(f"  {number}. {plain.one_line(choice, 200)}" for number, choice in enumerate(ask.choices, 1))
    return "\n".join(lines) + "\n"


def _tool(tool: ToolUsed, width: int) -> str:
    seconds = "" if tool.seconds is None else f" … {tool.seconds:.1f} s"
    name = " ".join(filter(None, (tool.name, arguments_line(tool.arguments))))
    return "  " + plain.one_line(name, max(10, width - 3 - len(seconds))) + seconds


def _indented(text: str, first: str, rest: str) -> str:
    return first + text.replace("\n", "\n" + rest)


def _styled(text: str, style: str, paper: Paper) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if paper.colour else text
