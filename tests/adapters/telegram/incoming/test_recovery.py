"""The platform's inbound child through bad times, by the clock: how soon it is back, and how soon deafness shows."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

import pytest
import trio
from attrs import define, field
from trio.testing import MockClock

from actors.platform.connection import Gate, Proof, Surroundings
from actors.platform.inbound import inbound
from actors.platform.supervised import RECONNECT
from actors.runtime import ChildSpec, What
from adapters.contract import Ambiguous
from adapters.telegram.adapter import DEAF_AFTER, TelegramAdapter, create
from adapters.telegram.calls import FIRST_POLL_WITHIN, POLL_FOR, POLL_WITHIN, Calls
from adapters.telegram.failures import PollConflict
from adapters.telegram.incoming.access import Me
from adapters.telegram.settings import TelegramSettings
from hermes.errors import AuthError, RateLimited, TransientError
from hermes.events import Inbound
from hermes.redact import Redactor
from hermes.status import State
from tests.actors.runtime.stage import Stage, acting, supervisor
from tests.adapters.telegram.methods import TOKEN
from tests.contract.telegram import CACHE

# Seconds after the service's return within which updates have to flow again.
BACK_WITHIN = 30.0

# Seconds within which a deaf poll has to show.
SHOWN_WITHIN = 90.0

Trouble = Callable[[float], Any]


@define(eq=False)
class Line:
    """In place of ``Calls``: a server that is well, or in some trouble."""

    bot: object
    trouble: Exception | None = None
    """What each poll fails with."""
    silent: bool = False
    """Nothing is answered: a poll fails when its deadline has passed."""
    deaf: bool = False
    """Nothing is answered, and not even the deadline works."""
    answered: list[float] = field(factory=list[float])

    async def me(self) -> Me:
        await self._reach(FIRST_POLL_WITHIN)
        return Me(110201543, "hermes_bot")

    async def updates(self, offset: int | None, kinds: Sequence[str], *, wait: bool) -> list[object]:
        await self._reach(POLL_WITHIN if wait else FIRST_POLL_WITHIN)
        await trio.sleep(POLL_FOR if wait else 0.05)
        await self._reach(5.0)
        self.answered.append(trio.current_time())
        return []

    async def set_commands(self, commands: object) -> None: ...

    async def renew(self) -> None: ...

    async def _reach(self, within: float) -> None:
        await trio.sleep(0.05)
        if self.deaf:
            await trio.sleep_forever()
        if self.silent:
            await trio.sleep(within)
            raise Ambiguous("the server did not answer in time")
        if self.trouble is not None:
            raise self.trouble


class NothingWaits:
    """A store in which nothing is unfinished."""

    async def await_files(self, platform: str, account: str, within: float, now: float) -> tuple[Inbound, ...]:
        return ()

    async def unfinished(self, platform: str, account: str) -> tuple[str, ...]:
        return ()


@asynccontextmanager
async def polling() -> AsyncIterator[tuple[Stage, Line]]:
    adapter = create(TelegramSettings(TOKEN, "110201543"), CACHE)
    line = Line(adapter._calls.bot)
    adapter._calls = cast(Calls, line)
    around = Surroundings(
        cast(Any, NothingWaits()), cast(Any, None), Gate(), cast(Any, None), Redactor(), cast(Any, None)
    )
    child = partial(inbound, adapter=adapter, around=around, proof=Proof())
    spec = ChildSpec("inbound", child, liveness=adapter.limits.deaf_after, backoff=RECONNECT)
    async with acting(supervisor(spec)) as stage:
        yield stage, line


TROUBLES = [
    TransientError("Telegram cannot be reached: no route to host"),
    Ambiguous("Telegram: the server failed (502)"),
    PollConflict("another program", webhook=False),
    RateLimited("slowly", retry_after=3.0),
]


@pytest.mark.parametrize("error", TROUBLES)
@pytest.mark.parametrize("lasting", [300.0, 307.3, 3600.0])
async def test_it_polls_again_soon_after_the_trouble_is_over(
    error: Exception, lasting: float, autojump_clock: MockClock
) -> None:
    async with polling() as (stage, line):
        await trio.sleep(60)
        assert stage.status("inbound").healthy
        line.trouble = error
        await trio.sleep(lasting)
        assert not stage.status("inbound").healthy
        line.trouble = None
        back = trio.current_time()
        await trio.sleep(BACK_WITHIN)
        assert [at for at in line.answered if at >= back]
        assert stage.status("inbound").healthy


@pytest.mark.parametrize("offset", [0.0, 3.0, 9.0, 14.0, 23.0])
async def test_a_black_hole_of_five_minutes_ends_within_its_bound(offset: float, autojump_clock: MockClock) -> None:
    async with polling() as (stage, line):
        await trio.sleep(60 + offset)
        line.silent = True
        await trio.sleep(SHOWN_WITHIN)
        assert not stage.status("inbound").healthy
        await trio.sleep(300 - SHOWN_WITHIN)
        line.silent = False
        back = trio.current_time()
        await trio.sleep(BACK_WITHIN)
        assert [at for at in line.answered if at >= back]


async def test_a_poll_that_never_returns_is_noticed_and_cut_off(autojump_clock: MockClock) -> None:
    async with polling() as (stage, line):
        await trio.sleep(60)
        line.deaf = True
        await trio.sleep(SHOWN_WITHIN)
        assert [report for report in stage.told(What.RESTARTING) if "deaf" in report.reason]
        assert stage.status("inbound").state is not State.RUNNING
        line.deaf = False
        await trio.sleep(DEAF_AFTER + BACK_WITHIN)
        assert stage.status("inbound").healthy


async def test_a_revoked_token_waits_for_a_person(autojump_clock: MockClock) -> None:
    async with polling() as (stage, line):
        await trio.sleep(60)
        line.trouble = AuthError("Telegram does not know TELEGRAM_BOT_TOKEN")
        await trio.sleep(3600)
        status = stage.status("inbound")
        assert status.state is State.FAILED
        assert status.failure is not None
        assert "TELEGRAM_BOT_TOKEN" in status.failure.error
        assert status.restarts == 0


def test_the_bounds_fit_together() -> None:
    assert POLL_WITHIN + RECONNECT.cap <= BACK_WITHIN
    assert DEAF_AFTER > 2 * POLL_WITHIN
    assert TelegramAdapter.limits is not None
