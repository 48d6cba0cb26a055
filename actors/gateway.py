"""`hermes gateway run`: the tree from its start to its end, in one function."""

import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import trio
from attrs import define, field, frozen

from actors.assembly import Program, conversation_services, open_store
from actors.changes import settle_changes
from actors.control import control
from actors.lifecycle import ExitCode, Lifecycle, end_process, watch_signals
from actors.pruning import pruning
from actors.requests import Requests
from actors.runtime import ChildSpec
from actors.runtime.report import Report, What, log_report
from actors.tree import Attached, Base, Blueprint, Tree, build
from actors.watchdog import Notifier, store_answers, watchdog, watchdog_interval
from hermes.errors import ConfigError
from hermes.status import ChildStatus, State

log = logging.getLogger(__name__)

# What waits for a person, or ends the process.
_A_PERSON_MUST = frozenset({What.QUARANTINED, What.GAVE_UP})


@frozen
class Options:
    """What the command line adds to the configuration."""

    start_time: int
    """Kernel start time of this process, in clock ticks."""
    announce: Callable[[], None]
    """Called once everything has started."""
    finishing: Callable[[int, float], None]
    """Called at the end with how many turns and messages are still under way, if any are, and with the seconds that
    they are given."""


async def serve(program: Program, attached: Sequence[Attached], options: Options) -> ExitCode:
    """Run until told to end; returns the exit code.

    Raises ``ConfigError`` when no platform can work with its configuration, and what a failed core ends with.
    """
    lifecycle = Lifecycle()
    notifier = Notifier(os.environ.get("NOTIFY_SOCKET", ""))
    reports = StartReports()
    trees: list[Tree] = []

    def extras(base: Base) -> Sequence[ChildSpec]:
        requests = Requests(lambda: trees[0].root, base.store, base.homes, lifecycle, options.start_time)
        answers = partial(store_answers, base.store)
        interval = watchdog_interval(os.environ)
        return (
            ChildSpec("pruning", partial(pruning, prune=base.store.prune)),
            ChildSpec("control", partial(control, path=program.home.control_socket, handle=requests.handle), core=True),
            ChildSpec(
                "watchdog",
                partial(watchdog, notifier=notifier, interval=interval, answers=answers, describe=base.describe),
                core=True,
            ),
        )

    blueprint = Blueprint(
        home=program.home,
        open_store=partial(open_store, program),
        attached=attached,
        services=partial(conversation_services, program),
        extras=extras,
        gate=lifecycle.gate,
        report=reports.take,
        redactor=program.redactor,
        escalate=end_process,
    )
    trees.append(build(blueprint))

    def on_started() -> None:
        beside = frozenset(each.adapter.name for each in attached if each.on)
        _refuse_if_nothing_works(trees[0].base.describe(), program.home.config_file, beside)
        reports.started()
        options.announce()

    accounts = [(each.adapter.name, each.adapter.account) for each in attached]
    timeout = program.settings.agent.restart_drain_timeout

    async def drain() -> bool:
        store = trees[0].base.store
        return await lifecycle.drain(store, accounts, timeout, lambda count: options.finishing(count, timeout))

    async def start(*, task_status: trio.TaskStatus[None]) -> None:
        await settle_changes(program.home)
        await trees[0].root.run(task_status=task_status)

    return await _run(start, lifecycle, notifier, on_started, drain)


async def _run(
    tree: Callable[..., Awaitable[None]],
    lifecycle: Lifecycle,
    notifier: Notifier,
    on_started: Callable[[], None],
    drain: Callable[[], Awaitable[bool]],
) -> ExitCode:
    started = trio.Event()

    async def start() -> None:
        async with trio.open_nursery() as inside:
            await inside.start(tree)
            on_started()
            started.set()

    # Around the tree: a signal that comes while the tree ends must not end the process in the middle of it.
    async with trio.open_nursery() as around:
        await around.start(watch_signals, lifecycle)
        async with trio.open_nursery() as nursery:
            # Beside the wait for the end: a start that waits for room on the disk can be ended too.
            nursery.start_soon(start)
            exit_code = await lifecycle.wait()
            notifier.send("STOPPING=1", "STATUS=finishing what is under way")
            log.info("ending with %s: finishing what is under way", exit_code.name)
            if started.is_set() and not await drain():
                log.info("ending with work under way; it goes on at the next start")
            nursery.cancel_scope.cancel()
        around.cancel_scope.cancel()
    return exit_code


@define
class StartReports:
    """The supervisors' reports. What a person must mend is held back until the start is over: if it ends there, the
    line of its error says the same, once.
    """

    _held: list[Report] | None = field(factory=list[Report])

    def take(self, report: Report) -> None:
        if self._held is not None and report.what in _A_PERSON_MUST:
            self._held.append(report)
            log.info("%s/%s %s: %s", report.supervisor, report.child, report.what, report.reason)
        else:
            log_report(report)

    def started(self) -> None:
        """The gateway goes on without what failed."""
        held, self._held = self._held or (), None
        for report in held:
            log_report(report)


def _refuse_if_nothing_works(tree: ChildStatus, config_file: Path, beside: frozenset[str] = frozenset()) -> None:
    """With every platform refused by its configuration there is nobody to talk to: say why and end.

    Those ``beside`` another, on its port, help nobody when that one is refused.
    """
    found = next(child for child in tree.children if child.name == "platforms").children
    platforms = [platform for platform in found if platform.name not in beside]
    reasons = [
        inbound.failure.error.partition(": ")[2]
        for platform in platforms
        for inbound in platform.children
        if inbound.name == "inbound" and inbound.state is State.FAILED and inbound.failure and not inbound.failure.ours
    ]
    if platforms and len(reasons) == len(platforms):
        raise ConfigError("\n".join(f"{config_file}: {reason}" for reason in reasons), file=str(config_file))
