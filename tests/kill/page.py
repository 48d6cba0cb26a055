"""A chat page as the gateway sees it: a websocket client that keeps the page's promises over any number of restarts.

It sends each message again, under its id, until it is acknowledged; after each reconnect it takes the snapshot for
the truth; it presses a button of every open question. What it counts is what a person would see.
"""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import trio
from trio_websocket import ConnectionClosed, HandshakeError, WebSocketConnection, wrap_client_stream

# Seconds between two tries to connect.
RECONNECT = 0.05

# Seconds for a handshake: the library waits for ever when the server dies in the middle of one.
HANDSHAKE_WITHIN = 10.0


class Page:
    """One chat in one window."""

    def __init__(self, port: int, chat: str, *, choice: str = "once") -> None:
        self._port = port
        self.chat = chat
        self._choice = choice
        self._unacknowledged: dict[str, dict[str, Any]] = {}
        self._socket: WebSocketConnection | None = None
        self._change = trio.Event()
        self.accepted: list[str] = []
        self.entries: dict[str, dict[str, Any]] = {}
        """What the chat shows, by key, in order of arrival; a snapshot replaces all of it."""
        self.drafts = Counter[str]()

    async def run(self) -> None:
        """Stay connected until cancelled."""
        while True:
            try:
                await self._connect()
            except* (ConnectionClosed, HandshakeError, OSError, trio.TooSlowError, trio.BrokenResourceError):
                self._socket = None
            await trio.sleep(RECONNECT)

    async def _connect(self) -> None:
        stream = await trio.open_tcp_stream("127.0.0.1", self._port)
        async with stream, trio.open_nursery() as nursery:
            host = f"127.0.0.1:{self._port}"
            with trio.fail_after(HANDSHAKE_WITHIN):
                self._socket = await wrap_client_stream(nursery, stream, host, "/ws")
            try:
                await self._converse(self._socket)
            finally:
                self._socket = None

    async def send(self, event_id: str, text: str) -> None:
        """Hand a message over; it is sent until it is acknowledged."""
        self._unacknowledged[event_id] = {"type": "send", "chat": self.chat, "id": event_id, "text": text}
        await self._say(self._unacknowledged[event_id])

    async def until_accepted(self, event_id: str) -> None:
        await self._until(lambda: event_id in self.accepted)

    async def until_answered(self, event_id: str) -> str:
        """Wait for an answer or a notice to a message; returns its text."""
        await self._until(lambda: bool(self.answers(event_id)))
        return str(self.answers(event_id)[0]["text"])

    def answers(self, event_id: str) -> list[dict[str, Any]]:
        """Everything that names this message as answered: one answer, or the notice that there will be none."""
        return [entry for entry in self.entries.values() if event_id in entry["answers"]]

    def order(self) -> list[str]:
        """Event ids in the order in which they were answered."""
        return [event_id for entry in self.entries.values() for event_id in entry["answers"]]

    async def until_entry(self, **wanted: object) -> dict[str, Any]:
        """Wait for an entry with these fields."""
        await self._until(lambda: self._find(wanted) is not None)
        found = self._find(wanted)
        assert found is not None
        return found

    def _find(self, wanted: Mapping[str, object]) -> dict[str, Any] | None:
        return next((e for e in self.entries.values() if all(e[name] == value for name, value in wanted.items())), None)

    async def _until(self, holds: Any) -> None:
        while not holds():
            await self._change.wait()

    async def _say(self, frame: dict[str, Any]) -> None:
        if self._socket is not None:
            try:
                await self._socket.send_message(json.dumps(frame))
            except (ConnectionClosed, OSError, trio.ClosedResourceError, trio.BrokenResourceError):
                return  # it is said again after the reconnect

    async def _converse(self, socket: WebSocketConnection) -> None:
        await self._say({"type": "hello", "chat": self.chat})
        for frame in list(self._unacknowledged.values()):
            await self._say(frame)
        while True:
            await self._heard(json.loads(await socket.get_message()))
            self._change.set()
            self._change = trio.Event()

    async def _heard(self, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "snapshot":
                self.entries = {entry["key"]: entry for entry in frame["entries"]}
                for entry in frame["entries"]:
                    await self._press(entry)
            case "message":
                self.entries[frame["entry"]["key"]] = frame["entry"]
                await self._press(frame["entry"])
            case "accepted":
                if self._unacknowledged.pop(frame["id"], None):
                    self.accepted.append(frame["id"])
            case "draft":
                self.drafts[frame["turn_id"]] += 1

    async def _press(self, entry: dict[str, Any]) -> None:
        if entry["kind"] == "ask" and entry["state"] == "open" and self._choice:
            answer_id = f"{entry['ask_id']}-{self._choice}"
            frame = {
                "type": "answer",
                "chat": self.chat,
                "id": answer_id,
                "ask_id": entry["ask_id"],
                "choice": self._choice,
            }
            await self._say(frame)
