"""The whole tree of a gateway in this process, with a scripted platform and a scripted model, over a real store."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import trio
from attrs import define, evolve, field

from actors.assembly import Program, conversation_services, open_store
from actors.conversation.services import Platform, Services
from actors.platform.connection import Gate
from actors.runtime import ChildSpec, Report
from actors.tree import Attached, Base, Blueprint, Tree, build
from adapters.contract import AdapterHost, Drafts, Idempotency, Limits, Receipt
from hermes.config.schema import Agent, Approvals, Settings, Terminal
from hermes.errors import HermesError
from hermes.events import Draft, Inbound, InboundKind, Outbound, OutboundKind, Source
from hermes.home import find_home, make_home
from hermes.models.contract import ChatModel
from hermes.redact import Redactor
from hermes.store.rows import Accepted

# Seconds for anything that a test waits for, on a machine that is busy with others.
WITHIN = 30.0


@define(eq=False)
class Chat:
    """A platform with one account and no wire: what a person types and sees, in memory."""

    name: str = "fake"
    account: str = "bot"
    probe_interval: float | None = None
    seen: list[Outbound] = field(factory=list[Outbound])
    drafts: list[Draft] = field(factory=list[Draft])
    fail_run: list[Exception] = field(factory=list[Exception])
    fail_send: list[Exception] = field(factory=list[Exception])
    fail_probe: list[Exception] = field(factory=list[Exception])
    _host: AdapterHost | None = None
    _change: trio.Event = field(factory=trio.Event)
    _broken: trio.Event = field(factory=trio.Event)

    @property
    def limits(self) -> Limits:
        return Limits(2000, Idempotency.TRANSACTION, Drafts.EPHEMERAL, buttons=True)

    async def run(self, host: AdapterHost, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        self._host = host
        self._broken = trio.Event()
        task_status.started()
        await self._broken.wait()
        raise self.fail_run.pop(0)

    def break_run(self, error: Exception) -> None:
        """End the stream with ``error``."""
        self.fail_run.append(error)
        self._broken.set()

    async def send(self, message: Outbound, *, marked: bool = False) -> Receipt:
        await trio.lowlevel.checkpoint()
        if self.fail_send:
            raise self.fail_send.pop(0)
        # A key that is known is the message that stands there already.
        if all(other.key != message.key for other in self.seen):
            self.seen.append(message)
        self._change.set()
        self._change = trio.Event()
        return Receipt(message.key)

    async def edit(self, message: Outbound, message_id: str) -> Receipt:
        return await self.send(message)

    async def show_draft(self, draft: Draft) -> None:
        self.drafts.append(draft)

    async def probe(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.fail_probe:
            raise self.fail_probe.pop(0)

    def event(self, event_id: str, text: str, chat: str = "c", **rest: Any) -> Inbound:
        source = Source(self.name, self.account, chat, user_id="owner")
        return Inbound(
            event_id, source, f"session:{chat}", rest.pop("kind", InboundKind.MESSAGE), text, time.time(), **rest
        )

    async def say(self, event_id: str, text: str, chat: str = "c", **rest: Any) -> Accepted:
        """Hand an event over, again and again until it is accepted."""
        with trio.fail_after(WITHIN):
            while True:
                try:
                    assert self._host is not None
                    return await self._host.accept(self.event(event_id, text, chat, **rest))
                except HermesError:
                    await trio.sleep(0.02)

    async def press(self, ask: Outbound, choice: str) -> None:
        """Answer a question."""
        chat = ask.source.chat_id
        await self.say(f"press:{ask.ask_id}:{choice}", choice, chat, kind=InboundKind.ANSWER, ask_id=ask.ask_id)

    async def until(self, holds: Callable[[Outbound], bool]) -> Outbound:
        """The first message seen, or still to come, for which this holds."""
        with trio.fail_after(WITHIN):
            while True:
                for message in self.seen:
                    if holds(message):
                        return message
                await self._change.wait()

    async def answer(self, event_id: str) -> str:
        """The text that answers an event."""
        return (await self.until(lambda message: event_id in message.answers)).text

    async def question(self, number: int = 0) -> Outbound:
        """The question with this number, counted from 0."""
        await self.until(lambda _: len(self._questions()) > number)
        return self._questions()[number]

    def _questions(self) -> list[Outbound]:
        return [message for message in self.seen if message.kind is OutboundKind.ASK]

    async def draft(self, holds: Callable[[Draft], bool]) -> None:
        with trio.fail_after(WITHIN):
            while not any(map(holds, self.drafts)):
                await trio.sleep(0.005)


@define(eq=False)
class House:
    """A running tree and what it reported."""

    tree: Tree
    chat: Chat
    reports: list[Report]
    folder: Path
    gate: Gate

    def children(self) -> dict[str, Any]:
        """Every actor's status by its path below the root."""
        found: dict[str, Any] = {}

        def walk(child: Any, path: str) -> None:
            found[path] = child
            for inner in child.children:
                walk(inner, f"{path}/{inner.name}" if path else inner.name)

        walk(self.tree.root.status(), "")
        return found

    async def until(self, holds: Callable[[], bool]) -> None:
        with trio.fail_after(WITHIN):
            while not holds():
                await trio.sleep(0.01)


def settings(**changes: Any) -> Settings:
    """Defaults, with short waits and the changes given by section."""
    usual = Settings(
        terminal=Terminal(timeout=20.0), approvals=Approvals(timeout=20.0), agent=Agent(clarify_timeout=20.0)
    )
    return evolve(usual, **changes)


@asynccontextmanager
async def house(
    folder: Path,
    *,
    chat: Chat | None = None,
    model: ChatModel | None = None,
    every_command: bool = True,
    settings: Settings = settings(),  # noqa: B008  it is frozen
    change: Callable[[Services], Services] = lambda services: services,
    neighbours: Sequence[Chat | Attached] = (),
    extras: Callable[[Base], Sequence[ChildSpec]] = lambda _: (),
) -> AsyncIterator[House]:
    """A gateway's tree over ``folder``; what it finds there is what a restart finds.

    Commands run in ``folder``, unless the settings name another. ``neighbours`` are further platforms.
    """
    home = find_home({"HERMES_HOME": str(folder / "home")})
    make_home(home)
    if settings.terminal.cwd == ".":
        settings = evolve(settings, terminal=evolve(settings.terminal, cwd=str(folder)))
    program = Program(
        home=home,
        settings=settings,
        environment={"PATH": "/usr/bin:/bin"},
        redactor=Redactor(),
        owner="gateway",
        gateway=True,
    )
    chat = chat or Chat()
    reports: list[Report] = []
    gate = Gate()

    def services(base: Base) -> Services:
        configured = conversation_services(program, base)
        return change(evolve(configured, model=model) if model else configured)

    platform = Platform("web", owner=True, message_length=2000, every_command=every_command)
    blueprint = Blueprint(
        home=home,
        open_store=partial(open_store, program),
        attached=[each if isinstance(each, Attached) else Attached(each, platform) for each in (chat, *neighbours)],
        services=services,
        extras=extras,
        gate=gate,
        report=reports.append,
        redactor=program.redactor,
        escalate=_fail,
    )
    tree = build(blueprint)
    async with trio.open_nursery() as nursery:
        with trio.fail_after(WITHIN):
            await nursery.start(tree.root.run)
        yield House(tree, chat, reports, folder, gate)
        nursery.cancel_scope.cancel()


def _fail(path: str) -> None:
    raise AssertionError(f"{path} did not end")
