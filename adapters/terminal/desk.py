"""The interactive view: turns what happens in the chat into scrollback and scenes, and what the person does into
events.

Rules:

1. It runs in trio and knows no toolkit: a ``Screen`` paints. Painting what is past is awaited (``write``), so that a
   slow terminal slows delivery and grows no queue; a scene replaces the one before.
2. What a turn did is read from the transcript when its state changes: tool lines and the ends of questions come from
   there, since drafts may be skipped.
3. Something is running from the moment when a message is accepted until nothing is unanswered and no draft is shown.
4. What the person does is taken without waiting; what cannot be taken is told on the screen.
"""

import secrets
import time
from collections.abc import Iterable, Sequence
from typing import Protocol

from attrs import define, evolve, field

from adapters.contract import AdapterHost
from adapters.terminal import asks, blocks, chats
from adapters.terminal.asks import OpenAsk
from adapters.terminal.blocks import Asked, Block, Remark, Said, Trouble
from adapters.terminal.outgoing import Outgoing
from adapters.terminal.scene import Scene
from adapters.terminal.trail import ToolTrail
from hermes.errors import HermesError
from hermes.events import Draft, DraftState, Inbound, InboundKind, Outbound, OutboundKind
from hermes.store.rows import TranscriptEntry

# Entries that a look at the transcript reads: those of the last exchanges, with the tools that they used.
ENTRIES = 200

STOP = "/stop"

GREETING = "Enter sends, Alt-Enter: new line, Ctrl-C stops, Ctrl-D leaves, /help: commands"


class Screen(Protocol):
    """What paints. None raises; after the terminal is gone all do nothing."""

    def show(self, scene: Scene) -> None:
        """Show this scene from now on."""
        ...

    async def write(self, *what: Block) -> None:
        """Print into the scrollback, above the live part. Handed over at once; returns when it is painted."""
        ...

    def post(self, *what: Block) -> None:
        """As ``write``, without waiting; dropped when the terminal is far behind."""
        ...


@define(eq=False)
class Desk:
    """The state of one interactive chat."""

    account: str
    outgoing: Outgoing
    screen: Screen
    scene: Scene
    show_history: bool = True
    """Whether a resumed chat shows its last exchanges."""
    stream: bool = True
    """Whether an answer is shown while it is written."""
    _host: AdapterHost | None = field(default=None, init=False)
    _unanswered: dict[str, None] = field(factory=dict[str, None], init=False)
    _draft: Draft | None = field(default=None, init=False)
    _written: str = field(default="", init=False)
    """What the running turn wrote, which stays to be read while its tools run."""
    _ended: str = field(default="", init=False)
    """The turn that ended last: what its drafts still say is late."""
    _answer_on_its_way: str = field(default="", init=False)
    """The turn whose answer is in the store and comes next."""
    _early: set[str] = field(factory=set[str], init=False)
    """Messages that were answered while nobody had told yet that they are durable: among those that wait."""
    _asks: dict[str, OpenAsk] = field(factory=dict[str, OpenAsk], init=False)
    _trail: ToolTrail = field(factory=ToolTrail, init=False)

    async def opened(self, host: AdapterHost) -> Iterable[str]:
        transcript = await host.transcript(chats.session_key(self.account), limit=ENTRIES)
        first, self._host = self._host is None, host
        if not first:
            return ()
        self._trail.skip(transcript.entries)
        self._unanswered = _unanswered(transcript.entries)
        self._asks = {ask.ask_id: ask for ask in asks.still_open(transcript.entries)}
        self._refresh()
        return await self._draw(transcript.entries)

    async def _draw(self, entries: Sequence[TranscriptEntry]) -> tuple[str, ...]:
        if not self.show_history:
            if entries:
                await self.screen.write(Remark("resumed"), *(Asked(ask) for ask in self._asks.values()))
            return ()
        if not entries:
            await self.screen.write(Remark(GREETING))
        shown = blocks.last_exchanges(entries)
        await self.screen.write(*(block for entry in shown for block in blocks.of_entry(entry)))
        return tuple(entry.key for entry in shown)

    async def show(self, message: Outbound) -> None:
        await self._catch_up(tools=message.kind is OutboundKind.ANSWER, ended=True)
        for event_id in message.answers:
            self._unanswered.pop(event_id, None)
        early = [event for event in self.outgoing.waiting if event.event_id in message.answers]
        self._early.update(event.event_id for event in early)
        if message.kind is OutboundKind.ASK:
            self._asks.setdefault(message.ask_id, asks.of_message(message))
        elif message.kind is OutboundKind.ANSWER:
            self._end_turn(message.turn_id)
        self._refresh()
        await self.screen.write(*(Said(event.text) for event in early), blocks.of_outbound(message))

    async def show_draft(self, draft: Draft) -> None:
        if draft.turn_id == self._ended:
            return
        self._trail.watch(draft, time.monotonic())
        if draft.state is DraftState.ENDED:
            await self._catch_up(tools=True, ended=True)
            if draft.turn_id != self._answer_on_its_way:
                self._end_turn(draft.turn_id)
            self._refresh()
            return
        before, self._draft = self._draft, draft
        self._written = draft.text or ("" if before is None else self._written)
        self._refresh()
        if before is None or (before.turn_id, before.state) != (draft.turn_id, draft.state):
            await self._catch_up(tools=draft.state not in (DraftState.TOOL, DraftState.WAITING), ended=False)
            self._refresh()

    async def accepted(self, event: Inbound) -> None:
        self.scene = evolve(self.scene, trouble="")
        if event.event_id in self._early:
            self._early.discard(event.event_id)
            self._refresh()
            return
        if event.kind is InboundKind.MESSAGE:
            self._unanswered[event.event_id] = None
        if event.kind is InboundKind.ANSWER:
            self._asks.pop(event.ask_id, None)
        self._refresh()
        answered = event.kind is InboundKind.ANSWER
        await self.screen.write(Remark(blocks.closing("", event.text)) if answered else Said(event.text))

    async def delayed(self, event: Inbound, why: str) -> None:
        self._complain(f"not sent yet: {why}")

    async def refused(self, event: Inbound, why: str) -> None:
        self._refresh()
        await self.screen.write(Said(event.text), Trouble(f"not taken: {why}"))

    def type_text(self, text: str, ask_id: str) -> None:
        """The person sent a line while the question ``ask_id`` (or none) was to be answered."""
        ask = self._asks.get(ask_id)
        choice = asks.by_word(ask, text) if ask else None
        if choice is not None:
            self.choose(ask_id, choice)
        elif len(text) > chats.MAX_TYPED:
            self._complain(f"not sent: {len(text)} characters, and at most {chats.MAX_TYPED} are taken")
        else:
            self._put(chats.typed(self.account, text, event_id=_event_id(), now=time.time()))

    def choose(self, ask_id: str, choice: str) -> None:
        """The person answered a question."""
        self._put(chats.answer(self.account, ask_id, choice, event_id=_event_id(), now=time.time()))

    def interrupt(self) -> None:
        """The person wants the running turn to stop. Once is enough while that is on its way."""
        if all(event.text != STOP for event in self.outgoing.waiting):
            self._put(chats.typed(self.account, STOP, event_id=_event_id(), now=time.time()))

    def _put(self, event: Inbound) -> None:
        if self.outgoing.put(event):
            self._refresh()
        else:
            self._complain("not sent: too much waits already; the text is in the history (arrow up)")

    def _complain(self, trouble: str) -> None:
        """Something is wrong: a line of it stands there until the next message is taken."""
        self.scene = evolve(self.scene, trouble=trouble)
        self._refresh()

    async def _catch_up(self, *, tools: bool, ended: bool) -> None:
        """Read what the turn did meanwhile; with ``tools`` print the lines of its calls, all of them when it ended."""
        if self._host is None:
            return
        try:
            transcript = await self._host.transcript(chats.session_key(self.account), limit=ENTRIES)
        except HermesError:
            return  # the next look finds it
        for entry in transcript.entries:
            if entry.kind == "ask" and entry.state != "open":
                self._asks.pop(entry.ask_id, None)
        turn_id = self._draft.turn_id if self._draft else ""
        # The turn ends here when its answer is shown; a crash takes the draft that would have told of another end.
        self._answer_on_its_way = turn_id if turn_id in _answered(transcript.entries) else ""
        if turn_id in _ended(transcript.entries) and not self._answer_on_its_way:
            self._end_turn(turn_id)
        if self._draft is None:
            self._unanswered = _unanswered(transcript.entries)
        if tools and (lines := self._trail.fresh(transcript.entries, ended=ended)):
            await self.screen.write(*lines)

    def _end_turn(self, turn_id: str) -> None:
        self._ended = turn_id
        self._draft = None
        self._asks = {key: ask for key, ask in self._asks.items() if ask.turn_id != turn_id}

    def _refresh(self) -> None:
        draft = self._draft
        state = draft.state.value if draft else DraftState.THINKING.value if self._unanswered else ""
        tool = draft.tool if draft else ""
        since = self.scene.since if (state, tool) == (self.scene.state, self.scene.tool) else time.monotonic()
        waiting = self.outgoing.waiting
        answering = {event.ask_id for event in waiting if event.kind is InboundKind.ANSWER}
        self.scene = evolve(
            self.scene,
            state=state,
            since=since,
            draft=self._written if draft and self.stream else "",
            tool=tool,
            sending=tuple(event.text for event in waiting),
            ask=next((ask for key, ask in self._asks.items() if key not in answering), None),
        )
        self.screen.show(self.scene)


def _unanswered(entries: Iterable[TranscriptEntry]) -> dict[str, None]:
    return {entry.key: None for entry in entries if entry.kind == "user" and entry.state in {"pending", "running"}}


def _answered(entries: Iterable[TranscriptEntry]) -> set[str]:
    """Turns whose answers are in the store."""
    return {entry.turn_id for entry in entries if entry.kind == "answer" and entry.turn_id}


def _ended(entries: Iterable[TranscriptEntry]) -> set[str]:
    """Turns that are over."""
    over = {"done", "dead"}
    return {entry.turn_id for entry in entries if entry.kind == "user" and entry.turn_id and entry.state in over}


def _event_id() -> str:
    return f"typed-{secrets.token_hex(8)}"
