"""The methods of the Bot API that this house uses, each as one call with errors of the house.

1. The long poll has connections of its own, so that no answer to a send waits behind it and none of its troubles reach
   a send.
2. A pause that the server asked for is kept before it is asked again: for the chat that it was told for, and for all
   chats where it is the bot's (flood.py). What may wait is refused here with the rest of the pause.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import cast
from urllib.parse import quote, urlencode

import trio
from attrs import define, frozen
from telegram import Bot, BotCommand, InlineKeyboardMarkup, LinkPreviewOptions, Message, MessageEntity, ReplyParameters

from adapters.telegram.failures import translated
from adapters.telegram.flood import Flood
from adapters.telegram.incoming.access import Me
from adapters.telegram.settings import TelegramSettings
from adapters.telegram.way.wire import Route, Wire
from hermes.errors import RemoteProtocolError

# Seconds that the server holds a poll, and that we wait for its answer: with the pause between two polls (5) a network
# that is back is noticed within 30.
POLL_FOR = 20
POLL_WITHIN = 25.0

# Seconds for a poll that asks only whether the server answers.
FIRST_POLL_WITHIN = 10.0

# Seconds without a byte of the answer to a file: a film is looked at before it is taken.
FILE_WITHIN = 60.0

# Updates of one poll, the most that Telegram gives.
MOST_UPDATES = 100


class FileKind(StrEnum):
    """As what a file is sent: the name of its parameter, and of its method behind "send"."""

    PHOTO = "photo"
    VIDEO = "video"
    ANIMATION = "animation"
    AUDIO = "audio"
    VOICE = "voice"
    DOCUMENT = "document"


@frozen
class WebhookState:
    """Telegram's side of a webhook."""

    url: str
    """Empty: none is set."""
    pending: int
    """Updates that wait for it."""
    error: str
    """What the last failed try to hand one over was told; stays when later ones succeed."""


@define(eq=False)
class Calls:
    """One bot's."""

    bot: Bot
    flood: Flood
    _polls: Wire
    _others: Wire

    @classmethod
    def of(cls, settings: TelegramSettings) -> "Calls":
        route = Route(settings.base_url, settings.proxy, settings.fallback_ips)
        polls, others = Wire(route), Wire(route)
        bot = Bot(
            settings.token,
            base_url=settings.base_url,
            base_file_url=settings.base_file_url,
            request=others,
            get_updates_request=polls,
        )
        return cls(bot, Flood(), polls, others)

    async def renew(self) -> None:
        """Give up all connections; the next call makes new ones."""
        await self._polls.renew()
        await self._others.renew()

    async def me(self) -> Me:
        with translated():
            user = await self.bot.get_me()
        return Me(user.id, user.username or "")

    async def updates(self, offset: int | None, kinds: Sequence[str], *, wait: bool) -> list[object]:
        """Updates from ``offset`` on, as they came; all before it are confirmed. Waits for one if asked to."""
        asked: dict[str, object] = {"limit": MOST_UPDATES, "allowed_updates": json.dumps(list(kinds))}
        if wait:
            asked["timeout"] = POLL_FOR
        if offset is not None:
            asked["offset"] = offset
        within = POLL_WITHIN if wait else FIRST_POLL_WITHIN
        with translated():
            # Not by Bot.get_updates: it reads all of them or none, so that one odd update would end the stream.
            address = f"{self.bot.base_url}/getUpdates?{urlencode(asked)}"
            found: object = await self._polls.post(address, read_timeout=within)
        if not isinstance(found, list):
            raise RemoteProtocolError("Telegram answers getUpdates by something else than a list")
        return cast("list[object]", found)

    async def delete_webhook(self) -> None:
        """What waits for it is kept."""
        with translated():
            await self.bot.delete_webhook(drop_pending_updates=False)

    async def set_webhook(self, url: str, secret: str, kinds: Sequence[str], *, most: int) -> None:
        """What waits is kept. ``most``: connections that Telegram makes at a time."""
        with translated():
            await self.bot.set_webhook(
                url,
                allowed_updates=list(kinds),
                drop_pending_updates=False,
                max_connections=most,
                secret_token=secret,
            )

    async def webhook(self) -> WebhookState:
        with translated():
            found = await self.bot.get_webhook_info()
        return WebhookState(found.url, found.pending_update_count, found.last_error_message or "")

    async def set_commands(self, commands: Sequence[tuple[str, str]]) -> None:
        with translated():
            await self.bot.set_my_commands([BotCommand(name, text) for name, text in commands])

    async def send(
        self,
        chat_id: str,
        text: str,
        *,
        thread_id: str = "",
        entities: Sequence[MessageEntity] = (),
        reply_to: str = "",
        buttons: InlineKeyboardMarkup | None = None,
    ) -> str:
        """Returns the id of the message. Cancelled: its outcome is unknown."""
        with self.flood.guarded(chat_id), translated():
            message = await self.bot.send_message(
                _chat(chat_id),
                text,
                entities=list(entities) or None,
                message_thread_id=int(thread_id) if thread_id else None,
                reply_parameters=_reply(reply_to),
                reply_markup=buttons,
                link_preview_options=_NO_PREVIEW,
            )
        return str(message.message_id)

    async def send_file(
        self, chat_id: str, kind: FileKind, *, content: bytes, name: str, caption: str, thread_id: str, reply_to: str
    ) -> str:
        """As ``send``, a file of this name."""
        methods: dict[FileKind, Callable[..., Awaitable[Message]]] = {
            FileKind.PHOTO: self.bot.send_photo,
            FileKind.VIDEO: self.bot.send_video,
            FileKind.ANIMATION: self.bot.send_animation,
            FileKind.AUDIO: self.bot.send_audio,
            FileKind.VOICE: self.bot.send_voice,
            FileKind.DOCUMENT: self.bot.send_document,
        }
        with self.flood.guarded(chat_id), translated():
            message = await methods[kind](
                _chat(chat_id),
                content,
                filename=name,
                caption=caption or None,
                message_thread_id=int(thread_id) if thread_id else None,
                reply_parameters=_reply(reply_to),
                read_timeout=FILE_WITHIN,
            )
        return str(message.message_id)

    async def edit(
        self,
        chat_id: str,
        message_id: str,
        text: str,
        *,
        entities: Sequence[MessageEntity] = (),
        buttons: InlineKeyboardMarkup | None = None,
    ) -> None:
        with self.flood.guarded(chat_id), translated():
            await self.bot.edit_message_text(
                text,
                _chat(chat_id),
                int(message_id),
                entities=list(entities) or None,
                reply_markup=buttons,
                link_preview_options=_NO_PREVIEW,
            )

    async def drop_buttons(self, chat_id: str, message_id: str) -> None:
        with self.flood.guarded(chat_id), translated():
            await self.bot.edit_message_reply_markup(_chat(chat_id), int(message_id), reply_markup=None)

    async def typing(self, chat_id: str, thread_id: str) -> None:
        with self.flood.guarded(chat_id), translated():
            await self.bot.send_chat_action(
                _chat(chat_id), "typing", message_thread_id=int(thread_id) if thread_id else None
            )

    async def react(self, chat_id: str, message_id: str, emoji: str) -> None:
        """In place of the one that stands there; empty: none. A pause that it is answered by is the caller's to keep.

        Other than of a message, since it must hold up none.
        """
        with translated():
            await self.bot.set_message_reaction(_chat(chat_id), int(message_id), emoji or None)

    async def fetch(self, file_id: str) -> bytes:
        """The content of a file. A server of one's own may name a file of this machine instead of an address."""
        with translated():
            found = (await self.bot.get_file(file_id)).file_path or ""
            if found.startswith("/"):
                return await trio.Path(found).read_bytes()
            return await self._others.retrieve(self._address_of(found))

    def _address_of(self, path: str) -> str:
        """What the library made of a path: as it stands, with whatever a name may hold that an address may not."""
        beginning = f"{self.bot.base_file_url}/"
        return beginning + quote(path.removeprefix(beginning))

    async def acknowledge(self, query_id: str, text: str = "") -> None:
        """Tell whoever pressed a button that it was taken."""
        with translated():
            await self.bot.answer_callback_query(query_id, text=text or None)


_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


def _chat(chat_id: str) -> int | str:
    return int(chat_id) if chat_id.lstrip("-").isdecimal() else chat_id


def _reply(message_id: str) -> ReplyParameters | None:
    # A message that is gone meanwhile is answered all the same.
    return ReplyParameters(int(message_id), allow_sending_without_reply=True) if message_id.isdecimal() else None
