"""A bot's chats over any number of restarts of the gateway: what people wrote, and what a person would call lost,
doubled or out of order."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio
from attrs import define, field

from adapters.telegram.outgoing.message import MARK
from tests.adapters.telegram.botapi import BotApi, serving
from tests.kill.process import Gateway, free_port

FIRST_USER = 5000

CURSOR = "\u2589"
"""At the end of an answer that still grows."""


@define(eq=False)
class Bot:
    """The server, and the gateway's settings for it. Users are allowed by their numbers from ``FIRST_USER`` on."""

    api: BotApi = field(factory=lambda: BotApi(port=free_port()))
    _written: dict[int, list[int]] = field(factory=dict[int, list[int]])
    """Ids of messages by chat, in order."""

    def configure(self, home: Path, users: int, more: str = "") -> None:
        allowed = ",".join(str(FIRST_USER + number) for number in range(users))
        env_file = home / ".env"
        # Where several may write, the page wants a key.
        key = "API_SERVER_KEY=sesame-open\n" if users > 1 else ""
        env_file.write_text(f"TELEGRAM_BOT_TOKEN={self.api.token}\nTELEGRAM_ALLOWED_USERS={allowed}\n{key}")
        env_file.chmod(0o600)
        with (home / "config.yaml").open("a") as file:
            file.write(f"  telegram:\n    extra: {{base_url: '{self.api.base_url}'}}\n{more}")

    def write(self, text: str, user: int = FIRST_USER) -> int:
        """A person writes to the bot; returns the id of the message."""
        self.api.say(text, user, user)
        message_id = int(self.api.chats[user][-1]["message_id"])
        self._written.setdefault(user, []).append(message_id)
        return message_id

    def said_by_people(self) -> list[int]:
        return [each for ids in self._written.values() for each in ids]

    def answers(self, message_id: int, user: int = FIRST_USER) -> list[dict[str, Any]]:
        """The bot's messages that answer one of a person. Questions are none, and what still grows is not yet one."""
        return [m for m in self._answering(user) if m["replies_to"] == message_id and not _is_given_up(m)]

    def given_up(self) -> int:
        """Messages of which a chat was told that they may be missing, since they were being sent at two kills."""
        return sum(_is_given_up(message) for user in self._written for message in self._answering(user))

    async def until_answered(self, message_id: int, user: int = FIRST_USER) -> str:
        while not self.answers(message_id, user):
            # One that was being sent at two kills is given up, and that is told.
            if any(_is_given_up(m) and m["replies_to"] == message_id for m in self._answering(user)):
                return ""
            await self.api.change()
        return str(self.answers(message_id, user)[0]["text"])

    async def press_all(self, button: str) -> None:
        """Press ``button`` under each question once, until cancelled."""
        pressed: set[int] = set()
        while True:
            for user in list(self.api.chats):
                for message in self.api.by_bot(user):
                    if message.get("reply_markup") and message["message_id"] not in pressed:
                        pressed.add(message["message_id"])
                        self.api.press(user, button, user)
            await self.api.change()

    def count(self) -> dict[str, int]:
        """What went wrong, over all chats."""
        written = [(user, each) for user, ids in self._written.items() for each in ids]
        found = [self.answers(each, user) for user, each in written]
        return {
            "messages": len(written),
            "lost": sum(not answers for answers in found),
            # What a killed process had sent may reach the chat after the marked repetition of it.
            "doubled": sum(max(0, sum(not _is_marked(each) for each in answers) - 1) for answers in found),
            "out of order": sum(self._order(user) != ids for user, ids in self._written.items()),
        }

    def marked(self) -> int:
        """Messages that say of themselves that they may be repetitions."""
        return sum(_is_marked(message) for user in self._written for message in self._answering(user))

    def _answering(self, user: int) -> list[dict[str, Any]]:
        return [m for m in self.api.by_bot(user) if "replies_to" in m and "sent_buttons" not in m and not _grows(m)]

    def _order(self, user: int) -> list[int]:
        return list(dict.fromkeys(message["replies_to"] for message in self._answering(user)))


@asynccontextmanager
async def bot(gateway: Gateway, users: int = 1, more: str = "") -> AsyncIterator[Bot]:
    """A server for ``gateway``, which is not started yet."""
    made = Bot()
    made.configure(gateway.home, users, more)
    async with serving(made.api), trio.open_nursery() as nursery:
        nursery.start_soon(made.press_all, "once")
        yield made
        nursery.cancel_scope.cancel()


def _grows(message: dict[str, Any]) -> bool:
    return str(message["text"]).endswith(CURSOR)


def _is_given_up(message: dict[str, Any]) -> bool:
    return str(message["text"]).startswith("A message for this chat may be missing")


def _is_marked(message: dict[str, Any]) -> bool:
    return str(message["text"]).startswith(MARK.strip())
