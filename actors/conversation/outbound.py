"""Mints the outbound messages of a conversation. A key is derived from what it answers, so that a repeated write has
the same."""

from attrs import evolve

from hermes.asks import Ask, AskKind
from hermes.events import Outbound, OutboundKind
from hermes.split import split
from hermes.store.interface import InboxRow, Turn


def answers(turn: Turn, text: str, limit: int) -> tuple[Outbound, ...]:
    """The end of a turn, to the chat of its newest message, in parts of at most ``limit`` characters.

    Only the first part names what it answers, so that an answer counts once.
    """
    if not text:
        return ()
    first, *rest = split(text, limit)
    return (_answer(turn, first), *(_further(turn, part, number) for number, part in enumerate(rest, 1)))


def _answer(turn: Turn, text: str) -> Outbound:
    event = turn.rows[-1].event
    return Outbound(
        key=f"{turn.lease.turn_id}:answer",
        source=event.source,
        session_key=event.session_key,
        kind=OutboundKind.ANSWER,
        text=text,
        reply_to=event.message_id,
        answers=tuple(row.event.event_id for row in turn.rows),
        turn_id=turn.lease.turn_id,
    )


def _further(turn: Turn, text: str, number: int) -> Outbound:
    return evolve(_answer(turn, text), key=f"{turn.lease.turn_id}:answer:{number}", answers=(), part=number)


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


def question(turn: Turn, ask: Ask) -> Outbound:
    """An ask as the chat sees it: what is asked about stands as code."""
    request = ask.request
    text = request.question
    if request.kind is AskKind.APPROVAL and request.subject:
        text = f"{request.question}\n\n```\n{request.subject}\n```"
    return evolve(
        _answer(turn, text),
        key=f"{ask.id}:ask",
        kind=OutboundKind.ASK,
        answers=(),
        ask_id=ask.id,
        choices=request.choices,
    )
