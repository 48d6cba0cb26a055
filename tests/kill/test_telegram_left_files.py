"""The end of a process while it fetches a file that somebody sent: the next one fetches it, and the agent has both
together."""

import signal
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing

import pytest
import trio

from tests.adapters.telegram.faults import Call, Server, hang, refusing
from tests.adapters.telegram.http import Connection
from tests.kill.bot import FIRST_USER, Bot, bot
from tests.kill.process import Gateway
from tests.kill.test_telegram_webhook import hooked

pytestmark = pytest.mark.kill

# Seconds for one scenario, restarts included, on a machine that is busy with other tests.
WITHIN = 120.0

# Beyond the wait for a file, so that its turn would begin at once.
DOWN_FOR = 3600.0

Ways = Callable[[Gateway], AbstractAsyncContextManager[Bot]]


@asynccontextmanager
async def fetching(gateway: Gateway, way: Ways = bot, photos: int = 1, working: int = 0) -> AsyncIterator[Bot]:
    """A gateway whose downloads hang, but for the first ``working``; Telegram was told that it has the messages, and
    hands them over no more."""
    with trio.fail_after(WITHIN):
        async with way(gateway) as chat:
            api = chat.api
            api.fail("getFile", *[works] * working)
            api.always["getFile"] = hang
            await gateway.start()
            for number in range(photos):
                send(chat, number, album=photos > 1)
            await api.until(lambda: len(api.of("getFile")) == photos and not api.pending)
            yield chat


async def works(api: Server, connection: Connection, call: Call) -> None:
    await api.answer(connection, api.carried_out(call))


def send(chat: Bot, number: int = 0, *, album: bool = False) -> None:
    """A person sends a photo, with words below the first."""
    api, file_id = chat.api, f"p{number}"
    api.files[file_id] = b"picture"
    photo = [{"file_id": file_id, "file_unique_id": f"u{number}", "width": 1, "height": 1}]
    more = {"caption": "say seen"} if number == 0 else {}
    more |= {"media_group_id": "7"} if album else {}
    api.push(message=api.message(None, FIRST_USER, FIRST_USER, photo=photo, **more))


async def ended(gateway: Gateway, how: signal.Signals) -> None:
    gateway.process.send_signal(how)
    await gateway.wait()


async def answered(gateway: Gateway, chat: Bot, times: int = 1) -> None:
    """The gateway starts again, the download works, and all that comes of it has come."""
    chat.api.always.pop("getFile", None)
    await gateway.start()
    await chat.api.until(lambda: len(chat.api.said(FIRST_USER)) >= times)
    assert await gateway.stop() == 0


def asked(gateway: Gateway) -> list[str]:
    """What the person said, as the model was given it, by turn."""
    with closing(sqlite3.connect(gateway.home / "state.db")) as connection:
        query = "SELECT content FROM messages WHERE role = 'user' ORDER BY id"
        return [content for (content,) in connection.execute(query)]


def kept(gateway: Gateway, number: int = 0) -> str:
    path = gateway.home / "cache" / "images" / f"u{number}.jpg"
    assert path.read_bytes() == b"picture"
    return f"[The photo is kept as {path}]"


def is_true(gateway: Gateway, query: str) -> bool:
    """Whether the store has such a row."""
    with closing(sqlite3.connect(gateway.home / "state.db")) as connection:
        return connection.execute(query).fetchone() is not None


def age(gateway: Gateway) -> None:
    """The message came ``DOWN_FOR`` earlier."""
    with closing(sqlite3.connect(gateway.home / "state.db", isolation_level=None)) as connection:
        connection.execute("UPDATE inbox SET received_at = received_at - ?", (DOWN_FOR,))


@pytest.mark.parametrize("way", [bot, hooked], ids=["polled", "webhook"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda how: how.name)
async def test_a_file_is_told_with_its_message_whatever_ended_the_process(
    gateway: Gateway, way: Ways, how: signal.Signals
) -> None:
    async with fetching(gateway, way) as chat:
        await ended(gateway, how)
        await answered(gateway, chat)
    assert asked(gateway) == [f"[a photo]\nsay seen\n\n{kept(gateway)}"]
    assert len(chat.api.said(FIRST_USER)) == 1


@pytest.mark.parametrize("way", [bot, hooked], ids=["polled", "webhook"])
async def test_its_turn_waits_for_it_after_a_long_time_without_a_gateway_too(gateway: Gateway, way: Ways) -> None:
    async with fetching(gateway, way) as chat:
        await ended(gateway, signal.SIGKILL)
        age(gateway)
        await answered(gateway, chat)
    assert asked(gateway) == [f"[a photo]\nsay seen\n\n{kept(gateway)}"]
    assert len(chat.api.said(FIRST_USER)) == 1


async def test_an_album_of_which_one_file_was_there_is_one_message(gateway: Gateway) -> None:
    async with fetching(gateway, photos=2, working=1) as chat:
        while not is_true(gateway, "SELECT 1 FROM inbox WHERE event_id LIKE '%:file'"):
            await trio.sleep(0.02)
        await ended(gateway, signal.SIGKILL)
        age(gateway)
        await answered(gateway, chat)
    (only,) = asked(gateway)
    assert sorted(only.split("\n\n")) == sorted(["[a photo]\nsay seen", "[a photo]", kept(gateway), kept(gateway, 1)])
    assert len(chat.api.said(FIRST_USER)) == 1


async def test_a_file_whose_message_was_answered_without_it_is_told_by_a_message_of_its_own(gateway: Gateway) -> None:
    """As it would have been, had the process not ended."""
    async with fetching(gateway) as chat:
        age(gateway)
        # A kill before that would have it sent again, with a mark.
        while not is_true(gateway, "SELECT 1 FROM outbox WHERE state = 'sent'"):
            await trio.sleep(0.02)
        await ended(gateway, signal.SIGKILL)
        await answered(gateway, chat, times=2)
    assert asked(gateway) == ["[a photo]\nsay seen", kept(gateway)]
    assert len(chat.api.said(FIRST_USER)) == 2


@pytest.mark.parametrize("point", ["inbox.before_accept@2", "inbox.after_accept@1", "inbox.after_accept@2"])
async def test_a_kill_around_the_message_or_its_part_loses_and_doubles_nothing(gateway: Gateway, point: str) -> None:
    name, _, hit = point.partition("@")
    with trio.fail_after(WITHIN):
        async with bot(gateway) as chat:
            await gateway.start(f"{name}=kill@{hit}", wait=False)
            send(chat)
            assert await gateway.wait() == -signal.SIGKILL, f"{name} was not reached:\n{gateway.output()}"
            age(gateway)
            await answered(gateway, chat)
    assert asked(gateway) == [f"[a photo]\nsay seen\n\n{kept(gateway)}"]
    assert len(chat.api.said(FIRST_USER)) == 1


async def test_a_file_that_cannot_be_had_any_more_is_said_so(gateway: Gateway) -> None:
    async with fetching(gateway) as chat:
        await ended(gateway, signal.SIGKILL)
        chat.api.fail("getFile", refusing(400, "Bad Request: wrong file_id"))
        await answered(gateway, chat)
    assert asked(gateway) == ["[a photo]\nsay seen\n\n[The photo could not be fetched]"]
    assert len(chat.api.said(FIRST_USER)) == 1
