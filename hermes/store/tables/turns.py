"""What the holder of a lease writes while its turn runs, and the end of it.

Rules:

1. Each write checks the lease first, so a holder that lost it has written nothing.
2. A message is appended at a position that its writer names. A position that is taken already means a repeated
   write, which must be the same; a gap is a bug.
3. The end is one transaction: last messages, outbox rows, inbox rows done, questions withdrawn.
"""

import sqlite3

from hermes.events import Outbound
from hermes.messages import Message, Usage
from hermes.store.rows import Lease, TurnOutcome
from hermes.store.tables import asks, drafts, inbox, messages, transcript
from hermes.store.tables.leases import check_turn, touch


def join(connection: sqlite3.Connection, lease: Lease, row_id: int, message: Message, join_id: str, now: float) -> bool:
    """``join_id`` names one call: its repetition finds the row taken by itself, which is a success."""
    count = check_turn(connection, lease)
    row = connection.execute(
        "SELECT state, turn_id, joined_by, session_key FROM inbox WHERE id = ?", (row_id,)
    ).fetchone()
    if row is None or row[3] != lease.session_key:
        return False
    if row[0] != "pending":
        return bool(row[1] == lease.turn_id and row[2] == join_id)
    inbox.take(connection, (row_id,), lease.session_id, lease.turn_id, joined_by=join_id)
    _count(connection, lease, _add(connection, lease, count, count, (message,), Usage(), now), now)
    return True


def append(
    connection: sqlite3.Connection,
    lease: Lease,
    position: int,
    added: tuple[Message, ...],
    usage: Usage,
    now: float,
    redact: transcript.Redact = transcript.as_it_is,
) -> None:
    """``redact``: for the lines that show the calls."""
    count = _add(connection, lease, check_turn(connection, lease), position, added, usage, now, redact)
    _count(connection, lease, count, now)


def _add(
    connection: sqlite3.Connection,
    lease: Lease,
    count: int,
    position: int,
    added: tuple[Message, ...],
    usage: Usage,
    now: float,
    redact: transcript.Redact = transcript.as_it_is,
) -> int:
    """Append to a turn of ``count`` messages, unless they stand at ``position`` already; how many it has then."""
    if position != count:
        messages.check_repeated(connection, lease.turn_id, position, count, added)
        return count
    messages.add(connection, lease.session_id, lease.turn_id, position, added, usage, now)
    transcript.add_tools(connection, lease.session_key, lease.session_id, lease.turn_id, added, now, redact)
    messages.count_turn(connection, lease.turn_id, usage)
    return count + len(added)


def _count(connection: sqlite3.Connection, lease: Lease, count: int, now: float) -> None:
    connection.execute("UPDATE turns SET message_count = ?, touched_at = ? WHERE id = ?", (count, now, lease.turn_id))


def start_call(connection: sqlite3.Connection, lease: Lease, call_id: str, name: str, now: float) -> None:
    check_turn(connection, lease)
    connection.execute(
        "INSERT INTO calls VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", (lease.turn_id, call_id, name, now)
    )
    touch(connection, lease.turn_id, now)


def finish(
    connection: sqlite3.Connection,
    lease: Lease,
    position: int,
    added: tuple[Message, ...],
    outbox: tuple[Outbound, ...],
    outcome: TurnOutcome,
    usage: Usage,
    now: float,
) -> None:
    if _ended_before(connection, lease):
        return
    count = _add(connection, lease, check_turn(connection, lease), position, added, usage, now)
    asks.withdraw(connection, lease.turn_id, now)
    connection.execute("DELETE FROM calls WHERE turn_id = ?", (lease.turn_id,))
    drafts.put_ends(connection, lease.turn_id, outbox, lease.session_id, now)
    inbox.end(connection, lease.turn_id, "dead" if outcome is TurnOutcome.DEAD else "done", "", now)
    connection.execute(
        "UPDATE turns SET state = ?, message_count = ?, ended_at = ? WHERE id = ?",
        (outcome.value, count, now, lease.turn_id),
    )


def _ended_before(connection: sqlite3.Connection, lease: Lease) -> bool:
    """Whether this very lease ended the turn already, in an earlier run of the same write."""
    row = connection.execute(
        "SELECT 1 FROM turns WHERE id = ? AND token = ? AND state <> 'running'", (lease.turn_id, lease.token)
    ).fetchone()
    return row is not None
