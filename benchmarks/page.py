"""A chat of the page over its websocket: speaks, and notes what is seen of each thing that was said.

1. What is sent is sent again, under its id, until it is accepted: whoever opens a page does the same.
2. A connection that ends is made again after ``RECONNECT`` seconds, for as long as the task runs.
3. An answer is an entry that names the event; it is counted by its key, however often it is shown.
"""

import json
from collections.abc import Callable
from typing import cast

import trio
from attrs import define, field
from trio_websocket import ConnectionClosed, HandshakeError, WebSocketConnection, wrap_client_stream

# Seconds between two tries to connect.
RECONNECT = 0.1

# Seconds for a handshake: the library waits for ever when the server dies in the middle of one.
HANDSHAKE_WITHIN = 10.0

Frame = dict[str, object]


@define(eq=False)
class Page:
    """One chat in one window. ``run`` is its connection, in a task of its own."""

    _port: int
    _key: str = field(repr=False)
    chat: str
    answers: dict[str, dict[str, str]] = field(factory=dict[str, dict[str, str]])
    """By event: the texts of the entries that name it, by key, in the order in which they were first seen."""
    _unaccepted: dict[str, Frame] = field(factory=dict[str, Frame])
    _socket: WebSocketConnection | None = None
    _change: trio.Event = field(factory=trio.Event)

    async def run(self) -> None:
        """Stay connected until cancelled."""
        while True:
            try:
                await self._connect()
            except* (ConnectionClosed, HandshakeError, OSError, trio.TooSlowError, trio.BrokenResourceError):
                self._socket = None
            await trio.sleep(RECONNECT)

    async def send(self, event_id: str, text: str) -> None:
        """Hand something over. Cancelled: it is sent again with the next connection."""
        self._unaccepted[event_id] = {"type": "send", "chat": self.chat, "id": event_id, "text": text}
        await self._say(self._unaccepted[event_id])

    async def until_accepted(self, event_id: str) -> None:
        await self._until(lambda: event_id not in self._unaccepted)

    async def until_answered(self, event_id: str) -> None:
        await self._until(lambda: event_id in self.answers)

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            await self._change.wait()

    async def _connect(self) -> None:
        stream = await trio.open_tcp_stream("127.0.0.1", self._port)
        async with stream, trio.open_nursery() as nursery:
            with trio.fail_after(HANDSHAKE_WITHIN):
                key = [(b"authorization", b"Bearer " + self._key.encode())]
                host = f"127.0.0.1:{self._port}"
                socket = await wrap_client_stream(nursery, stream, host, "/ws", extra_headers=key)
            try:
                await self._converse(socket)
            finally:
                self._socket = None

    async def _converse(self, socket: WebSocketConnection) -> None:
        self._socket = socket
        await self._say({"type": "hello", "chat": self.chat})
        for frame in list(self._unaccepted.values()):
            await self._say(frame)
        while True:
            self._heard(cast(Frame, json.loads(await socket.get_message())))
            self._change.set()
            self._change = trio.Event()

    async def _say(self, frame: Frame) -> None:
        if self._socket is not None:
            try:
                await self._socket.send_message(json.dumps(frame))
            except (ConnectionClosed, OSError, trio.ClosedResourceError, trio.BrokenResourceError):
                return  # the next connection says it again

    def _heard(self, frame: Frame) -> None:
        match frame["type"]:
            case "snapshot":
                for entry in cast(list[Frame], frame["entries"]):
                    self._shown(entry)
            case "message":
                self._shown(cast(Frame, frame["entry"]))
            case "accepted":
                self._unaccepted.pop(cast(str, frame["id"]), None)
            case _:
                pass

    def _shown(self, entry: Frame) -> None:
        for event_id in cast(list[str], entry["answers"]):
            self.answers.setdefault(event_id, {})[cast(str, entry["key"])] = cast(str, entry["text"])
