"""The key: cookies that survive a restart, and guesses that do not pay."""

import time

import pytest
import trio

from adapters.web.login import (
    ADDRESSES,
    ATTEMPT_WINDOW,
    ATTEMPTS,
    COOKIE_AGE,
    Admitted,
    Denied,
    Gatekeeper,
    Stranger,
    TooMany,
)
from adapters.web.peer import Peer

KEY = "sésame"
HERE = Peer("here")


@pytest.fixture
def keeper() -> Gatekeeper:
    return Gatekeeper(KEY, "page")


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key.encode().decode('latin-1')}"}


def with_cookie(value: str) -> dict[str, str]:
    return {"cookie": f"other=a=b; page={value}; odd[]=1"}


async def test_without_a_key_it_counts_whose_program_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = Gatekeeper(None, "page")
    for ours, verdict in ((True, Admitted()), (False, Stranger())):
        monkeypatch.setattr(Peer, "is_ours", lambda _, ours=ours: ours)
        assert keeper.admits({}, HERE) == verdict
        assert keeper.admits(with_cookie(keeper.cookie()), HERE) == verdict
        assert keeper.admits_token(bearer(KEY), HERE) == verdict
        assert keeper.login(KEY, HERE) == verdict


async def test_nothing_shown_is_denied(keeper: Gatekeeper) -> None:
    assert keeper.admits({}, HERE) == Denied()
    assert keeper.admits({"authorization": f"Basic {KEY}"}, HERE) == Denied()


async def test_the_key_admits_as_a_bearer_token_and_as_a_login(keeper: Gatekeeper) -> None:
    assert keeper.admits(bearer(KEY), HERE) == Admitted()
    assert keeper.login(KEY, HERE) == Admitted()


@pytest.mark.parametrize("key", ["", "sesame", KEY + "x", KEY[:-1], "\ud800"])
async def test_another_key_does_not(keeper: Gatekeeper, key: str) -> None:
    assert keeper.login(key, HERE) == Denied()


async def test_a_cookie_admits_after_a_restart_but_not_under_another_key(keeper: Gatekeeper) -> None:
    cookie = keeper.cookie()
    assert Gatekeeper(KEY, "page").admits(with_cookie(cookie), HERE) == Admitted()
    assert Gatekeeper("another", "page").admits(with_cookie(cookie), HERE) == Denied()
    assert Gatekeeper(KEY, "page_2").admits(with_cookie(cookie), HERE) == Denied()


async def test_a_cookie_ends_and_its_end_cannot_be_moved(keeper: Gatekeeper, monkeypatch: pytest.MonkeyPatch) -> None:
    cookie = keeper.cookie()
    expires, _, mac = cookie.partition(".")
    later = time.time() + COOKIE_AGE + 1
    assert keeper.admits(with_cookie(f"{int(expires) + 9}.{mac}"), HERE) == Denied()
    monkeypatch.setattr(time, "time", lambda: later)
    assert keeper.admits(with_cookie(cookie), HERE) == Denied()


@pytest.mark.parametrize("value", ["", ".", "1", "x.y", "9" * 5000 + ".00", "\u0663.0", "-1.0"])
async def test_a_forged_cookie_is_denied(keeper: Gatekeeper, value: str) -> None:
    assert keeper.admits(with_cookie(value), HERE) == Denied()


async def test_after_some_wrong_keys_even_the_right_one_waits_a_minute(
    keeper: Gatekeeper, autojump_clock: trio.testing.MockClock
) -> None:
    for _ in range(ATTEMPTS):
        assert keeper.login("wrong", HERE) == Denied()
    verdict = keeper.admits(bearer(KEY), HERE)
    assert isinstance(verdict, TooMany)
    assert verdict.retry_after == ATTEMPT_WINDOW
    assert keeper.admits(with_cookie(keeper.cookie()), HERE) == Admitted()
    await trio.sleep(ATTEMPT_WINDOW)
    assert keeper.admits(bearer(KEY), HERE) == Admitted()


async def test_a_wait_is_counted_from_the_oldest_of_the_last_guesses(
    keeper: Gatekeeper, autojump_clock: trio.testing.MockClock
) -> None:
    for _ in range(ATTEMPTS):
        keeper.login("wrong", HERE)
        await trio.sleep(10)
    assert keeper.login(KEY, HERE) == TooMany(retry_after=ATTEMPT_WINDOW - 10 * ATTEMPTS)
    await trio.sleep(ATTEMPT_WINDOW - 10 * ATTEMPTS)
    assert keeper.login("wrong", HERE) == Denied()
    assert isinstance(keeper.login(KEY, HERE), TooMany)


async def test_one_who_guesses_does_not_lock_out_another_address(keeper: Gatekeeper) -> None:
    for _ in range(ATTEMPTS + 1):
        keeper.login("wrong", Peer("there"))
    assert keeper.login(KEY, HERE) == Admitted()


async def test_guesses_from_everywhere_are_bounded_and_forgotten(
    keeper: Gatekeeper, autojump_clock: trio.testing.MockClock
) -> None:
    verdicts = [keeper.login("wrong", Peer(f"address-{number}")) for number in range(ADDRESSES + 50)]
    assert verdicts.count(Denied()) == ADDRESSES
    await trio.sleep(ATTEMPT_WINDOW)
    assert keeper.login(KEY, Peer("new")) == Admitted()
