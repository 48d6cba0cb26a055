"""Who reads along in a chat, which decides what the agent may bring up there: whose notes, whose earlier conversations.

Rules:

1. What is kept in one circle is never seen in another: a person's private chats on a platform are one circle, each chat
   of several people is one of its own, the owner's are one over all platforms.
2. A circle is told by what the platform vouches for (its name, the user's id, the kind of chat), never by a name that a
   person chose.
"""

from attrs import frozen

from hermes.events import ChatType, Source


@frozen
class Audience:
    """The readers of one chat."""

    platform: str
    user_id: str
    """Who wrote; among several people, one of them."""
    owner: bool = False
    """The owner of this installation, alone."""
    proven: bool = False
    """The owner has proven it: a terminal of theirs, or a page with a key."""
    shared: str = ""
    """The session key where several people read along; empty: one person alone."""


def audience(source: Source, session_key: str, *, owner: bool, proven: bool) -> Audience:
    """The readers of the chat that ``source`` names. ``owner``: whoever writes on this account is the owner."""
    if source.chat_type is not ChatType.DM:
        return Audience(source.platform, source.user_id, shared=session_key)
    return Audience(source.platform, source.user_id, owner=owner, proven=owner and proven)
