"""Where a command is put into the sandbox, if there is one: every tool that runs commands comes through here."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import trio

from hermes.errors import ConfigError
from hermes.tools.commands.bubblewrap import PROGRAM, Homes, wrap
from hermes.tools.contract import Sandbox, ToolContext
from hermes.tools.files.place import READERS


async def confine(
    context: ToolContext, argv: tuple[str, ...], directory: Path, needs: Iterable[Path] = ()
) -> tuple[str, ...]:
    """What to start instead of ``argv``: itself, or bubblewrap around it where terminal.backend is ``sandbox``.

    ``needs``: folders that the program itself is read from. Raises ``ConfigError`` when the sandbox cannot be had: the
    command is never run without it. Raises ``Refused`` when ``directory`` is not seen there. Cancelled: a thread that
    waits for the disk is left behind.
    """
    if context.sandbox is None:
        return argv
    return await trio.to_thread.run_sync(
        _confined, context, context.sandbox, argv, directory, tuple(needs), abandon_on_cancel=True, limiter=READERS
    )


def _confined(
    context: ToolContext, sandbox: Sandbox, argv: tuple[str, ...], directory: Path, needs: tuple[Path, ...]
) -> tuple[str, ...]:
    program = _find(context)
    homes = Homes(context.cwd, Path(context.environment.get("HOME") or "/"), context.hermes_home)
    return wrap(program, argv, directory, homes, sandbox, needs)


def _find(context: ToolContext) -> str:
    """bubblewrap, and not one that a command in the sandbox could have put into the working directory."""
    found = shutil.which(PROGRAM, path=context.environment.get("PATH") or os.defpath)
    if found is None or Path(os.path.realpath(found)).is_relative_to(os.path.realpath(context.cwd)):
        raise ConfigError(
            "terminal.backend is sandbox, and bubblewrap (bwrap) is not on the PATH: install the package bubblewrap, "
            "or set terminal.backend to local",
            key="terminal.backend",
        )
    return found
