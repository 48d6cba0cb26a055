"""A Bot API server on the loopback interface that keeps to the public documents, and misbehaves where a test says so.

It keeps the promises that matter: an update is handed out until a higher offset confirms it, one program polls at a
time, a message has an id of its own in its chat, and a limit is a limit.
"""

import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any
from urllib.parse import unquote

import trio
from attrs import define, field

from tests.adapters.telegram.faults import Call, Fault, Server
from tests.adapters.telegram.http import Connection, Request
from tests.adapters.telegram.methods import Methods, now
from tests.adapters.telegram.pushing import Pushing
from tests.adapters.telegram.rules import Refusal

OWNER = 4711

# Seconds for anything that a test waits for, on a machine that is busy with others.
WITHIN = 30.0


@define(eq=False)
class BotApi(Methods):
    """The server, one bot's chats and what was asked of it."""

    port: int = 0
    calls: list[Call] = field(factory=list[Call])
    confirmed: set[int] = field(factory=set[int])
    handed_out: set[int] = field(factory=set[int])
    faults: dict[str, deque[Fault]] = field(factory=dict[str, deque[Fault]])
    """By method, one for each of its next calls; those under "*" are for any."""
    always: dict[str, Fault] = field(factory=dict[str, Fault])
    """By method, for every call until it is taken out."""
    left: set[int] = field(factory=set[int])
    """Updates that were handed out, and were not confirmed by the poll that followed."""
    connections: int = 0
    serving: bool = False
    held_back: set[int] | None = None
    """Updates that were handed out and are not handed out again for now; None: each is, until it is confirmed."""
    _poll: trio.CancelScope | None = None
    _poll_number: int = 0
    _update_ids: "count[int]" = field(factory=lambda: count(870_000))
    _changed: trio.Event = field(factory=trio.Event)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/bot"

    @property
    def base_file_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/file/bot"

    def say(self, text: str, chat: int = OWNER, user: int = OWNER, **more: Any) -> int:
        """Somebody writes; returns the number of the update."""
        return self.push(message=self.message(text, chat, user, **more))

    def message(self, text: str | None, chat: int = OWNER, user: int = OWNER, **more: Any) -> dict[str, Any]:
        """A message of a person, put into its chat."""
        made = {
            "message_id": next(self.message_ids),
            "date": now(),
            "chat": {"id": chat, "type": "private" if chat > 0 else "supergroup", "first_name": "Ada", "title": "G"},
            "from": {"id": user, "is_bot": False, "first_name": f"User{user}"},
            **({} if text is None else {"text": text}),
            **more,
        }
        self.chats.setdefault(chat, []).append(made)
        return made

    def edit(self, message: dict[str, Any], text: str) -> int:
        """Somebody edits what they wrote."""
        message["text"] = text
        message["edit_date"] = now()
        return self.push(edited_message=message)

    def press(self, chat: int, button: str, user: int = OWNER) -> int:
        """Somebody presses a button of the newest message that has it."""
        for message in reversed(self.chats[chat]):
            for row in (message.get("reply_markup") or {}).get("inline_keyboard", []):
                for each in row:
                    if each["text"] == button:
                        return self.push(callback_query=self._query(message, each["callback_data"], user))
        raise AssertionError(f"no button {button!r}")

    def _query(self, message: dict[str, Any], data: str, user: int) -> dict[str, Any]:
        query_id = f"q{len(self.queries)}"
        self.queries.add(query_id)
        person = {"id": user, "is_bot": False, "first_name": f"User{user}"}
        return {"id": query_id, "from": person, "chat_instance": "1", "message": message, "data": data}

    def push(self, **kind: Any) -> int:
        """An update of any kind."""
        number = next(self._update_ids)
        self.push_raw({"update_id": number, **kind})
        return number

    def push_raw(self, update: Any) -> None:
        self.pending.append(update)
        self.note()

    def said(self, chat: int = OWNER) -> list[str]:
        """The texts of the bot in a chat, as they stand now."""
        return [message["text"] for message in self.by_bot(chat)]

    def by_bot(self, chat: int = OWNER) -> list[dict[str, Any]]:
        return [message for message in self.chats.get(chat, []) if message["from"]["id"] == self.bot_id]

    def of(self, method: str) -> list[dict[str, Any]]:
        """The parameters of every call of a method."""
        return [call.parameters for call in self.calls if call.method == method]

    async def until(self, holds: Callable[[], Any]) -> None:
        """Wait until this holds, looking at each change."""
        with trio.fail_after(WITHIN):
            while not holds():
                await self._changed.wait()

    async def change(self) -> None:
        await self._changed.wait()

    def note(self) -> None:
        """Whoever waits looks again."""
        self._changed.set()
        self._changed = trio.Event()

    async def serve(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        connection = Connection(stream)
        try:
            while (request := await connection.request()) is not None:
                await self._dispatch(connection, request)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            self.connections -= 1
            self.note()
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                await stream.aclose()

    async def _dispatch(self, connection: Connection, request: Request) -> None:
        if request.path.startswith("/file/"):
            await self._file(connection, request.path)
            return
        token, _, method = request.path.removeprefix("/bot").partition("/")
        call = Call(method, request.parameters)
        self.calls.append(call)
        self.note()
        fault = self._fault(method)
        if fault is not None:
            await fault(self, connection, call)
        elif token != self.token:
            await self.answer(connection, Refusal(401, "Unauthorized"))
        elif method == "getUpdates":
            await self._get_updates(connection, call)
        else:
            await self.answer(connection, self._result(call))
        self.note()

    def _fault(self, method: str) -> Fault | None:
        for name in (method, "*"):
            if self.faults.get(name):
                return self.faults[name].popleft()
        return self.always.get(method) or self.always.get("*")

    def fail(self, method: str, *faults: Fault) -> None:
        """The next calls of ``method`` end so, one each."""
        self.faults.setdefault(method, deque()).extend(faults)

    def fail_after(self, method: str, calls: int, fault: Fault) -> None:
        """The call after so many good ones ends so."""

        async def good(api: Server, connection: Connection, call: Call) -> None:
            await self._get_updates(connection, call)

        self.fail(method, *([good] * calls), fault)

    def end_poll(self) -> None:
        """The poll that waits is answered by nothing."""
        if self._poll is not None:
            self._poll.cancel()

    async def answer(self, connection: Connection, result: Any) -> None:
        if isinstance(result, Refusal):
            await connection.answer(result.status, json.dumps(result.body()).encode())
        else:
            await connection.answer(200, json.dumps({"ok": True, "result": result}).encode())

    def carried_out(self, call: Call) -> Any:
        """What it is answered by."""
        result = self._result(call)
        self.note()
        return result

    def _result(self, call: Call) -> Any:
        try:
            perform = getattr(self, f"_do_{call.method}", None)
            if perform is None:
                return Refusal(404, "Not Found: method not found")
            return perform(call.parameters)
        except Refusal as refusal:
            return refusal

    async def _get_updates(self, connection: Connection, call: Call) -> None:
        if self.webhook:
            text = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete it first"
            await self.answer(connection, Refusal(409, text))
            return
        self._confirm(call.parameters.get("offset"))
        if self._poll is not None:
            self._poll.cancel()
        self._poll_number += 1
        mine = self._poll_number
        with trio.CancelScope(deadline=trio.current_time() + call.parameters.get("timeout", 0)) as self._poll:
            while not self.ready():
                await self._changed.wait()
        if mine != self._poll_number:
            text = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
            await self.answer(connection, Refusal(409, text))
            return
        self._poll = None
        found = self.ready()[: call.parameters.get("limit", 100)]
        self.handed_out.update(update["update_id"] for update in found if _numbered(update))
        if self.held_back is not None:
            self.held_back |= self.handed_out
        await self.answer(connection, found)

    @property
    def polled(self) -> bool:
        """A poll waits for updates."""
        return self._poll is not None

    def ready(self) -> list[dict[str, Any]]:
        held_back = self.held_back or set()
        return [update for update in self.pending if not _numbered(update) or update["update_id"] not in held_back]

    def hand_out_again(self, number: int, text: str) -> None:
        """What was handed out and not confirmed, or was confirmed by mistake."""
        if self.held_back is not None:
            self.held_back.discard(number)
        for known in (self.handed_out, self.left, self.confirmed):
            known.discard(number)
        if all(update.get("update_id") != number for update in self.pending if isinstance(update, dict)):
            self.pending.append({"update_id": number, "message": self.message(text)})
        self.note()

    def _confirm(self, offset: int | None) -> None:
        waiting = {update["update_id"] for update in self.pending if _numbered(update)}
        self.left |= {number for number in waiting & self.handed_out if offset is None or number >= offset}
        if offset is None:
            return
        done = [update for update in self.pending if not _numbered(update) or update["update_id"] < offset]
        self.pending = [update for update in self.pending if update not in done]
        self.confirmed.update(update["update_id"] for update in done if _numbered(update))

    async def _file(self, connection: Connection, path: str) -> None:
        token, _, name = path.removeprefix("/file/bot").partition("/")
        content = self.files.get(unquote(name.removeprefix("files/")))
        if token != self.token or content is None:
            await self.answer(connection, Refusal(404, "Not Found"))
        else:
            await connection.answer(200, content, "application/octet-stream")


def _numbered(update: Any) -> bool:
    return isinstance(update, dict) and isinstance(update.get("update_id"), int)


@asynccontextmanager
async def serving(api: BotApi | None = None) -> AsyncIterator[BotApi]:
    """A server that is gone when the block ends. One that is given goes on where it was, on its port."""
    api = api or BotApi()
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(api.port, host="127.0.0.1")
        api.port = listener.socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, api.serve, [listener])
        nursery.start_soon(Pushing(api).run)
        api.serving = True
        try:
            yield api
        finally:
            api.serving = False
            nursery.cancel_scope.cancel()
