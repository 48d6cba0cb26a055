"""One host process, and the control socket to it.

The socket keeps packets apart (SOCK_SEQPACKET) and carries descriptors. It is the host's stdin, so that its end is the
gateway's end, and its stderr, so that a traceback of the host reaches the gateway's log.
"""

import logging
import os
import socket
import subprocess
import sys
from array import array
from contextlib import suppress
from pathlib import Path

import trio
from attrs import define, field

from hermes.process import wire
from hermes.process.errors import SpawnError

_logger = logging.getLogger(__name__)

# Stands in for the two packages, whose own __init__ would load trio and attrs into every guardian.
_BOOTSTRAP = """
import sys
for name, path in zip(("hermes", "hermes.process"), sys.argv[1:]):
    package = sys.modules[name] = type(sys)(name)
    package.__path__ = [path]
from hermes.process.keeper.main import main
main()
"""
_HERE = Path(__file__).parent
_COMMAND = [sys.executable, "-I", "-S", "-c", _BOOTSTRAP, str(_HERE.parent), str(_HERE)]
# No variable of the gateway is readable in the host's /proc/PID/environ, less the one that some builds of the
# interpreter need to start at all.
_ENVIRONMENT = ("LD_LIBRARY_PATH",)

# The host prints a traceback when it ends, and nothing else.
_PACKET_BYTES = 4096


class HostGone(Exception):
    """The host has ended, and nothing came of the request: the same may be sent to another."""


@define(eq=False)
class HostConnection:
    _control: socket.socket
    _process: trio.Process
    _sending: trio.Lock = field(factory=trio.Lock, init=False)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def send(self, descriptors: list[int]) -> None:
        """Ask for a guardian that gets ``descriptors``, in the order of hermes.process.wire.

        When cancelled, nothing was sent. Raises HostGone, or OSError when too many descriptors are on their way.
        """
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", descriptors))
        async with self._sending:
            while True:
                # Another task found out first, and closed it.
                if self._control.fileno() < 0:
                    raise HostGone
                try:
                    self._control.sendmsg([wire.REQUEST], [rights])
                except BlockingIOError:
                    await trio.lowlevel.wait_writable(self._control)
                except (BrokenPipeError, ConnectionResetError, trio.ClosedResourceError) as error:
                    raise HostGone from error
                else:
                    return

    async def close(self, seconds: float) -> None:
        """Let the host end: it stays until its last guardian has ended, but at most ``seconds``.

        Not cancellable, so that nothing is left afterwards. A host that is killed at the end of the time leaves nothing
        either: its guardians see its end, and kill at once what has a longer grace.
        """
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)
        with trio.move_on_after(seconds, shield=True):
            await self._process.wait()
        await self.discard()

    async def discard(self) -> None:
        """Reap the host, killed if it is not gone yet, and log what it printed. Not cancellable."""
        self._process.kill()
        with trio.CancelScope(shield=True):
            await self._process.wait()
        words = self._last_words()
        if words:
            _logger.error("the process host failed:\n%s", words)
        trio.lowlevel.notify_closing(self._control)
        self._control.close()

    def _last_words(self) -> str:
        words = bytearray()
        with suppress(BlockingIOError, ConnectionResetError):
            while packet := self._control.recv(_PACKET_BYTES):
                words += packet
        return words.decode(errors="replace").strip()


async def open_connection() -> HostConnection:
    """Start a host. Raises SpawnError, or OSError when no descriptor is left; cancelled, it leaves nothing behind."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    try:
        with theirs:
            process = await trio.lowlevel.open_process(
                _COMMAND, stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs, env=environment
            )
    except OSError as error:
        ours.close()
        text = f"cannot start the process host with {sys.executable}: {error}"
        raise SpawnError(text, number=error.errno or 0) from error
    except BaseException:
        ours.close()
        raise
    ours.setblocking(False)
    return HostConnection(ours, process)
