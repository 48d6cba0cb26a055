"""A Bot API server for one bot, and the people who write to it. Starts alone:

    python -m benchmarks.fakes.bot_api --port 8081

A gateway is pointed at ``http://127.0.0.1:PORT/bot``, with any token. Rules:

1. Methods answer as core.telegram.org/bots/api says, as far as a gateway of texts needs them; any other one is true.
   There are no flood limits here.
2. ``POST /control/say`` with ``{"chat": 1}`` says one thing and answers its mark. ``POST /control/loop`` with
   ``{"first": 1, "chats": 50, "seconds": 5, "stalled": 30}`` lets fifty people speak in a closed loop, and answers when
   all is answered or nothing was for ``stalled`` seconds.
3. ``GET /control/record`` tells how often each method was called, when the first poll came (``time.monotonic()``) and
   in how many messages each mark stands; ``GET /control/polled`` the first poll alone. ``POST /control/watch`` forgets
   the first poll, ``POST /control/reset`` all of it, and what waits.
4. ``POST /control/talk`` with ``{"first": 1, "chats": 40, "every": 4, "seed": 1}`` lets people write at a steady pace
   (talk.py) until ``POST /control/quiet``; ``GET /control/told`` says what became of it.
5. ``POST /control/trouble`` with ``{"kind": "5xx"}`` lets the server misbehave (trouble.py) until the kind is empty.
"""

import argparse
import asyncio
import json
import time
from typing import TYPE_CHECKING, cast

import cattrs
from attrs import define, field

from benchmarks.fakes.chats import Chats, Loop
from benchmarks.fakes.forms import parameters
from benchmarks.fakes.http import Exchange, port_of, serve
from benchmarks.fakes.talk import Pace, Talk
from benchmarks.fakes.trouble import Misbehaviour, Trouble, refuse
from benchmarks.fakes.updates import Updates

if TYPE_CHECKING:
    from collections.abc import Callable

Given = dict[str, float | str]
"""What a control is called with."""

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
        self.misbehaviour = Misbehaviour()
        self.talk: Talk | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._polling: Exchange | None = None
        """The poll that waits."""
        self._message_ids = 0
        self._controls: dict[str, Callable[[Exchange, Given], None]] = {
            "say": lambda exchange, given: exchange.answer_json({"mark": self.chats.say(int(given["chat"]))}),
            "loop": self._loop,
            "record": self._tell,
            "polled": lambda exchange, _: exchange.answer_json({"first_poll": self.record.first_poll}),
            "watch": self._watch,
            "reset": self._reset,
            "talk": self._begin_talk,
            "quiet": self._end_talk,
            "told": lambda exchange, _: exchange.answer_json(self.talk.told() if self.talk else {}),
            "trouble": self._misbehave,
        }
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
            refuse(exchange, 404, "Not Found")

    def _call(self, exchange: Exchange, method: str) -> None:
        self.record.calls[method] = self.record.calls.get(method, 0) + 1
        given = parameters(exchange.request)
        if method == "getUpdates" and self.record.first_poll is None:
            self.record.first_poll = time.monotonic()
        try:
            if self.misbehaviour.takes(exchange, method, lambda: self._carried_out(method, given)):
                return
            if method == "getUpdates":
                self._poll(exchange, given)
            else:
                _answer(exchange, self._carried_out(method, given))
        except Refused as refusal:
            refuse(exchange, 400, f"Bad Request: {refusal}")

    def _carried_out(self, method: str, given: dict[str, str]) -> object:
        return self._methods[method](given) if method in self._methods else True

    def _poll(self, exchange: Exchange, given: dict[str, str]) -> None:
        exchange.on_gone = self._leave
        self.updates.poll(
            given, lambda found: _answer(exchange, found), lambda status, text: refuse(exchange, status, text)
        )
        self._polling = exchange

    def _leave(self) -> None:
        self._polling = None
        self.updates.leave()

    def _misbehave(self, exchange: Exchange, given: Given) -> None:
        """From now on, a poll that waits included."""
        self.misbehaviour.kind = Trouble(str(given["kind"]))
        waiting, self._polling = self._polling, None
        if waiting is not None and self.misbehaviour.kind is not Trouble.NONE and self.updates.leave():
            waiting.on_gone = lambda: None
            self._call(waiting, "getUpdates")
        exchange.answer_json({"ok": True})

    def _send(self, given: dict[str, str]) -> object:
        chat, text = int(given["chat_id"]), _checked(given.get("text", ""))
        self._message_ids += 1
        message_id = self._message_ids
        self._stands(chat, message_id, text, _replies_to(given))
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
        self._stands(chat, message_id, text, 0)
        return _message(message_id, chat, BOT, text)

    def _stands(self, chat: int, message_id: int, text: str, replies_to: int) -> None:
        self.chats.stands(chat, message_id, text)
        if self.talk is not None:
            self.talk.stands(chat, message_id, text, replies_to, time.monotonic())

    def _delete(self, given: dict[str, str]) -> object:
        self.chats.delete(int(given["chat_id"]), int(given["message_id"]))
        return True

    def _webhook(self, given: dict[str, str]) -> object:
        if given.get("drop_pending_updates", "").lower() == "true":
            self.updates.drop()
        return True

    def _put(self, chat: int, text: str) -> int:
        self._message_ids += 1
        person: dict[str, object] = {"id": chat, "is_bot": False, "first_name": f"Person{chat}", "language_code": "en"}
        self.updates.put({"message": _message(self._message_ids, chat, person, text)})
        return self._message_ids

    def _control(self, exchange: Exchange, what: str) -> None:
        given = cast(Given, json.loads(exchange.request.body or b"{}"))
        if what in self._controls:
            self._controls[what](exchange, given)
        else:
            refuse(exchange, 404, "Not Found")

    def _tell(self, exchange: Exchange, _: Given) -> None:
        copies = {"copies": self.chats.copies(), "marked": self.chats.marked()}
        told = {"calls": self.record.calls, "first_poll": self.record.first_poll}
        exchange.answer_json({**told, **copies, "unconfirmed": self.updates.unconfirmed})

    def _watch(self, exchange: Exchange, _: Given) -> None:
        self.record.first_poll = None
        exchange.answer_json({"ok": True})

    def _reset(self, exchange: Exchange, _: Given) -> None:
        self._silence()
        self.record = Record()
        self.misbehaviour.kind = Trouble.NONE
        self.updates.drop()
        self.chats.forget()
        self.talk = None
        exchange.answer_json({"ok": True})

    def _begin_talk(self, exchange: Exchange, given: Given) -> None:
        self._silence()
        self.talk = Talk(cattrs.structure(given, Pace), self._put)
        self._timers = [self._later(self.talk, chat) for chat in self.talk.chats]
        exchange.answer_json({"ok": True})

    def _end_talk(self, exchange: Exchange, _: Given) -> None:
        """What was said may still be answered."""
        self._silence()
        exchange.answer_json({"ok": True})

    def _silence(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _later(self, talk: Talk, chat: int) -> asyncio.TimerHandle:
        def speak() -> None:
            talk.speak(chat, time.monotonic())
            self._timers[chat - talk.pace.first] = self._later(talk, chat)

        return asyncio.get_running_loop().call_later(talk.pause(), speak)

    def _loop(self, exchange: Exchange, given: Given) -> None:
        stalled = float(given.get("stalled", STALLED))
        loop = Loop(int(given["first"]), int(given["chats"]), float(given.get("seconds", 0.0)))
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


def _replies_to(given: dict[str, str]) -> int:
    return int(json.loads(given.get("reply_parameters") or "{}").get("message_id", 0))


async def main(port: int) -> None:
    """Serve until cancelled."""
    server = await serve(FakeBotApi().handle, port)
    print(f"bot api: http://127.0.0.1:{port_of(server)}/bot", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A fake Bot API server on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0)
    asyncio.run(main(parser.parse_args().port))
