"""`hermes gateway status` tells the truth in each state of the real process, to people, to scripts and by exit code."""

import json
import signal
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio

from hermes.control import request
from tests.kill.page import Page
from tests.kill.process import Gateway
from tests.real.command import POLL, Ended, hermes, status

pytestmark = pytest.mark.real

# Seconds for one scenario on a machine that is busy with other tests.
WITHIN = 60.0

WELL, NOT_WELL, NOT_RUNNING = 0, 1, 3


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    gateway = Gateway(tmp_path / "home")
    yield gateway
    with trio.CancelScope(shield=True):
        await gateway.kill()


async def _start(gateway: Gateway) -> None:
    """Until all of it has started: the control socket comes after the page."""
    await gateway.start()
    with trio.fail_after(WITHIN):
        while "Hermes is running" not in gateway.output():
            await trio.sleep(POLL)


def _json(ended: Ended) -> dict[str, Any]:
    return dict(json.loads(ended.output))


async def test_where_none_was_ever_started_none_is_running_and_nothing_is_made(tmp_path: Path) -> None:
    code, told, text = await status(tmp_path / "home")
    assert (code, text) == (NOT_RUNNING, "gateway: not running")
    assert told == {"running": False, "healthy": False, "problem": "not running"}
    assert not (tmp_path / "home").exists()
    ended = await hermes("gateway", "stop", home=tmp_path / "home")
    assert (ended.code, ended.errors) == (1, "hermes: no gateway is running for this home\n")


async def test_one_that_runs_well_is_told_with_its_tree_and_one_that_ended_is_not(gateway: Gateway) -> None:
    await _start(gateway)
    code, told, text = await status(gateway.home)
    assert (code, told["running"], told["healthy"], told["draining"], told["problem"]) == (WELL, True, True, False, "")
    assert told["pid"] == gateway.process.pid
    assert f"gateway (pid {gateway.process.pid}) is well" in text
    for name in ("core", "store", "conversations", "platforms", "web", "inbound", "control", "watchdog"):
        assert f"{name} running" in text
    assert (await hermes("gateway", "stop", home=gateway.home)).code == 0
    assert await gateway.wait() == 0
    assert (await status(gateway.home))[0] == NOT_RUNNING


async def test_what_a_killed_one_leaves_behind_is_not_taken_for_a_running_one(gateway: Gateway) -> None:
    await _start(gateway)
    await gateway.kill()
    assert (gateway.home / "gateway.sock").exists()
    assert (gateway.home / "gateway.pid").exists()
    code, told, _ = await status(gateway.home)
    assert (code, told["running"]) == (NOT_RUNNING, False)


async def test_one_whose_socket_is_gone_runs_and_is_not_well(gateway: Gateway) -> None:
    await _start(gateway)
    (gateway.home / "gateway.sock").unlink()
    code, told, text = await status(gateway.home)
    assert (code, told["running"], told["healthy"], told["pid"]) == (NOT_WELL, True, False, gateway.process.pid)
    assert "gateway.sock cannot be reached" in text
    assert "gateway.log" in text


async def test_one_that_is_stopped_by_a_signal_does_not_answer_and_is_well_again_when_it_goes_on(
    gateway: Gateway,
) -> None:
    await _start(gateway)
    gateway.process.send_signal(signal.SIGSTOP)
    try:
        code, told, text = await status(gateway.home)
    finally:
        gateway.process.send_signal(signal.SIGCONT)
    assert (code, told["running"], told["healthy"], told["pid"]) == (NOT_WELL, True, False, gateway.process.pid)
    assert "does not answer within" in text
    assert (await status(gateway.home))[0] == WELL


async def test_one_that_drains_says_what_it_waits_for(gateway: Gateway) -> None:
    page = Page(gateway.port, "chat")
    with trio.fail_after(WITHIN):
        await _start(gateway)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(page.run)
            await page.send("slow", "run touch begun; until [ -e enough ]; do sleep 0.05; done; echo done")
            while not (gateway.home / "begun").exists():
                await trio.sleep(POLL)
            gateway.process.send_signal(signal.SIGTERM)
            while not _json(await hermes("gateway", "status", "--json", home=gateway.home)).get("draining"):
                await trio.sleep(POLL)
            _, told, text = await status(gateway.home)
            assert told["journal"]["turns_running"] == 1
            assert "finishing what is under way" in text
            await page.send("late", "say late")
            (gateway.home / "enough").touch()
            assert await gateway.wait() == 1
            assert "late" not in page.accepted
            await _start(gateway)
            assert "done" in await page.until_answered("slow")
            assert await page.until_answered("late") == "late"
            nursery.cancel_scope.cancel()


def _seize(port: int, taken: list[socket.socket], enough: threading.Event) -> None:
    """Take the port at the first moment at which it is free."""
    while not enough.is_set():
        thief = socket.socket()
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            thief.bind(("127.0.0.1", port))
            thief.listen()
        except OSError:
            thief.close()
        else:
            taken.append(thief)
            return


async def _lose_its_port(gateway: Gateway) -> socket.socket:
    """Restart the page until another program was quicker with its port."""
    restart: dict[str, object] = {"do": "restart", "child": "platforms/web/inbound"}
    taken: list[socket.socket] = []
    enough = threading.Event()
    thread = threading.Thread(target=_seize, args=(gateway.port, taken, enough), daemon=True)
    thread.start()
    try:
        while not taken:
            await trio.to_thread.run_sync(lambda: request(gateway.home / "gateway.sock", restart, within=WITHIN))
            await trio.sleep(0.2)
    finally:
        enough.set()
        thread.join()
    return taken[0]


async def test_a_page_that_lost_its_port_is_seen_with_its_reason_and_a_person_brings_it_back(gateway: Gateway) -> None:
    with trio.fail_after(WITHIN):
        await _start(gateway)
        thief = await _lose_its_port(gateway)
        with thief:
            while '"failed"' not in (await hermes("gateway", "status", "--json", home=gateway.home)).output:
                await trio.sleep(POLL)
            code, told, text = await status(gateway.home)
        assert (code, told["running"], told["healthy"]) == (NOT_WELL, True, False)
        assert f"gateway (pid {gateway.process.pid}) is not well" in text
        assert "platforms.web.extra.port" in text
        assert "platforms.web.extra.port" in json.dumps(told["tree"])
        restart: dict[str, object] = {"do": "restart", "child": "platforms/web/inbound"}
        await trio.to_thread.run_sync(lambda: request(gateway.home / "gateway.sock", restart, within=WITHIN))
        await gateway._until_served()
        assert (await status(gateway.home))[0] == WELL
        assert await gateway.stop() == 0
