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
    TooMany,
)

KEY = "sésame"


@pytest.fixture
def keeper() -> Gatekeeper:
    return Gatekeeper(KEY, "page")


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key.encode().decode('latin-1')}"}


def with_cookie(value: str) -> dict[str, str]:
    return {"cookie": f"other=a=b; page={value}; odd[]=1"}


async def test_without_a_key_everybody_is_admitted() -> None:
    assert Gatekeeper(None, "page").admits({}, "here") == Admitted()


async def test_nothing_shown_is_denied(keeper: Gatekeeper) -> None:
    assert keeper.admits({}, "here") == Denied()
    assert keeper.admits({"authorization": f"Basic {KEY}"}, "here") == Denied()


async def test_the_key_admits_as_a_bearer_token_and_as_a_login(keeper: Gatekeeper) -> None:
    assert keeper.admits(bearer(KEY), "here") == Admitted()
    assert keeper.login(KEY, "here") == Admitted()


@pytest.mark.parametrize("key", ["", "sesame", KEY + "x", KEY[:-1], "\ud800"])
async def test_another_key_does_not(keeper: Gatekeeper, key: str) -> None:
    assert keeper.login(key, "here") == Denied()


async def test_a_cookie_admits_after_a_restart_but_not_under_another_key(keeper: Gatekeeper) -> None:
    cookie = keeper.cookie()
    assert Gatekeeper(KEY, "page").admits(with_cookie(cookie), "here") == Admitted()
    assert Gatekeeper("another", "page").admits(with_cookie(cookie), "here") == Denied()
    assert Gatekeeper(KEY, "page_2").admits(with_cookie(cookie), "here") == Denied()


async def test_a_cookie_ends_and_its_end_cannot_be_moved(keeper: Gatekeeper, monkeypatch: pytest.MonkeyPatch) -> None:
    cookie = keeper.cookie()
    expires, _, mac = cookie.partition(".")
    later = time.time() + COOKIE_AGE + 1
    assert keeper.admits(with_cookie(f"{int(expires) + 9}.{mac}"), "here") == Denied()
    monkeypatch.setattr(time, "time", lambda: later)
    assert keeper.admits(with_cookie(cookie), "here") == Denied()


@pytest.mark.parametrize("value", ["", ".", "1", "x.y", "9" * 5000 + ".00", "\u0663.0", "-1.0"])
async def test_a_forged_cookie_is_denied(keeper: Gatekeeper, value: str) -> None:
    assert keeper.admits(with_cookie(value), "here") == Denied()


async def test_after_some_wrong_keys_even_the_right_one_waits_a_minute(
    keeper: Gatekeeper, autojump_clock: trio.testing.MockClock
) -> None:
    for _ in range(ATTEMPTS):
        assert keeper.login("wrong", "here") == Denied()
    verdict = keeper.admits(bearer(KEY), "here")
    assert isinstance(verdict, TooMany)
    assert verdict.retry_after == ATTEMPT_WINDOW
    assert keeper.admits(with_cookie(keeper.cookie()), "here") == Admitted()
    await trio.sleep(ATTEMPT_WINDOW)
    assert keeper.admits(bearer(KEY), "here") == Admitted()


async def test_a_wait_is_counted_from_the_oldest_of_the_last_guesses(
    keeper: Gatekeeper, autojump_clock: trio.testing.MockClock
) -> None:
    for _ in range(ATTEMPTS):
        keeper.login("wrong", "here")
        await trio.sleep(10)
    assert keeper.login(KEY, "here") == TooMany(retry_after=ATTEMPT_WINDOW - 10 * ATTEMPTS)
    await trio.sleep(ATTEMPT_WINDOW - 10 * ATTEMPTS)
    assert keeper.login("wrong", "here") == Denied()
    assert isinstance(keeper.login(KEY, "here"), TooMany)


async def test_one_who_guesses_does_not_lock_out_another_address(keeper: Gatekeeper) -> None:
    for _ in range(ATTEMPTS + 1):
        keeper.login("wrong", "there")
    assert keeper.login(KEY, "here") == Admitted()


async def test_guesses_from_everywhere_are_bounded_and_forgotten(
    keeper: Gatekeeper, autojump_clock: trio.testing.MockClock
) -> None:
    verdicts = [keeper.login("wrong", f"address-{number}") for number in range(ADDRESSES + 50)]
    assert verdicts.count(Denied()) == ADDRESSES
    await trio.sleep(ATTEMPT_WINDOW)
    assert keeper.login(KEY, "new") == Admitted()
