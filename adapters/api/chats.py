"""Pure: how a request becomes an inbound event."""

from adapters.api.asked import Asked
from hermes.events import Inbound, InboundKind, Source

PLATFORM = "api_server"
ACCOUNT = "local"
USER = "owner"
"""Whoever knows the key, or, without one, whoever reaches the port."""

_KEY = f"agent:main:{PLATFORM}:dm:"


def session_key(chat: str) -> str:
    """The session of a chat of this platform."""
    return f"{_KEY}{chat}"


def chat_of(key: str) -> str:
    """The chat of a session key of this platform."""
    return key.removeprefix(_KEY)


def source(chat: str) -> Source:
    return Source(platform=PLATFORM, account=ACCOUNT, chat_id=chat, user_id=USER)


def inbound(asked: Asked, chat: str, now: float) -> Inbound:
    """The event that a request is. Its digest stands as the message's id: it tells a repetition from a mistake."""
    return Inbound(
        event_id=asked.id,
        source=source(chat),
        session_key=session_key(chat),
        kind=InboundKind.MESSAGE,
        text=asked.text,
        sent_at=now,
        message_id=asked.digest,
    )
