"""`hermes chat`: the gateway's tree with one terminal as its only platform, from its start to its end.

Rules:

1. What is under way when the terminal leaves is cancelled and stays in the journal: the same session goes on with it
   when it is resumed. There is no drain, since the person has gone.
2. The prompt stands beside the tree, not in it: a crash of any actor leaves the line that is being typed alone, and
   the end of the prompt is the end of the program.
3. Signals are trio's: Ctrl-C (SIGINT) stops what runs, SIGTERM and SIGHUP (the terminal was closed) leave at once.
"""

import logging
import signal
from collections.abc import Callable
from functools import partial
from typing import Protocol

import trio
from attrs import define, field, frozen

from actors.assembly import Program, conversation_services, open_store
from actors.changes import settle_changes
from actors.conversation.services import Platform
from actors.lifecycle import end_process
from actors.platform.connection import Gate
from actors.runtime.report import Report, What, log_report
from actors.tree import Attached, Blueprint, Tree, build
from adapters.terminal.adapter import LIMITS, TerminalAdapter
from adapters.terminal.chats import session_key
from adapters.terminal.outgoing import Outgoing
from adapters.terminal.query import Query
from hermes.errors import HermesError
from hermes.events import InboundKind, Outbound, OutboundKind
from hermes.store.interface import Store

log = logging.getLogger(__name__)

TERMINAL = Platform("terminal", owner=True, message_length=LIMITS.message_length, every_command=False)

# Seconds for the last words with the store when a terminal leaves; without an answer they stay unsaid.
LAST_WORDS_WITHIN = 2.0

# How a turn's last message says that it is no answer (hermes/messages.py, finish_reason).
_CUT_SHORT = frozenset({"failed", "stopped", "interrupted"})


@frozen
class Reply:
    """What a question led to."""

    message: Outbound | None
    """None: it was left before there was an answer."""
    failed: bool
    signal: int = 0
    """The signal that cut it short, or 0."""


@frozen
class Parting:
    """How an interactive chat ended."""

    session_id: str
    """Empty when nothing was said."""
    unfinished: bool
    """A turn was under way, and goes on when the session is resumed."""
    unsent: tuple[str, ...]
    """What was typed and could not be made durable."""
    signal: int = 0


class Front(Protocol):
    """The interactive terminal: ``adapters.terminal.front``."""

    @property
    def adapter(self) -> TerminalAdapter: ...

    @property
    def running(self) -> bool:
        """Whether a turn is under way."""
        ...

    @property
    def unsent(self) -> tuple[str, ...]:
        """What was typed and is not durable."""
        ...

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        """Show the prompt until the person leaves."""
        ...

    def ctrl_c(self) -> None:
        """Ctrl-C came as a signal."""
        ...

    def tell(self, trouble: str) -> None:
        """Something does not work; a line of it."""
        ...


async def ask(program: Program, account: str, query: Query, outgoing: Outgoing) -> Reply:
    """Ask one question and wait for its answer. Raises what a failed core ends with."""
    tree = build(_blueprint(program, TerminalAdapter(account, query, outgoing), query.give_up))
    ending = _Ending()
    async with trio.open_nursery() as behind:
        async with trio.open_nursery() as before:
            ending.scope = before.cancel_scope
            await before.start(_watch_signals, partial(_stop, query, ending), ending)
            await settle_changes(program.home)
            await behind.start(tree.root.run)
            message = await query.run()
            failed = await _failed(tree.base.store, session_key(account), query, message)
            await _settle(tree.base.store)
            ending.reply = Reply(message, failed=failed, signal=ending.signal)
            before.cancel_scope.cancel()
        behind.cancel_scope.cancel()
    return ending.outcome()


async def converse(program: Program, account: str, front: Front) -> Parting:
    """Chat until the person leaves or the terminal is gone. Raises what a failed core ends with."""
    tree = build(_blueprint(program, front.adapter, front.tell))
    ending = _Ending()
    async with trio.open_nursery() as behind:
        async with trio.open_nursery() as before:
            ending.scope = before.cancel_scope
            await before.start(_watch_signals, partial(_press, front), ending)
            await before.start(_until_left, front, ending)
            # Nobody waits for it: what is typed meanwhile is taken when it is up, even if the person left by then.
            behind.start_soon(_run, program, tree)
        parting = await _part(tree.base.store, account, front, ending)
        behind.cancel_scope.cancel()
    return parting


async def _run(program: Program, tree: Tree) -> None:
    await settle_changes(program.home)
    await tree.root.run()


@define
class _Ending:
    """How the end came about."""

    scope: trio.CancelScope = field(factory=trio.CancelScope)
    """What a signal that ends the program cancels."""
    signal: int = 0
    reply: Reply | None = None

    def outcome(self) -> Reply:
        return self.reply or Reply(None, failed=True, signal=self.signal)


def _blueprint(program: Program, adapter: TerminalAdapter, tell: Callable[[str], None]) -> Blueprint:
    def report(about: Report) -> None:
        log_report(about)
        if about.what is What.QUARANTINED:
            tell(f"{about.supervisor}/{about.child} failed and is tried again later: {about.reason}")

    return Blueprint(
        home=program.home,
        open_store=partial(open_store, program),
        attached=(Attached(adapter, TERMINAL),),
        services=partial(conversation_services, program),
        extras=lambda base: (),
        gate=Gate(),
        report=report,
        redactor=program.redactor,
        escalate=end_process,
    )


async def _until_left(front: Front, ending: _Ending, *, task_status: trio.TaskStatus[None]) -> None:
    await front.run(task_status=task_status)
    ending.scope.cancel()


async def _watch_signals(
    interrupted: Callable[[], bool], ending: _Ending, *, task_status: trio.TaskStatus[None]
) -> None:
    """``interrupted`` deals with Ctrl-C, and tells whether the program goes on."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        task_status.started()
        async for number in signals:
            log.info("%s received", signal.Signals(number).name)
            if number != signal.SIGINT or not interrupted():
                ending.signal = number
                ending.scope.cancel()


def _stop(query: Query, ending: _Ending) -> bool:
    """The first Ctrl-C stops the turn, which then says so; the second does not wait for that."""
    if ending.signal:
        return False
    ending.signal = signal.SIGINT
    query.stop()
    return True


def _press(front: Front) -> bool:
    front.ctrl_c()
    return True


async def _failed(store: Store, key: str, query: Query, message: Outbound) -> bool:
    """Whether a message is no answer. A command's output is a notice too, and one that was asked for."""
    if message.kind is OutboundKind.NOTICE:
        return query.event.kind is not InboundKind.COMMAND
    # What was answered is not kept from the person because the store cannot be read any more.
    with trio.move_on_after(LAST_WORDS_WITHIN):
        try:
            session = await store.current(key)
            history = await store.history(session.id) if session else ()
            return bool(history) and history[-1].finish_reason in _CUT_SHORT
        except HermesError as error:
            log.info("the store does not answer at the end: %s", error)
    return False


async def _settle(store: Store) -> None:
    """Let the row of the answer become "sent": a write that is asked for after it is made after it."""
    with trio.move_on_after(LAST_WORDS_WITHIN):
        try:
            await store.ping()
        except HermesError as error:
            log.info("the store does not answer at the end: %s", error)


async def _part(store: Store, account: str, front: Front, ending: _Ending) -> Parting:
    with trio.move_on_after(LAST_WORDS_WITHIN):
        await front.adapter.outgoing.until_empty()
    session_id = await _session_id(store, account) if front.adapter.connected else ""
    return Parting(session_id, front.running, front.unsent, ending.signal)


async def _session_id(store: Store, account: str) -> str:
    with trio.move_on_after(LAST_WORDS_WITHIN):
        try:
            session = await store.current(session_key(account))
        except HermesError as error:
            log.info("the store does not answer at the end: %s", error)
        else:
            return session.id if session else ""
    return ""
