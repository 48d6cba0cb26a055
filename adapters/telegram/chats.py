"""Where a message belongs: the session that a chat and its topics are part of, and the home channel. Pure.

Known without the library, since the settings of a platform are read before anything of it is loaded.
"""

from adapters.telegram.settings import TelegramSettings
from hermes.events import ChatType, Source
from hermes.home_channel import HomeChannel

PLATFORM = "telegram"


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
