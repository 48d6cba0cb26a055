"""One open page: its websocket from the handshake to the close.

Rules:

1. Frames are handled in the order in which they came, one at a time; a ping alone is answered at once, so that a page
   can tell a slow store from a dead connection.
2. "accepted" is sent after ``host.accept`` returned, "refused" when it raised. A frame that cannot be read is answered
   by an error and changes nothing else.
3. While a snapshot is being read, what happens in the chat is held back and sent after it, so that nothing falls
   between.
4. Nothing that the gateway says waits for this page. One that takes nothing is closed with a reason; if it does not
   even take that, the connection is cut.
5. A page that is closed because the gateway ends is shown first what waits for it: answers that ended just before.
"""

import math
import time
from collections.abc import Callable
from contextlib import suppress
from typing import assert_never

import trio
from attrs import define, field
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from adapters.contract import AdapterHost
from adapters.web.chats import PAGE_ENTRIES, entry_of_inbound, inbound, session_key, within_bounds
from adapters.web.drafts import DraftDeltas
from adapters.web.frames import QUEUE_FRAMES, Frame, FrameQueue, Item, Slot
from adapters.web.hub import Hub
from adapters.web.protocol import (
    Accepted,
    Answer,
    Answered,
    BadFrame,
    Earlier,
    Ending,
    Hello,
    Message,
    Older,
    Ping,
    Pong,
    Problem,
    Refused,
    Send,
    ServerFrame,
    Snapshot,
    Tree,
    TreeStatus,
    parse,
    render,
)
from hermes.errors import ActorCrashed, HermesError, StoreFull, TransientError, Unavailable
from hermes.events import Draft
from hermes.store.rows import Transcript

WAITING_FRAMES = 16
"""Frames of one page that wait for the one in hand: a page sends a few, and a flood waits in its own connection."""

SILENCE_LIMIT = 150.0
"""Seconds without a word from a page that pings every 20 s; browsers slow the timers of a hidden tab to one a
minute."""

CLOSE_GRACE = 3.0
"""Seconds for a page to take the close frame before its connection is cut."""

TREE_INTERVAL = 1.0
"""Seconds between two pictures of the tree."""

Work = Hello | Send | Answer | Older | Tree
"""The frames that wait for each other."""


@define(eq=False)
class PageSocket:
    """Runs one websocket, as a ``Viewer`` of the hub."""

    _websocket: WebSocket
    _hub: Hub
    _host: AdapterHost
    _cut: Callable[[], None]
    """Ends the connection at once, whatever it is doing."""
    _chat: str = field(default="", init=False)
    _queue: FrameQueue = field(factory=FrameQueue, init=False)
    _deltas: DraftDeltas = field(factory=DraftDeltas, init=False)
    _held: list[str] | None = field(default=None, init=False)
    """What happened in the chat while a snapshot is being read; None at other times."""
    _tree_wanted: trio.Event = field(factory=trio.Event, init=False)
    _ending: Ending = field(default=Ending.BUG, init=False)
    _told_to_end: trio.Event = field(factory=trio.Event, init=False)

    async def serve(self) -> None:
        """Until the page goes, falls silent or is too slow. Cancelled: the page is told so first."""
        await self._websocket.accept()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._cut_when_overdue)
            try:
                await self._converse()
            finally:
                self._hub.leave(self._chat, self)
                self._told_to_end.set()
                await self._say_goodbye()
            nursery.cancel_scope.cancel()

    def push(self, text: str) -> None:
        if self._held is None:
            self._put(text)
        elif len(self._held) < QUEUE_FRAMES:
            self._held.append(text)
        else:
            self._end(Ending.SLOW)

    def push_draft(self, draft: Draft) -> None:
        self._queue.put_latest(Slot.DRAFT, draft)

    def _put(self, text: str, *, anew: bool = False) -> None:
        if not self._queue.put(Frame(text, anew)):
            self._end(Ending.SLOW)

    def _reply(self, frame: ServerFrame) -> None:
        self._put(render(frame))

    def _end(self, ending: Ending) -> None:
        if not self._told_to_end.is_set():
            self._ending = ending
            self._told_to_end.set()

    async def _converse(self) -> None:
        taken, waiting = trio.open_memory_channel[Work](WAITING_FRAMES)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._end_when_told, nursery.cancel_scope)
            nursery.start_soon(self._write)
            nursery.start_soon(self._work, waiting)
            nursery.start_soon(self._show_tree)
            await self._read(taken)
            # From here on time is counted: a write to a page that takes nothing does not end by being cancelled.
            self._told_to_end.set()
            nursery.cancel_scope.cancel()

    async def _end_when_told(self, conversation: trio.CancelScope) -> None:
        await self._told_to_end.wait()
        conversation.cancel()

    async def _cut_when_overdue(self) -> None:
        await self._told_to_end.wait()
        await trio.sleep(CLOSE_GRACE)
        self._cut()

    async def _say_goodbye(self) -> None:
        if WebSocketState.DISCONNECTED in (self._websocket.client_state, self._websocket.application_state):
            return
        cancelled = trio.current_effective_deadline() == -math.inf
        ending = Ending.GOING_AWAY if cancelled else self._ending
        with trio.CancelScope(shield=True), suppress(WebSocketDisconnect):
            while cancelled and not self._queue.empty:
                await self._write_next()
            await self._websocket.close(ending.code, ending.value)

    async def _write(self) -> None:
        with suppress(WebSocketDisconnect):
            while True:
                await self._write_next()

    async def _write_next(self) -> None:
        text = self._text_of(await self._queue.take())
        # What was taken is written: only a cut ends a write, here as below (server.py).
        with trio.CancelScope(shield=True):
            await self._websocket.send_text(text)

    def _text_of(self, item: Item) -> str:
        if isinstance(item, Draft):
            return render(self._deltas.step(item))
        if isinstance(item, Frame):
            if item.anew:
                self._deltas.reset()
            return item.text
        return render(TreeStatus(item))

    async def _show_tree(self) -> None:
        while True:
            await self._tree_wanted.wait()
            self._queue.put_latest(Slot.TREE, self._host.describe())
            await trio.sleep(TREE_INTERVAL)

    async def _read(self, taken: trio.MemorySendChannel[Work]) -> None:
        while (raw := await self._receive()) is not None:
            try:
                frame = parse(raw if isinstance(raw, str) else raw.decode())
            except UnicodeDecodeError:
                self._reply(Problem("not understood: the text is not valid UTF-8"))
            except BadFrame as error:
                self._reply(Problem(str(error), error.frame_id))
            else:
                if isinstance(frame, Ping):
                    self._reply(Pong(frame.n))
                else:
                    await taken.send(frame)

    async def _receive(self) -> str | bytes | None:
        with trio.move_on_after(SILENCE_LIMIT):
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return None
            text: str | None = message.get("text")
            binary: bytes = message.get("bytes") or b""
            return binary if text is None else text
        self._ending = Ending.SILENT
        return None

    async def _work(self, waiting: trio.MemoryReceiveChannel[Work]) -> None:
        async for frame in waiting:
            match frame:
                case Send() | Answer():
                    await self._accept(frame)
                case Hello():
                    await self._hello(frame.chat)
                case Older():
                    await self._older(frame)
                case Tree():
                    self._switch_tree(on=frame.on)
                case _:
                    assert_never(frame)

    async def _accept(self, frame: Send | Answer) -> None:
        event = inbound(frame, time.time())
        try:
            accepted = await self._host.accept(event)
        except HermesError as error:
            self._reply(_refused(frame.id, error))
            return
        self._reply(Accepted(frame.id, accepted.duplicate))
        if accepted.duplicate:
            return
        if isinstance(frame, Answer):
            self._hub.publish(frame.chat, Answered(frame.chat, frame.ask_id, frame.choice), but=self)
        else:
            self._hub.publish(frame.chat, Message(frame.chat, entry_of_inbound(event)), but=self)

    async def _hello(self, chat: str) -> None:
        self._hub.leave(self._chat, self)
        self._queue.drop_latest(Slot.DRAFT)
        self._chat, self._held = chat, []
        self._hub.join(chat, self)
        transcript = await self._transcript(chat)
        held, self._held = self._held, None
        if transcript is None:
            return
        draft = self._hub.draft(chat)
        snapshot = Snapshot(chat, transcript.entries, transcript.older, drafting=draft is not None)
        self._put(render(snapshot), anew=True)
        for text in held:
            self._put(text)
        if draft is not None:
            self.push_draft(draft)

    async def _older(self, frame: Older) -> None:
        transcript = await self._transcript(frame.chat, before=frame.before)
        if transcript is not None:
            self._reply(Earlier(frame.chat, frame.before, transcript.entries, transcript.older))

    async def _transcript(self, chat: str, *, before: int | None = None) -> Transcript | None:
        """The chat, or None after telling the page to come back later."""
        try:
            found = await self._host.transcript(session_key(chat), before=before, limit=PAGE_ENTRIES)
        except HermesError:
            self._end(Ending.UNAVAILABLE)
            return None
        return within_bounds(found)

    def _switch_tree(self, *, on: bool) -> None:
        if on:
            self._tree_wanted.set()
        else:
            self._tree_wanted = trio.Event()
            self._queue.drop_latest(Slot.TREE)


def _refused(frame_id: str, error: HermesError) -> Refused:
    """What a failed acceptance means for the page. An unknown outcome is repeated: the id makes that harmless."""
    if isinstance(error, StoreFull):
        return Refused(frame_id, "the disk is full: nothing was kept", retry=True)
    later = isinstance(error, TransientError | Unavailable | ActorCrashed)
    return Refused(frame_id, str(error), retry=later)
