"""How a message of the house looks in a chat. Pure."""

from attrs import evolve, frozen
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity

from adapters.telegram.incoming.events import button_data
from adapters.telegram.outgoing.formatting import render, visible
from adapters.telegram.outgoing.uploads import Upload
from adapters.telegram.settings import ReplyTo
from hermes.events import Outbound, OutboundKind
from hermes.split import units

TELEGRAM_LENGTH = 4096
"""UTF-16 units of one message (Bot API, sendMessage)."""

MARK = "\u21bb Perhaps a repetition:\n"
"""Before a message that may stand in the chat already."""

CAPTION_MARK = MARK.rstrip(":\n")
"""The same below a file."""

# Characters of a label: more of it is not seen on a phone.
_LABEL = 40

# Labels together in one row, in characters, before each gets a row of its own.
_ROW = 40


@frozen
class Outgoing:
    """What is sent."""

    text: str
    plain: str
    """In its place where the markup is refused."""
    thread_id: str
    entities: tuple[MessageEntity, ...] = ()
    reply_to: str = ""
    buttons: InlineKeyboardMarkup | None = None

    def without_markup(self) -> "Outgoing":
        return evolve(self, text=self.plain, entities=())


def outgoing(message: Outbound, reply_to: ReplyTo, *, marked: bool) -> Outgoing:
    mark = MARK if marked else ""
    rendered = render(message.text)
    entities = rendered.entities
    if mark:
        entities = tuple(MessageEntity.shift_entities(mark, entities))
    choices = message.choices if message.kind is OutboundKind.ASK else ()
    text, plain = mark + rendered.text, mark + visible(message.text)
    if (listed := _listed(choices)) and max(units(text), units(plain)) + units(listed) <= TELEGRAM_LENGTH:
        text, plain = text + listed, plain + listed
    return Outgoing(
        text=text,
        plain=plain,
        entities=entities,
        thread_id=message.source.thread_id,
        reply_to=message.reply_to if _quotes(message, reply_to) else "",
        buttons=buttons(message.ask_id, choices, numbered=bool(listed)),
    )


def upload(message: Outbound, reply_to: ReplyTo, *, marked: bool) -> Upload:
    """The file that ``message`` brings."""
    return Upload(
        path=message.file,
        voice=message.voice,
        caption=CAPTION_MARK if marked else "",
        thread_id=message.source.thread_id,
        reply_to=message.reply_to if _quotes(message, reply_to) else "",
    )


def buttons(ask_id: str, choices: tuple[str, ...], *, numbered: bool) -> InlineKeyboardMarkup | None:
    """A button for each choice; none where the answer is free text."""
    if not choices:
        return None
    labels = [label(f"{number}. {choice}" if numbered else choice) for number, choice in enumerate(choices, 1)]
    made = [InlineKeyboardButton(text, callback_data=button_data(ask_id, number)) for number, text in enumerate(labels)]
    together = sum(map(len, labels)) <= _ROW
    return InlineKeyboardMarkup([made] if together else [[button] for button in made])


def _listed(choices: tuple[str, ...]) -> str:
    """All of the choices, below the question, where their buttons show only how they begin; else nothing."""
    if all(label(choice) == choice for choice in choices):
        return ""
    lines = (f"{number}. {visible(choice).strip()}" for number, choice in enumerate(choices, 1))
    return "\n\n" + "\n".join(lines)


def label(choice: str) -> str:
    line = " ".join(choice.split()) or "…"
    return line if len(line) <= _LABEL else f"{line[: _LABEL - 1]}…"


def _quotes(message: Outbound, reply_to: ReplyTo) -> bool:
    return reply_to is ReplyTo.ALL or (reply_to is ReplyTo.FIRST and message.part == 0)
