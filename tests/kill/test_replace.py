"""Starts and replacements at the same moment: exactly one gateway stands at the end, whoever it is."""

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from hermes.instance import InstanceLock
from tests.kill.process import Gateway

pytestmark = pytest.mark.kill

# Seconds for one round on a machine that is busy with other tests.
WITHIN = 120.0

# Some plain, some with --replace, all at once.
STARTERS = ((), ("--replace",), ("--replace",), ())


def same_home(gateway: Gateway) -> Gateway:
    """Another process over the same home and port."""
    other = Gateway.__new__(Gateway)
    other.home, other.port, other._process = gateway.home, gateway.port, None
    return other


async def _round(first: Gateway) -> None:
    """A gateway stands; four others start at the same moment; one is left, and it serves."""
    others = [same_home(first) for _ in STARTERS]
    standing = [first, *others]
    try:
        async with trio.open_nursery() as nursery:
            for other, arguments in zip(others, STARTERS, strict=True):
                nursery.start_soon(lambda o=other, a=arguments: o.start(wait=False, arguments=a))
        while sum(gateway.process.poll() is None for gateway in standing) > 1:
            await trio.sleep(0.02)
        (left,) = [gateway for gateway in standing if gateway.process.poll() is None]
        await left._until_served()
        holder = InstanceLock(first.home / "run" / "gateway.lock").holder()
        assert holder is not None
        assert holder.pid == left.process.pid
        assert json.loads((first.home / "gateway.pid").read_text())["pid"] == left.process.pid
        if left is not first:
            assert first.process.returncode == 0, f"a planned replacement exits 0:\n{first.output()}"
        # 1: it yielded. 0: it had taken over, and was replaced by one that saw it so.
        assert {gateway.process.returncode for gateway in others if gateway is not left} <= {0, 1}, first.output()
        first._process = left.process
    finally:
        with trio.CancelScope(shield=True):
            for gateway in standing:
                if gateway._process is not None and gateway.process is not first.process:
                    await gateway.kill()


async def _rounds(gateway: Gateway, count: int) -> None:
    await gateway.start()
    for _ in range(count):
        with trio.fail_after(WITHIN):
            await _round(gateway)


async def test_exactly_one_stands_after_each_of_twenty_rounds(gateway: Gateway) -> None:
    await _rounds(gateway, 20)


@pytest.mark.proof
async def test_exactly_one_stands_after_each_of_two_hundred_rounds(
    gateway: Gateway, record_property: Callable[[str, object], None]
) -> None:
    await _rounds(gateway, 200)
    record_property("rounds", 200)


async def test_nothing_that_a_kill_leaves_behind_stops_the_next_start(gateway: Gateway) -> None:
    await gateway.start()
    with trio.fail_after(WITHIN):
        while not (gateway.home / "gateway.sock").exists():
            await trio.sleep(0.01)
    await gateway.kill()
    left = [path.name for path in gateway.home.iterdir()]
    assert {"gateway.pid", "gateway.sock"} <= set(left)
    await gateway.start()


async def test_a_recycled_pid_in_the_lock_file_is_not_killed(gateway: Gateway, tmp_path: Path) -> None:
    run = gateway.home / "run"
    run.mkdir(mode=0o700)
    async with trio.open_nursery() as nursery:
        stranger = await nursery.start(trio.run_process, ["sleep", "600"])
        said = {"pid": stranger.pid, "start_time": 1, "argv": ["hermes"], "unit": ""}
        (run / "gateway.lock").write_text(json.dumps(said))
        (gateway.home / "gateway.pid").write_text(json.dumps(said))
        await gateway.start(arguments=("--replace",))
        assert stranger.poll() is None
        nursery.cancel_scope.cancel()


async def test_a_plain_start_beside_a_running_gateway_is_one_line_and_exit_1(gateway: Gateway) -> None:
    await gateway.start()
    second = same_home(gateway)
    await second.start(wait=False)
    assert await second.wait() == 1
    assert f"pid {gateway.process.pid}" in gateway.output()
    assert "--replace" in gateway.output()
    assert gateway.process.poll() is None


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 1), (signal.SIGUSR1, 75), (signal.SIGHUP, 0)]
)
async def test_each_signal_ends_it_with_its_exit_code(gateway: Gateway, number: signal.Signals, code: int) -> None:
    await gateway.start()
    gateway.process.send_signal(number)
    assert await gateway.wait() == code
    assert not (gateway.home / "gateway.pid").exists()
    assert not (gateway.home / "gateway.sock").exists()
