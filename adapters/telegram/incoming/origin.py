"""Where a message of Telegram comes from: its chat, its topic, and who speaks. Pure."""

from telegram import Chat, Message, User
from telegram.constants import ChatType as Kind

from adapters.telegram.chats import PLATFORM
from adapters.telegram.settings import TelegramSettings
from hermes.events import ChatType, Source

_TYPES = {Kind.PRIVATE: ChatType.DM, Kind.CHANNEL: ChatType.CHANNEL}


def source_of(settings: TelegramSettings, message: Message, user: User | None) -> Source:
    """Where ``message`` stands, and who is heard: its author, or whoever pressed a button of it."""
    return Source(
        platform=PLATFORM,
        account=settings.account,
        chat_id=str(message.chat.id),
        chat_type=_chat_type(message.chat),
        thread_id=thread_of(message),
        user_id=str(user.id) if user else "",
        user_name=user.full_name if user else "",
    )


def thread_of(message: Message) -> str:
    """The topic; empty outside of one. A thread of replies in an ordinary group is none."""
    return str(message.message_thread_id) if message.is_topic_message and message.message_thread_id else ""


def _chat_type(chat: Chat) -> ChatType:
    return _TYPES.get(Kind(chat.type), ChatType.GROUP)
