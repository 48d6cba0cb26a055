"""The two pipes between the gateway and one guardian: the lifeline, and the status pipe.

Only the gateway holds the writing end of the lifeline, so that its end, by whatever way the gateway or the owner of the
child goes, reaches the guardian as end of file. Closing it is all it takes to have a child ended.
"""

import os
from contextlib import ExitStack, suppress

import trio
from attrs import define, field

from hermes.process import wire


@define(eq=False)
class GuardianLink:
    """The gateway's ends. Collected as garbage it closes both, and so ends the child."""

    _lifeline: trio.lowlevel.FdStream
    _status: trio.lowlevel.FdStream
    _received: bytearray = field(factory=bytearray, init=False)

    def ask_to_end(self) -> None:
        """Does not wait. Asking more than once, or too late, changes nothing."""
        with suppress(OSError):
            os.write(self._lifeline.fileno(), wire.END)

    def let_go(self) -> None:
        """Close the lifeline: the guardian ends everything, whether or not anybody waits for it."""
        self._lifeline.close()

    def close(self) -> None:
        self._lifeline.close()
        self._status.close()

    async def receive(self) -> list[str]:
        """The words of the next line; none at the end of the pipe. A cancelled call has lost no line."""
        while (end := self._received.find(b"\n")) < 0:
            try:
                data = await self._status.receive_some()
            except (trio.ClosedResourceError, trio.BrokenResourceError):
                return []
            if not data:
                return []
            self._received += data
        line = self._received[:end].decode(errors="replace")
        del self._received[: end + 1]
        return line.split(" ")

    async def receive_end(self) -> None:
        """The end of the pipe: by then the host has ended what a guardian that failed had kept."""
        while await self.receive():
            pass


def open_link(ours: ExitStack, theirs: ExitStack) -> tuple[GuardianLink, int, int]:
    """A link, and the guardian's ends: of the status pipe, of the lifeline. Raises OSError when none is left."""
    status_read, status_write = os.pipe2(os.O_CLOEXEC)
    theirs.callback(os.close, status_write)
    status = trio.lowlevel.FdStream(status_read)
    ours.callback(status.close)
    lifeline_read, lifeline_write = os.pipe2(os.O_CLOEXEC)
    theirs.callback(os.close, lifeline_read)
    lifeline = trio.lowlevel.FdStream(lifeline_write)
    ours.callback(lifeline.close)
    return GuardianLink(lifeline, status), status_write, lifeline_read
