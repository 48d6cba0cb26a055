"""A Bot API server for one bot, and the people who write to it. Starts alone:

    python -m benchmarks.fakes.bot_api --port 8081

A gateway is pointed at ``http://127.0.0.1:PORT/bot``, with any token. Rules:

1. Methods answer as core.telegram.org/bots/api says, as far as a gateway of texts needs them; any other one is true.
   There are no flood limits here.
2. ``POST /control/say`` with ``{"chat": 1}`` says one thing and answers its mark. ``POST /control/loop`` with
   ``{"first": 1, "chats": 50, "seconds": 5, "stalled": 30}`` lets fifty people speak in a closed loop, and answers when
   all is answered or nothing was for ``stalled`` seconds.
3. ``GET /control/record`` tells how often each method was called, when the first poll came (``time.monotonic()``) and
   in how many messages each mark stands. ``POST /control/watch`` forgets the first poll, ``POST /control/reset`` all
   of it, and what waits.
"""

import argparse
import asyncio
import json
import time
from typing import TYPE_CHECKING, cast

from attrs import define, field

from benchmarks.fakes.chats import Chats, Loop
from benchmarks.fakes.forms import parameters
from benchmarks.fakes.http import Exchange, port_of, serve
from benchmarks.fakes.updates import Updates

if TYPE_CHECKING:
    from collections.abc import Callable

BOT: dict[str, object] = {
    "id": 110201543,
    "is_bot": True,
    "first_name": "Bench",
    "username": "bench_bot",
    "can_join_groups": True,
    "can_read_all_group_messages": False,
    "supports_inline_queries": False,
}

_FILES = ("sendPhoto", "sendVideo", "sendAnimation", "sendAudio", "sendVoice", "sendDocument")

# UTF-16 units of a message.
LONGEST = 4096

# Seconds without an answer until a loop is given up that says nothing else.
STALLED = 60.0

# Seconds between two looks at whether it is.
_LOOK = 0.5


class Refused(Exception):
    """400 with this description."""


@define
class Record:
    """What was asked since the last reset."""

    calls: dict[str, int] = field(factory=dict[str, int])
    first_poll: float | None = None


class FakeBotApi:
    """The server's state; ``handle`` is its ``Handler``."""

    def __init__(self) -> None:
        self.updates = Updates()
        self.chats = Chats(self._put)
        self.record = Record()
        self._message_ids = 0
        self._methods: dict[str, Callable[[dict[str, str]], object]] = {
            "getMe": lambda _: BOT,
            "sendMessage": self._send,
            **dict.fromkeys(_FILES, self._send_file),
            "editMessageText": self._edit,
            "deleteMessage": self._delete,
            "deleteWebhook": self._webhook,
            "setWebhook": self._webhook,
            "getWebhookInfo": lambda _: {"url": "", "has_custom_certificate": False, "pending_update_count": 0},
            "getMyCommands": lambda _: [],
            "getChat": lambda given: {
                **_private(int(given["chat_id"])),
                "accent_color_id": 0,
                "max_reaction_count": 11,
            },
        }

    def handle(self, exchange: Exchange) -> None:
        path = exchange.request.path
        if path.startswith("/control/"):
            self._control(exchange, path.removeprefix("/control/"))
        elif path.startswith("/bot"):
            self._call(exchange, path.rpartition("/")[2])
        else:
            _refuse(exchange, 404, "Not Found")

    def _call(self, exchange: Exchange, method: str) -> None:
        self.record.calls[method] = self.record.calls.get(method, 0) + 1
        given = parameters(exchange.request)
        if method == "getUpdates":
            self._poll(exchange, given)
            return
        try:
            found = self._methods[method](given) if method in self._methods else True
        except Refused as refusal:
            _refuse(exchange, 400, f"Bad Request: {refusal}")
        else:
            _answer(exchange, found)

    def _poll(self, exchange: Exchange, given: dict[str, str]) -> None:
        if self.record.first_poll is None:
            self.record.first_poll = time.monotonic()
        exchange.on_gone = self.updates.leave
        self.updates.poll(
            given, lambda found: _answer(exchange, found), lambda status, text: _refuse(exchange, status, text)
        )

    def _send(self, given: dict[str, str]) -> object:
        chat, text = int(given["chat_id"]), _checked(given.get("text", ""))
        self._message_ids += 1
        message_id = self._message_ids
        self.chats.stands(chat, message_id, text)
        return _message(message_id, chat, BOT, text)

    def _send_file(self, given: dict[str, str]) -> object:
        """What it is does not matter here; it stands in the chat by its caption."""
        return self._send({**given, "text": given.get("caption", "") or "a file"})

    def _edit(self, given: dict[str, str]) -> object:
        chat, message_id, text = int(given["chat_id"]), int(given["message_id"]), _checked(given.get("text", ""))
        before = self.chats.text(chat, message_id)
        if before is None:
            raise Refused("message to edit not found")
        if before == text:
            raise Refused("message is not modified")
        self.chats.stands(chat, message_id, text)
        return _message(message_id, chat, BOT, text)

    def _delete(self, given: dict[str, str]) -> object:
        self.chats.delete(int(given["chat_id"]), int(given["message_id"]))
        return True

    def _webhook(self, given: dict[str, str]) -> object:
        if given.get("drop_pending_updates", "").lower() == "true":
            self.updates.drop()
        return True

    def _put(self, chat: int, text: str) -> None:
        self._message_ids += 1
        person: dict[str, object] = {"id": chat, "is_bot": False, "first_name": f"Person{chat}", "language_code": "en"}
        self.updates.put({"message": _message(self._message_ids, chat, person, text)})

    def _control(self, exchange: Exchange, what: str) -> None:
        given = cast(dict[str, float], json.loads(exchange.request.body or b"{}"))
        if what == "say":
            exchange.answer_json({"mark": self.chats.say(int(given["chat"]))})
        elif what == "loop":
            self._loop(exchange, given)
        elif what == "record":
            copies = {"copies": self.chats.copies(), "marked": self.chats.marked()}
            told = {"calls": self.record.calls, "first_poll": self.record.first_poll}
            exchange.answer_json({**told, **copies, "unconfirmed": self.updates.unconfirmed})
        elif what == "watch":
            self.record.first_poll = None
            exchange.answer_json({"ok": True})
        elif what == "reset":
            self.record = Record()
            self.updates.drop()
            self.chats.forget()
            exchange.answer_json({"ok": True})
        else:
            _refuse(exchange, 404, "Not Found")

    def _loop(self, exchange: Exchange, given: dict[str, float]) -> None:
        stalled = given.get("stalled", STALLED)
        loop = Loop(int(given["first"]), int(given["chats"]), given.get("seconds", 0.0))
        running = self.chats.begin(loop, lambda: exchange.answer_json(running.told()))

        def look() -> None:
            if running.ended:
                return
            if time.monotonic() - running.begun - running.last < stalled:
                asyncio.get_running_loop().call_later(_LOOK, look)
            else:
                self.chats.end(running)
                exchange.answer_json(running.told())

        look()


def _private(chat: int) -> dict[str, object]:
    return {"id": chat, "type": "private", "first_name": f"Person{chat}"}


def _message(message_id: int, chat: int, sender: dict[str, object], text: str) -> dict[str, object]:
    return {"message_id": message_id, "date": int(time.time()), "chat": _private(chat), "from": sender, "text": text}


def _checked(text: str) -> str:
    if not text.strip():
        raise Refused("message text is empty")
    if len(text.encode("utf-16-le")) > 2 * LONGEST:
        raise Refused("message is too long")
    return text


def _answer(exchange: Exchange, result: object) -> None:
    exchange.answer_json({"ok": True, "result": result})


def _refuse(exchange: Exchange, status: int, description: str) -> None:
    exchange.answer_json({"ok": False, "error_code": status, "description": description}, status)


async def main(port: int) -> None:
    """Serve until cancelled."""
    server = await serve(FakeBotApi().handle, port)
    print(f"bot api: http://127.0.0.1:{port_of(server)}/bot", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A fake Bot API server on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0)
    asyncio.run(main(parser.parse_args().port))
