"""The host: forks a guardian for each request, and ends what a guardian that was killed leaves behind.

- Descriptor 0 at its start is the control socket; its end of file means that the gateway is gone or wants no more
  children. The host then stays until the last guardian has ended, and exits.
- Each guardian holds the reading end of the host's line, whose other end the host alone has.
- The host is a subreaper above the guardians: a guardian's descendants become its own children when that guardian is
  killed, and are killed at once. Until none is left it keeps that guardian's status pipe open, so that the gateway
  sees the end of the pipe only then.
- What it prints (a traceback at its end, nothing else) goes to the gateway over the control socket.
"""

import errno
import gc
import os
import signal
import socket
from array import array

from hermes.process import wire
from hermes.process.keeper import descendants, kernel
from hermes.process.keeper.guardian import Guardian

# SIGKILL is repeated for strays that were forked meanwhile. Most rounds begin earlier, with the SIGCHLD of the last.
_ROUND_SECONDS = 0.02
# After so many rounds what is left cannot be killed (held by the kernel, another user's): then seldom.
_ROUNDS = 250
_LINGER_SECONDS = 1.0
_GUARDIAN_CRASHED = 70


class Host:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._open = True
        self._alarm, self._alarm_source = kernel.child_alarm()
        self._line, self._line_source = os.pipe2(os.O_CLOEXEC)
        self._guardian_title = kernel.Title(b"child-guardian")
        self._guardians: dict[int, int] = {}
        """The status pipe of each guardian, by pid."""
        self._lost: list[int] = []
        """The status pipes of guardians that were killed, while strays are being ended."""
        self._rounds = 0

    def serve(self) -> None:
        """Returns when the control socket has ended and no child is left."""
        while self._open or self._guardians or self._lost:
            ready = self._wait()
            if self._alarm in ready:
                self._reap()
            if self._lost:
                self._end_strays()
            if self._control.fileno() in ready:
                self._receive()

    def _wait(self) -> set[int]:
        lines = (self._alarm, self._control.fileno()) if self._open else (self._alarm,)
        pause = _ROUND_SECONDS if self._rounds < _ROUNDS else _LINGER_SECONDS
        return kernel.wait(lines, pause if self._lost else None)

    def _receive(self) -> None:
        try:
            packet, descriptors = _receive_descriptors(self._control)
        except ConnectionResetError:
            packet, descriptors = b"", []
        if not packet:
            self._open = False
        elif len(descriptors) == len(wire.DESCRIPTORS):
            self._guard(descriptors)
        elif descriptors:
            self._refuse(descriptors, wire.STEP_DESCRIPTORS, errno.EMFILE)

    def _guard(self, descriptors: list[int]) -> None:
        try:
            pid = os.fork()
        except OSError as error:
            self._refuse(descriptors, wire.STEP_FORK, error.errno or 0)
            return
        if pid == 0:
            self._become_guardian(*descriptors)
        self._guardians[pid], *others = descriptors
        for descriptor in others:
            os.close(descriptor)

    def _refuse(self, descriptors: list[int], step: str, number: int) -> None:
        try:
            os.write(descriptors[0], wire.failed(step, number))
        except BrokenPipeError:
            pass  # who asked has left
        for descriptor in descriptors:
            os.close(descriptor)

    def _become_guardian(self, status: int, lifeline: int, spec: int, *stdio: int) -> None:
        """Runs in the fork, and never returns."""
        code = _GUARDIAN_CRASHED
        try:
            self._let_go_of_host()
            os.setsid()
            kernel.become_subreaper()
            self._guardian_title.take()
            stdin, stdout, stderr = stdio
            guardian = Guardian(status=status, lifeline=lifeline, host_line=self._line)
            guardian.run(_read_spec(spec), (stdin, stdout, stderr))
            code = 0
        except BaseException as error:
            os.write(status, wire.crashed(error))
        finally:
            os._exit(code)

    def _let_go_of_host(self) -> None:
        """What only the host may hold: others see by its end of file that the host is gone."""
        os.dup2(0, 2)
        own = (self._control.fileno(), self._line_source, self._alarm, self._alarm_source)
        for descriptor in (*own, *self._guardians.values(), *self._lost):
            os.close(descriptor)

    def _reap(self) -> None:
        kernel.drain(self._alarm)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            pipe = self._guardians.pop(pid, None)
            if pipe is None:
                continue
            if status == 0:
                os.close(pipe)
            else:
                self._lost.append(pipe)

    def _end_strays(self) -> None:
        strays = [pid for pid in descendants.children() if pid not in self._guardians]
        for pid in strays:
            descendants.send_to_child(pid, (signal.SIGKILL,))
        self._rounds = self._rounds + 1 if strays else 0
        if not strays:
            while self._lost:
                os.close(self._lost.pop())


def _receive_descriptors(control: socket.socket) -> tuple[bytes, list[int]]:
    """As ``socket.recv_fds``, which forgets the flags that it is given: these descriptors are close-on-exec."""
    received = array("i")
    room = socket.CMSG_LEN(len(wire.DESCRIPTORS) * received.itemsize)
    packet, ancillary, _, _ = control.recvmsg(len(wire.REQUEST), room, socket.MSG_CMSG_CLOEXEC)
    for _, _, data in ancillary:
        received.frombytes(data[: len(data) - len(data) % received.itemsize])
    return packet, list(received)


def _read_spec(descriptor: int) -> wire.Spec:
    data = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    os.close(descriptor)
    return wire.Spec.decode(data)


def main() -> None:
    control = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.setsid()
    os.chdir("/")
    kernel.prepare_signals()
    kernel.become_subreaper()
    kernel.Title(b"child-host").take()
    host = Host(control)
    # What is loaded by now is never garbage: the collector must not touch, and so copy, these pages in each guardian.
    gc.freeze()
    host.serve()
