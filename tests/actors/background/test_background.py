"""Background processes in a whole tree: who sees them, how they end, and that nobody is left in silence about it."""

import json
import os
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve

from actors.background import actor
from actors.background import process as module
from actors.processes import LentHost
from hermes.agent.ports import BackgroundCommand
from hermes.config.schema import BusyInput, Display
from hermes.errors import Refused, StoreFull, Unavailable
from hermes.events import InboundKind, Outbound
from hermes.messages import Message, Role, ToolCall, Usage
from hermes.models.contract import Completed, ModelPiece, ModelRequest, TextDelta
from hermes.process import ProcessHost, SpawnError
from hermes.store.store import SqliteStore
from tests.actors.house import WITHIN, House, house, settings
from tests.actors.scripted import ScriptedModel


async def _script(request: ModelRequest) -> AsyncGenerator[ModelPiece]:
    """Makes the calls that a message spells (``name {arguments}``, a line each), and says what came of them."""
    last = request.messages[-1]
    if last.role is Role.USER and last.content.startswith("slowly"):
        for number in range(1_000):
            yield TextDelta(f"{number} ")
            await trio.sleep(0.02)
    if last.role is Role.USER and last.content.startswith(("terminal ", "process ", "clarify ")):
        lines = [line.partition(" ") for line in last.content.split("\n")]
        calls = tuple(ToolCall(f"c{len(request.messages)}{n}", name, rest) for n, (name, _, rest) in enumerate(lines))
        yield Completed(Message(Role.ASSISTANT, "", tool_calls=calls), Usage())
    else:
        yield Completed(Message(Role.ASSISTANT, f"heard: {last.content}"), Usage())


def _call(tool: str, **arguments: object) -> str:
    return f"{tool} {json.dumps(arguments)}"


def _started(answer: str) -> tuple[str, int]:
    """Id and pid, from the answer to a start."""
    words = answer.replace(",", " ").replace(";", " ").split()
    return words[words.index("session_id") + 1], int(words[words.index("pid") + 1])


async def _gone(pid: int) -> None:
    with trio.fail_after(WITHIN):
        while Path(f"/proc/{pid}").exists():
            await trio.sleep(0.02)


def _told(text: str) -> Callable[[Outbound], bool]:
    """The model was told of a process, in these words."""
    return lambda message: message.text.startswith("heard: [Background") and text in message.text


async def _start(gateway: House, event_id: str, command: str, chat: str = "c", **more: object) -> tuple[str, int]:
    call = _call("terminal", command=command, background=True, **more)
    await gateway.chat.say(event_id, call, chat)
    return _started(await gateway.chat.answer(event_id))


def _house(folder: Path, mode: BusyInput = BusyInput.INTERRUPT) -> AbstractAsyncContextManager[House]:
    busy = settings(display=Display(busy_input_mode=mode))
    return house(folder, model=ScriptedModel(_script), every_command=False, settings=busy)


async def test_a_conversation_is_told_of_the_end_that_it_asked_for(tmp_path: Path) -> None:
    async with _house(tmp_path) as gateway:
        go = tmp_path / "go"
        os.mkfifo(go)
        process, _ = await _start(gateway, "1", f"cat {go}; exit 3", notify_on_complete=True)
        await trio.to_thread.run_sync(go.write_bytes, b"the last words\n")
        told = await gateway.chat.until(_told("exit code 3"))
        assert f"Background process {process} (cat {go}; exit 3)" in told.text
        assert "the last words" in told.text
        assert told.source.chat_id == "c"


async def test_without_being_asked_for_nobody_is_told_and_the_end_is_seen_by_looking(tmp_path: Path) -> None:
    async with _house(tmp_path) as gateway:
        process, _ = await _start(gateway, "1", "echo out; exit 3")
        await gateway.chat.say("2", _call("process", action="wait", session_id=process))
        assert "[exit code 3;" in await gateway.chat.answer("2")
        await gateway.chat.say("3", _call("process", action="log", session_id=process))
        assert await gateway.chat.answer("3") == "heard: out\n[lines 1-1 of 1]"
        assert await gateway.tree.base.store.left_background("gateway") == ()
        assert not any(message.text.startswith("heard: [Background") for message in gateway.chat.seen)


async def test_who_waits_for_an_end_or_brings_it_about_is_not_told_again(tmp_path: Path) -> None:
    async with _house(tmp_path) as gateway:
        waited, _ = await _start(gateway, "1", "sleep 0.3", notify_on_complete=True)
        await gateway.chat.say("2", _call("process", action="wait", session_id=waited))
        assert "exit code 0" in await gateway.chat.answer("2")
        killed, pid = await _start(gateway, "3", "sleep 1000", notify_on_complete=True)
        await gateway.chat.say("4", _call("process", action="kill", session_id=killed))
        assert "[signal 15;" in await gateway.chat.answer("4")
        await _gone(pid)
        while await gateway.tree.base.store.left_background("gateway"):
            await trio.sleep(0.01)
        await gateway.chat.say("5", "anything")
        await gateway.chat.answer("5")
        assert not any(message.text.startswith("heard: [Background") for message in gateway.chat.seen)


async def test_what_is_printed_is_told_once_a_pattern(tmp_path: Path) -> None:
    async with _house(tmp_path) as gateway:
        command = "echo server is ready; echo server is ready; sleep 1000"
        process, _ = await _start(gateway, "1", command, watch_patterns=["ready", "never"])
        told = await gateway.chat.until(_told("printed what was waited for:]\nserver is ready"))
        assert process in told.text
        await gateway.chat.say("2", "anything")
        await gateway.chat.answer("2")
        assert sum(message.text.startswith("heard: [Background") for message in gateway.chat.seen) == 1


async def test_a_restart_tells_of_every_process_that_it_ended_in_one_turn(tmp_path: Path) -> None:
    async with _house(tmp_path) as gateway:
        first, pid = await _start(gateway, "1", "sleep 1000", notify_on_complete=True)
        second, _ = await _start(gateway, "2", "sleep 1001")
        elsewhere, _ = await _start(gateway, "3", "sleep 1002", chat="other")
    await _gone(pid)
    async with _house(tmp_path) as gateway:
        told = await gateway.chat.until(_told(first))
        assert told.source.chat_id == "c"
        assert second in told.text
        assert elsewhere not in told.text
        assert "was ended when the agent was stopped or restarted" in told.text
        assert (await gateway.chat.until(_told(elsewhere))).source.chat_id == "other"
        assert await gateway.tree.base.store.left_background("gateway") == ()
        await gateway.chat.say("4", _call("process", action="list"))
        assert await gateway.chat.answer("4") == "heard: There are no background processes."


async def test_a_crash_of_their_actor_ends_them_and_tells(tmp_path: Path) -> None:
    async with _house(tmp_path) as gateway:
        process, pid = await _start(gateway, "1", "sleep 1000")
        gateway.tree.root.restart_child("background", "to see what it leaves")
        await _gone(pid)
        with trio.fail_after(WITHIN):
            while await gateway.tree.base.store.left_background("gateway"):
                await trio.sleep(0.01)
        # The next look at the inbox finds it; without one the sweep of the platform does.
        await gateway.chat.say("2", _call("process", action="poll", session_id=process))
        await gateway.chat.until(_told(process))
        assert "ended with the part of the agent that held it" in await gateway.chat.answer("2")
        await _start(gateway, "3", "true")


async def test_a_crash_of_the_host_of_processes_is_an_end_like_any_other(tmp_path: Path) -> None:
    async with _house(tmp_path) as gateway:
        process, pid = await _start(gateway, "1", "sleep 1000", notify_on_complete=True)
        assert isinstance(gateway.tree.base.processes, LentHost)
        host = await gateway.tree.base.processes.present()
        assert host.pid is not None
        os.kill(host.pid, signal.SIGKILL)
        assert process in (await gateway.chat.until(_told("unknown outcome"))).text
        await _gone(pid)
        await _start(gateway, "2", "true")


async def test_a_conversation_sees_only_its_own(tmp_path: Path) -> None:
    async with _house(tmp_path) as gateway:
        process, _ = await _start(gateway, "1", "sleep 1000")
        await gateway.chat.say("2", _call("process", action="list"), "other")
        assert await gateway.chat.answer("2") == "heard: There are no background processes."
        for number, action in enumerate(("poll", "log", "wait", "kill", "write", "submit", "close")):
            call = _call("process", action=action, session_id=process, data="x")
            await gateway.chat.say(f"3{number}", call, "other")
            assert f"there is no background process '{process}'; known: none" in await gateway.chat.answer(f"3{number}")
        await gateway.chat.say("4", _call("process", action="list"))
        assert f"{process} [running;" in await gateway.chat.answer("4")


async def test_an_event_interrupts_no_turn_and_answers_no_question(tmp_path: Path) -> None:
    async with _house(tmp_path) as gateway:
        go = tmp_path / "go"
        os.mkfifo(go)
        await _start(gateway, "1", f"cat {go}", notify_on_complete=True)
        await gateway.chat.say("2", _call("clarify", question="which?"))
        await gateway.chat.question()
        await trio.to_thread.run_sync(go.write_bytes, b"x")
        with trio.fail_after(WITHIN):
            while await gateway.tree.base.store.left_background("gateway"):
                await trio.sleep(0.01)
        await gateway.chat.say("3", "this one")
        assert "The user answered: this one" in await gateway.chat.answer("2")
        await gateway.chat.until(_told("exit code 0"))


async def test_a_process_can_be_talked_to(tmp_path: Path) -> None:
    async with _house(tmp_path) as gateway:
        process, _ = await _start(gateway, "1", 'read a; echo "got $a"; cat; echo end')
        calls = [
            _call("process", action="submit", session_id=process, data="one"),
            _call("process", action="write", session_id=process, data="two"),
            _call("process", action="close", session_id=process),
            _call("process", action="wait", session_id=process),
        ]
        for number, call in enumerate(calls):
            await gateway.chat.say(f"2{number}", call)
            await gateway.chat.answer(f"2{number}")
        assert (await gateway.chat.answer("23")).endswith("got one\ntwoend")
        await gateway.chat.say("3", _call("process", action="submit", session_id=process, data="x"))
        assert f"{process} has ended: exit code 0" in await gateway.chat.answer("3")


async def test_a_process_on_a_terminal_sees_one(tmp_path: Path) -> None:
    async with _house(tmp_path) as gateway:
        process, _ = await _start(gateway, "1", "test -t 0 && test -t 1 && echo is a terminal; cat", pty=True)
        await gateway.chat.say("2", _call("process", action="close", session_id=process))
        await gateway.chat.answer("2")
        await gateway.chat.say("3", _call("process", action="wait", session_id=process))
        answer = await gateway.chat.answer("3")
        assert "is a terminal" in answer
        assert "exit code 0" in answer


async def test_the_number_of_processes_is_bounded_and_an_ended_one_makes_room(tmp_path: Path) -> None:
    async with _house(tmp_path) as gateway:
        started = [await _start(gateway, f"1{number}", "sleep 1000") for number in range(8)]
        call = _call("terminal", command="true", background=True)
        await gateway.chat.say("2", call)
        assert "8 background processes run already" in await gateway.chat.answer("2")
        await gateway.chat.say("3", call, "other")
        assert "Started in the background" in await gateway.chat.answer("3")
        await gateway.chat.say("4", _call("process", action="kill", session_id=started[0][0]))
        await gateway.chat.answer("4")
        await gateway.chat.say("5", call)
        assert "Started in the background" in await gateway.chat.answer("5")


async def test_the_number_of_all_processes_is_bounded_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actor, "MOST_RUNNING", 2)
    monkeypatch.setattr(actor, "MOST_ENDED", 1)
    async with _house(tmp_path) as gateway:
        for number in range(2):
            await _start(gateway, f"1{number}", "sleep 1000", chat=str(number))
        call = _call("terminal", command="true", background=True)
        await gateway.chat.say("2", call, "other")
        assert "2 background processes run already, of all conversations" in await gateway.chat.answer("2")
        for number in range(2):
            port = gateway.tree.base.backgrounds.of(f"session:{number}", gateway.chat.event("0", "").source)
            await port.end(port.listed()[0].id)
        await _start(gateway, "3", "true", chat="other")
        port = gateway.tree.base.backgrounds.of("session:0", gateway.chat.event("0", "").source)
        assert port.listed() == ()


async def test_input_that_is_not_taken_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WRITE_SECONDS", 0.2)
    async with _house(tmp_path) as gateway:
        await _start(gateway, "1", "sleep 1000")
        port = gateway.tree.base.backgrounds.of("session:c", gateway.chat.event("0", "").source)
        (view,) = port.listed()
        with pytest.raises(Refused, match="does not read its input"):
            await port.write(view.id, b"x" * 1_000_000)
        await port.close_input(view.id)
        await port.close_input(view.id)
        with pytest.raises(Refused, match="has closed its input"):
            await port.write(view.id, b"x")


async def test_a_start_that_fails_leaves_no_record_and_is_told(tmp_path: Path) -> None:
    async with _house(tmp_path) as gateway:
        port = gateway.tree.base.backgrounds.of("session:c", gateway.chat.event("0", "").source)
        command = BackgroundCommand((str(tmp_path / "none"),), "none", tmp_path, {})
        with pytest.raises(SpawnError, match="cannot start"):
            await port.start(command)
        assert port.listed() == ()
        assert await gateway.tree.base.store.left_background("gateway") == ()


async def test_an_event_is_a_message_of_nobody_that_may_be_taken_back(tmp_path: Path) -> None:
    async with _house(tmp_path) as gateway:
        await _start(gateway, "1", "true", notify_on_complete=True)
        await gateway.chat.until(_told("exit code 0"))
        await gateway.chat.say("2", "/undo", kind=InboundKind.COMMAND)
        assert (await gateway.chat.answer("2")).startswith("Forgotten: [Background process")


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
    async with _house(tmp_path) as gateway:
        await _start(gateway, "1", "true", notify_on_complete=True)
        await gateway.chat.until(_told("exit code 0"))
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
        async with _house(tmp_path) as gateway:
            process, _ = await _start(gateway, "1", "true", notify_on_complete=True)
            with trio.fail_after(WITHIN):
                await reached.wait()
    async with _house(tmp_path) as gateway:
        await gateway.chat.until(_told(process))


async def test_a_start_that_is_cancelled_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with _house(tmp_path) as gateway:
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
    async with _house(tmp_path) as gateway:
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
    async with _house(tmp_path) as gateway:
        begun = trio.current_time()
        await _start(gateway, "1", "head -c 1000000 /dev/zero")
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
