"""What delivery does with the rows of the outbox.

Rules:

1. One holder sends for an account; each of its writes checks the token.
2. A chat's rows go out in the order of their ids. The first unsent row of a chat stands for it, so one that is
   deferred keeps back its own chat and no other; what may have arrived already goes before the rest. A clock that is
   set back keeps nothing waiting.
3. ``begin_send`` raises the attempts before the send. The third attempt without an end leaves the row ``dead``
   instead, the chat is told once, and /retry revives it.
4. A file that is refused for good becomes a text that says so, in its place: the chat keeps its order.
5. Every write may be repeated: a row that is where it should be is left there.
"""

import sqlite3

from attrs import evolve

from hermes.events import OutboundKind
from hermes.store.engine.codec import OUTBOX_COLUMNS, clean, columns, outbox_row
from hermes.store.refusal import Refusal
from hermes.store.rows import DeliveryLease, OutboxRow
from hermes.store.tables import outbox
from hermes.store.tables.leases import check_delivery, next_token

MAX_ATTEMPTS = 2
"""Sends that were begun and never ended: the process died in each. A third would make a crash loop of one message."""

MAX_DUE = 500
"""Rows that one read returns."""

_UNDELIVERED = (
    "A message for this chat may be missing: each attempt to send it ended in a crash (reference {reference})."
    " /retry sends it again."
)
_UNDELIVERED_KEY = ":undelivered"

# The first unsent row of each chat; the condition on the state is the partial index's.
_HEADS = """
    SELECT min(id) FROM outbox WHERE platform = ? AND account = ? AND state IN ('pending', 'sending')
    GROUP BY chat_id, thread_id
"""


def open_delivery(connection: sqlite3.Connection, platform: str, account: str, *, idempotent: bool) -> DeliveryLease:
    token = next_token(connection)
    connection.execute(
        "INSERT INTO deliveries VALUES (?, ?, ?) ON CONFLICT (platform, account) DO UPDATE SET token = excluded.token",
        (platform, account, token),
    )
    # An edit may be repeated on any platform.
    connection.execute(
        "UPDATE outbox SET state = 'pending', ambiguous = ambiguous OR (message_id = '' AND NOT ?)"
        " WHERE platform = ? AND account = ? AND state IN ('pending', 'sending') AND state = 'sending'",
        (idempotent, platform, account),
    )
    return DeliveryLease(platform, account, token)


def due(
    connection: sqlite3.Connection, lease: DeliveryLease, busy: frozenset[tuple[str, str]], limit: int, now: float
) -> tuple[OutboxRow, ...]:
    """Raises ``LeaseLost``."""
    check_delivery(connection, lease)
    wanted = max(0, min(limit, MAX_DUE))
    rows = connection.execute(
        f"SELECT {columns(OUTBOX_COLUMNS)} FROM outbox WHERE id IN ({_HEADS}) AND state = 'pending'"
        # A row that was deferred in the future: the clock was set back since.
        " AND (not_before <= ? OR deferred_at > ?) ORDER BY ambiguous DESC, id LIMIT ?",
        (lease.platform, lease.account, now, now, wanted + len(busy)),
    )
    found = (outbox_row(row) for row in rows)
    free = [row for row in found if (row.message.source.chat_id, row.message.source.thread_id) not in busy]
    return tuple(free[:wanted])


def next_due(connection: sqlite3.Connection, lease: DeliveryLease) -> float | None:
    """Raises ``LeaseLost``."""
    check_delivery(connection, lease)
    row = connection.execute(
        f"SELECT min(not_before) FROM outbox WHERE id IN ({_HEADS}) AND state = 'pending' AND not_before > 0",
        (lease.platform, lease.account),
    ).fetchone()
    return None if row[0] is None else float(row[0])


def begin_send(connection: sqlite3.Connection, lease: DeliveryLease, row_id: int, now: float) -> bool:
    check_delivery(connection, lease)
    row = connection.execute(
        "SELECT state, token, attempts FROM outbox WHERE id = ? AND platform = ? AND account = ?",
        (row_id, lease.platform, lease.account),
    ).fetchone()
    if row is None or row[0] != "pending":
        return row is not None and tuple(row[:2]) == ("sending", lease.token)
    if row[2] >= MAX_ATTEMPTS:
        _bury(connection, row_id, now)
        return False
    connection.execute(
        "UPDATE outbox SET state = 'sending', token = ?, attempts = attempts + 1 WHERE id = ?", (lease.token, row_id)
    )
    return True


def _bury(connection: sqlite3.Connection, row_id: int, now: float) -> None:
    """Give a row up, and say so in its chat, unless it is that very word which cannot be sent."""
    _end(connection, row_id, "dead", f"begun {MAX_ATTEMPTS} times without an end", now)
    values = connection.execute(f"SELECT {columns(OUTBOX_COLUMNS)} FROM outbox WHERE id = ?", (row_id,)).fetchone()
    lost = outbox_row(values).message
    if lost.key.endswith(_UNDELIVERED_KEY):
        return
    notice = evolve(
        lost,
        key=lost.key + _UNDELIVERED_KEY,
        kind=OutboundKind.NOTICE,
        text=_UNDELIVERED.replace("{reference}", str(row_id)),
        ask_id="",
        choices=(),
        part=0,
        file="",
        voice=False,
    )
    session = connection.execute(
        "SELECT entries.session_id FROM entries JOIN outbox ON outbox.entry_id = entries.id WHERE outbox.id = ?",
        (row_id,),
    ).fetchone()
    outbox.put(connection, notice, session[0] if session else "", now)


def sent(connection: sqlite3.Connection, lease: DeliveryLease, row_id: int, message_id: str, now: float) -> None:
    check_delivery(connection, lease)
    connection.execute(
        "UPDATE outbox SET state = 'sent', message_id = ?, ambiguous = 0, settled_at = ?"
        " WHERE id = ? AND state <> 'sent'",
        (clean(message_id), now, row_id),
    )


def defer(
    connection: sqlite3.Connection,
    lease: DeliveryLease,
    row_id: int,
    *,
    not_before: float,
    ambiguous: bool,
    reason: str,
    now: float,
) -> None:
    check_delivery(connection, lease)
    connection.execute(
        "UPDATE outbox SET state = 'pending', attempts = 0, not_before = ?, deferred_at = ?, reason = ?,"
        " ambiguous = ambiguous OR (? AND message_id = '') WHERE id = ? AND state IN ('pending', 'sending')",
        (not_before, now, clean(reason), ambiguous, row_id),
    )


def refuse(connection: sqlite3.Connection, lease: DeliveryLease, row_id: int, refusal: Refusal, now: float) -> None:
    check_delivery(connection, lease)
    if refusal.instead:
        _say_instead(connection, row_id, refusal)
        return
    _end(connection, row_id, "failed", refusal.reason, now)
    for message in refusal.elsewhere:
        outbox.put(connection, message, "", now)


def _say_instead(connection: sqlite3.Connection, row_id: int, refusal: Refusal) -> None:
    row = connection.execute(
        "UPDATE outbox SET state = 'pending', file = '', voice = 0, text = ?, ambiguous = 0, attempts = 0,"
        " not_before = 0, reason = ? WHERE id = ? AND file <> '' AND state IN ('pending', 'sending')"
        " RETURNING key, entry_id",
        (clean(refusal.instead), clean(refusal.reason), row_id),
    ).fetchone()
    if row is not None:
        _renew_key(connection, row_id, *row)
        connection.execute("UPDATE entries SET text = ? WHERE id = ?", (clean(refusal.instead), row[1]))


def _end(connection: sqlite3.Connection, row_id: int, state: str, reason: str, now: float) -> None:
    connection.execute(
        "UPDATE outbox SET state = ?, ambiguous = 0, reason = ?, settled_at = ?"
        " WHERE id = ? AND state IN ('pending', 'sending')",
        (state, clean(reason), now, row_id),
    )


def revive(connection: sqlite3.Connection, session_key: str) -> bool:
    """/retry: send the newest message that was given up once more; whether there was one. It may have arrived."""
    changed = connection.execute(
        "UPDATE outbox SET state = 'pending', attempts = 0, ambiguous = message_id = '', reason = '', settled_at = NULL"
        " WHERE id = (SELECT max(id) FROM outbox"
        " WHERE session_key = ? AND state IN ('failed', 'dead') AND state = 'dead')",
        (session_key,),
    ).rowcount
    return changed > 0


def resend_anew(connection: sqlite3.Connection, lease: DeliveryLease, row_id: int) -> None:
    check_delivery(connection, lease)
    row = connection.execute(
        "UPDATE outbox SET state = 'pending', message_id = '', ambiguous = 1, attempts = 0, not_before = 0"
        " WHERE id = ? AND message_id <> '' AND state IN ('pending', 'sending') RETURNING key, entry_id",
        (row_id,),
    ).fetchone()
    if row is not None:
        _renew_key(connection, row_id, *row)


def _renew_key(connection: sqlite3.Connection, row_id: int, key: str, entry_id: int) -> None:
    fresh = outbox.fresh_key(key)
    connection.execute("UPDATE outbox SET key = ? WHERE id = ?", (fresh, row_id))
    connection.execute("UPDATE entries SET key = ? WHERE id = ?", (fresh, entry_id))
