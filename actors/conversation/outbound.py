"""Mints the outbound messages of a conversation. A key is derived from what it answers, so that a repeated write has
the same."""

import re

from attrs import evolve

from hermes import media_lines
from hermes.asks import Ask, AskKind
from hermes.events import Draft, DraftState, Outbound, OutboundKind, Verdict
from hermes.media_lines import MediaFile
from hermes.split import split
from hermes.store.rows import InboxRow, Turn


def _ends(text: str, room: int) -> str:
    """``text``, or its beginning and its end, in at most ``room`` characters (at least 80)."""
    if len(text) <= room:
        return text
    half = (room - 60) // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters are not shown ...]\n{text[-half:]}"


def answers(
    turn: Turn, text: str, limit: int, *, utf16: bool = False, version: int = 0, files: bool = False
) -> tuple[Outbound, ...]:
    """The end of a turn, to the chat of its newest message, in parts of at most ``limit`` characters or UTF-16 units.

    ``files``: each file that it names by a line of its own is a part too. Only the first part names what it answers,
    so that an answer counts once.
    """
    if not text:
        return ()
    made: list[Outbound] = []
    for piece in media_lines.pieces(text) if files else (text,):
        if isinstance(piece, MediaFile):
            made.append(evolve(answer(turn, piece.line, version, len(made)), file=piece.path, voice=piece.voice))
        else:
            for part in split(piece, limit, utf16=utf16):
                made.append(answer(turn, part, version, len(made)))
    return _keyed(made, answer(turn, "", version).key)


def _keyed(parts: list[Outbound], key: str) -> tuple[Outbound, ...]:
    """A text before the first file completes the draft of its number. Where a file is the first, the text behind it
    completes the first draft, since no file can take the place of a text; others have keys that no draft has."""
    drafted = next((number for number, part in enumerate(parts) if part.file), len(parts))
    first = next((number for number, part in enumerate(parts) if not part.file), None)
    return tuple(
        part if number < drafted else evolve(part, key=key if number == first else f"{key}:behind{number}")
        for number, part in enumerate(parts)
    )


def answer(turn: Turn, text: str, version: int = 0, part: int = 0) -> Outbound:
    """One part. ``version``: how many beginnings of the answer were left behind in the chat."""
    event = turn.rows[-1].event
    return Outbound(
        key=f"{turn.lease.turn_id}:answer" + (f"+{version}" if version else "") + (f":{part}" if part else ""),
        source=event.source,
        session_key=event.session_key,
        kind=OutboundKind.ANSWER,
        text=text,
        reply_to=event.message_id,
        answers=() if part else tuple(row.event.event_id for row in turn.rows),
        turn_id=turn.lease.turn_id,
        part=part,
    )


def draft(turn: Turn, state: DraftState, text: str = "", tool: str = "", verdict: Verdict | None = None) -> Draft:
    """What a turn shows of itself, in the chat of its newest message."""
    event = turn.rows[-1].event
    firsts: dict[str, str] = {}
    for row in turn.rows:
        if row.event.message_id:
            firsts.setdefault(row.event.utterance or row.event.event_id, row.event.message_id)
    messages = tuple(dict.fromkeys(firsts.values()))
    return Draft(event.source, event.session_key, turn.lease.turn_id, state, text, tool, messages, verdict)


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


def _fence(code: str) -> str:
    """What closes nowhere in ``code``: who allows a command has to see it, and not what its marks make of it."""
    runs = (max(re.findall(f"{mark}+", code), key=len, default="") + mark for mark in "`~")
    shortest = min(runs, key=len)
    return shortest.ljust(3, shortest[0])


def question(turn: Turn, ask: Ask, limit: int) -> Outbound:
    """An ask as the chat sees it: what is asked about stands as code.

    A question is one message, so what is longer than ``limit`` is shown by its beginning and its end, and says so.
    """
    request = ask.request
    text = request.question
    if request.kind is AskKind.APPROVAL and request.subject:
        fence = _fence(request.subject)
        text = f"{request.question}\n\n{fence}\n{request.subject}\n{fence}"
        if len(text) > limit:
            room = limit - len(text) + len(request.subject)
            text = f"{request.question}\n\n{fence}\n{_ends(request.subject, room)}\n{fence}"
    text = _ends(text, limit)
    return evolve(
        answer(turn, text),
        key=f"{ask.id}:ask",
        kind=OutboundKind.ASK,
        answers=(),
        ask_id=ask.id,
        choices=request.choices,
    )
