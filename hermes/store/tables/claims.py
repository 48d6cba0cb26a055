"""How a turn comes to whoever works on it: a new one, or one that an earlier claim left unfinished.

Rules:

1. Attempts are raised, and the token minted, in the transaction of the claim, before any work. The third claim
   without an end gives the turn up; so does an interruption of more than ``Burial.stale_after`` seconds. The chat
   is told once, with a reference.
2. Time that a turn waited for a person is no interruption: it counts from the last deadline of an open question.
3. A turn that is given up leaves a transcript that a model can read: each call has a result, and the notice stands
   as the reply.
4. One turn of a session runs at a time. While one runs under another key, a claim finds nothing; only when that
   one's owner is gone and it is stale is it given up, so that a dead program does not hold a living chat for ever.
5. ``claim_id`` names one call, however often it is repeated: a repetition raises nothing and gives the same lease.
"""

import sqlite3
from collections.abc import Callable

from attrs import evolve, frozen

from hermes.events import InboundKind, Outbound, OutboundKind
from hermes.messages import Message, Role, Usage
from hermes.store.compose import age
from hermes.store.engine.codec import INBOX_COLUMNS, LEASE_COLUMNS, columns, inbox_row, lease, marks
from hermes.store.rows import Burial, InboxRow, Lease, Turn
from hermes.store.tables import asks, drafts, inbox, messages, sessions
from hermes.store.tables.leases import next_token

Compose = Callable[[tuple[InboxRow, ...], float], Message]
"""The user message of a turn from its rows and the time; pure."""

IsFree = Callable[[str], bool]
"""Whether nobody holds the lock of an owner. Blocking."""

MAX_CLAIMS = 2
"""A turn that ended neither of two claims is not claimed again: twice may be chance, and each try may cost a crash."""

MAX_ROWS = 100
"""Parts of one utterance that become one turn; what is beyond becomes the next."""

INTERRUPTED = "[interrupted: outcome unknown]"
"""The result of a call that nobody knows to have ended."""

_MAKE_TURNS = (InboundKind.MESSAGE, InboundKind.EDIT, InboundKind.EVENT)


@frozen
class Claimant:
    """Who claims, and what the claim needs beside the store."""

    owner: str
    claim_id: str
    compose: Compose
    is_free: IsFree


@frozen
class _Running:
    lease: Lease
    attempts: int
    claimed_by: str
    owner: str
    message_count: int
    begun_at: float
    touched_at: float


_RUNNING = f"""
    SELECT {columns(LEASE_COLUMNS)}, attempts, claimed_by, owner, message_count, begun_at, touched_at
    FROM turns WHERE state = 'running' AND
"""


def claim(
    connection: sqlite3.Connection, session_key: str, claimant: Claimant, burial: Burial, now: float
) -> Turn | None:
    gave_up = False
    while (running := _find(connection, "session_key = ? ORDER BY begun_at", session_key)) is not None:
        if running.claimed_by == claimant.claim_id:
            # What the first of the repeated claims did besides is not known any more.
            return evolve(_load(connection, running.lease, running.attempts, running.begun_at), gave_up=True)
        if not _give_up(connection, running, burial, now):
            return evolve(_take_over(connection, running, claimant, now), gave_up=gave_up)
        gave_up = True
    turn = _begin(connection, session_key, claimant, burial, now)
    return evolve(turn, gave_up=True) if turn is not None and gave_up else turn


def _find(connection: sqlite3.Connection, condition: str, value: str) -> _Running | None:
    row = connection.execute(f"{_RUNNING} {condition} LIMIT 1", (value,)).fetchone()
    return _Running(lease(row[:4]), *row[4:]) if row else None


def _take_over(connection: sqlite3.Connection, running: _Running, claimant: Claimant, now: float) -> Turn:
    held = running.lease
    token = next_token(connection)
    connection.execute(
        "UPDATE turns SET token = ?, attempts = attempts + 1, owner = ?, claimed_by = ?, touched_at = ? WHERE id = ?",
        (token, claimant.owner, claimant.claim_id, now, held.turn_id),
    )
    renewed = Lease(held.turn_id, held.session_id, held.session_key, token)
    return _load(connection, renewed, running.attempts + 1, running.begun_at)


def _load(connection: sqlite3.Connection, held: Lease, attempts: int, begun_at: float) -> Turn:
    calls = connection.execute("SELECT call_id FROM calls WHERE turn_id = ?", (held.turn_id,))
    return Turn(
        held,
        _rows(connection, held.turn_id, attempts),
        messages.of_turn(connection, held.turn_id),
        frozenset(row[0] for row in calls),
        asks.of_turn(connection, held.turn_id),
        attempts,
        begun_at,
    )


def _rows(connection: sqlite3.Connection, turn_id: str, attempts: int) -> tuple[InboxRow, ...]:
    rows = connection.execute(
        f"SELECT {columns(INBOX_COLUMNS)} FROM inbox WHERE turn_id = ? AND state = 'taken' ORDER BY id", (turn_id,)
    )
    return tuple(inbox_row(row, attempts) for row in rows)


def _begin(
    connection: sqlite3.Connection, session_key: str, claimant: Claimant, burial: Burial, now: float
) -> Turn | None:
    rows = _next_rows(connection, session_key, now)
    if not rows:
        return None
    session_id = sessions.current_id(connection, session_key)
    other = None if session_id is None else _find(connection, "session_id = ?", session_id)
    if other is not None and not _leave_behind(connection, other, claimant, burial, now):
        return None
    source = rows[0].event.source
    if session_id is None:
        session_id = sessions.create(connection, session_key, source, claimant.claim_id, now)
    held = Lease(claimant.claim_id, session_id, session_key, next_token(connection))
    connection.execute(
        "INSERT INTO turns (id, session_id, session_key, platform, account, owner, token, attempts, claimed_by,"
        " message_count, begun_at, touched_at) VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, 1, ?, ?)",
        (
            held.turn_id, session_id, session_key, source.platform, source.account, claimant.owner, held.token,
            claimant.claim_id, now, now,
        ),
    )  # fmt: skip
    inbox.take(connection, (row.id for row in rows), session_id, held.turn_id, joined_by="")
    message = claimant.compose(rows, now)
    messages.add(connection, session_id, held.turn_id, 0, (message,), Usage(), now)
    return Turn(held, rows, (message,), frozenset(), (), 1, now, gave_up=other is not None)


def _next_rows(connection: sqlite3.Connection, session_key: str, now: float) -> tuple[InboxRow, ...]:
    """The oldest pending row, if it makes a turn, with the others of its utterance; their attempts count this claim.

    Nothing while further parts of it may come.
    """
    select = f"SELECT {columns(INBOX_COLUMNS)} FROM inbox WHERE session_key = ? AND state = 'pending'"
    row = connection.execute(f"{select} ORDER BY id LIMIT 1", (session_key,)).fetchone()
    if row is None:
        return ()
    first = inbox_row(row, attempts=1)
    if first.event.kind not in _MAKE_TURNS:
        return ()
    if not first.event.utterance:
        return (first,)
    rows = connection.execute(
        f"{select} AND utterance = ? AND kind IN ({marks(len(_MAKE_TURNS))}) ORDER BY id LIMIT ?",
        (session_key, first.event.utterance, *(kind.value for kind in _MAKE_TURNS), MAX_ROWS),
    )
    found = tuple(inbox_row(row, attempts=1) for row in rows)
    return () if _may_grow(found[-1], now) else found


def _may_grow(newest: InboxRow, now: float) -> bool:
    """Whether a further part may come. A clock that was set back keeps nobody waiting."""
    return 0.0 <= now - newest.received_at < newest.event.more_within


def _leave_behind(
    connection: sqlite3.Connection, other: _Running, claimant: Claimant, burial: Burial, now: float
) -> bool:
    """Give up a turn of the session that runs under another key; False where its owner may go on with it."""
    stale = now - _last_sign(connection, other) > burial.stale_after
    return stale and claimant.is_free(other.owner) and _give_up(connection, other, burial, now)


def _last_sign(connection: sqlite3.Connection, running: _Running) -> float:
    return max(running.touched_at, asks.latest_deadline(connection, running.lease.turn_id))


def _give_up(connection: sqlite3.Connection, running: _Running, burial: Burial, now: float) -> bool:
    """End a turn that cannot go on; False when it can."""
    waited = now - _last_sign(connection, running)
    if running.attempts >= MAX_CLAIMS:
        reason, said = f"claimed {running.attempts + 1} times without an end", burial.poison
    elif waited > burial.stale_after:
        reason, said = f"interrupted {age(waited)} ago", burial.stale
    else:
        return False
    reference = running.lease.turn_id[:8]
    text = said.replace("{reference}", reference).replace("{age}", age(now - running.touched_at))
    _bury(connection, running, text, reason, now)
    return True


def _bury(connection: sqlite3.Connection, running: _Running, text: str, reason: str, now: float) -> None:
    turn_id, session_id = running.lease.turn_id, running.lease.session_id
    rows = _rows(connection, turn_id, running.attempts)
    asks.withdraw(connection, turn_id, now)
    connection.execute("DELETE FROM calls WHERE turn_id = ?", (turn_id,))
    inbox.end(connection, turn_id, "dead", reason, now)
    last = (*_missing_results(messages.of_turn(connection, turn_id)), Message(Role.ASSISTANT, text))
    messages.add(connection, session_id, turn_id, running.message_count, last, Usage(), now)
    connection.execute(
        "UPDATE turns SET state = 'dead', reason = ?, token = ?, message_count = message_count + ?, ended_at = ?"
        " WHERE id = ?",
        (reason, next_token(connection), len(last), now, turn_id),
    )
    if rows:
        drafts.put_notice(connection, turn_id, _notice(running.lease, rows, text), session_id, now)


def _missing_results(found: tuple[Message, ...]) -> tuple[Message, ...]:
    answered = {each.tool_call_id for each in found if each.role is Role.TOOL}
    return tuple(
        Message(Role.TOOL, INTERRUPTED, tool_call_id=call.id, tool_name=call.name)
        for each in found
        for call in each.tool_calls
        if call.id not in answered
    )


def _notice(held: Lease, rows: tuple[InboxRow, ...], text: str) -> Outbound:
    first = rows[0].event
    return Outbound(
        f"{held.turn_id}:dead",
        first.source,
        held.session_key,
        OutboundKind.NOTICE,
        text,
        reply_to=first.message_id,
        answers=tuple(row.event.event_id for row in rows),
        turn_id=held.turn_id,
    )
