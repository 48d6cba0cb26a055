"""Who is heard, and what in a group is meant for the bot. Pure; denies whatever no rule allows.

1. Other bots are never heard: two of them would talk for ever.
2. In private, and anywhere, who stands in TELEGRAM_ALLOWED_USERS; in a group also who stands in the list for groups,
   and everybody where the list of chats names the group. A message without a person behind it (a channel's, an
   anonymous administrator's) is heard only there.
3. In a group a message is meant for the bot when it names or answers it, matches a pattern or is a command that no
   other bot is named with; or everything, where that is set.
"""

import re

from attrs import frozen
from telegram import Message, MessageEntity, User

from adapters.telegram.settings import GENERAL, Access
from hermes.agent.commands import parse
from hermes.events import ChatType, Source

_ADDRESSED = re.compile(r"/\w{1,64}@(\w{1,64})")


@frozen
class Me:
    """The bot, as Telegram knows it."""

    id: int
    username: str
    """Without its @."""


def may_write(access: Access, source: Source, user: User | None) -> bool:
    if user is not None and user.is_bot:
        return False
    if source.chat_type is not ChatType.DM and source.chat_id in access.group_chats:
        return True
    if not source.user_id:
        return False
    return source.user_id in access.users or (
        source.chat_type is not ChatType.DM and source.user_id in access.group_users
    )


def is_meant(access: Access, source: Source, message: Message, me: Me) -> bool:
    """Whether a message of somebody who may write is for the bot."""
    text = message.text or message.caption or ""
    other = _ADDRESSED.match(text)
    if other and other[1].lower() != me.username.lower():
        return False
    if source.chat_type is ChatType.DM:
        return True
    thread_id = source.thread_id or (GENERAL if message.chat.is_forum else "")
    if thread_id and thread_id in access.ignored_threads:
        return False
    if not access.require_mention or source.chat_id in access.free_chats:
        return True
    return (
        bool(other)
        or parse(text) is not None
        or _answers(message, me)
        or _names(message, me)
        or any(pattern.search(text) for pattern in access.mention_patterns)
    )


def without_mention(text: str, me: Me) -> str:
    """The text without the name that it begins with: a command may stand behind it."""
    beginning = f"@{me.username}"
    rest = text[len(beginning) :]
    if me.username and text[: len(beginning)].lower() == beginning.lower() and not re.match(r"\w", rest):
        return rest.lstrip(" ,:\n")
    return text


def _answers(message: Message, me: Me) -> bool:
    replied = message.reply_to_message
    return replied is not None and replied.from_user is not None and replied.from_user.id == me.id


def _names(message: Message, me: Me) -> bool:
    wanted: list[str | None] = [MessageEntity.MENTION, MessageEntity.TEXT_MENTION]
    found = {**message.parse_entities(wanted), **message.parse_caption_entities(wanted)}
    return any(
        text[1:].lower() == me.username.lower() or (entity.user is not None and entity.user.id == me.id)
        for entity, text in found.items()
    )
