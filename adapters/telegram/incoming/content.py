"""What a message says, as text that the agent can read. Pure.

A kind of content that is no text becomes a line in brackets, so that the agent knows of it and the person gets an
answer. What nobody said (somebody joined, a photo of the group was changed) is no message.
"""

from telegram import Message

# Characters of a message that is quoted by another.
_QUOTED = 300

_MEDIA = (
    ("photo", "a photo"),
    ("animation", "an animation"),
    ("document", "a document"),
    ("voice", "a voice message"),
    ("video_note", "a video message"),
    ("video", "a video"),
    ("audio", "an audio file"),
    ("paid_media", "paid media"),
    ("story", "a story"),
    ("game", "a game"),
    ("invoice", "an invoice"),
    ("giveaway", "a giveaway"),
    ("checklist", "a checklist"),
)

_FETCHED = frozenset({"photo", "animation", "document", "voice", "video_note", "video", "audio"})

CONTENT = ("location", "contact", "sticker", "poll", "dice", *(field for field, _ in _MEDIA))
"""The fields of a message that say something without words."""


def text_of(message: Message) -> str | None:
    """What is said; None when nobody said anything."""
    text = message.text or message.caption or ""
    shown = _shown(message)
    if not text and not shown:
        return None
    return "\n".join(filter(None, (shown, text)))


def quoted(message: Message) -> str:
    """The message that this one answers, in a line; empty when it answers none. Of one in another chat there is only
    what was chosen to be quoted."""
    replied = message.reply_to_message
    if replied is not None and replied.forum_topic_created is not None:
        return ""
    said = (replied.text or replied.caption or _shown(replied)) if replied is not None else ""
    if message.quote is not None:
        said = message.quote.text
    if not said:
        return ""
    line = " ".join(said.split())
    who = replied.from_user.full_name if replied is not None and replied.from_user is not None else "an earlier message"
    return f"[In reply to {who}: {line[:_QUOTED]}{'…' if len(line) > _QUOTED else ''}]"


def _shown(message: Message) -> str:
    for find in (_place, _contact, _sticker, _poll, _dice, _media):
        if found := find(message):
            return f"[{found}]"
    return ""


def _place(message: Message) -> str:
    if message.venue is not None:
        venue = message.venue
        return f"a place: {venue.title}, {venue.address} ({venue.location.latitude}, {venue.location.longitude})"
    if message.location is not None:
        return f"a location: {message.location.latitude}, {message.location.longitude}"
    return ""


def _contact(message: Message) -> str:
    contact = message.contact
    if contact is None:
        return ""
    return f"a contact: {' '.join(filter(None, (contact.first_name, contact.last_name)))}, {contact.phone_number}"


def _sticker(message: Message) -> str:
    return f"a sticker {message.sticker.emoji or ''}".strip() if message.sticker is not None else ""


def _poll(message: Message) -> str:
    poll = message.poll
    return f"a poll: {poll.question} ({', '.join(option.text for option in poll.options)})" if poll is not None else ""


def _dice(message: Message) -> str:
    return f"a throw of {message.dice.emoji}: {message.dice.value}" if message.dice is not None else ""


def _media(message: Message) -> str:
    for field, name in _MEDIA:
        if getattr(message, field):
            return name if field in _FETCHED else f"{name}, which cannot be opened here"
    return ""
