"""Mints the outbound messages of a conversation. A key is derived from what it answers, so that a repeated write has
the same."""

from attrs import evolve

from hermes.asks import Ask, AskKind
from hermes.events import Outbound, OutboundKind
from hermes.split import split
from hermes.store.rows import InboxRow, Turn


def _ends(text: str, room: int) -> str:
    """``text``, or its beginning and its end, in at most ``room`` characters (at least 80)."""
    if len(text) <= room:
        return text
    half = (room - 60) // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters are not shown ...]\n{text[-half:]}"


def answers(turn: Turn, text: str, limit: int, *, utf16: bool = False, version: int = 0) -> tuple[Outbound, ...]:
    """The end of a turn, to the chat of its newest message, in parts of at most ``limit`` characters or UTF-16 units.

    Only the first part names what it answers, so that an answer counts once.
    """
    if not text:
        return ()
    first, *rest = split(text, limit, utf16=utf16)
    return (answer(turn, first, version), *(_further(turn, part, number) for number, part in enumerate(rest, 1)))


def answer(turn: Turn, text: str, version: int = 0) -> Outbound:
    """The first part. ``version``: how many beginnings of it were left standing in the chat."""
    event = turn.rows[-1].event
    return Outbound(
        key=f"{turn.lease.turn_id}:answer" + (f"+{version}" if version else ""),
        source=event.source,
        session_key=event.session_key,
        kind=OutboundKind.ANSWER,
        text=text,
        reply_to=event.message_id,
        answers=tuple(row.event.event_id for row in turn.rows),
        turn_id=turn.lease.turn_id,
    )


def _further(turn: Turn, text: str, number: int) -> Outbound:
    return evolve(answer(turn, text), key=f"{turn.lease.turn_id}:answer:{number}", answers=(), part=number)


def notice(row: InboxRow, text: str) -> Outbound:
    """A word about one inbox row."""
    event = row.event
    return Outbound(
        key=f"row{row.id}:notice",
        source=event.source,
        session_key=event.session_key,
        kind=OutboundKind.NOTICE,
        text=text,
        reply_to=event.message_id,
        answers=(event.event_id,),
    )


def question(turn: Turn, ask: Ask, limit: int) -> Outbound:
    """An ask as the chat sees it: what is asked about stands as code.

    A question is one message, so what is longer than ``limit`` is shown by its beginning and its end, and says so.
    """
    request = ask.request
    text = request.question
    if request.kind is AskKind.APPROVAL and request.subject:
        text = f"{request.question}\n\n```\n{request.subject}\n```"
        if len(text) > limit:
            room = limit - len(text) + len(request.subject)
            text = f"{request.question}\n\n```\n{_ends(request.subject, room)}\n```"
    text = _ends(text, limit)
    return evolve(
        answer(turn, text),
        key=f"{ask.id}:ask",
        kind=OutboundKind.ASK,
        answers=(),
        ask_id=ask.id,
        choices=request.choices,
    )
