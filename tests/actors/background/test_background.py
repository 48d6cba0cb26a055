"""Background processes in a whole tree: who sees them, how they end, and that nobody is left in silence about it."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import trio

from actors.processes import LentHost
from hermes.events import Inbound, InboundKind
from hermes.store.background_interface import BackgroundRecord
from hermes.store.rows import Accepted
from hermes.store.store import SqliteStore
from tests.actors.background.talk import call, gone, start, talking, told
from tests.actors.house import WITHIN


async def test_a_conversation_is_told_of_the_end_that_it_asked_for(tmp_path: Path) -> None:
    async with talking(tmp_path) as gateway:
        go = tmp_path / "go"
        os.mkfifo(go)
        process, _ = await start(gateway, "1", f"cat {go}; exit 3", notify_on_complete=True)
        await trio.to_thread.run_sync(go.write_bytes, b"the last words\n")
        word = await gateway.chat.until(told("exit code 3"))
        assert f"Background process {process} (cat {go}; exit 3)" in word.text
        assert "the last words" in word.text
        assert word.source.chat_id == "c"


async def test_without_being_asked_for_nobody_is_told_and_the_end_is_seen_by_looking(tmp_path: Path) -> None:
    async with talking(tmp_path) as gateway:
        process, _ = await start(gateway, "1", "echo out; exit 3")
        await gateway.chat.say("2", call("process", action="wait", session_id=process))
        assert "[exit code 3;" in await gateway.chat.answer("2")
        await gateway.chat.say("3", call("process", action="log", session_id=process))
        assert await gateway.chat.answer("3") == "heard: out\n[lines 1-1 of 1]"
        assert await gateway.tree.base.store.left_background("gateway") == ()
        assert not any(message.text.startswith("heard: [Background") for message in gateway.chat.seen)


async def test_who_waits_for_an_end_or_brings_it_about_is_not_told_again(tmp_path: Path) -> None:
    async with talking(tmp_path) as gateway:
        waited, _ = await start(gateway, "1", "sleep 0.3", notify_on_complete=True)
        await gateway.chat.say("2", call("process", action="wait", session_id=waited))
        assert "exit code 0" in await gateway.chat.answer("2")
        killed, pid = await start(gateway, "3", "sleep 1000", notify_on_complete=True)
        await gateway.chat.say("4", call("process", action="kill", session_id=killed))
        assert "[signal 15;" in await gateway.chat.answer("4")
        await gone(pid)
        while await gateway.tree.base.store.left_background("gateway"):
            await trio.sleep(0.01)
        await gateway.chat.say("5", "anything")
        await gateway.chat.answer("5")
        assert not any(message.text.startswith("heard: [Background") for message in gateway.chat.seen)


async def test_what_is_printed_is_told_once_a_pattern(tmp_path: Path) -> None:
    async with talking(tmp_path) as gateway:
        command = "echo server is ready; echo server is ready; sleep 1000"
        process, _ = await start(gateway, "1", command, watch_patterns=["ready", "never"])
        word = await gateway.chat.until(told("printed what was waited for:]\nserver is ready"))
        assert process in word.text
        await gateway.chat.say("2", "anything")
        await gateway.chat.answer("2")
        assert sum(message.text.startswith("heard: [Background") for message in gateway.chat.seen) == 1


async def test_a_restart_tells_of_every_process_that_it_ended_in_one_turn(tmp_path: Path) -> None:
    async with talking(tmp_path) as gateway:
        first, pid = await start(gateway, "1", "sleep 1000", notify_on_complete=True)
        second, _ = await start(gateway, "2", "sleep 1001")
        elsewhere, _ = await start(gateway, "3", "sleep 1002", chat="other")
    await gone(pid)
    async with talking(tmp_path) as gateway:
        word = await gateway.chat.until(told(first))
        assert word.source.chat_id == "c"
        assert second in word.text
        assert elsewhere not in word.text
        assert "was ended when the agent was stopped or restarted" in word.text
        assert (await gateway.chat.until(told(elsewhere))).source.chat_id == "other"
        assert await gateway.tree.base.store.left_background("gateway") == ()
        await gateway.chat.say("4", call("process", action="list"))
        assert await gateway.chat.answer("4") == "heard: There are no background processes."


async def test_a_crash_of_their_actor_ends_them_and_tells(tmp_path: Path) -> None:
    async with talking(tmp_path) as gateway:
        process, pid = await start(gateway, "1", "sleep 1000")
        gateway.tree.root.restart_child("background", "to see what it leaves")
        await gone(pid)
        with trio.fail_after(WITHIN):
            while await gateway.tree.base.store.left_background("gateway"):
                await trio.sleep(0.01)
        # The next look at the inbox finds it; without one the sweep of the platform does.
        await gateway.chat.say("2", call("process", action="poll", session_id=process))
        await gateway.chat.until(told(process))
        assert "ended with the part of the agent that held it" in await gateway.chat.answer("2")
        await start(gateway, "3", "true")


async def test_a_crash_of_the_host_of_processes_is_an_end_like_any_other(tmp_path: Path) -> None:
    async with talking(tmp_path) as gateway:
        process, pid = await start(gateway, "1", "sleep 1000", notify_on_complete=True)
        assert isinstance(gateway.tree.base.processes, LentHost)
        host = await gateway.tree.base.processes.present()
        assert host.pid is not None
        os.kill(host.pid, signal.SIGKILL)
        assert process in (await gateway.chat.until(told("unknown outcome"))).text
        await gone(pid)
        await start(gateway, "2", "true")


async def test_a_conversation_sees_only_its_own(tmp_path: Path) -> None:
    async with talking(tmp_path) as gateway:
        process, _ = await start(gateway, "1", "sleep 1000")
        await gateway.chat.say("2", call("process", action="list"), "other")
        assert await gateway.chat.answer("2") == "heard: There are no background processes."
        for number, action in enumerate(("poll", "log", "wait", "kill", "write", "submit", "close")):
            spelled = call("process", action=action, session_id=process, data="x")
            await gateway.chat.say(f"3{number}", spelled, "other")
            assert f"there is no background process '{process}'; known: none" in await gateway.chat.answer(f"3{number}")
        await gateway.chat.say("4", call("process", action="list"))
        assert f"{process} [running;" in await gateway.chat.answer("4")


@pytest.mark.parametrize("busy", ["slowly", call("clarify", question="which?")])
async def test_an_event_interrupts_no_turn_and_answers_no_question(tmp_path: Path, busy: str) -> None:
    async with talking(tmp_path) as gateway:
        go = tmp_path / "go"
        os.mkfifo(go)
        await start(gateway, "1", f"cat {go}", notify_on_complete=True)
        await gateway.chat.say("2", busy)
        if busy == "slowly":
            await gateway.chat.draft(lambda draft: draft.text.startswith("0"))
        else:
            await gateway.chat.question()
        await trio.to_thread.run_sync(go.write_bytes, b"x")
        with trio.fail_after(WITHIN):
            while await gateway.tree.base.store.left_background("gateway"):
                await trio.sleep(0.01)
        if busy == "slowly":
            assert (await gateway.chat.answer("2")).endswith("heard: slowly")
        else:
            await gateway.chat.say("3", "this one")
            assert "The user answered: this one" in await gateway.chat.answer("2")
        await gateway.chat.until(told("exit code 0"))


async def test_a_process_can_be_talked_to(tmp_path: Path) -> None:
    async with talking(tmp_path) as gateway:
        process, _ = await start(gateway, "1", 'read a; echo "got $a"; cat; echo end')
        calls = [
            call("process", action="submit", session_id=process, data="one"),
            call("process", action="write", session_id=process, data="two"),
            call("process", action="close", session_id=process),
            call("process", action="wait", session_id=process),
        ]
        for number, spelled in enumerate(calls):
            await gateway.chat.say(f"2{number}", spelled)
            await gateway.chat.answer(f"2{number}")
        assert (await gateway.chat.answer("23")).endswith("got one\ntwoend")
        await gateway.chat.say("3", call("process", action="submit", session_id=process, data="x"))
        assert f"{process} has ended: exit code 0" in await gateway.chat.answer("3")


async def test_a_process_on_a_terminal_sees_one(tmp_path: Path) -> None:
    async with talking(tmp_path) as gateway:
        process, _ = await start(gateway, "1", "test -t 0 && test -t 1 && echo is a terminal; cat", pty=True)
        await gateway.chat.say("2", call("process", action="close", session_id=process))
        await gateway.chat.answer("2")
        await gateway.chat.say("3", call("process", action="wait", session_id=process))
        answer = await gateway.chat.answer("3")
        assert "is a terminal" in answer
        assert "exit code 0" in answer


async def test_an_event_is_a_message_of_nobody_that_may_be_taken_back(tmp_path: Path) -> None:
    async with talking(tmp_path) as gateway:
        await start(gateway, "1", "true", notify_on_complete=True)
        await gateway.chat.until(told("exit code 0"))
        await gateway.chat.say("2", "/undo", kind=InboundKind.COMMAND)
        assert (await gateway.chat.answer("2")).startswith("Forgotten: [Background process")


async def test_what_is_printed_last_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accept = SqliteStore.accept

    async def slow(self: SqliteStore, event: Inbound, *rest: Any) -> Accepted:
        if event.kind is InboundKind.EVENT:
            await trio.sleep(0.2)
        return await accept(self, event, *rest)

    monkeypatch.setattr(SqliteStore, "accept", slow)
    async with talking(tmp_path) as gateway:
        await start(gateway, "1", "echo the build failed", watch_patterns=["failed"])
        await gateway.chat.until(told("printed what was waited for:]\nthe build failed"))


async def test_a_start_that_is_stopped_while_it_is_written_down_leaves_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, written = SqliteStore.begin_background, trio.Event()

    async def unheard(self: SqliteStore, record: BackgroundRecord) -> None:
        await begin(self, record)
        written.set()
        await trio.sleep_forever()

    monkeypatch.setattr(SqliteStore, "begin_background", unheard)
    async with talking(tmp_path) as gateway:
        await gateway.chat.say("1", call("terminal", command="sleep 1000", background=True))
        with trio.fail_after(WITHIN):
            await written.wait()
        await gateway.chat.say("2", "/stop")
        await gateway.chat.answer("2")
        with trio.fail_after(WITHIN):
            while await gateway.tree.base.store.left_background("gateway"):
                await trio.sleep(0.01)
