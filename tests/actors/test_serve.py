"""A gateway from its start to its end, in this process: signals, requests, drains, starts that wait or fail."""

import logging
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import define

from actors.conversation.wording import BURIAL
from actors.lifecycle import ExitCode
from adapters.contract import AdapterHost
from hermes.config.schema import Agent, Settings
from hermes.errors import ConfigError, HermesError, StoreFull, TransientError, leaves
from hermes.events import Inbound, InboundKind, Outbound, OutboundKind, Source
from hermes.store.engine.database import Database
from hermes.store.store import SqliteStore
from hermes.store.tables.owners import terminal_owner
from tests.actors.house import WITHIN, Chat
from tests.actors.serving import START_TIME, Gateway, program, serving
from tests.actors.stores import open_store


@pytest.mark.parametrize(
    ("number", "exit_code"),
    [
        (signal.SIGTERM, ExitCode.TERMINATED),
        (signal.SIGINT, ExitCode.DONE),
        (signal.SIGHUP, ExitCode.DONE),
        (signal.SIGUSR1, ExitCode.RESTART),
    ],
)
async def test_each_signal_ends_it_with_its_own_exit_code(
    tmp_path: Path, number: signal.Signals, exit_code: ExitCode
) -> None:
    async with serving(program(tmp_path)) as gateway:
        await gateway.chat.say("1", "say hello")
        assert await gateway.chat.answer("1") == "hello"
        gateway.signal(number)
    assert gateway.exit_code is exit_code
    assert not gateway.program.home.control_socket.exists()


async def test_the_status_tells_who_it_is_every_actor_and_what_waits(tmp_path: Path) -> None:
    async with serving(program(tmp_path)) as gateway:
        status = await gateway.ask({"do": "status"})
        await gateway.ask({"do": "stop"})
    assert (status["pid"], status["healthy"], status["draining"], status["problem"]) == (os.getpid(), True, False, "")
    assert [child["name"] for child in status["tree"]["children"]] == [
        "core",
        "conversations",
        "background",
        "platforms",
        "pruning",
        "control",
        "watchdog",
    ]
    assert set(status["journal"].values()) == {0}


async def test_a_stop_finishes_the_turn_takes_no_new_message_and_says_so(tmp_path: Path) -> None:
    async with serving(program(tmp_path)) as gateway:
        await gateway.chat.say("1", "count to 20 slowly")
        await gateway.chat.draft(lambda draft: "2" in draft.text)
        assert await gateway.ask({"do": "stop"}) == {"ok": True}
        assert (await gateway.ask({"do": "status"}))["draining"]
        assert gateway.chat._host is not None
        with pytest.raises(HermesError, match="about to restart"):
            await gateway.chat._host.accept(gateway.chat.event("2", "say late"))
        assert gateway.exit_code is None
    assert gateway.exit_code is ExitCode.DONE
    assert [message.answers for message in gateway.chat.seen] == [("1",)]
    assert gateway.chat.seen[0].text.endswith("20")


@pytest.mark.parametrize("timeout", [0.05, 20.0])
async def test_what_a_drain_cuts_short_is_answered_after_the_next_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, timeout: float
) -> None:
    caplog.set_level(logging.INFO)
    settings = Settings(toolsets=("todo",), agent=Agent(restart_drain_timeout=timeout))
    async with serving(program(tmp_path, settings)) as gateway:
        await gateway.chat.say("1", "count to 30 slowly")
        await gateway.chat.draft(lambda draft: "2" in draft.text)
        gateway.signal(signal.SIGTERM)
        if timeout > 1:
            with trio.fail_after(WITHIN):
                while gateway.finishing != [(1, timeout)]:
                    await trio.sleep(0.01)
            # Asked twice is asked to hurry.
            await gateway.ask({"do": "stop"})
    assert gateway.exit_code is ExitCode.TERMINATED, "the first who asks decides"
    assert gateway.chat.seen == []
    assert "ending with work under way" in caplog.text
    async with serving(program(tmp_path)) as gateway:
        assert (await gateway.chat.answer("1")).endswith("30")
        await gateway.ask({"do": "stop"})


async def test_what_other_programs_and_platforms_of_the_past_left_unfinished_delays_no_end(tmp_path: Path) -> None:
    """Nothing here ever finishes it, so a drain that waited for it would last its whole time."""
    settings = Settings(toolsets=("todo",), agent=Agent(restart_drain_timeout=1e9))
    gateway = program(tmp_path, settings)
    async with open_store(gateway.home.root) as store:
        chat = Source("terminal", "s1", "s1")
        await store.accept(Inbound("1", chat, "terminal:s1", InboundKind.MESSAGE, "say hello", 0.0), time.time())
        assert await store.claim("terminal:s1", terminal_owner("s1"), time.time(), BURIAL) is not None
        gone = Source("gone", "bot", "c")
        asked = await store.accept(Inbound("2", gone, "gone:c", InboundKind.COMMAND, "/help", 0.0), time.time())
        answer = Outbound("k", gone, "gone:c", OutboundKind.NOTICE, "text")
        await store.settle(asked.row_id, (answer,), time.time())
    async with serving(gateway) as serves:
        journal = (await serves.ask({"do": "status"}))["journal"]
        assert (journal["turns_running"], journal["outbox_pending"]) == (1, 1)
        await serves.ask({"do": "stop"})
    assert serves.exit_code is ExitCode.DONE
    assert serves.finishing == []


async def test_only_the_gateway_that_was_meant_is_replaced(tmp_path: Path) -> None:
    async with serving(program(tmp_path)) as gateway:
        for pid, start_time in ((os.getpid(), START_TIME + 1), (os.getpid() + 1, START_TIME), ("x", None)):
            with pytest.raises(HermesError, match="another gateway"):
                await gateway.ask({"do": "replace", "pid": pid, "start_time": start_time})
        assert not (await gateway.ask({"do": "status"}))["draining"]
        await gateway.ask({"do": "replace", "pid": os.getpid(), "start_time": START_TIME})
    assert gateway.exit_code is ExitCode.DONE


async def test_a_person_restarts_an_actor_by_its_path(tmp_path: Path) -> None:
    async with serving(program(tmp_path)) as gateway:
        await gateway.ask({"do": "restart", "child": "core/models"})
        with trio.fail_after(WITHIN):
            while await restarts(gateway, "core", "models") != 1:
                await trio.sleep(0.01)
        with pytest.raises(HermesError, match="no child 'nobody'"):
            await gateway.ask({"do": "restart", "child": "core/nobody"})
        await gateway.chat.say("1", "say hello")
        assert await gateway.chat.answer("1") == "hello"
        await gateway.ask({"do": "stop"})


async def restarts(gateway: Gateway, *path: str) -> int:
    child = (await gateway.ask({"do": "status"}))["tree"]
    for name in path:
        child = next(each for each in child["children"] if each["name"] == name)
    count: int = child["restarts"]
    return count


@pytest.mark.parametrize(
    "question", [{}, {"do": "dance"}, {"do": "replace"}, {"do": "restart"}, {"do": "restart", "child": 7}]
)
async def test_what_it_cannot_be_asked_is_told_with_what_it_can(tmp_path: Path, question: dict[str, object]) -> None:
    async with serving(program(tmp_path)) as gateway:
        with pytest.raises(HermesError, match="status, stop, replace and restart are known"):
            await gateway.ask(question)
        await gateway.ask({"do": "stop"})
    assert gateway.exit_code is ExitCode.DONE


async def locked(*_: object) -> Any:
    raise TransientError("locked by another program")


@pytest.mark.parametrize(
    ("method", "problem", "counted"),
    [("counts", "the store cannot be read", False), ("ping", "the store cannot write", True)],
)
async def test_a_store_in_trouble_stands_in_the_status_and_keeps_nobody_from_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, problem: str, counted: bool
) -> None:
    async with serving(program(tmp_path)) as gateway:
        monkeypatch.setattr(SqliteStore, method, locked)
        status = await gateway.ask({"do": "status"})
        assert status["problem"] == f"{problem}: locked by another program"
        assert (status["healthy"], status["journal"] is not None) == (False, counted)
        await gateway.ask({"do": "stop"})
    assert gateway.exit_code is ExitCode.DONE


async def test_the_service_manager_hears_of_the_start_and_of_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(WITHIN)
        monkeypatch.setenv("NOTIFY_SOCKET", str(address))
        async with serving(program(tmp_path)) as gateway:
            assert b"READY=1" in await trio.to_thread.run_sync(manager.recv, 4096)
            await gateway.ask({"do": "stop"})
        manager.setblocking(False)
        told = b""
        while b"STOPPING=1" not in told:
            told = manager.recv(4096)


async def test_a_start_that_waits_for_the_disk_can_be_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = trio.Event()

    def full(_: Path, *, mode: int) -> Database:
        trio.from_thread.run_sync(tried.set)
        raise StoreFull("no space left")

    monkeypatch.setattr(Database, "open", full)
    gateway = Gateway(program(tmp_path))
    with trio.fail_after(WITHIN):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(gateway.run)
            await tried.wait()
            gateway.signal(signal.SIGTERM)
    assert gateway.exit_code is ExitCode.TERMINATED
    assert not gateway.announced.is_set()


@define(eq=False)
class Refusing(Chat):
    """A platform that a person has to set up first."""

    async def run(self, host: AdapterHost, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        raise ConfigError("the port is taken")


async def test_a_gateway_that_can_talk_to_nobody_ends_its_start_with_the_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = Gateway(program(tmp_path), Refusing())
    with trio.fail_after(WITHIN), pytest.raises(ExceptionGroup) as caught:
        await gateway.run()
    (error,) = leaves(caught.value)
    assert isinstance(error, ConfigError)
    assert str(error) == f"{gateway.program.home.config_file}: the port is taken"
    assert not gateway.announced.is_set()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING], "its one line says it all"
    assert not gateway.program.home.control_socket.exists()


async def test_one_platform_that_is_refused_keeps_the_others_from_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(program(tmp_path), neighbours=(Refusing(name="other"),)) as gateway:
        assert "gateway/platforms/other/inbound quarantined (attempt 0) ConfigError: the port is taken" in caplog.text
        await gateway.chat.say("1", "say hello")
        assert await gateway.chat.answer("1") == "hello"
        assert not (await gateway.ask({"do": "status"}))["healthy"]
        await gateway.ask({"do": "stop"})


async def test_a_database_that_only_a_person_can_mend_ends_the_start_with_the_reason(tmp_path: Path) -> None:
    gateway = Gateway(program(tmp_path))
    gateway.program.home.state_db.write_bytes(b"no database" * 1000)
    with trio.fail_after(WITHIN), pytest.raises(ExceptionGroup) as caught:
        await gateway.run()
    (error,) = leaves(caught.value)
    assert isinstance(error, ConfigError)
    assert error.file == str(gateway.program.home.state_db)
