"""From an update of the Bot API to an event of the house, at the edge: what comes from outside is judged here.

Each update ends in exactly one way: an ``Inbound``, or ``Dropped`` with the rule that it was dropped by. Nothing is
raised for whatever a server may send; what could not be read, be it for a fault of ours, says by which error.
"""

import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from attrs import evolve, field, frozen
from telegram import Bot, CallbackQuery, Message, Update, User

from adapters.telegram.chats import is_shared, session_key
from adapters.telegram.incoming.access import Me, is_meant, may_write, without_mention
from adapters.telegram.incoming.content import CONTENT, quoted, text_of
from adapters.telegram.incoming.media import FETCH_WITHIN, MOST_BYTES, Wanted, attachment, noted
from adapters.telegram.incoming.origin import source_of
from adapters.telegram.incoming.utterances import Part, Utterances
from adapters.telegram.settings import TelegramSettings
from hermes.agent.commands import parse
from hermes.events import Inbound, InboundKind, Source
from hermes.split import units

MESSAGES = ("message", "edited_message", "channel_post", "edited_channel_post")

KINDS = (*MESSAGES, "callback_query")
"""What is asked of the server. It may send others: kinds that were asked for before, and new ones."""


_CORE = (
    "message_id", "date", "edit_date", "chat", "from", "sender_chat", "text", "caption", "message_thread_id",
    "is_topic_message", "media_group_id",
)  # fmt: skip
"""Fields of a message that it can be answered by."""


# Seconds after which nobody can edit a message in a chat: an edit of it that is told is a reaction, or another change
# that nobody sees. Within that time the inbox knows what it reads.
_EDITED_WITHIN = 48 * 3600.0


@frozen
class Dropped:
    """An update that becomes no event."""

    rule: str
    stranger: str = ""
    """Who was turned away, for the log: an id and a name."""
    unreadable: str = ""
    """The error that kept it from being read, for the log: its type and where it was raised, and nothing of the
    update."""
    query_id: str = ""
    """Of a press: until it is acknowledged, its button shows that it is waited for."""


@frozen
class Filed:
    """A message that brings a file."""

    event: Inbound
    wanted: Wanted


@frozen
class Press:
    """A press of a button: which question and which of its choices. What the choice says, the transcript knows."""

    event: Inbound
    """Its text is empty until then."""
    query_id: str
    choice: int


@frozen
class Reader:
    """Reads the updates of one bot."""

    settings: TelegramSettings
    bot: Bot
    me: Me
    utterances: Utterances = field(factory=Utterances)

    def read(self, raw: object) -> Inbound | Filed | Press | Dropped:
        """What ``raw``, an element of the answer of getUpdates, is."""
        errors: list[Exception] = []
        for shape in (_whole, _core):
            try:
                return self._judged(Update.de_json(shape(raw), self.bot))
            except Exception as error:
                # Whatever its shape does to the library: one update must not end the stream.
                errors.append(error)
        return Dropped("it cannot be read", unreadable=_told(errors[0]))

    def _judged(self, update: Update) -> Inbound | Filed | Press | Dropped:
        if update.callback_query is not None:
            return self._press(update.update_id, update.callback_query)
        if (said := update.message or update.channel_post) is not None:
            return self._message(update.update_id, said, InboundKind.MESSAGE)
        if (edited := update.edited_message or update.edited_channel_post) is not None:
            return self._message(update.update_id, edited, InboundKind.EDIT)
        return Dropped("this kind of update is not used")

    def _message(self, update_id: int, message: Message, kind: InboundKind) -> Inbound | Filed | Dropped:
        found = self._said(update_id, message, kind)
        file = attachment(message)
        if isinstance(found, Dropped) or file is None:
            return found
        if file.size > MOST_BYTES:
            return evolve(found, text=f"{found.text}\n[The {file.called} is too large to be fetched]")
        if kind is InboundKind.EDIT:
            return found
        utterance = found.utterance or f"file:{found.source.chat_id}:{found.message_id}"
        wanted = Wanted(file, rest_within=found.more_within)
        waits = evolve(found, utterance=utterance, more_within=FETCH_WITHIN, attachment=noted(wanted))
        return Filed(waits, wanted)

    def _said(self, update_id: int, message: Message, kind: InboundKind) -> Inbound | Dropped:
        user = message.from_user if message.sender_chat is None else None
        source = source_of(self.settings, message, user)
        if not may_write(self.settings.access, source, user):
            return Dropped("who wrote it may not write here", _named(message.from_user))
        text = text_of(message)
        if text is None:
            return Dropped("nobody said anything in it")
        if kind is InboundKind.EDIT and not _is_edit(message):
            return Dropped("it is an edit that nobody made")
        part = self._part(source, message, text) if kind is InboundKind.MESSAGE else Part()
        if not (self.utterances.is_meant(part) or is_meant(self.settings.access, source, message, self.me)):
            return Dropped("it is not meant for the bot")
        self.utterances.remember_meant(part)
        return Inbound(
            event_id=str(update_id),
            source=source,
            session_key=session_key(self.settings, source),
            kind=kind,
            text=self._complete(message, source.user_name if is_shared(self.settings, source) else "", text),
            sent_at=message.date.timestamp(),
            message_id=str(message.message_id),
            edited_at=message.edit_date.timestamp() if message.edit_date else None,
            reply_to=str(message.reply_to_message.message_id) if message.reply_to_message else "",
            utterance=part.utterance,
            more_within=part.more_within,
        )

    def _part(self, source: Source, message: Message, text: str) -> Part:
        """What else is said with it."""
        if message.media_group_id:
            return self.utterances.album(message.media_group_id)
        if parse(text) is not None:
            return Part()
        place = (source.chat_id, source.thread_id, source.user_id)
        return self.utterances.text(place, message.message_id, message.date.timestamp(), units(text))

    def _complete(self, message: Message, speaker: str, text: str) -> str:
        """With what it answers, and who speaks where several do. A command stays a command."""
        text = without_mention(text, self.me)
        if parse(text) is not None:
            return text
        said = f"{speaker}: {text}" if speaker else text
        return "\n".join(filter(None, (quoted(message), said)))

    def _press(self, update_id: int, query: CallbackQuery) -> Press | Dropped:
        message = query.message
        if not isinstance(message, Message) or not query.data:
            return Dropped("its button belongs to no message that can be seen", query_id=query.id)
        source = source_of(self.settings, message, query.from_user)
        if not may_write(self.settings.access, source, query.from_user):
            return Dropped("who pressed it may not write here", _named(query.from_user), query_id=query.id)
        ask_id, _, number = query.data.rpartition(":")
        if not ask_id or not number.isdecimal():
            return Dropped("its button is not of ours", query_id=query.id)
        event = Inbound(
            event_id=str(update_id),
            source=source,
            session_key=session_key(self.settings, source),
            kind=InboundKind.ANSWER,
            text="",
            sent_at=0.0,
            message_id=str(message.message_id),
            ask_id=ask_id,
        )
        return Press(event, query.id, int(number))


def _is_edit(message: Message) -> bool:
    """Whether a person has changed it. A place that is shared while it moves is told once."""
    if message.location is not None:
        return False
    edited = message.edit_date or datetime.now(UTC)
    return (edited - message.date).total_seconds() <= _EDITED_WITHIN


def button_data(ask_id: str, choice: int) -> str:
    """What a button carries: at most 64 bytes."""
    return f"{ask_id}:{choice}"


def update_id(raw: object) -> int | None:
    """The number of an update; None when it has none, so that it cannot be confirmed."""
    found = cast(Mapping[object, object], raw).get("update_id") if isinstance(raw, Mapping) else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def chat_of(found: Inbound | Filed | Press | Dropped) -> str:
    """Events of one chat keep their order."""
    match found:
        case Inbound():
            return found.source.chat_id
        case Press() | Filed():
            return found.event.source.chat_id
        case Dropped():
            return ""


def _core(raw: object) -> dict[str, Any]:
    """An update without the fields that are not needed to answer it.

    The library refuses what lacks a field of its own version of the Bot API; a server of one's own may be older.
    """
    whole = _whole(raw)
    if "callback_query" in whole:
        query = cast("dict[str, Any]", whole["callback_query"])
        return {"update_id": whole["update_id"], "callback_query": query | {"message": _core_of(query["message"])}}
    kind = next(name for name in MESSAGES if name in whole)
    core = _core_of(whole[kind])
    if "text" not in core and "caption" not in core:
        content = next(name for name in CONTENT if name in whole[kind])
        core["text"] = f"[{content.replace('_', ' ')}, which cannot be read here]"
    return {"update_id": whole["update_id"], kind: core}


def _core_of(message: Mapping[str, Any]) -> dict[str, Any]:
    return {name: message[name] for name in _CORE if name in message}


def _whole(raw: object) -> dict[str, Any]:
    if not isinstance(raw, dict) or update_id(cast(object, raw)) is None:
        raise TypeError("no update")
    return cast("dict[str, Any]", raw)


def _told(error: Exception) -> str:
    """Its text may hold what somebody wrote, so it is left out."""
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    return f"{type(error).__name__} at {Path(frame.f_code.co_filename).name}:{line}"


def _named(user: User | None) -> str:
    return f"{user.id} ({user.full_name})" if user is not None else "nobody"
