"""What a model is told of a session (``model_context``): all that was said, or a summary in the place of its middle.
What was said, whatever stands for it, is ``Sessions.history``.

A compression takes nothing away. It adds a summary and a marker behind the last message that the summary stands for;
the messages themselves stay, are found by the search and shown in the chat. One of them taken back (/undo, /retry)
makes the summary void, since it may speak of it: the one before it counts then, or the messages themselves.
"""

from collections.abc import Mapping
from typing import Protocol

from attrs import field, frozen

from hermes.messages import Message, Role, Usage
from hermes.store.rows import Lease


@frozen
class Line:
    """One message of a transcript."""

    id: int
    """In the order in which they were said."""
    message: Message
    own: bool = False
    """Of the running turn."""


@frozen
class Summary:
    """A compression that counts."""

    id: int
    text: str

    @property
    def message(self) -> Message:
        """What takes the place of the messages. The user's: where it stands, both wires take one."""
        return Message(Role.USER, self.text)


@frozen
class ModelContext:
    """``first``, ``summary``, ``rest``, in this order. Without a summary ``first`` is empty."""

    rest: tuple[Line, ...]
    """What stands behind the marker, the newest 5000 at most."""
    covered: int = 0
    """Messages of the running turn that stand before the marker, those of ``first`` included."""
    first: tuple[Line, ...] = ()
    summary: Summary | None = None
    whole: bool = True
    """False: ``rest`` begins later than it should, since there was too much of it."""
    states: Mapping[str, str] = field(factory=dict[str, str])
    """All that the session keeps beside what was said (``Sessions.put_state``): read at one time with it."""

    @property
    def before(self) -> tuple[Message, ...]:
        """What is told before the messages of the running turn that are not covered."""
        summary = (self.summary.message,) if self.summary else ()
        told = (line.message for line in self.rest if not line.own)
        return (*(line.message for line in self.first), *summary, *told)


@frozen
class Compression:
    """A summary that is to be added to the context that it was made from."""

    key: str
    """Minted by the caller: a repetition is recognised by it."""
    replaces: int
    """The summary of that context, 0 for none. The new one stands for its messages, too."""
    first: int
    """The id of the last message that stays before the summary, 0 for none. As that of ``replaces``."""
    since: int
    until: int
    """The ids of the first and the last message that are summed up; the last is the marker."""
    count: int
    """How many these are, both included."""
    text: str


class Compressions(Protocol):
    """Behind the store."""

    async def model_context(self, session_id: str, turn_id: str) -> ModelContext:
        """What a model is told of a session while ``turn_id`` runs, its own messages included."""
        ...

    async def compress(self, lease: Lease, compression: Compression, usage: Usage, now: float) -> bool:
        """Add a summary, in one transaction with what it did cost. False: the transcript has changed since it was read.

        Raises ``LocalProtocolError`` when the summary would part a call from its result. Repeating it changes nothing.
        """
        ...
