"""Running a command to its end: input, a time limit, bounded output."""

import math
from contextlib import suppress

import trio
from attrs import frozen

from hermes.process.child import Exit, Process
from hermes.process.command import Command, Stdin
from hermes.process.errors import OutcomeUnknown
from hermes.process.host import GRACE_SECONDS, ProcessHost
from hermes.process.output import OUTPUT_BYTES, BoundedOutput

# When nothing is left of the child its last output is in the pipe already (64 KB). Only a stranger that was handed the
# pipe (a multiplexing ssh hands its own to a master process) keeps it open longer, and that is not waited for.
_DRAIN_SECONDS = 2.0


@frozen
class Completed:
    exit: Exit
    output: bytes
    """stdout and stderr in the order of their writing; see ``BoundedOutput.getvalue``."""
    truncated: bool
    total_bytes: int
    """Printed, kept or not."""
    timed_out: bool


async def run(
    host: ProcessHost,
    command: Command,
    *,
    input: bytes | None = None,  # noqa: A002
    timeout: float | None = None,
    limit: int = OUTPUT_BYTES,
    grace: float = GRACE_SECONDS,
) -> Completed:
    """Run a command until nothing is left of it.

    ``input`` is all that it reads. After ``timeout`` seconds it is ended as ``Process.terminate`` does. ``limit``
    bounds the output that is kept, in bytes; all of it is read, at full speed and in memory of that size.

    Cancelled, it leaves nothing: the guardian ends the child within its grace. Raises as ``ProcessHost.start`` and
    ``Process.wait`` do.
    """
    stdin = Stdin.NONE if input is None else Stdin.PIPE
    output = BoundedOutput(limit)
    async with await host.start(command, stdin=stdin, merge_stderr=True, grace=grace) as process:
        timed_out = await _converse(process, input or b"", output, math.inf if timeout is None else timeout)
        ending = await process.wait()
    return Completed(ending, output.getvalue(), output.truncated, output.total, timed_out)


async def _converse(process: Process, data: bytes, output: BoundedOutput, seconds: float) -> bool:
    """Until it has ended and is read; True when it had to be ended at the end of its time."""
    drained = trio.Event()
    async with trio.open_nursery() as nursery:
        if process.stdin is not None:
            nursery.start_soon(_feed, process.stdin, data)
        nursery.start_soon(_drain, process.stdout, output, drained)
        timed_out = await _outlasts(process, seconds)
        with trio.move_on_after(_DRAIN_SECONDS):
            await drained.wait()
        nursery.cancel_scope.cancel()
    return timed_out


async def _outlasts(process: Process, seconds: float) -> bool:
    # The caller asks for the outcome again, outside of the nursery, which would wrap the error in a group.
    with suppress(OutcomeUnknown):
        with trio.move_on_after(seconds):
            await process.wait()
            return False
        await process.terminate()
        return True
    return False


async def _feed(stdin: trio.abc.SendStream, data: bytes) -> None:
    async with stdin:
        # It need not read all of its input: `head` does not.
        with suppress(trio.BrokenResourceError):
            await stdin.send_all(data)


async def _drain(stdout: trio.abc.ReceiveStream, output: BoundedOutput, drained: trio.Event) -> None:
    async for chunk in stdout:
        output.feed(chunk)
    drained.set()
