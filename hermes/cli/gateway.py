"""`hermes gateway`: run it, look at it, stop it."""

import gc
import json
import os
import sys
import time
from typing import Any, NoReturn

import click

from hermes import lean_attrs
from hermes.cli.lazy import DefaultGroup
from hermes.control import request
from hermes.errors import ConfigError, HermesError, Unavailable
from hermes.home import Home, find_home
from hermes.instance import InstanceLock

# Seconds for the gateway to answer its control socket: it has other things to do, and a person waits.
ANSWER_WITHIN = 5.0

# Seconds that `stop` waits for a planned end beyond the drain that the gateway is configured for.
STOP_GRACE = 30.0

# Objects before the garbage collector looks, and how often it looks at older ones: a start and its turns make thousands
# of objects and few cycles, so the usual 700 cost an eighth of a turn. None at all would leave 4 MB of a start's.
COLLECTIONS = (10_000, 20, 20)

# Exit code of `status` when nothing runs, as systemctl(1) has it.
NOT_RUNNING = 3


class _Gateway(DefaultGroup):
    default = "run"


@click.group(cls=_Gateway)
def gateway() -> None:
    """Run the gateway, look at it, stop it. Without a command: run."""


@gateway.command()
@click.option("--replace", is_flag=True, help="Take the place of a gateway that is running for this home.")
@click.option("-v", "--verbose", count=True, help="Log more; twice for all.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def run(replace: bool, verbose: int, quiet: bool) -> NoReturn:
    """Connect the chat platforms to the agent, until Ctrl-C or a signal."""
    gc.set_threshold(*COLLECTIONS)
    with lean_attrs.installed("gateway"):
        from hermes.cli.run_gateway import run_gateway

        code = run_gateway(replace=replace, verbosity=-1 if quiet else verbose)
    sys.exit(code)


@gateway.command()
@click.option("--watch", is_flag=True, help="Show it live, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def status(watch: bool, as_json: bool) -> NoReturn:
    """Show every actor, and what waits in the journal.

    Exit code: 0 well, 1 not well, 3 not running.
    """
    home = find_home(os.environ)
    if watch:
        _watch(home)
    answer = _ask_status(home)
    if as_json:
        click.echo(json.dumps(answer))
    else:
        _print(answer)
    sys.exit(_exit_code(answer))


@gateway.command()
def stop() -> None:
    """End the running gateway after what it has under way.

    Returns when it has ended. Exit code: 0 ended, 1 none runs or it does not end.
    """
    home = find_home(os.environ)
    lock = InstanceLock(home.gateway_lock)
    if not _held(lock, home):
        raise HermesError("no gateway is running for this home")
    holder = lock.holder()
    request(home.control_socket, {"do": "stop"}, within=ANSWER_WITHIN)
    deadline = time.monotonic() + _drain_timeout(home) + STOP_GRACE
    # Its successor, which a service manager may start at once, is none of ours.
    while _held(lock, home) and lock.holder() in (holder, None):
        if time.monotonic() > deadline:
            raise HermesError("the gateway has not ended yet: see `hermes gateway status`")
        time.sleep(0.05)
    click.echo("The gateway has ended.")


def _ask_status(home: Home) -> dict[str, Any]:
    """What the gateway says of itself, or what can be seen from outside when it says nothing."""
    lock = InstanceLock(home.gateway_lock)
    if not _held(lock, home):
        return {"running": False, "healthy": False, "problem": "not running"}
    try:
        return {"running": True, **request(home.control_socket, {"do": "status"}, within=ANSWER_WITHIN)}
    except Unavailable as error:
        holder = lock.holder()
        # Without a socket to connect to it has not started yet, or has just ended: its log tells what it waits for.
        where = f" (is it still starting? see {home.logs_dir / 'gateway.log'})" if error.__cause__ else ""
        problem = f"{error}{where}"
        return {"running": True, "healthy": False, "pid": holder.pid if holder else None, "problem": problem}


def _held(lock: InstanceLock, home: Home) -> bool:
    """Whether a gateway runs. Raises ``ConfigError`` when the home cannot be looked into."""
    try:
        return lock.held()
    except OSError as error:
        raise ConfigError(
            f"{home.gateway_lock} cannot be opened by user {os.geteuid()}: {error.strerror}."
            " Use the user of the gateway, or set HERMES_HOME to another path",
            file=str(home.gateway_lock),
            key="HERMES_HOME",
        ) from error


def _exit_code(answer: dict[str, Any]) -> int:
    if not answer["running"]:
        return NOT_RUNNING
    return 0 if answer["healthy"] else 1


def _print(answer: dict[str, Any]) -> None:
    if "tree" not in answer:
        who = f"gateway (pid {answer['pid']}): " if answer["running"] else "gateway: "
        click.echo(who + answer["problem"])
        return
    from rich.console import Console

    from hermes.cli.status import render

    Console(highlight=False).print(render(answer, time.time()))


def _watch(home: Home) -> NoReturn:
    from rich.live import Live
    from rich.text import Text

    from hermes.cli.status import render

    with Live(Text("..."), refresh_per_second=4) as live:
        while True:
            answer = _ask_status(home)
            live.update(render(answer, time.time()) if "tree" in answer else Text(f"gateway: {answer['problem']}"))
            time.sleep(1.0)


def _drain_timeout(home: Home) -> float:
    from hermes.config.load import load
    from hermes.config.schema import Agent

    try:
        return load(home, os.environ).settings.agent.restart_drain_timeout
    except ConfigError:
        # What is wrong with the file now was not when the gateway read it, and is no reason to look away from its end.
        return Agent().restart_drain_timeout
