"""A disk that fills up under the real process, and has room again: the home lies on a small file system of its own."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.kill.page import Page
from tests.kill.process import START_WITHIN, Gateway
from tests.real.command import POLL, hermes, program, until_status

pytestmark = pytest.mark.real

# Seconds for one scenario on a machine that is busy with other tests, the waits of its backoff included.
WITHIN = 120.0

# Room for a state.db with a full write-ahead log.
SIZE = "8m"

FILLER = "filler"


class Person(Page):
    """A page whose person tries again when a message was refused for now."""

    def __init__(self, port: int, chat: str) -> None:
        super().__init__(port, chat)
        self.refused: dict[str, dict[str, Any]] = {}

    async def _heard(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "refused":
            self.refused[frame["id"]] = frame
        await super()._heard(frame)

    async def until_refused(self, event_id: str) -> dict[str, Any]:
        await self._until(lambda: event_id in self.refused)
        return self.refused.pop(event_id)

    async def send_again(self, event_id: str) -> None:
        await self._say(self._unacknowledged[event_id])


class SmallDisk(Gateway):
    """A gateway whose home may be full; what it prints lies elsewhere."""

    def output(self) -> str:
        return self.printed.read_text()

    @property
    def printed(self) -> Path:
        return self.home.parent / "printed"

    async def start(self, failpoints: str = "", *, wait: bool = True, arguments: tuple[str, ...] = ()) -> None:
        assert not failpoints
        with self.printed.open("ab") as output:
            self._process = await trio.lowlevel.open_process(
                program("gateway", "run", *arguments),
                stdout=output,
                stderr=output,
                env={**os.environ, "HERMES_HOME": str(self.home)},
                cwd=self.home,
            )
        if wait:
            with trio.fail_after(START_WITHIN):
                await self._until_served()

    def fill(self) -> None:
        """To the last byte."""
        descriptor = os.open(self.home / FILLER, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        try:
            for size in (1 << 16, 1 << 12, 1):
                try:
                    while os.write(descriptor, bytes(size)):
                        pass
                except OSError:
                    continue  # not even this much fits any more
        finally:
            os.close(descriptor)

    def free(self) -> None:
        (self.home / FILLER).unlink()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of its own. Needs root, and leave to mount."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("only root can mount a small disk")
    mounted = subprocess.run([mount, "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", home], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"no small disk can be mounted: {mounted.stderr.decode().strip()}")
    yield home
    # Lazily: a command of a test that failed may still be on its way out.
    subprocess.run(["umount", "--lazy", home], check=True)


@pytest.fixture
async def gateway(small: Path) -> AsyncIterator[SmallDisk]:
    gateway = SmallDisk(small)
    yield gateway
    with trio.CancelScope(shield=True):
        await gateway.kill()


async def test_a_message_on_a_full_disk_is_refused_for_now_and_answered_once_when_there_is_room(
    gateway: SmallDisk,
) -> None:
    person = Person(gateway.port, "chat")
    with trio.fail_after(WITHIN):
        await gateway.start()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(person.run)
            await person.send("before", "say before")
            await person.until_answered("before")
            gateway.fill()
            await person.send("during", "say during")
            refused = await person.until_refused("during")
            assert refused["retry"] is True
            assert "disk is full" in refused["reason"]
            text = await until_status(gateway.home, 1)
            assert "is not well" in text
            assert f"no space left for {gateway.home / 'state.db'}" in text
            await person.send_again("during")
            assert (await person.until_refused("during"))["retry"] is True
            gateway.free()
            await until_status(gateway.home, 0)
            await person.send_again("during")
            assert await person.until_answered("during") == "during"
            await person.send("after", "say after")
            assert await person.until_answered("after") == "after"
            nursery.cancel_scope.cancel()
        assert await gateway.stop() == 0
        await gateway.start()
        await _each_is_answered_once(gateway, "before", "during", "after")


async def _each_is_answered_once(gateway: SmallDisk, *event_ids: str) -> None:
    """By a page that comes new, in order."""
    page = Page(gateway.port, "chat")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(page.run)
        for event_id in event_ids:
            await page.until_answered(event_id)
        assert page.order() == list(event_ids)
        nursery.cancel_scope.cancel()


async def test_a_command_that_fills_the_disk_under_its_own_turn_and_its_logs_is_answered_and_not_run_again(
    gateway: SmallDisk,
) -> None:
    person = Person(gateway.port, "chat")
    with trio.fail_after(WITHIN):
        await gateway.start()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(person.run)
            await person.send(
                "fill", f"run head -c 100M /dev/zero > {FILLER}; echo ran >> /proc/$PPID/cwd/../ran; echo done"
            )
            text = await until_status(gateway.home, 1)
            assert "no space left" in text
            gateway.free()
            assert await person.until_answered("fill")
            await until_status(gateway.home, 0)
            nursery.cancel_scope.cancel()
        assert gateway.process.returncode is None
        await _each_is_answered_once(gateway, "fill")


async def test_a_start_on_a_full_disk_waits_for_room_and_goes_on_where_it_was(gateway: SmallDisk) -> None:
    person = Person(gateway.port, "chat")
    with trio.fail_after(WITHIN):
        await gateway.start()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(person.run)
            await person.send("before", "say before")
            await person.until_answered("before")
            await gateway.kill()
            gateway.fill()
            await gateway.start(wait=False)
            while "no space left for" not in gateway.output():
                await trio.sleep(POLL)
            assert "still starting" in await until_status(gateway.home, 1)
            await person.send("during", "say during")
            gateway.free()
            assert await person.until_answered("during") == "during"
            nursery.cancel_scope.cancel()
        await _each_is_answered_once(gateway, "before", "during")


async def test_a_start_that_waits_for_room_can_be_ended(gateway: SmallDisk) -> None:
    with trio.fail_after(WITHIN):
        await gateway.start()
        await gateway.kill()
        gateway.fill()
        await gateway.start(wait=False)
        while "no space left for" not in gateway.output():
            await trio.sleep(POLL)
        assert await gateway.stop() == 0
    assert "Traceback" not in gateway.output()


async def test_a_first_start_on_a_full_disk_is_one_line_and_no_matter_of_configuration(gateway: SmallDisk) -> None:
    gateway.fill()
    ended = await hermes("gateway", "run", home=gateway.home)
    assert (ended.code, ended.output, len(ended.lines)) == (1, "", 1), ended
    assert str(gateway.home) in ended.errors
    assert "No space left" in ended.errors
    gateway.free()
    with trio.fail_after(WITHIN):
        await gateway.start()
        assert await gateway.stop() == 0


async def test_a_chat_that_begins_on_a_full_disk_waits_for_room_and_is_answered(gateway: SmallDisk) -> None:
    with trio.fail_after(WITHIN):
        await gateway.start()
        assert await gateway.stop() == 0
        gateway.fill()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_free_when_somebody_waits, gateway)
            ended = await hermes("chat", "-q", "say hello", home=gateway.home)
            nursery.cancel_scope.cancel()
    assert (ended.code, ended.output) == (0, "hello\n"), ended


async def _free_when_somebody_waits(gateway: SmallDisk) -> None:
    # Its lock is taken by then, and its store is about to meet the full disk.
    while not (gateway.home / "state.db-wal").exists():
        await trio.sleep(POLL)
    gateway.free()
