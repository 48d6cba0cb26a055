"""The home channel: who may choose it, what outlives a restart, and what is told there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import trio
from attrs import define, evolve

from actors import requests as module
from actors.conversation.services import HomeRules, Platform
from actors.homes import Homes
from actors.lifecycle import Lifecycle
from actors.requests import Requests
from actors.tree import Attached
from hermes.errors import HermesError, Refused, TransientError
from hermes.events import Inbound, InboundKind, Outbound, Source
from hermes.home_channel import HomeChannel
from tests.actors.house import WITHIN, Chat, House, house

HOME = HomeChannel(Source("roomy", "bot", "100"), "session:100", "Ada's")


@define(eq=False)
class Roomy(Chat):
    """A platform that has a home channel, and chats that take nothing any more."""

    name: str = "roomy"
    gone: frozenset[str] = frozenset()

    async def send(self, message: Outbound, *, marked: bool = False) -> Any:
        if message.source.chat_id in self.gone:
            raise Refused("chat not found")
        return await super().send(message, marked=marked)


@asynccontextmanager
async def living(
    folder: Path, *, configured: HomeChannel | None = None, owner: bool = True
) -> AsyncIterator[tuple[House, Roomy]]:
    chat = Roomy()
    rules = HomeRules(lambda source: source.user_id == "owner", configured)
    platform = Platform("roomy", owner=owner, message_length=2000, every_command=False, home=rules)
    async with house(folder, neighbours=[Attached(chat, platform)]) as made:
        yield made, chat


async def home_of(made: House, chat: Chat) -> HomeChannel | None:
    return await made.tree.base.homes.of(chat.name, chat.account)


async def test_a_chosen_home_outlives_a_restart_and_counts_more_than_the_configured_one(tmp_path: Path) -> None:
    async with living(tmp_path, configured=HOME) as (made, chat):
        assert await home_of(made, chat) == HOME
        await chat.say("1", "/sethome the\nkitchen", chat="7")
        assert "is the home channel now" in await chat.answer("1")
    async with living(tmp_path, configured=HOME) as (made, chat):
        found = await home_of(made, chat)
        assert found == HomeChannel(Source("roomy", "bot", "7", user_id="owner"), "session:7", "the kitchen", True)
        await chat.say("2", "/sethome OFF", chat="8")
        assert "configured" in await chat.answer("2")
        assert await home_of(made, chat) == HOME


async def test_a_home_that_is_neither_chosen_nor_configured_is_none(tmp_path: Path) -> None:
    async with living(tmp_path) as (made, chat):
        assert await home_of(made, chat) is None
        await chat.say("1", "/sethome")
        await chat.answer("1")
        assert await home_of(made, chat) is not None
        await chat.say("2", "/sethome off")
        assert await chat.answer("2") == "There is no home channel any more."
        assert await home_of(made, chat) is None
        assert await made.tree.base.homes.all() == ()


async def test_who_is_not_named_chooses_nothing_and_takes_nothing_back(tmp_path: Path) -> None:
    async with living(tmp_path, configured=HOME) as (made, chat):
        for number, word in enumerate(("/sethome", "/sethome off")):
            event = chat.event(f"e{number}", word, "7")
            assert chat._host is not None
            await chat._host.accept(evolve(event, source=evolve(event.source, user_id="stranger")))
            assert "Only somebody" in await chat.answer(f"e{number}")
        assert await home_of(made, chat) == HOME


async def test_a_platform_without_one_says_so(tmp_path: Path) -> None:
    async with living(tmp_path) as (made, _):
        await made.chat.say("1", "/sethome")
        assert await made.chat.answer("1") == "This platform has no home channel."
        assert await home_of(made, made.chat) is None


async def test_the_status_tells_it(tmp_path: Path) -> None:
    async with living(tmp_path, configured=HOME) as (made, _):
        base, tree = made.tree.base, made.tree
        requests = Requests(lambda: tree.root, base.store, base.homes, Lifecycle(), 0)
        (told,) = cast(Any, await requests.handle({"do": "status"}))["homes"]
    assert (told["source"]["chat_id"], told["name"], told["chosen"]) == ("100", "Ada's", False)


@define
class Broken:
    """A store of home channels that fails, or says nothing."""

    error: HermesError | None

    async def chosen_home(self, platform: str, account: str) -> HomeChannel | None:
        if self.error is None:
            await trio.sleep_forever()
        assert self.error is not None
        raise self.error


@pytest.mark.parametrize("error", [TransientError("the disk is busy"), None])
async def test_the_status_does_not_wait_for_homes_that_cannot_be_read(
    tmp_path: Path, error: HermesError | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HOMES_WITHIN", 0.05)
    homes = Homes(cast(Any, Broken(error)), {("roomy", "bot"): HOME})
    async with living(tmp_path) as (made, _):
        requests = Requests(lambda: made.tree.root, made.tree.base.store, homes, Lifecycle(), 0)
        with trio.fail_after(WITHIN):
            told = await requests.handle({"do": "status"})
    assert (told["homes"], told["problem"]) == ([], "")


def background_word(chat: Chat, chat_id: str, text: str) -> Inbound:
    event = chat.event("background:p1:ended", f"say {text}", chat_id)
    return evolve(event, kind=InboundKind.EVENT)


async def _ended_in_a_chat_that_is_gone(made: House, chat: Roomy, text: str) -> None:
    """A process has ended, and its conversation has something to say where nobody can hear it."""
    chat.gone = frozenset({"9"})
    await made.tree.base.store.accept(background_word(chat, "9", text), 0.0)
    await chat.say("wake", "say hello", chat="9")


async def test_the_word_of_a_process_whose_chat_is_gone_is_told_at_home(tmp_path: Path) -> None:
    async with living(tmp_path, configured=HOME) as (made, chat):
        await _ended_in_a_chat_that_is_gone(made, chat, "it is done")
        told = await chat.until(lambda message: "it is done" in message.text)
    assert (told.source, told.session_key) == (HOME.source, "session:100")
    assert told.text.startswith("The chat of a background process takes nothing any more (chat not found).")
    # What a person was answered there is nobody's business at home.
    assert [message.source.chat_id for message in chat.seen] == ["100"]


async def test_a_long_word_is_told_whole(tmp_path: Path) -> None:
    async with living(tmp_path, configured=HOME) as (made, chat):
        await _ended_in_a_chat_that_is_gone(made, chat, "x" * 1990)
        await chat.until(lambda message: message.part == 1)
    assert sum(message.text.count("x") for message in chat.seen) >= 1990
    assert len({message.key for message in chat.seen}) == 2


async def _refused(made: House, count: int) -> None:
    store = made.tree.base.store
    with trio.fail_after(WITHIN):
        while (await store.counts()).outbox_failed < count:
            await trio.sleep(0.02)
    assert (await store.counts()).outbox_pending == 0


async def test_a_word_goes_home_once(tmp_path: Path) -> None:
    async with living(tmp_path, configured=HOME) as (made, chat):
        await _ended_in_a_chat_that_is_gone(made, chat, "it is done")
        chat.gone = frozenset({"9", "100"})
        await _refused(made, 3)
    assert chat.seen == []


async def test_a_word_goes_home_only_where_the_owner_alone_writes(tmp_path: Path) -> None:
    async with living(tmp_path, configured=HOME, owner=False) as (made, chat):
        await _ended_in_a_chat_that_is_gone(made, chat, "it is done")
        await _refused(made, 2)
    assert chat.seen == []


async def test_a_store_that_fails_is_told_to_whoever_asks() -> None:
    homes = Homes(cast(Any, Broken(TransientError("the disk is busy"))), {("roomy", "bot"): HOME})
    with pytest.raises(HermesError):
        await homes.of("roomy", "bot")
    assert await homes.of("page", "local") is None
