"""Commands that flood, hang, hide or refuse to end, run by the real process: each is answered, and nothing is left."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from hermes.tools.commands.output import OUTPUT_CHARACTERS
from tests.kill.page import Page
from tests.kill.process import Gateway
from tests.real.command import POLL, processes_of

pytestmark = pytest.mark.real

# Seconds for one scenario on a machine that is busy with other tests.
WITHIN = 120.0

# Growth of the gateway's memory at its highest, in KB: far below what is printed, far above what is kept of it.
GROWTH = 100_000

# What each of them has begun is told by a file, so that a test knows when to look.
STUBBORN = {
    "runs for ever": "touch {mark}; sleep 1000",
    "ignores SIGTERM": "trap '' TERM; touch {mark}; while :; do sleep 0.1; done",
    "closes its pipes": "exec <&- >&- 2>&-; touch {mark}; exec sleep 1000",
    "floods": "touch {mark}; yes",
    "has children": "(sleep 1000 & sleep 1000 & touch {mark}; wait) & wait",
    "hides a daemon": "setsid sh -c 'trap \"\" TERM; touch {mark}; sleep 1000' </dev/null >/dev/null 2>&1 & sleep 1000",
}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    gateway = Gateway(tmp_path / "home")
    yield gateway
    with trio.CancelScope(shield=True):
        await gateway.kill()


def peak(gateway: Gateway) -> int:
    """The most memory that it ever had, in KB (proc(5), VmHWM)."""
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))


async def _only(gateway: Gateway, *pids: int) -> None:
    """Wait until these are all the processes of the home."""
    while processes_of(gateway.home).keys() != set(pids):
        await trio.sleep(POLL)


async def _until_begun(gateway: Gateway, *marks: str) -> None:
    while not all((gateway.home / mark).exists() for mark in marks):
        await trio.sleep(POLL)


async def test_a_gigabyte_of_output_costs_a_bounded_answer_and_little_memory(gateway: Gateway) -> None:
    flood, calm = Page(gateway.port, "flood"), Page(gateway.port, "calm")
    with trio.fail_after(WITHIN):
        await gateway.start()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(flood.run)
            nursery.start_soon(calm.run)
            await calm.send("warm", "run echo warm")
            await calm.until_answered("warm")
            before = peak(gateway)
            await flood.send("flood", "run touch begun; yes | head -c 1G")
            await _until_begun(gateway, "begun")
            await calm.send("calm", "say calm")
            assert await calm.until_answered("calm") == "calm"
            answer = await flood.until_answered("flood")
            nursery.cancel_scope.cancel()
        assert "y\ny\n" in answer
        assert len(answer) <= OUTPUT_CHARACTERS + 1000
        assert peak(gateway) - before < GROWTH
        await _only(gateway, gateway.process.pid)
        assert await gateway.stop() == 0


async def test_output_that_is_no_text_is_answered(gateway: Gateway) -> None:
    page = Page(gateway.port, "chat")
    with trio.fail_after(WITHIN):
        await gateway.start()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(page.run)
            await page.send("bytes", r"run printf 'a\377\376\000\355\240\200\033[31mz'; head -c 100000 /dev/urandom")
            assert await page.until_answered("bytes")
            await page.send("next", "say next")
            assert await page.until_answered("next") == "next"
            nursery.cancel_scope.cancel()


async def test_commands_that_do_not_end_are_ended_with_all_that_they_started(gateway: Gateway) -> None:
    with (gateway.home / "config.yaml").open("a") as file:
        file.write("terminal:\n  timeout: 1\n")
    pages = {name: Page(gateway.port, f"chat{number}") for number, name in enumerate(STUBBORN)}
    with trio.fail_after(WITHIN):
        await gateway.start()
        async with trio.open_nursery() as nursery:
            for name, page in pages.items():
                nursery.start_soon(page.run)
                await page.send(page.chat, "run " + STUBBORN[name].format(mark=page.chat))
            for name, page in pages.items():
                assert (await page.until_answered(page.chat)).startswith("`terminal` failed"), name
                assert (gateway.home / page.chat).exists(), f"it was not run: {name}"
            await _only(gateway, gateway.process.pid)
            nursery.cancel_scope.cancel()
        assert await gateway.stop() == 0


async def test_a_command_that_leaves_a_daemon_is_answered_and_the_daemon_is_ended(gateway: Gateway) -> None:
    page = Page(gateway.port, "chat")
    with trio.fail_after(WITHIN):
        await gateway.start()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(page.run)
            hidden = "setsid sh -c 'touch begun; exec sleep 1000' </dev/null >/dev/null 2>&1 &"
            await page.send("run", f"run {hidden} until [ -e begun ]; do sleep 0.05; done; echo left it")
            assert "left it" in await page.until_answered("run")
            await _only(gateway, gateway.process.pid)
            nursery.cancel_scope.cancel()


async def test_a_killed_gateway_leaves_nothing_of_its_commands_and_answers_each_after_its_restart(
    gateway: Gateway,
) -> None:
    pages = {name: Page(gateway.port, f"chat{number}") for number, name in enumerate(STUBBORN)}
    with trio.fail_after(WITHIN):
        await gateway.start()
        async with trio.open_nursery() as nursery:
            for name, page in pages.items():
                nursery.start_soon(page.run)
                await page.send(page.chat, "run " + STUBBORN[name].format(mark=page.chat))
            await _until_begun(gateway, *(page.chat for page in pages.values()))
            assert len(processes_of(gateway.home)) > len(pages)
            await gateway.kill()
            await _only(gateway)
            await gateway.start()
            for name, page in pages.items():
                assert "outcome unknown" in await page.until_answered(page.chat), name
                assert len(page.answers(page.chat)) == 1, name
            await _only(gateway, gateway.process.pid)
            nursery.cancel_scope.cancel()
