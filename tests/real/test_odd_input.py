"""What is odd and harmless, before the real process: it is told once, it is kept, and the gateway runs."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from tests.kill.page import Page
from tests.kill.process import Gateway
from tests.real.command import hermes, program, status

pytestmark = pytest.mark.real

# Seconds for one scenario on a machine that is busy with other tests.
WITHIN = 60.0


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    gateway = Gateway(tmp_path / "home")
    yield gateway
    with trio.CancelScope(shield=True):
        await gateway.kill()


async def _answers(gateway: Gateway, chat: str = "chat") -> None:
    page = Page(gateway.port, chat)
    with trio.fail_after(WITHIN):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(page.run)
            await page.send("hello", "say hello")
            assert await page.until_answered("hello") == "hello"
            nursery.cancel_scope.cancel()


async def test_unknown_names_and_broken_lines_are_told_once_and_kept(gateway: Gateway) -> None:
    config, keys = gateway.home / "config.yaml", gateway.home / ".env"
    with config.open("a") as file:
        file.write("agnt:\n  x: 1\nterminal:\n  tiemout: 3\ntoolsets: [hermes-cli, nonsense]\n")
    keys.write_text("GOOD=1\nthis is a secret\nBAD='unclosed\n")
    keys.chmod(0o600)
    before = config.read_bytes(), keys.read_bytes()
    await gateway.start()
    await _answers(gateway)
    assert await gateway.stop() == 0
    told = [line for line in gateway.output().splitlines() if " WARNING " in line]
    expected = (
        (f"{keys}:2", "NAME=VALUE"),
        (f"{keys}:3", "NAME=VALUE"),
        (f"{config}:5", "agnt", "did you mean agent?", "kept"),
        (f"{config}:8", "terminal.tiemout", "did you mean terminal.timeout?", "kept"),
        ("toolsets", "'nonsense'"),
    )
    assert len(told) == len(expected), told
    for line, words in zip(told, expected, strict=True):
        assert all(word in line for word in words), line
    assert "secret" not in gateway.output()
    assert (config.read_bytes(), keys.read_bytes()) == before


async def test_another_platform_that_is_on_is_told_and_the_page_goes_on_with_a_key(gateway: Gateway) -> None:
    config = gateway.home / "config.yaml"
    config.write_text(config.read_text() + "  discord:\n    enabled: true\n")
    (gateway.home / ".env").write_text("API_SERVER_KEY=0123456789abcdef\n")
    (gateway.home / ".env").chmod(0o600)
    await gateway.start()
    (told,) = [line for line in gateway.output().splitlines() if " WARNING " in line]
    assert all(word in told for word in (str(config), "platforms.discord", "cannot connect to it yet")), told
    assert "0123456789abcdef" not in gateway.output()
    code, scripted, _ = await status(gateway.home)
    assert (code, scripted["healthy"]) == (0, True)
    assert await gateway.stop() == 0


async def test_a_home_deeper_than_a_socket_address_is_long_works_as_any_other(tmp_path: Path) -> None:
    parent = tmp_path.joinpath(*["x" * 50] * 4)
    parent.mkdir(parents=True)
    gateway = Gateway(parent / "home")
    try:
        await gateway.start()
        await _answers(gateway)
        assert (await hermes("gateway", "stop", home=gateway.home)).code == 0
        assert await gateway.wait() == 0
    finally:
        with trio.CancelScope(shield=True):
            await gateway.kill()


async def test_information_that_cannot_be_written_does_not_stop_a_start(gateway: Gateway) -> None:
    (gateway.home / "gateway.pid").mkdir()
    await gateway.start()
    await _answers(gateway)
    assert await gateway.stop() == 0
    assert "gateway.pid cannot be written" in gateway.output()


async def _start_with(gateway: Gateway, *prefix: str, **streams: int) -> None:
    gateway._process = await trio.lowlevel.open_process(
        [*prefix, *program("gateway", "run", "-v")],
        env={**os.environ, "HERMES_HOME": str(gateway.home)},
        cwd=gateway.home,
        **streams,
    )
    (gateway.home / "output.log").touch()
    with trio.fail_after(WITHIN):
        await gateway._until_served()


def _reader_gone() -> int:
    """The writing end of a pipe that nobody reads any more."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize("streams", [("stdout",), ("stdout", "stderr")])
async def test_the_end_of_whoever_read_its_output_does_not_end_it(gateway: Gateway, streams: tuple[str, ...]) -> None:
    writing = _reader_gone()
    quiet = os.open(os.devnull, os.O_WRONLY)
    try:
        await _start_with(gateway, **{"stdout": quiet, "stderr": quiet, **dict.fromkeys(streams, writing)})
    finally:
        os.close(writing)
        os.close(quiet)
    await _answers(gateway)
    assert await gateway.stop() == 0


async def test_closed_streams_are_not_replaced_by_files_of_the_home(gateway: Gateway) -> None:
    await _start_with(gateway, "sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh")
    await _answers(gateway)
    places = [str(Path(f"/proc/{gateway.process.pid}/fd/{number}").readlink()) for number in range(3)]
    assert places == [os.devnull] * 3
    code, _, _ = await status(gateway.home)
    assert code == 0
    gateway.process.send_signal(signal.SIGINT)
    assert await gateway.wait() == 0
