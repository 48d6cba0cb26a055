"""The wire between the page and the gateway: JSON texts over one websocket, each an object with a ``type``.

Rules:

1. A frame from the page is at most ``FRAME_BYTES``; ids and chats are short words, so that they can be keys.
2. What cannot be read raises ``BadFrame`` with the id of the message that it was about, when that much could be read:
   the page then knows which message will never be taken.
3. Offsets and lengths of a draft count UTF-16 units, as the strings of the page do.
4. Unknown fields are ignored, so that an older page and a newer gateway understand each other.
"""

import json
from enum import StrEnum
from typing import Any, ClassVar, cast

import cattrs
from attrs import asdict, field, frozen, validators

from hermes.errors import RemoteProtocolError
from hermes.status import ChildStatus
from hermes.store.rows import TranscriptEntry

FRAME_BYTES = 300 * 1024
"""A message of 100,000 characters fits in any script; more is a file, and no file belongs into a chat line."""

CHAT = r"[a-z0-9-]{1,64}"
EVENT_ID = r"[A-Za-z0-9._:-]{1,64}"


class BadFrame(RemoteProtocolError):
    """A frame that is not of this wire. ``frame_id``: the message that it was about, or empty."""

    def __init__(self, message: str, *, frame_id: str = "") -> None:
        super().__init__(message)
        self.frame_id = frame_id


# What SQLite and most other stores count in.
_IS_ENTRY_ID = validators.and_(validators.ge(0), validators.lt(2**63))
_IS_CHAT = validators.matches_re(CHAT)
_IS_EVENT_ID = validators.matches_re(EVENT_ID)
_IS_ASK_ID = validators.matches_re(r"[\x20-\x7e]{1,200}")


@frozen
class Hello:
    """Show this chat from now on; answered by a snapshot."""

    chat: str = field(validator=_IS_CHAT)


@frozen
class Send:
    """A message or a command. Sent again, with the same id, until it is accepted or refused for good."""

    chat: str = field(validator=_IS_CHAT)
    id: str = field(validator=_IS_EVENT_ID)
    text: str = field(validator=validators.min_len(1))


@frozen
class Answer:
    """The answer to an ask: one of its choices, or free text."""

    chat: str = field(validator=_IS_CHAT)
    id: str = field(validator=_IS_EVENT_ID)
    ask_id: str = field(validator=_IS_ASK_ID)
    choice: str = field(validator=validators.min_len(1))


@frozen
class Ping:
    n: int


@frozen
class Older:
    """More of the chat, before the entry with this id."""

    chat: str = field(validator=_IS_CHAT)
    before: int = field(validator=_IS_ENTRY_ID)


@frozen
class Tree:
    """Show the supervision tree from now on, or no longer."""

    on: bool


ClientFrame = Hello | Send | Answer | Ping | Older | Tree

_CLIENT_FRAMES: dict[str, type[ClientFrame]] = {
    "hello": Hello,
    "send": Send,
    "answer": Answer,
    "ping": Ping,
    "older": Older,
    "tree": Tree,
}


@frozen
class Snapshot:
    """All that the page needs to draw a chat anew."""

    type: ClassVar[str] = "snapshot"
    chat: str
    entries: tuple[TranscriptEntry, ...]
    older: bool
    drafting: bool
    """A turn is running: its draft follows, in full."""


@frozen
class Earlier:
    """The entries before ``before``, to stand above those that are shown."""

    type: ClassVar[str] = "earlier"
    chat: str
    before: int
    entries: tuple[TranscriptEntry, ...]
    older: bool


@frozen
class Accepted:
    """The message is on the disk."""

    type: ClassVar[str] = "accepted"
    id: str
    duplicate: bool


@frozen
class Refused:
    """The message was not taken; ``retry``: it may be taken later, so keep it and send it again."""

    type: ClassVar[str] = "refused"
    id: str
    reason: str
    retry: bool


@frozen
class Message:
    """A new entry, or a new state of the entry with the same key."""

    type: ClassVar[str] = "message"
    chat: str
    entry: TranscriptEntry
    marked: bool = False
    """It may stand in the chat already."""


@frozen
class Answered:
    """An ask was answered, here or in another window."""

    type: ClassVar[str] = "answered"
    chat: str
    ask_id: str
    choice: str


@frozen
class DraftDelta:
    """A running turn: keep ``offset`` units of its text so far and append ``text``."""

    type: ClassVar[str] = "draft"
    chat: str
    turn_id: str
    state: str
    offset: int
    text: str
    tool: str


@frozen
class Pong:
    type: ClassVar[str] = "pong"
    n: int


@frozen
class TreeStatus:
    type: ClassVar[str] = "tree"
    tree: ChildStatus


@frozen
class Problem:
    """A frame of the page was not understood; ``id``: the message that it was about, which is then refused for good."""

    type: ClassVar[str] = "error"
    reason: str
    id: str = ""


ServerFrame = Snapshot | Earlier | Accepted | Refused | Message | Answered | DraftDelta | Pong | TreeStatus | Problem


def _exactly(kind: type) -> Any:  # noqa: ANN401  cattrs' hooks are untyped
    def structure(value: Any, _: Any) -> Any:  # noqa: ANN401
        if type(value) is not kind:
            raise ValueError(f"expected {kind.__name__}")
        return value

    return structure


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=False)
    for kind in (str, int, bool):
        converter.register_structure_hook(kind, _exactly(kind))
    return converter


_converter = _make_converter()


def _decode(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise BadFrame("not understood: this is not JSON") from None
    if not isinstance(value, dict):
        raise BadFrame("not understood: a frame is a JSON object")
    return cast(dict[str, Any], value)


def _id_of(value: dict[str, Any]) -> str:
    found = value.get("id")
    return found if isinstance(found, str) and len(found) <= 64 else ""


def _is_text(value: dict[str, Any]) -> bool:
    """JSON can spell half of a surrogate pair, which no UTF-8 file can hold."""
    try:
        for part in value.values():
            if isinstance(part, str):
                part.encode()
    except UnicodeEncodeError:
        return False
    return True


def parse(text: str) -> ClientFrame:
    """Read one frame of the page. Raises ``BadFrame``, whose text is for the person at the page."""
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    value = _decode(text)
    frame_id = _id_of(value)
    if size > FRAME_BYTES:
        raise BadFrame(f"too long: {size} bytes, and at most {FRAME_BYTES} are taken", frame_id=frame_id)
    if not _is_text(value):
        raise BadFrame("not understood: the text is not valid Unicode", frame_id=frame_id)
    name = value.get("type")
    kind = _CLIENT_FRAMES.get(name) if isinstance(name, str) else None
    if kind is None:
        raise BadFrame("not understood: unknown type of frame", frame_id=frame_id)
    try:
        return _converter.structure(value, kind)
    except (ValueError, TypeError, KeyError):
        raise BadFrame(f'not understood: a field of "{name}" is missing or wrong', frame_id=frame_id) from None


def render(frame: ServerFrame) -> str:
    """One frame as JSON, in ASCII: it stays a valid text whatever a model wrote."""
    return json.dumps({"type": frame.type, **asdict(frame)}, separators=(",", ":"))


class Ending(StrEnum):
    """Why the gateway closes a socket, as the reason of the close frame; the page comes back after each."""

    GOING_AWAY = "Hermes is stopping"
    SLOW = "too slow: start again from a snapshot"
    SILENT = "nothing heard for too long"
    UNAVAILABLE = "the store does not answer: try again"
    BUG = "an error of ours: start again from a snapshot"

    @property
    def code(self) -> int:
        """The number of RFC 6455 section 7.4.1 and of its registry."""
        return _CODES[self]


_CODES = {
    Ending.GOING_AWAY: 1001,
    Ending.SLOW: 1013,
    Ending.SILENT: 1001,
    Ending.UNAVAILABLE: 1013,
    Ending.BUG: 1011,
}
