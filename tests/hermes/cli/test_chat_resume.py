"""Which chat is meant, over a real store."""

import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio

from adapters.terminal.chats import session_key, source, typed
from hermes.cli import resume
from hermes.cli.resume import Chosen, choose, make_current
from hermes.errors import HermesError, Refused
from hermes.events import ChatType, Inbound, InboundKind, Source
from hermes.home import Home, find_home, make_home
from hermes.store.interface import Store
from hermes.store.rows import Burial
from hermes.store.tables.owners import terminal_owner

BURIAL = Burial("poison", "stale")


@pytest.fixture
def home() -> Home:
    found = find_home(os.environ)
    make_home(found)
    return found


def in_store(home: Home, work: Callable[[Store], Awaitable[None]]) -> None:
    async def run(store: Store) -> None:
        with trio.fail_after(20):
            await work(store)

    with resume._store(home) as store:
        trio.run(run, store)


def begin(home: Home, event: Inbound, now: float) -> str:
    """A session that begins with this message; its id."""
    found: list[str] = []

    async def work(store: Store) -> None:
        await store.accept(event, now)
        turn = await store.claim(event.session_key, "gateway", now, BURIAL)
        assert turn is not None
        found.append(turn.lease.session_id)

    in_store(home, work)
    return found[0]


def in_terminal(home: Home, account: str, now: float) -> str:
    return begin(home, typed(account, "hi", event_id=f"e-{account}-{now}", now=now), now)


def on_page(home: Home, now: float) -> str:
    where = Source("web", "local", "main", ChatType.DM, user_id="owner")
    return begin(home, Inbound("e1", where, "agent:main:web:dm:main", InboundKind.MESSAGE, "hi", now), now)


def leave_lock(home: Home, account: str, at: float) -> Path:
    """As a killed terminal leaves it."""
    path = home.run_dir / f"{terminal_owner(account)}.lock"
    path.write_text("")
    os.utime(path, (at, at))
    return path


def test_with_no_store_there_is_nothing_to_continue_and_none_is_made(home: Home) -> None:
    for name in (None, "x"):
        with pytest.raises(HermesError):
            choose(home, name)
    assert not home.state_db.exists()


def test_the_latest_is_the_newest_session_that_began_in_a_terminal(home: Home) -> None:
    in_terminal(home, "first", 1000.0)
    in_terminal(home, "second", 2000.0)
    on_page(home, 3000.0)
    assert choose(home, None) == Chosen("second")


def test_without_a_chat_in_a_terminal_there_is_no_latest(home: Home) -> None:
    on_page(home, 3000.0)
    with pytest.raises(HermesError, match="no chat to continue"):
        choose(home, None)


def test_the_latest_is_the_chat_that_a_crash_left_behind_unless_another_was_begun_later(home: Home) -> None:
    in_terminal(home, "old", 1000.0)
    in_terminal(home, "new", 2000.0)
    leave_lock(home, "old", 2500.0)
    assert choose(home, None) == Chosen("old")
    in_terminal(home, "newest", 3000.0)
    assert choose(home, None) == Chosen("newest")


def test_a_chat_that_crashed_before_its_session_was_made_is_found(home: Home) -> None:
    async def work(store: Store) -> None:
        await store.accept(typed("fresh", "hi", event_id="e1", now=1.0), 1.0)

    in_store(home, work)
    leave_lock(home, "fresh", time.time())
    leave_lock(home, "nothing-said", time.time() + 5)
    assert choose(home, None) == Chosen("fresh")
    assert choose(home, "fresh") == Chosen("fresh")


def test_a_lock_that_is_held_is_no_crash(home: Home) -> None:
    in_terminal(home, "open", 1000.0)
    in_terminal(home, "new", 2000.0)
    with resume.hold(home, "open"):
        assert choose(home, None) == Chosen("new")


def test_a_session_is_found_by_its_id_by_the_beginning_of_it_and_by_its_account(home: Home) -> None:
    session = in_terminal(home, "mine", 1_700_000_000.0)
    for name in (session, session[:-3], "mine"):
        assert choose(home, name) == Chosen("mine")


def test_the_beginning_of_two_ids_is_told(home: Home) -> None:
    in_terminal(home, "a", 1_700_000_000.0)
    in_terminal(home, "b", 1_700_000_001.0)
    with pytest.raises(HermesError, match="beginning of 2 sessions"):
        choose(home, "20231114")


@pytest.mark.parametrize("name", ["nothing", "../../etc/passwd", "", "a\nb"])
def test_an_unknown_name_is_told(home: Home, name: str) -> None:
    in_terminal(home, "mine", 1000.0)
    with pytest.raises(HermesError):
        choose(home, name or "zzz")


def test_a_session_of_the_page_goes_on_under_its_own_id(home: Home) -> None:
    session = on_page(home, 1000.0)
    chosen = choose(home, session)
    assert chosen == Chosen(session, session)
    make_current(home, chosen, 2000.0)
    assert choose(home, session) == Chosen(session), "the same terminal again, and nothing to be done"

    async def work(store: Store) -> None:
        current = await store.current(session_key(session))
        assert current is not None
        assert current.id == session
        shown = await store.transcript(session_key(session))
        assert [entry.text for entry in shown.entries] == ["hi"]

    in_store(home, work)


def test_an_older_session_of_a_terminal_becomes_its_current_one_again(home: Home) -> None:
    old = in_terminal(home, "mine", 1_700_000_000.0)

    async def renew(store: Store) -> None:
        turn = await store.claim(session_key("mine"), "gateway", 1_700_000_001.0, BURIAL)
        assert turn is not None
        await store.resume(session_key("mine"), other, 1_700_000_001.0)

    other = in_terminal(home, "other", 1_700_000_100.0)
    in_store(home, renew)
    assert choose(home, old) == Chosen("mine", old)
    make_current(home, choose(home, old), 1_700_000_200.0)
    assert choose(home, old) == Chosen("mine")


def test_what_vanished_meanwhile_is_told(home: Home) -> None:
    in_terminal(home, "mine", 1000.0)
    with pytest.raises(HermesError, match="there is no session gone"):
        make_current(home, Chosen("gone", "gone"), 1.0)


def test_a_terminal_that_is_open_elsewhere_is_one_clear_line(home: Home) -> None:
    with resume.hold(home, "mine") as owner:
        assert owner == terminal_owner("mine")
        line = rf"^session mine is open in another terminal \(pid {os.getpid()}\)$"
        with pytest.raises(Refused, match=line), resume.hold(home, "mine"):
            pass
    with resume.hold(home, "mine"):
        assert source("mine").account == "mine"
    assert not list(home.run_dir.iterdir())
