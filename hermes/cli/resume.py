"""Which chat `--resume` and `--continue` mean. Read before anything runs, so that the terminal knows whose account it
is.

Rules:

1. A terminal's account is found in the key of its session; a session of another platform is resumed under its own id.
   So each session has one account in terminals, and its lock keeps a second one out.
2. The latest chat is the one that a crashed terminal left behind, when none was begun after it; else the newest
   session that began in a terminal.
"""

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import trio
from attrs import frozen

from adapters.terminal.chats import PLATFORM, account_of, is_account, session_key
from hermes.errors import HermesError, Refused
from hermes.flock import is_free
from hermes.home import Home
from hermes.store.engine.database import Database
from hermes.store.engine.readers import Readers
from hermes.store.engine.writers import DirectCommit
from hermes.store.interface import Sessions, Store
from hermes.store.rows import SessionInfo
from hermes.store.store import SqliteStore
from hermes.store.tables import owners

# Sessions among which a name or the beginning of an id is looked for, the newest first.
LOOKED_THROUGH = 1000


@frozen
class Chosen:
    """The chat that was meant."""

    account: str
    session_id: str = ""
    """To be made the current session of the account; empty: it is already."""


def choose(home: Home, name: str | None) -> Chosen:
    """The chat that ``name`` names by id, by the beginning of one, or by title; None: the latest. Blocking.

    Raises ``HermesError`` when there is none.
    """
    if not home.state_db.exists():
        raise _none(name)
    with _store(home) as store:
        return trio.run(partial(_choose, store, home.run_dir, name))


def make_current(home: Home, chosen: Chosen, now: float) -> None:
    """Make the chosen session the account's. The account's lock is held. Blocking."""
    if chosen.session_id:
        with _store(home) as store:
            if not trio.run(store.resume, session_key(chosen.account), chosen.session_id, now):
                raise _none(chosen.session_id)


@contextmanager
def hold(home: Home, account: str) -> Generator[str]:
    """Hold the lock of a terminal inside the block; yields the owner id. Raises ``Refused`` when another holds it."""
    owner = owners.terminal_owner(account)
    try:
        lock = owners.hold(home.run_dir, owner, mode=home.file_mode)
        lock.__enter__()
    except owners.OwnerTaken as taken:
        who = f" (pid {taken.holder.pid})" if taken.holder else ""
        raise Refused(f"session {account} is open in another terminal{who}") from None
    try:
        yield owner
    finally:
        lock.__exit__(None, None, None)


@contextmanager
def _store(home: Home) -> Generator[Store]:
    database = Database.open(home.state_db, mode=home.file_mode)
    readers = Readers(home.state_db)
    try:
        yield SqliteStore(DirectCommit(database), readers, run_folder=home.run_dir)
    finally:
        readers.close()
        database.close()


async def _choose(store: Store, run_dir: Path, name: str | None) -> Chosen:
    if name is None:
        return await _latest(store, run_dir)
    known = await store.sessions(limit=LOOKED_THROUGH)
    if (session := _find(known, name)) is not None:
        return await _in_terminal(store, session)
    if is_account(name) and await _was_used(store, name):
        return Chosen(name)
    raise _none(name)


async def _latest(store: Store, run_dir: Path) -> Chosen:
    newest = await store.sessions(source=PLATFORM, limit=1)
    began = newest[0].started_at if newest else 0.0
    for account, left_at in _left_behind(run_dir):
        if left_at >= began and await _was_used(store, account):
            return Chosen(account)
    if not newest:
        raise _none(None)
    return await _in_terminal(store, newest[0])


async def _in_terminal(sessions: Sessions, session: SessionInfo) -> Chosen:
    account = account_of(session.session_key) or session.id
    current = await sessions.current(session_key(account))
    return Chosen(account, "" if current and current.id == session.id else session.id)


async def _was_used(store: Store, account: str) -> bool:
    if await store.current(session_key(account)) is not None:
        return True
    return bool(await store.unfinished(PLATFORM, account))


def _find(known: tuple[SessionInfo, ...], name: str) -> SessionInfo | None:
    """By id, by title, or by the beginning of an id that only one has."""
    exact = [session for session in known if name in {session.id, session.title}]
    if exact:
        return exact[0]
    begun = [session for session in known if session.id.startswith(name)]
    if len(begun) > 1:
        raise HermesError(f"{name} is the beginning of {len(begun)} sessions: {begun[0].id}, {begun[1].id}, ...")
    return begun[0] if begun else None


def _left_behind(run_dir: Path) -> list[tuple[str, float]]:
    """Accounts whose terminal ended without giving its lock back, and when it had begun; the newest first."""
    prefix = owners.terminal_owner("")
    found: list[tuple[str, float]] = []
    for path in run_dir.glob(f"{prefix}*.lock"):
        account = path.name.removeprefix(prefix).removesuffix(".lock")
        if is_account(account) and is_free(path):
            found.append((account, path.stat().st_mtime))
    return sorted(found, key=lambda each: each[1], reverse=True)


def _none(name: str | None) -> HermesError:
    return HermesError("there is no chat to continue yet" if name is None else f"there is no session {name}")
