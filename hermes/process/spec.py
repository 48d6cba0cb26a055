"""A command as its guardian reads it: in an anonymous file of memory, since it may be larger than any packet."""

import os
from contextlib import ExitStack
from pathlib import Path

from hermes.process import wire
from hermes.process.command import Command
from hermes.process.errors import SpawnError, spawn_error


def open_spec(command: Command, grace: float, terminal: bytes, theirs: ExitStack) -> int:
    """Its descriptor, which ``theirs`` closes. Raises SpawnError, or OSError when no descriptor is left."""
    data = _encode(command, grace, terminal)
    descriptor = os.memfd_create("command")
    theirs.callback(os.close, descriptor)
    os.write(descriptor, data)
    return descriptor


def _encode(command: Command, grace: float, terminal: bytes) -> bytes:
    try:
        spec = wire.Spec(
            argv=[_bytes(argument) for argument in command.argv],
            environment={_name(name): _bytes(value) for name, value in command.env.items()},
            directory=_directory(command),
            grace=grace,
            umask=command.umask,
            terminal=terminal,
        )
    except ValueError as error:
        raise SpawnError(f"cannot start {command.argv[0]!r}: {error}") from None
    return spec.encode()


def _directory(command: Command) -> bytes:
    """Absolute: the host's own working directory is the root."""
    try:
        return _bytes(str((command.cwd or Path()).absolute()))
    except OSError as error:
        raise spawn_error(command, wire.STEP_DIRECTORY, error.errno or 0) from None


def _name(text: str) -> bytes:
    if not text or "=" in text:
        raise ValueError(f"{text!r} cannot be the name of a variable")
    return _bytes(text)


def _bytes(text: str) -> bytes:
    data = os.fsencode(text)
    if b"\0" in data:
        raise ValueError("an argument, a variable or a path contains a NUL character")
    return data
