"""An ``AdapterHost`` in memory that keeps the contract, and breaks it only where a test says so.

What was accepted stands in ``events``; ``say`` and ``show`` do what delivery and a conversation do: the message enters
the transcript first, then the adapter is asked to send it.
"""

import time
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import count

import trio
from attrs import define, evolve, field

from adapters.contract import Adapter, Receipt
from hermes.events import Draft, DraftState, Inbound, InboundKind, Outbound, OutboundKind, Source
from hermes.status import ChildStatus, Kind, State
from hermes.store.requests import Beginning, Progress
from hermes.store.rows import Accepted, Transcript, TranscriptEntry

_ENTRY_OF = {OutboundKind.ANSWER: "answer", OutboundKind.NOTICE: "notice", OutboundKind.ASK: "ask"}


async def _nothing(_: Inbound) -> None:
    await trio.lowlevel.checkpoint()


@define(eq=False)
class FakeHost:
    """Accepts at once unless ``failures`` holds an error for the next call or ``gate`` is closed."""

    events: list[Inbound] = field(factory=list)
    """What was accepted, in order, without duplicates."""
    calls: int = 0
    """How often ``accept`` was called."""
    failures: deque[BaseException] = field(factory=deque)
    """Raised by the next calls of ``accept``, one each."""
    transcript_failures: deque[BaseException] = field(factory=deque)
    gate: trio.Event | None = None
    """While this is not set, ``accept`` waits before it commits."""
    transcript_gate: trio.Event | None = None
    on_accept: Callable[[Inbound], Awaitable[None]] = _nothing
    """Called after the commit, before ``accept`` returns."""
    left: list[Inbound] = field(factory=list)
    """Whose files an earlier process has left; what ``await_files`` returns."""
    asked_for_left: list[tuple[str, str, float]] = field(factory=list)
    left_failures: deque[BaseException] = field(factory=deque)
    tree: ChildStatus = field(factory=lambda: worker("root"))
    beats: int = 0
    reasons: list[str] = field(factory=list)
    _entries: dict[str, list[TranscriptEntry]] = field(factory=dict)
    _ids: "count[int]" = field(factory=lambda: count(1))
    _changed: trio.Event = field(factory=trio.Event)

    async def accept(self, event: Inbound, beginning: Beginning | None = None, *, further: bool = False) -> Accepted:
        self.calls += 1
        self._note()
        await trio.lowlevel.checkpoint()
        if self.failures:
            raise self.failures.popleft()
        if self.gate is not None:
            await self.gate.wait()
        for row, known in enumerate(self.events):
            if (known.source.account, known.event_id) == (event.source.account, event.event_id):
                return Accepted(row, duplicate=True)
        self.events.append(event)
        if event.kind is not InboundKind.ANSWER:
            entry = self.entry("user", event.text, key=event.event_id, state="pending")
            self._entries.setdefault(event.session_key, []).append(entry)
        else:
            self.settle_ask(event.session_key, event.ask_id, "answered")
        self._note()
        await self.on_accept(event)
        return Accepted(len(self.events) - 1, duplicate=False)

    async def await_files(self, platform: str, account: str, within: float) -> tuple[Inbound, ...]:
        await trio.lowlevel.checkpoint()
        self.asked_for_left.append((platform, account, within))
        if self.left_failures:
            raise self.left_failures.popleft()
        return tuple(self.left)

    async def transcript(self, session_key: str, *, before: int | None = None, limit: int = 200) -> Transcript:
        await trio.lowlevel.checkpoint()
        if self.transcript_failures:
            raise self.transcript_failures.popleft()
        known = [entry for entry in self._entries.get(session_key, ()) if before is None or entry.id < before]
        if self.transcript_gate is not None:
            await self.transcript_gate.wait()
        return Transcript(session_key, tuple(known[-limit:]), older=len(known) > limit)

    async def progress(self, source: Source, event_id: str) -> Progress | None:
        raise NotImplementedError("no chat asks for it")

    async def session_key(self, session_id: str, platform: str) -> str | None:
        raise NotImplementedError("no chat asks for it")

    def describe(self) -> ChildStatus:
        return self.tree

    def beat(self) -> None:
        self.beats += 1

    def retrying(self, why: str) -> None:
        self.reasons.append(why)

    def entry(self, kind: str, text: str, *, key: str, **more: object) -> TranscriptEntry:
        """A new entry, at the end of the transcript's order."""
        return evolve(TranscriptEntry(next(self._ids), kind, text, time.time(), key), **more)

    def remember(self, session_key: str, *entries: TranscriptEntry) -> None:
        """Put entries into a transcript, without sending anything."""
        self._entries.setdefault(session_key, []).extend(entries)

    def settle_ask(self, session_key: str, ask_id: str, state: str) -> None:
        """A question was answered, expired or was withdrawn."""
        known = self._entries.setdefault(session_key, [])
        known[:] = [evolve(entry, state=state) if entry.ask_id == ask_id else entry for entry in known]

    async def say(self, adapter: Adapter, message: Outbound) -> Receipt:
        """Deliver a message: into the transcript, then to the platform. A key that stands there already is sent
        again."""
        known = self._entries.setdefault(message.session_key, [])
        if message.key not in {entry.key for entry in known}:
            entry = self.entry(
                _ENTRY_OF[message.kind],
                message.text,
                key=message.key,
                answers=message.answers,
                turn_id=message.turn_id,
                choices=message.choices,
                ask_id=message.ask_id,
                state="open" if message.kind is OutboundKind.ASK else "",
            )
            known.append(entry)
        return await adapter.send(message)

    async def called(self) -> None:
        """Wait until ``accept`` was called at all."""
        while not self.calls:
            await self._changed.wait()

    async def received(self, how_many: int = 1) -> list[Inbound]:
        """Wait until ``how_many`` events were accepted."""
        while len(self.events) < how_many:
            await self._changed.wait()
        return self.events

    def _note(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


def worker(name: str, **more: object) -> ChildStatus:
    """A running child of the tree."""
    return evolve(ChildStatus(name, Kind.WORKER, State.RUNNING, restarts=0, since=time.time()), **more)


def outbound(source: Source, session_key: str, text: str, **more: object) -> Outbound:
    """An answer with a key of its own."""
    message = Outbound(f"key-{next(_KEYS)}", source, session_key, OutboundKind.ANSWER, text)
    return evolve(message, **more)


def draft(source: Source, session_key: str, text: str, **more: object) -> Draft:
    """A turn that is writing."""
    return evolve(Draft(source, session_key, "turn-1", DraftState.WRITING, text), **more)


_KEYS = count(1)
