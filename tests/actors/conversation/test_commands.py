"""Slash commands in a whole tree, where something stands in their way."""

from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import define

from adapters.contract import AdapterHost
from hermes.errors import ConfigError, StoreFull
from hermes.events import InboundKind
from hermes.store.store import SqliteStore
from tests.actors.house import Chat, house


async def test_what_a_platform_takes_for_a_command_and_nobody_knows_is_answered_by_the_list(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "/dance", kind=InboundKind.COMMAND)
        assert "You can type" in await gateway.chat.answer("1")


async def test_a_typed_denial_keeps_the_command_from_running(tmp_path: Path) -> None:
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", f"run echo made > {tmp_path}/made.txt")
        await gateway.chat.question()
        await gateway.chat.say("2", "/deny")
        assert "denied" in (await gateway.chat.answer("1")).lower()
    assert not (tmp_path / "made.txt").exists()


async def test_a_command_that_the_store_has_no_room_for_waits_for_it_and_is_no_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle, failures = SqliteStore.settle, [StoreFull("no space left")]

    async def full(self: SqliteStore, *arguments: Any) -> None:
        if failures:
            raise failures.pop()
        await settle(self, *arguments)

    monkeypatch.setattr(SqliteStore, "settle", full)
    async with house(tmp_path) as gateway:
        await gateway.chat.say("1", "/help")
        assert "You can type" in await gateway.chat.answer("1")
        assert len(gateway.chat.seen) == 1
        assert not gateway.children()["conversations/session:c"].failure.ours


@define(eq=False)
class Refusing(Chat):
    """A platform that a person has to set up first."""

    async def run(self, host: AdapterHost, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        raise ConfigError("no such key")


async def test_the_status_names_the_actors_that_are_not_well(tmp_path: Path) -> None:
    async with house(tmp_path, neighbours=(Refusing(name="other"),)) as gateway:
        await gateway.chat.say("1", "/status")
        assert "not well: gateway/platforms/other/inbound" in await gateway.chat.answer("1")
