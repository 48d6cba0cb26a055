"""The stream of updates: what it says of those that it cannot read."""

import logging

import pytest
import trio
import trio.testing
from attrs import evolve

from adapters.telegram.calls import Calls
from adapters.telegram.incoming.events import Reader
from adapters.telegram.incoming.files import Files
from adapters.telegram.incoming.intake import UNREADABLE_PAUSE, Intake
from adapters.telegram.incoming.polling import Polling
from adapters.telegram.incoming.presses import Presses
from adapters.telegram.outgoing.asides import Asides
from tests.adapters.fakehost import FakeHost
from tests.adapters.telegram.botapi import BotApi
from tests.adapters.telegram.incoming.test_events import ME
from tests.contract.telegram import CACHE, settings


def polling(nursery: trio.Nursery, host: FakeHost) -> Polling:
    """One that asks nobody."""
    bot = settings(evolve(BotApi(), port=1))
    calls = Calls.of(bot)
    asides = Asides(calls, nursery)
    reader, files = Reader(bot, calls.bot, ME), Files(calls, CACHE)
    return Polling(calls, Intake(reader, host, asides, Presses(host, asides), files), host)


def unreadable(number: int) -> dict[str, object]:
    return {"update_id": number, "message": {"text": "a secret text"}}


async def test_an_update_that_cannot_be_read_is_told_once_a_minute_without_its_contents(
    caplog: pytest.LogCaptureFixture, autojump_clock: trio.testing.MockClock
) -> None:
    host = FakeHost()
    with caplog.at_level(logging.WARNING):
        async with trio.open_nursery() as nursery:
            stream = polling(nursery, host)
            good = {"update_id": 4, "message": BotApi().message("hello")}
            assert await stream._take_in([unreadable(1), unreadable(2), unreadable(3), good]) is None
            await trio.sleep(UNREADABLE_PAUSE)
            assert await stream._take_in([unreadable(5)]) is None
    first, second = caplog.messages
    assert first.startswith("update 1 cannot be read and is passed over: KeyError at ")
    assert second.startswith("update 5 cannot be read and is passed over: KeyError at ")
    assert second.endswith("; 2 others since the last word of this kind")
    assert "secret" not in caplog.text
    assert [event.text for event in host.events] == ["hello"]
