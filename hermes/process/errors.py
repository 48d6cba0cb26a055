"""How a child fails to start, and how its outcome can be lost.

Both say in one line what a person can do.
"""

import errno
import os

from hermes.errors import HermesError, TransientError
from hermes.process import wire
from hermes.process.command import Command


class SpawnError(HermesError):
    """The command was not started: nothing of it ran. ``number`` is the errno, or 0."""

    def __init__(self, message: str, *, number: int = 0) -> None:
        super().__init__(message)
        self.number = number


class OutcomeUnknown(TransientError):
    """The child may have done any part of its work, and nothing of it is left.

    Its guardian or the process host was killed; the next start finds, or makes, a new host.
    """


_TOO_MANY = "close some, or raise the limit of open files (ulimit -n; LimitNOFILE= of a systemd unit)"
_EXECUTE = {
    errno.ENOENT: "its interpreter (the first line, or the loader) was not found",
    errno.EACCES: "it may not be executed",
    errno.ENOEXEC: "it is no program: a script needs a first line such as #!/bin/sh",
    errno.E2BIG: "its arguments and environment are too long: hand large data over on stdin or in a file",
    errno.EAGAIN: "the limit of processes is reached (ulimit -u; TasksMax= of a systemd unit)",
    errno.ENOMEM: "memory is short",
    errno.ETXTBSY: "the file is still being written",
}


def spawn_error(command: Command, step: str, number: int) -> SpawnError:
    """The error for ``step`` of hermes.process.wire and its errno."""
    return SpawnError(f"cannot start {command.argv[0]!r}: {_reason(command, step, number)}", number=number)


def _reason(command: Command, step: str, number: int) -> str:
    system = os.strerror(number)
    if step == wire.STEP_DIRECTORY:
        return f"working directory {str(command.cwd or '.')!r}: {system}"
    if step == wire.STEP_DESCRIPTORS:
        return f"{system}: {_TOO_MANY}"
    if step == wire.STEP_FIND:
        return _not_found(command, number)
    return _EXECUTE.get(number, system)


def _not_found(command: Command, number: int) -> str:
    if number == errno.EACCES:
        return "it is there, but may not be executed (chmod +x?)"
    if "/" in command.argv[0]:
        return "there is no such file"
    return f"not found in PATH ({command.env.get('PATH', 'the default one')})"
