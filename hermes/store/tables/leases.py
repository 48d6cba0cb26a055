"""Fencing tokens: one counter for the whole store, raised at each claim and checked by each write.

A holder with an old token gets ``LeaseLost`` and has written nothing. No clock takes part.
"""

import sqlite3

from hermes.errors import LeaseLost
from hermes.store.rows import DeliveryLease, Lease


def next_token(connection: sqlite3.Connection) -> int:
    row = connection.execute(
        "INSERT INTO counters VALUES ('token', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value"
    ).fetchone()
    return int(row[0])


def check_turn(connection: sqlite3.Connection, lease: Lease) -> int:
    """How many messages the turn holds. Raises ``LeaseLost`` unless it runs under this very lease."""
    row = connection.execute("SELECT token, state, message_count FROM turns WHERE id = ?", (lease.turn_id,)).fetchone()
    if row is None or row[0] != lease.token or row[1] != "running":
        raise LeaseLost(f"turn {lease.turn_id} is not held under token {lease.token} any more")
    return int(row[2])


def release_turn(connection: sqlite3.Connection, lease: Lease) -> None:
    """A new token, so that whoever holds the old one has lost it, and the claim is as if it had not been."""
    connection.execute(
        "UPDATE turns SET attempts = attempts - 1, token = ? WHERE id = ? AND token = ? AND state = 'running'",
        (next_token(connection), lease.turn_id, lease.token),
    )


def release_claim(connection: sqlite3.Connection, claim_id: str) -> None:
    """As ``release_turn``, of whatever turn this claim got, if any; it is known by its name for one release only."""
    connection.execute(
        "UPDATE turns SET attempts = attempts - 1, token = ?, claimed_by = ''"
        " WHERE claimed_by = ? AND state = 'running'",
        (next_token(connection), claim_id),
    )


def touch(connection: sqlite3.Connection, turn_id: str, now: float) -> None:
    """The turn showed a sign of life, from which an interruption is counted."""
    connection.execute("UPDATE turns SET touched_at = ? WHERE id = ?", (now, turn_id))


def check_delivery(connection: sqlite3.Connection, lease: DeliveryLease) -> None:
    """Raises ``LeaseLost`` when the account's sending was taken over."""
    row = connection.execute(
        "SELECT token FROM deliveries WHERE platform = ? AND account = ?", (lease.platform, lease.account)
    ).fetchone()
    if row is None or row[0] != lease.token:
        raise LeaseLost(f"{lease.platform}:{lease.account} is sent for under a newer token than {lease.token}")
