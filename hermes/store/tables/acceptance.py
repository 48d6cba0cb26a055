"""An event on its way into the inbox: measured, recognised if it came before, and with what its session begins with.

Rules:

1. A replay changes nothing, whatever it brings.
2. Nor does an edit that leaves a message as it reads already: platforms report changes that nobody sees, such as a
   reaction to a message, as edits of it.
"""

import sqlite3

from hermes.errors import Refused
from hermes.events import Inbound, InboundKind
from hermes.store.engine.codec import clean
from hermes.store.requests import Beginning
from hermes.store.rows import Accepted
from hermes.store.tables import beginnings, inbox

MAX_TEXT_BYTES = 256 * 1024
"""Of one event, as UTF-8: sixty of the longest messages that a chat platform sends, and half a model's context."""

MAX_ID_CHARACTERS = 512
"""Of each id that comes from outside: twice the longest of the platforms (a Matrix event id has 255 bytes at most)."""

MAX_ATTACHMENT_CHARACTERS = 4096
"""Of what an adapter notes to fetch a file again: two ids of the platform, and a name."""

_FIND = "SELECT id FROM inbox WHERE platform = ? AND account = ? AND event_id = ?"

# What a message reads: its newest edit, else what came first. What came with the same id later is a part of it.
_READS = """
    SELECT id, text FROM inbox
    WHERE platform = ? AND account = ? AND chat_id = ? AND message_id = ? AND kind IN ('message', 'command', 'edit')
    ORDER BY kind = 'edit' DESC, CASE kind WHEN 'edit' THEN -id ELSE id END LIMIT 1
"""


def accept(
    connection: sqlite3.Connection, event: Inbound, now: float, beginning: Beginning | None = None, salt: str = ""
) -> Accepted:
    """Put an event into the inbox, and what its session begins with before it; ``salt`` is hex, for a new session's id.

    Raises ``Refused`` when something is too large, or the session to go on with is not there.
    """
    _check_size(event)
    found = connection.execute(_FIND, (event.source.platform, event.source.account, clean(event.event_id))).fetchone()
    if found is not None:
        return Accepted(found[0], duplicate=True)
    if (unchanged := _unchanged(connection, event)) is not None:
        return Accepted(unchanged, duplicate=True)
    if beginning is not None:
        beginnings.begin(connection, event, beginning, salt, now)
    return Accepted(inbox.insert(connection, event, now), duplicate=False)


def _unchanged(connection: sqlite3.Connection, event: Inbound) -> int | None:
    """The row that reads as this edit does; None when it is no edit, or a change."""
    if event.kind is not InboundKind.EDIT or not event.message_id:
        return None
    source = event.source
    place = (source.platform, source.account, clean(source.chat_id), clean(event.message_id))
    row = connection.execute(_READS, place).fetchone()
    return row[0] if row is not None and row[1] == clean(event.text) else None


def _check_size(event: Inbound) -> None:
    # Four bytes a character is the most that UTF-8 takes, so an ordinary message is not encoded for its length.
    if len(event.text) * 4 > MAX_TEXT_BYTES and len(event.text.encode(errors="replace")) > MAX_TEXT_BYTES:
        raise Refused(f"the message is larger than {MAX_TEXT_BYTES // 1024} KB: send it in parts, or as a file")
    if len(event.attachment) > MAX_ATTACHMENT_CHARACTERS:
        raise Refused(f"what is noted of a file is longer than {MAX_ATTACHMENT_CHARACTERS} characters")
    source = event.source
    ids = (event.event_id, event.session_key, event.message_id, event.reply_to, event.ask_id, event.utterance)
    places = (source.platform, source.account, source.chat_id, source.thread_id, source.user_id, source.user_name)
    if any(len(each) > MAX_ID_CHARACTERS for each in (*ids, *places)):
        raise Refused(f"an id of the event is longer than {MAX_ID_CHARACTERS} characters")
