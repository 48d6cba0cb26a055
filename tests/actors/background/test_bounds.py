"""What bounds background processes, and what becomes of a start or an end in the middle of something else."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve

from actors.background import actor
from actors.background import process as module
from hermes.agent.ports import BackgroundCommand
from hermes.errors import Refused, StoreFull, Unavailable
from hermes.messages import Message, Role, ToolCall, Usage
from hermes.models.contract import Completed, ModelPiece, ModelRequest
from hermes.process import ProcessHost, SpawnError
from hermes.store.store import SqliteStore
from tests.actors.background.talk import call, start, talking, told
from tests.actors.house import WITHIN, house
from tests.actors.scripted import ScriptedModel


async def test_the_number_of_processes_is_bounded_and_an_ended_one_makes_room(tmp_path: Path) -> None:
    async with talking(tmp_path) as gateway:
        running = [await start(gateway, f"1{number}", "sleep 1000") for number in range(8)]
        start_one = call("terminal", command="true", background=True)
        await gateway.chat.say("2", start_one)
        assert "8 background processes run already" in await gateway.chat.answer("2")
        await gateway.chat.say("3", start_one, "other")
        assert "Started in the background" in await gateway.chat.answer("3")
        await gateway.chat.say("4", call("process", action="kill", session_id=running[0][0]))
        await gateway.chat.answer("4")
        await gateway.chat.say("5", start_one)
        assert "Started in the background" in await gateway.chat.answer("5")


async def test_the_number_of_all_processes_is_bounded_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actor, "MOST_RUNNING", 2)
    monkeypatch.setattr(actor, "MOST_ENDED", 1)
    async with talking(tmp_path) as gateway:
        for number in range(2):
            await start(gateway, f"1{number}", "sleep 1000", chat=str(number))
        start_one = call("terminal", command="true", background=True)
        await gateway.chat.say("2", start_one, "other")
        assert "2 background processes run already, of all conversations" in await gateway.chat.answer("2")
        for number in range(2):
            port = gateway.tree.base.backgrounds.of(f"session:{number}", gateway.chat.event("0", "").source)
            await port.end(port.listed()[0].id)
        await start(gateway, "3", "true", chat="other")
        port = gateway.tree.base.backgrounds.of("session:0", gateway.chat.event("0", "").source)
        assert port.listed() == ()


async def test_input_that_is_not_taken_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WRITE_SECONDS", 0.2)
    async with talking(tmp_path) as gateway:
        await start(gateway, "1", "sleep 1000")
        port = gateway.tree.base.backgrounds.of("session:c", gateway.chat.event("0", "").source)
        (view,) = port.listed()
        with pytest.raises(Refused, match="does not read its input"):
            await port.write(view.id, b"x" * 1_000_000)
        await port.close_input(view.id)
        await port.close_input(view.id)
        with pytest.raises(Refused, match="has closed its input"):
            await port.write(view.id, b"x")


async def test_a_start_that_fails_leaves_no_record_and_is_told(tmp_path: Path) -> None:
    async with talking(tmp_path) as gateway:
        port = gateway.tree.base.backgrounds.of("session:c", gateway.chat.event("0", "").source)
        command = BackgroundCommand((str(tmp_path / "none"),), "none", tmp_path, {})
        with pytest.raises(SpawnError, match="cannot start"):
            await port.start(command)
        assert port.listed() == ()
        assert await gateway.tree.base.store.left_background("gateway") == ()


async def test_an_end_that_the_store_cannot_take_is_told_when_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_STORE_PAUSE", 0.01)
    refused: list[object] = []
    original = SqliteStore.end_background

    async def full_at_first(self: SqliteStore, *arguments: Any) -> None:
        if len(refused) < 3:
            refused.append(arguments)
            raise StoreFull("the disk is full")
        await original(self, *arguments)

    monkeypatch.setattr(SqliteStore, "end_background", full_at_first)
    async with talking(tmp_path) as gateway:
        await start(gateway, "1", "true", notify_on_complete=True)
        await gateway.chat.until(told("exit code 0"))
        assert len(refused) == 3


async def test_a_program_that_ends_before_it_could_tell_tells_at_its_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = trio.Event()

    async def hang(*_: object) -> None:
        reached.set()
        await trio.sleep_forever()

    with monkeypatch.context() as patch:
        patch.setattr(SqliteStore, "end_background", hang)
        async with talking(tmp_path) as gateway:
            process, _ = await start(gateway, "1", "true", notify_on_complete=True)
            with trio.fail_after(WITHIN):
                await reached.wait()
    async with talking(tmp_path) as gateway:
        await gateway.chat.until(told(process))


async def test_a_start_that_is_cancelled_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with talking(tmp_path) as gateway:
        reached = trio.Event()

        async def hang(*_: object, **__: object) -> None:
            reached.set()
            await trio.sleep_forever()

        monkeypatch.setattr(ProcessHost, "start", hang)
        port = gateway.tree.base.backgrounds.of("session:c", gateway.chat.event("0", "").source)
        with trio.fail_after(WITHIN):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(port.start, BackgroundCommand(("true",), "true", tmp_path, {}))
                await reached.wait()
                assert len(await gateway.tree.base.store.left_background("gateway")) == 1
                nursery.cancel_scope.cancel()
        assert await gateway.tree.base.store.left_background("gateway") == ()
        assert port.listed() == ()


async def test_a_start_while_the_actor_ends_is_refused_for_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with talking(tmp_path) as gateway:
        reached = trio.Event()

        async def hang(*_: object, **__: object) -> None:
            reached.set()
            await trio.sleep_forever()

        monkeypatch.setattr(ProcessHost, "start", hang)
        port = gateway.tree.base.backgrounds.of("session:c", gateway.chat.event("0", "").source)
        refused = trio.Event()

        async def start() -> None:
            with pytest.raises(Unavailable):
                await port.start(BackgroundCommand(("true",), "true", tmp_path, {}))
            refused.set()

        with trio.fail_after(WITHIN):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(start)
                await reached.wait()
                gateway.tree.root.restart_child("background", "to see what it does to a start")
                await refused.wait()


async def test_a_flood_slows_its_process_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_READ_RATE", 2_000_000)
    monkeypatch.setattr(module, "_DRAIN_SECONDS", WITHIN)
    async with talking(tmp_path) as gateway:
        begun = trio.current_time()
        await start(gateway, "1", "head -c 1000000 /dev/zero")
        port = gateway.tree.base.backgrounds.of("session:c", gateway.chat.event("0", "").source)
        view = await port.wait(port.listed()[0].id, WITHIN)
        assert (view.ending, view.total_bytes) == ("exit code 0", 1_000_000)
        # At least: a busy machine only makes it longer.
        assert trio.current_time() - begun >= 0.5


async def test_a_model_that_starts_one_process_after_another_by_itself_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actor, "MOST_UNATTENDED", 3)
    again = ToolCall("again", "terminal", '{"command": "true", "background": true, "notify_on_complete": true}')
    began = 0

    async def for_ever(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
        nonlocal began
        last = request.messages[-1]
        if last.role is Role.USER:
            began += 1
            calls = (evolve(again, id=f"again{began}"),)
            yield Completed(Message(Role.ASSISTANT, "", tool_calls=calls), Usage())
        else:
            yield Completed(Message(Role.ASSISTANT, f"heard: {last.content}"), Usage())

    async with house(tmp_path, model=ScriptedModel(for_ever), every_command=False) as gateway:
        await gateway.chat.say("1", "go")
        await gateway.chat.until(lambda message: "3 background processes in a row" in message.text)
        assert began == 5
        await gateway.chat.say("2", "go on")
        assert "Started in the background" in await gateway.chat.answer("2")
