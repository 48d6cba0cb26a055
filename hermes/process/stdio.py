"""The standard streams of a child: pipes, /dev/null, or a pseudo-terminal.

Every descriptor is close-on-exec, and on one of two stacks of the caller's as soon as it is open: ``ours`` is closed
when the start fails, ``theirs`` as soon as the child has it, since the end of a stream is seen only then.
"""

import errno
import os
import termios
from contextlib import ExitStack

import trio
from attrs import define, frozen

from hermes.process.command import Stdin, TerminalSize


@define(eq=False)
class TerminalReader(trio.abc.ReceiveStream):
    """The output of a pseudo-terminal, whose end the kernel tells as EIO."""

    _stream: trio.lowlevel.FdStream

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        try:
            return await self._stream.receive_some(max_bytes)
        except trio.BrokenResourceError as error:
            if isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EIO:
                return b""
            raise

    def resize(self, size: TerminalSize) -> None:
        """The programs in the foreground get SIGWINCH."""
        termios.tcsetwinsize(self._stream.fileno(), (size.rows, size.columns))

    def close(self) -> None:
        self._stream.close()

    async def aclose(self) -> None:
        await self._stream.aclose()


@frozen
class Stdio:
    """The gateway's ends, and the three descriptors that the child gets."""

    stdin: trio.lowlevel.FdStream | None
    stdout: trio.lowlevel.FdStream | TerminalReader
    stderr: trio.lowlevel.FdStream | None
    descriptors: tuple[int, int, int]
    terminal: bytes = b""
    """The path of the pseudo-terminal, if it is one."""

    def close(self) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                stream.close()


def open_pipes(stdin: Stdin, ours: ExitStack, theirs: ExitStack, *, merge_stderr: bool) -> Stdio:
    """Raises OSError when no descriptor is left."""
    writer, source = _open_stdin(stdin, ours, theirs)
    reader, out = _pipe_from_child(ours, theirs)
    error_reader, error = (None, out) if merge_stderr else _pipe_from_child(ours, theirs)
    return Stdio(writer, reader, error_reader, (source, out, error))


def open_terminal(size: TerminalSize, ours: ExitStack, theirs: ExitStack) -> Stdio:
    """Raises OSError when no descriptor or no pseudo-terminal is left."""
    master, slave = os.openpty()
    theirs.callback(os.close, slave)
    # Before either stream is made: a stream puts back the mode that it found when it is closed, for both.
    os.set_blocking(master, False)
    reader = TerminalReader(_stream(master, ours))
    reader.resize(size)
    writer = _stream(os.dup(master), ours)
    return Stdio(writer, reader, None, (slave, slave, slave), os.fsencode(os.ttyname(slave)))


def _open_stdin(stdin: Stdin, ours: ExitStack, theirs: ExitStack) -> tuple[trio.lowlevel.FdStream | None, int]:
    if stdin is Stdin.NONE:
        nothing = os.open(os.devnull, os.O_RDONLY)
        theirs.callback(os.close, nothing)
        return None, nothing
    readable, writable = os.pipe2(os.O_CLOEXEC)
    theirs.callback(os.close, readable)
    return _stream(writable, ours), readable


def _pipe_from_child(ours: ExitStack, theirs: ExitStack) -> tuple[trio.lowlevel.FdStream, int]:
    readable, writable = os.pipe2(os.O_CLOEXEC)
    theirs.callback(os.close, writable)
    return _stream(readable, ours), writable


def _stream(descriptor: int, ours: ExitStack) -> trio.lowlevel.FdStream:
    stream = trio.lowlevel.FdStream(descriptor)
    ours.callback(stream.close)
    return stream
