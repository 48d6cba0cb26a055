"""Questions where nobody can be asked: an approval is denied at once, and the answer tells so.

The denial is the call's result, in words that stand for nothing else, so that what the answer has to tell is read off
the transcript, after a crash too.
"""

from collections.abc import Iterable

from hermes.agent.transcript import ERROR
from hermes.asks import AskKind, AskRequest
from hermes.messages import Message, Role
from hermes.tools.contract import ToolResult

_DENIED = "Not run: it needs the approval of a person, and nobody can be asked here. Do not retry it in another form."
_NOT_ASKED = "Nobody can be asked here. Choose what is safest to undo, and say what you assumed."

_SHOWN_CHARACTERS = 200
"""Of each command in the note: enough to know it again."""

_SHOWN = 5
"""Commands that the note names; the others are counted."""


def denial(request: AskRequest) -> ToolResult:
    """The result of a call that would have asked."""
    if request.kind is AskKind.APPROVAL:
        return ToolResult(f"{_DENIED} {request.question}\n{request.subject}", is_error=True)
    return ToolResult(_NOT_ASKED, is_error=True)


def note(messages: Iterable[Message]) -> str:
    """What the answer adds about denials among ``messages``, in markdown; empty when there was none."""
    denied = tuple(
        dict.fromkeys(
            message.content.partition("\n")[2]
            for message in messages
            if message.role is Role.TOOL and message.finish_reason == ERROR and message.content.startswith(_DENIED)
        )
    )
    if not denied:
        return ""
    more = f"\n- and {len(denied) - _SHOWN} more" if len(denied) > _SHOWN else ""
    lines = "\n".join(f"- {_code(command)}" for command in denied[:_SHOWN])
    return f"Not run, since it needs the approval of a person and nobody can be asked here:\n{lines}{more}"


def _code(command: str) -> str:
    """One line as code, whatever backticks it holds."""
    line = " ".join(command.split())
    shown = line if len(line) <= _SHOWN_CHARACTERS else f"{line[:_SHOWN_CHARACTERS]}…"
    marks = "``" if "`" in shown else "`"
    pad = " " if "`" in shown else ""
    return f"{marks}{pad}{shown}{pad}{marks}"
