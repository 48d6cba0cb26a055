"""The inside of `hermes gateway run`: one gateway a home, its platforms, and what it prints.

Nobody has to read what it prints: whoever started it may be gone, and the chats do not need them.
"""

import gc
import json
import logging
import os
import sys
import time
from collections.abc import Sequence

import trio

from actors.assembly import Program
from actors.gateway import Options, serve
from actors.tree import Attached
from hermes import lean_attrs
from hermes.cli.attach import attach
from hermes.cli.startup import Startup, start_up
from hermes.config.choice import OFFLINE
from hermes.control import request
from hermes.errors import ConfigError, HermesError
from hermes.home import Home
from hermes.instance import Holder, InstanceLock, ourselves, take
from hermes.store.tables.owners import GATEWAY

log = logging.getLogger(__name__)

# Seconds for a running gateway to agree to its replacement.
AGREE_WITHIN = 5.0

# The descriptor itself, past the buffer of sys.stdout: what stayed in it would fail once more at the end.
STDOUT = 1


def run_gateway(*, replace: bool, verbosity: int) -> int:
    """Run until told to end; returns the exit code.

    Raises ``AlreadyRunning`` and ``ConfigError`` before anything runs.
    """
    with start_up(gateway=True, verbosity=verbosity) as startup:
        home = startup.home
        us = ourselves(tuple(sys.argv))
        lock = _take_lock(home, us, replace=replace)
        try:
            _write_pid(home, us)
            return _serve(startup, us, quiet=verbosity < 0)
        finally:
            _remove_pid(home)
            lock.release()


def _take_lock(home: Home, us: Holder, *, replace: bool) -> InstanceLock:
    """Raises ``AlreadyRunning``, ``ConfigError`` without the right to it, ``HermesError`` when the disk is full."""
    lock = InstanceLock(home.gateway_lock)
    try:
        take(lock, us, replace=replace, ask_to_leave=lambda seen: _ask_to_leave(home, seen), pause=time.sleep)
    except OSError as error:
        text = f"the lock {home.gateway_lock} cannot be taken by user {os.geteuid()}: {error.strerror}"
        raise (ConfigError if isinstance(error, PermissionError) else HermesError)(text) from error
    return lock


def _ask_to_leave(home: Home, seen: Holder) -> bool:
    question: dict[str, object] = {"do": "replace", "pid": seen.pid, "start_time": seen.start_time}
    try:
        request(home.control_socket, question, within=AGREE_WITHIN)
    except HermesError:
        return False
    return True


def _write_pid(home: Home, us: Holder) -> None:
    """Information for people and monitors; the lock alone decides, so a start does not fail for it."""
    said = {"pid": us.pid, "kind": "gateway", "argv": us.argv, "start_time": us.start_time}
    try:
        home.touch(home.gateway_pid)
        home.gateway_pid.write_text(json.dumps(said))
    except OSError as error:
        log.warning("%s cannot be written: %s", home.gateway_pid, error.strerror)


def _remove_pid(home: Home) -> None:
    try:
        home.gateway_pid.unlink(missing_ok=True)
    except OSError as error:
        log.warning("%s cannot be removed: %s", home.gateway_pid, error.strerror)


def _serve(startup: Startup, us: Holder, *, quiet: bool) -> int:
    program = Program(
        home=startup.home,
        settings=startup.settings,
        environment=startup.environment,
        redactor=startup.redactor,
        owner=GATEWAY,
        gateway=True,
    )
    attached = attach(startup)

    def say(lines: Sequence[str]) -> None:
        if not quiet:
            _say(lines)

    def announce() -> None:
        say(_greeting(attached, startup.settings.model.provider))
        lean_attrs.keep()
        # What stands now stands until the end: no collection has to look at it again.
        gc.freeze()

    options = Options(
        us.start_time,
        announce=announce,
        finishing=lambda count, seconds: say(_finishing(count, seconds)),
    )
    return trio.run(serve, program, attached, options)


def _greeting(attached: Sequence[Attached], provider: str) -> list[str]:
    # A port that is not listened on may be another program's.
    serving = (each.adapter for each in attached if getattr(each.adapter, "port", None) is not None)
    addresses = tuple(filter(None, (getattr(adapter, "address", None) for adapter in serving)))
    lines = [f"Hermes is running. Chat with it at {address}" for address in addresses] or ["Hermes is running."]
    hint = 'Type "help" there, or "run ls". ' if addresses and provider == OFFLINE else ""
    return [*lines, f"{hint}Ctrl-C here ends it."]


def _finishing(count: int, seconds: float) -> list[str]:
    return [
        f"Finishing {count} {'answer' if count == 1 else 'answers'} in at most {seconds:g} s. "
        "Ctrl-C again ends now, and they go on at the next start."
    ]


def _say(lines: Sequence[str]) -> None:
    try:
        os.write(STDOUT, "".join(f"{line}\n" for line in lines).encode())
    except OSError as error:
        log.info("nobody reads what is printed: %s", error.strerror)
