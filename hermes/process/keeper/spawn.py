"""Starting the command itself: where it is found, what it inherits, which step of its start failed.

By posix_spawn, which copies no memory of the guardian and tells the errno of the exec.
"""

import errno
import os
import signal

from hermes.process import wire

# The kernel, short of memory, takes a child before the gateway (proc(5), oom_score_adj: 0 is neutral, 1000 goes first).
_OOM_SCORE = b"500"
_DEFAULT_PATH = b"/usr/local/bin:/usr/bin:/bin"
_ALL_SIGNALS = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
# What says of one entry of PATH only that the command is not there.
_ELSEWHERE = (errno.ENOENT, errno.ENOTDIR, errno.EACCES)

Action = tuple[int, int, int] | tuple[int, int, bytes, int, int]


class StartFailed(Exception):
    """``step`` is one of hermes.process.wire, ``number`` the errno."""

    def __init__(self, step: str, number: int | None) -> None:
        super().__init__(step, number)
        self.step = step
        self.number = number or 0


def spawn(spec: wire.Spec, stdio: tuple[int, int, int]) -> int:
    """Start the command in a session of its own, with default signals and the three descriptors; returns its pid.

    Raises StartFailed. The working directory of this process is the root afterwards, so that it holds no mount.
    """
    try:
        os.chdir(spec.directory)
    except OSError as error:
        raise StartFailed(wire.STEP_DIRECTORY, error.errno) from None
    if spec.umask is not None:
        os.umask(spec.umask)
    try:
        pid = _spawn_first_found(spec, _file_actions(spec.terminal, stdio))
    finally:
        os.chdir("/")
    _offer_to_oom_killer(pid)
    return pid


def _file_actions(terminal: bytes, stdio: tuple[int, int, int]) -> list[Action]:
    if not terminal:
        return [(os.POSIX_SPAWN_DUP2, descriptor, number) for number, descriptor in enumerate(stdio)]
    # The leader of a new session gets the first terminal that it opens as its controlling one.
    opened: Action = (os.POSIX_SPAWN_OPEN, 0, terminal, os.O_RDWR, 0)
    return [opened, (os.POSIX_SPAWN_DUP2, 0, 1), (os.POSIX_SPAWN_DUP2, 0, 2)]


def _spawn_first_found(spec: wire.Spec, actions: list[Action]) -> int:
    failure = StartFailed(wire.STEP_FIND, errno.ENOENT)
    for path in _candidates(spec):
        try:
            return os.posix_spawn(
                path,
                spec.argv,
                spec.environment,
                file_actions=actions,
                setsid=True,
                setsigmask=(),
                setsigdef=_ALL_SIGNALS,
            )
        except OSError as error:
            # A file that is there and "not found" names an interpreter that is not.
            if error.errno not in _ELSEWHERE or (error.errno == errno.ENOENT and os.access(path, os.F_OK)):
                raise StartFailed(wire.STEP_EXECUTE, error.errno) from None
            if error.errno == errno.EACCES:
                failure = StartFailed(wire.STEP_FIND, error.errno)
    raise failure


def _candidates(spec: wire.Spec) -> list[bytes]:
    """The files that the command may mean. An empty entry of PATH is left out: the working directory is not trusted."""
    name = spec.argv[0]
    if b"/" in name:
        return [name]
    return [folder + b"/" + name for folder in spec.environment.get(b"PATH", _DEFAULT_PATH).split(b":") if folder]


def _offer_to_oom_killer(pid: int) -> None:
    try:
        descriptor = os.open(f"/proc/{pid}/oom_score_adj", os.O_WRONLY)
    except OSError:
        return  # it has ended already, or belongs to another user by now
    try:
        os.write(descriptor, _OOM_SCORE)
    except OSError:
        pass  # the gateway itself was given a higher score, which only root may lower
    finally:
        os.close(descriptor)
