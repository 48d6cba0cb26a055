"""One question and its answer: what `hermes chat -q` shows.

Rules:

1. Standard output gets the answer and nothing else, and only from the caller, once the answer is whole. Whatever else
   is said (an earlier answer, a notice, a question to the person) goes to ``say``.
2. Without somebody to ask (``read_line`` is None) every question is answered at once, so that nothing waits for a
   person who is not there: an approval with a denial.
"""

import secrets
import time
from collections.abc import Awaitable, Callable, Iterable

import trio
from attrs import define, field

from adapters.contract import AdapterHost
from adapters.terminal import asks, chats, plain
from adapters.terminal.asks import OpenAsk
from adapters.terminal.outgoing import Outgoing
from hermes.asks import NOBODY_THERE
from hermes.events import Draft, DraftState, Inbound, Outbound, OutboundKind

# Questions that wait for the person; a turn asks one at a time, and delivery waits when there are more.
MAX_ASKS = 16

NOBODY = "(nobody is at the terminal: decide by yourself)"

# Entries in which an open question is looked for: it is among the newest, since its turn waits for it.
ENTRIES = 50


@define(eq=False)
class Query:
    """The view of one question."""

    event: Inbound
    outgoing: Outgoing
    say: Callable[[str], None]
    """Print a line beside the answer."""
    read_line: Callable[[], Awaitable[str]] | None
    """Read a line that the person types; empty at the end of input."""
    _reply: Outbound | None = field(default=None, init=False)
    _done: trio.Event = field(factory=trio.Event, init=False)
    _host: AdapterHost | None = field(default=None, init=False)
    _state: DraftState | None = field(default=None, init=False)
    _asking: dict[str, trio.CancelScope] = field(factory=dict[str, trio.CancelScope], init=False)
    _send_ask: trio.MemorySendChannel[OpenAsk] = field(init=False)
    _asks: trio.MemoryReceiveChannel[OpenAsk] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._send_ask, self._asks = trio.open_memory_channel[OpenAsk](MAX_ASKS)

    async def run(self) -> Outbound:
        """Ask the question and wait for what answers it. Cancelled: what was accepted stays in the journal."""
        self.outgoing.put(self.event)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._ask_person)
            await self._done.wait()
            nursery.cancel_scope.cancel()
        assert self._reply is not None, "set before the event"
        return self._reply

    def stop(self) -> None:
        """The person wants no answer any more: what runs is stopped, and the turn ends as stopped."""
        self.outgoing.put(
            chats.typed(self.event.source.account, "/stop", event_id=f"stop-{secrets.token_hex(8)}", now=time.time())
        )

    def give_up(self, why: str) -> None:
        """There will be no answer."""
        self._finish(_refusal(self.event, why))

    async def opened(self, host: AdapterHost) -> Iterable[str]:
        transcript = await host.transcript(self.event.session_key, limit=ENTRIES)
        first, self._host = self._host is None, host
        if first:
            for ask in asks.still_open(transcript.entries):
                await self._send_ask.send(ask)
        return tuple(entry.key for entry in transcript.entries if self.event.event_id not in entry.answers)

    async def show(self, message: Outbound) -> None:
        if message.kind is OutboundKind.ASK:
            await self._send_ask.send(asks.of_message(message))
        elif self.event.event_id in message.answers:
            self._finish(message)
        else:
            self.say(plain.harmless(message.text))

    async def show_draft(self, draft: Draft) -> None:
        """Nothing is streamed; a question whose time is over is taken back."""
        if draft.state is self._state:
            return
        self._state = draft.state
        if self._asking and self._host is not None:
            transcript = await self._host.transcript(self.event.session_key, limit=ENTRIES)
            waiting = {ask.ask_id for ask in asks.still_open(transcript.entries)}
            for ask_id, scope in self._asking.items():
                if ask_id not in waiting:
                    scope.cancel()

    async def accepted(self, event: Inbound) -> None:
        """Nobody looks."""

    async def delayed(self, event: Inbound, why: str) -> None:
        self.say(f"not taken yet: {why}")

    async def refused(self, event: Inbound, why: str) -> None:
        if event.event_id == self.event.event_id:
            self.give_up(why)
        else:
            self.say(why)

    def _finish(self, message: Outbound) -> None:
        self._reply = message
        self._done.set()

    async def _ask_person(self) -> None:
        async for ask in self._asks:
            with trio.CancelScope() as scope:
                self._asking[ask.ask_id] = scope
                self._answer(ask, await self._choose(ask))
            del self._asking[ask.ask_id]
            if scope.cancelled_caught:
                self.say("its time is over")

    async def _choose(self, ask: OpenAsk) -> str:
        if self.read_line is None:
            subject = plain.one_line(ask.subject or ask.question, 200)
            self.say(f"denied, as nobody can be asked here: {subject}" if ask.approval else f"not asked: {subject}")
            return NOBODY_THERE if ask.approval else NOBODY
        self.say(text(ask))
        while True:
            self.say(asks.hint(ask))
            line = await self.read_line()
            if not line:
                return "deny" if ask.approval else NOBODY
            choice = asks.by_word(ask, line) if line.strip() else None
            if choice is not None:
                return choice

    def _answer(self, ask: OpenAsk, choice: str) -> None:
        event_id = f"answer-{secrets.token_hex(8)}"
        self.outgoing.put(
            chats.answer(self.event.source.account, ask.ask_id, choice, event_id=event_id, now=time.time())
        )


def text(ask: OpenAsk) -> str:
    """A question as plain text, what it is about indented below it."""
    subject = "".join(f"\n    {line}" for line in plain.exact(ask.subject).split("\n")) if ask.subject else ""
    return plain.harmless(ask.question) + subject


def _refusal(event: Inbound, why: str) -> Outbound:
    return Outbound(
        key=f"{event.event_id}:refused",
        source=event.source,
        session_key=event.session_key,
        kind=OutboundKind.NOTICE,
        text=why,
        answers=(event.event_id,),
    )
