"""What the owner of a child is told, without a child: the test writes what a guardian would."""

import errno
import os
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest
import trio
import trio.testing
from attrs import frozen

from hermes.process import Command, Exit, OutcomeUnknown, Process, SpawnError, Stdin, wire
from hermes.process.connection import HostGone
from hermes.process.host import _started
from hermes.process.link import open_link
from hermes.process.stdio import open_pipes


@frozen
class Pair:
    process: Process
    status: int
    lifeline: int


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    with ExitStack() as ours, ExitStack() as theirs:
        stdio = open_pipes(Stdin.NONE, ours, theirs, merge_stderr=True)
        link, status, lifeline = open_link(ours, theirs)
        theirs.pop_all()
        for descriptor in {*stdio.descriptors, lifeline}:
            theirs.callback(os.close, descriptor)
        yield Pair(Process(1234, stdio, link), status, lifeline)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (wire.ended(0, wire.BY_ITSELF, 0), Exit(code=0)),
        (wire.ended(-15, wire.ASKED, 0), Exit(signal=15)),
        (wire.ended(-9, wire.OWNER_GONE, 0), Exit(signal=9)),
        (wire.ended(-9, wire.ASKED, 2), Exit(signal=9)),
        (wire.ended(None, wire.ASKED, 1), "cannot be killed"),
        (wire.ended(-15, wire.HOST_GONE, 0), "host was killed"),
        (wire.crashed(ValueError("a b")), "ValueError"),
        (b"", "guardian was killed"),
        (b"ended 0 its", "guardian was killed"),
    ],
)
async def test_each_end_is_told(pair: Pair, line: bytes, told: Exit | str) -> None:
    os.write(pair.status, line)
    os.close(pair.status)
    with trio.fail_after(5):
        for _ in range(2):
            if isinstance(told, Exit):
                assert await pair.process.wait() == told
            else:
                with pytest.raises(OutcomeUnknown, match=told):
                    await pair.process.wait()
        await pair.process.aclose()


async def test_a_failure_of_the_guardian_is_told_when_the_host_has_ended_what_it_kept(pair: Pair) -> None:
    os.write(pair.status, wire.crashed(ValueError()))
    with trio.fail_after(5):
        with trio.move_on_after(0.02) as scope:
            await pair.process.wait()
        assert scope.cancelled_caught
        os.close(pair.status)
        with pytest.raises(OutcomeUnknown):
            await pair.process.wait()


async def test_a_line_may_come_in_pieces(pair: Pair) -> None:
    line = wire.ended(3, wire.BY_ITSELF, 0)
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_expect, pair.process, Exit(code=3))
            for number in range(len(line)):
                await trio.testing.wait_all_tasks_blocked()
                os.write(pair.status, line[number : number + 1])
    os.close(pair.status)


async def _expect(process: Process, ending: Exit) -> None:
    assert await process.wait() == ending


async def test_asking_for_the_end_never_blocks_however_often(pair: Pair) -> None:
    with trio.fail_after(5):
        for _ in range(70_000):
            pair.process._link.ask_to_end()
        os.write(pair.status, wire.ended(0, wire.BY_ITSELF, 0))
        os.close(pair.status)
        assert await pair.process.terminate() == Exit(code=0)


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (b"", HostGone),
        (wire.begun(), OutcomeUnknown),
        (wire.begun() + wire.crashed(ValueError()), OutcomeUnknown),
        (wire.failed(wire.STEP_FORK, errno.EAGAIN), SpawnError),
        (wire.begun() + wire.failed(wire.STEP_EXECUTE, errno.ENOMEM), SpawnError),
    ],
)
async def test_only_a_start_that_has_not_begun_may_be_tried_again(
    pair: Pair, lines: bytes, error: type[Exception]
) -> None:
    os.write(pair.status, lines)
    os.close(pair.status)
    with trio.fail_after(5), pytest.raises(error):
        await _started(pair.process._link, Command(("true",)))
