"""Streamed drafts: a message that is sent early, edited while the turn runs, and completed by its answer.

Rules:

1. The first send is a row in state ``draft`` before it happens. It blocks nothing else of its chat, and is not begun
   while older messages of the chat wait: so a chat keeps its order.
2. The platform's message id is stored as soon as it is known. From then on the answer completes that very message
   by an edit, which may be repeated.
3. At the end of the turn, a draft without an id may or may not stand in the chat, so the answer is sent anew,
   marked. Live code waits for the first send, and says by ``drop`` that it certainly failed, before it finishes a
   turn.
4. Only the claim that began a draft writes on in it; a later claim leaves it to the answer.
5. An answer may have a draft a part. When it turns out shorter than what was shown of it (a crash, and another answer
   after it), the parts that stand and are no part of it any more say so.
6. What stands above a question is no draft any more, whichever claim ends the turn: the answer comes below.
"""

import sqlite3

from attrs import evolve, frozen

from hermes.errors import Refused, Unavailable
from hermes.events import Outbound, OutboundKind
from hermes.store.engine.codec import OUTBOUND_COLUMNS, clean, columns, marks, outbound_values
from hermes.store.rows import Lease
from hermes.store.tables import outbox, transcript
from hermes.store.tables.leases import check_turn

TAKEN_BACK = "_This part was taken back: the answer above was written anew._"
"""In place of a part of an answer that has fewer of them now."""

_INSERT = (
    f"INSERT INTO outbox (state, token, attempts, created_at, {columns(OUTBOUND_COLUMNS)})"
    f" VALUES ('draft', ?, 1, ?, {marks(len(OUTBOUND_COLUMNS))})"
)


@frozen
class OpenDraft:
    row_id: int
    key: str
    message_id: str
    token: int


def open_drafts(connection: sqlite3.Connection, turn_id: str) -> tuple[OpenDraft, ...]:
    rows = connection.execute(
        "SELECT id, key, message_id, token FROM outbox WHERE turn_id = ? AND state = 'draft' ORDER BY id", (turn_id,)
    )
    return tuple(OpenDraft(*row) for row in rows)


def begin(connection: sqlite3.Connection, lease: Lease, message: Outbound, now: float) -> int:
    check_turn(connection, lease)
    message = evolve(message, turn_id=lease.turn_id)
    for draft in open_drafts(connection, lease.turn_id):
        if draft.token != lease.token:
            raise Refused("an earlier attempt at this turn left a draft: the answer will complete it")
        if draft.key == clean(message.key):
            return draft.row_id
    if _older_waits(connection, message):
        raise Unavailable("older messages of the chat are not sent yet")
    return connection.execute(_INSERT, (lease.token, now, *outbound_values(message))).lastrowid or 0


def _older_waits(connection: sqlite3.Connection, message: Outbound) -> bool:
    source = message.source
    row = connection.execute(
        "SELECT 1 FROM outbox WHERE platform = ? AND account = ? AND chat_id = ? AND thread_id = ?"
        " AND state IN ('pending', 'sending') LIMIT 1",
        (source.platform, source.account, clean(source.chat_id), clean(source.thread_id)),
    ).fetchone()
    return row is not None


def sent(connection: sqlite3.Connection, lease: Lease, row_id: int, message_id: str) -> None:
    check_turn(connection, lease)
    connection.execute(
        "UPDATE outbox SET message_id = ? WHERE id = ? AND turn_id = ? AND state = 'draft'",
        (clean(message_id), row_id, lease.turn_id),
    )


def drop(connection: sqlite3.Connection, lease: Lease, row_id: int) -> None:
    check_turn(connection, lease)
    connection.execute(
        "DELETE FROM outbox WHERE id = ? AND turn_id = ? AND state = 'draft' AND message_id = ''",
        (row_id, lease.turn_id),
    )


def let_stand(connection: sqlite3.Connection, turn_id: str) -> None:
    """A question follows: what is in the chat stays there as it is."""
    connection.execute("DELETE FROM outbox WHERE turn_id = ? AND state = 'draft' AND message_id <> ''", (turn_id,))


def put_ends(
    connection: sqlite3.Connection, turn_id: str, messages: tuple[Outbound, ...], session_id: str, now: float
) -> None:
    """Put the last messages of a turn into the outbox; one whose key is an open draft's takes that row's place.

    A draft that nothing completes stays in the chat as it is, unless it stands below its answer: see rule 5.
    """
    drafts = {draft.key: draft for draft in open_drafts(connection, turn_id)}
    for each in messages:
        message = each if each.turn_id == turn_id else evolve(each, turn_id=turn_id)
        draft = drafts.pop(clean(message.key), None)
        if draft is None:
            outbox.put(connection, message, session_id, now)
        else:
            _complete(connection, draft, message, session_id, now)
    for draft in drafts.values():
        answer = next((each for each in messages if draft.key.startswith(f"{clean(each.key)}:")), None)
        if answer is not None and draft.message_id:
            taken_back = evolve(answer, key=draft.key, kind=OutboundKind.NOTICE, text=TAKEN_BACK, answers=())
            _complete(connection, draft, evolve(taken_back, turn_id=turn_id), session_id, now)
        else:
            connection.execute("DELETE FROM outbox WHERE id = ?", (draft.row_id,))


def put_notice(connection: sqlite3.Connection, turn_id: str, notice: Outbound, session_id: str, now: float) -> None:
    """End a turn that is given up. Its draft becomes the notice, so that no half answer stays unexplained."""
    known = next((draft for draft in open_drafts(connection, turn_id) if draft.message_id), None)
    if known is not None:
        _complete(connection, known, notice, session_id, now)
    put_ends(connection, turn_id, () if known else (notice,), session_id, now)


def _complete(connection: sqlite3.Connection, draft: OpenDraft, message: Outbound, session_id: str, now: float) -> None:
    if not draft.message_id:
        message = evolve(message, key=outbox.fresh_key(message.key))
    outbox.set_contents(connection, draft.row_id, message)
    entry_id = transcript.add_outbound(connection, message, session_id, now)
    connection.execute(
        "UPDATE outbox SET state = 'pending', attempts = 0, ambiguous = ?, entry_id = ? WHERE id = ?",
        (not draft.message_id, entry_id, draft.row_id),
    )
