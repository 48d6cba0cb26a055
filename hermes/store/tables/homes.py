"""Home channels that were chosen in a chat: one row an account, written with the end of the command that chose it."""

import sqlite3
from collections.abc import Sequence

from hermes.events import Outbound
from hermes.home_channel import HomeChannel
from hermes.store.engine.codec import HOME_COLUMNS, clean, columns, home_channel, home_values, marks
from hermes.store.tables import inbox


def choose(
    connection: sqlite3.Connection, row_id: int, home: HomeChannel, messages: Sequence[Outbound], now: float
) -> None:
    if not inbox.is_pending(connection, row_id):
        return
    connection.execute(
        f"INSERT OR REPLACE INTO home_channels (set_at, {columns(HOME_COLUMNS)})"
        f" VALUES ({marks(1 + len(HOME_COLUMNS))})",
        (now, *home_values(home)),
    )
    inbox.settle(connection, row_id, tuple(messages), now)


def forget(connection: sqlite3.Connection, row_id: int, messages: Sequence[Outbound], now: float) -> None:
    if not inbox.is_pending(connection, row_id):
        return
    connection.execute(
        "DELETE FROM home_channels WHERE (platform, account) = (SELECT platform, account FROM inbox WHERE id = ?)",
        (row_id,),
    )
    inbox.settle(connection, row_id, tuple(messages), now)


def chosen(connection: sqlite3.Connection, platform: str, account: str) -> HomeChannel | None:
    row = connection.execute(
        f"SELECT {columns(HOME_COLUMNS)} FROM home_channels WHERE platform = ? AND account = ?",
        (clean(platform), clean(account)),
    ).fetchone()
    return home_channel(row) if row else None
