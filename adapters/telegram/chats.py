"""Where a message belongs: its chat, its topic, and the session that it is part of. Pure."""

from telegram import Chat, Message, User
from telegram.constants import ChatType as Kind

from adapters.telegram.settings import TelegramSettings
from hermes.events import ChatType, Source
from hermes.home_channel import HomeChannel

PLATFORM = "telegram"

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


def session_key(settings: TelegramSettings, source: Source) -> str:
    """agent:main:telegram:TYPE:CHAT[:THREAD][:USER]."""
    parts = ["agent", "main", PLATFORM, source.chat_type.value, source.chat_id]
    if source.thread_id:
        parts.append(source.thread_id)
    if source.user_id and not is_shared(settings, source) and source.chat_type is not ChatType.DM:
        parts.append(source.user_id)
    return ":".join(parts)


def home_channel(settings: TelegramSettings) -> HomeChannel | None:
    """What is configured. Numbers of persons are positive, those of groups and channels are not."""
    home = settings.home
    if home is None:
        return None
    private = not home.chat_id.startswith("-")
    source = Source(
        platform=PLATFORM,
        account=settings.account,
        chat_id=home.chat_id,
        chat_type=ChatType.DM if private else ChatType.GROUP,
        thread_id=home.thread_id,
        user_id=home.chat_id if private else "",
    )
    return HomeChannel(source, session_key(settings, source), home.name)


def is_shared(settings: TelegramSettings, source: Source) -> bool:
    """Whether several people speak in one session: topics are shared, groups are not, unless it is set otherwise."""
    if source.chat_type is ChatType.DM:
        return False
    if source.chat_type is ChatType.CHANNEL:
        return True
    return not (settings.thread_sessions_per_user if source.thread_id else settings.group_sessions_per_user)


def _chat_type(chat: Chat) -> ChatType:
    return _TYPES.get(Kind(chat.type), ChatType.GROUP)
