"""What was said, out of the shapes in which clients say it: strings, lists of parts, roles."""

from collections.abc import Iterable, Iterator
from typing import Any, cast

from adapters.api.problem import bad
from hermes.messages import Message, Role

Json = dict[str, Any]

_TEXT_PARTS = frozenset({"text", "input_text", "output_text"})
_SYSTEM = frozenset({"system", "developer"})
_ROLES = {"user": Role.USER, "assistant": Role.ASSISTANT}

MAX_MESSAGES = 2000
"""In one request: more than any context holds, and few enough to be read at once."""

BEGINNING = "[The conversation begins with the assistant.]"
"""Providers want the first word from the user; a client's greeting keeps its place behind this."""


def section(value: object) -> Json | None:
    """An object of the request, or None when it is something else."""
    return cast(Json, value) if isinstance(value, dict) else None


def items(value: object) -> list[object] | None:
    """A list of the request, or None when it is something else."""
    return cast(list[object], value) if isinstance(value, list) else None


def text_of(content: object, where: str) -> str:
    """The text of a message; its parts are joined by a line break. Refuses what is no text."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if (parts := items(content)) is not None:
        return "\n".join(_part(part, f"{where}[{number}]") for number, part in enumerate(parts))
    bad(f"{where} has to be text or a list of parts", param=where)


def _part(value: object, where: str) -> str:
    part = section(value)
    kind = part.get("type") if part else None
    if part is None or not isinstance(kind, str):
        bad(f"{where} has to be an object with a type", param=where)
    if kind == "refusal":
        return str(part.get("refusal", ""))
    if kind not in _TEXT_PARTS:
        bad(f"{where} is of type {kind[:40]!r}: only text is taken, no images, audio or files", param=where,
            code="unsupported_content")  # fmt: skip
    text = part.get("text")
    if not isinstance(text, str):
        bad(f"{where}.text has to be a string", param=where)
    return text


class Spoken:
    """The messages of one request, sorted: what is asked, what was said before it, and the client's instructions."""

    def __init__(self, instructions: Iterable[str] = ()) -> None:
        self._instructions = list(instructions)
        self._said: list[Message] = []

    def take(self, value: object, where: str) -> None:
        """One message of the list ``where``. Refuses roles and contents that have no place in a history."""
        message = section(value)
        if message is None:
            bad(f"{where} has to be an object with a role and a content", param=where)
        role = message.get("role")
        if not isinstance(role, str) or role not in _SYSTEM | _ROLES.keys():
            shown = repr(role[:40]) if isinstance(role, str) else "no text"
            bad(f"{where}.role is {shown}: only system, developer, user and assistant are taken", param=f"{where}.role")
        text = text_of(message.get("content"), f"{where}.content")
        if role in _SYSTEM:
            self._instructions.append(text)
        else:
            self._said.append(Message(_ROLES[role], text))

    def asked(self, where: str) -> str:
        """The last message, which has to be the user's and to say something."""
        if not self._said or self._said[-1].role is not Role.USER:
            bad(f"the last of {where} has to be a message of the user", param=where)
        if not self._said[-1].content.strip():
            bad(f"the last of {where} says nothing", param=where)
        return self._said[-1].content

    def all_asked(self, where: str) -> str:
        """Every message of the user, where what was said before is known already."""
        self.asked(where)
        return "\n\n".join(said.content for said in self._said if said.role is Role.USER and said.content.strip())

    def before(self) -> tuple[Message, ...]:
        """What was said before it: the user and the assistant in turns."""
        return tuple(_in_turns(self._said[:-1]))

    def instructions(self) -> str:
        return "\n\n".join(text for text in self._instructions if text.strip())


def _in_turns(said: Iterable[Message]) -> Iterator[Message]:
    """Empty messages are left out and neighbours of one role are one message; a user begins."""
    pending: Message | None = None
    for message in said:
        if not message.content.strip():
            continue
        if pending is None and message.role is Role.ASSISTANT:
            yield Message(Role.USER, BEGINNING)
        if pending is not None and pending.role is message.role:
            pending = Message(message.role, f"{pending.content}\n\n{message.content}")
            continue
        if pending is not None:
            yield pending
        pending = message
    if pending is not None:
        yield pending
