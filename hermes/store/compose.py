"""The user message of a turn, made of the inbox rows that the turn names.

Pure, and made of stored values and the time of the claim alone. It is stored with the claim, so a turn that is
resumed says the same as before.
"""

from hermes.events import InboundKind
from hermes.messages import Message, Role
from hermes.store.rows import InboxRow

TOLD_AGE_SECONDS = 300.0
"""A message that waited longer is told with its age: it may speak of a moment that is over."""

_EDITED = "[This is the edited version of an earlier message]"


def compose(rows: tuple[InboxRow, ...], now: float) -> Message:
    """The texts of ``rows`` with a blank line between them; the oldest one's age, and what is an edit, are told."""
    texts = [f"{_EDITED} {row.event.text}" if row.event.kind is InboundKind.EDIT else row.event.text for row in rows]
    # A platform that does not tell when a message was sent leaves the time of its arrival.
    waited = now - min((row.event.sent_at or row.received_at for row in rows), default=now)
    told = f"[sent {age(waited)} ago] " if waited > TOLD_AGE_SECONDS else ""
    return Message(Role.USER, told + "\n\n".join(texts))


def age(seconds: float) -> str:
    """A span in its largest whole unit: "3 h"."""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"
