"""What programs ask of the store that chats do not: a request brings its own history, and is asked for its answer.

A chat shows a transcript; a program waits for the answer to one request, may come back for it after a restart, and says
itself what was spoken before.
"""

from typing import Protocol

from attrs import field, frozen

from hermes.errors import Refused
from hermes.messages import Message, Usage

INSTRUCTIONS = "instructions"
"""The name of the session's value that holds what a client adds to the system prompt."""


@frozen
class Beginning:
    """What the session of an event begins with. Written with the event, in one transaction, or not at all."""

    messages: tuple[Message, ...] = ()
    """Of the user and the assistant, oldest first: the history of a new session."""
    instructions: str = ""
    """Added to the system prompt of a new session, at most 64 KB."""
    resumes: str = ""
    """The id of a session to go on with; then the messages and the instructions say nothing."""
    after: str = ""
    """The turn that has to be the last of the session to go on with, or of the messages to copy."""
    copies: str = ""
    """The id of a session whose history, up to ``after``, a new one begins with."""


class SessionMoved(Refused):
    """More was said in the session since the turn after which it was to go on."""


@frozen
class Progress:
    """What became of one event."""

    state: str
    """"pending", "taken" (a turn works on it), "done" or "dead" (given up)."""
    session_id: str
    received_at: float
    """Unix time in seconds."""
    message_id: str
    """As the event had it."""
    turn_id: str = ""
    outcome: str = ""
    """A value of ``TurnOutcome`` when a turn has ended; empty before, and for a command, which needs none."""
    text: str = ""
    """What the chat was told, parts joined: the answer, the notice in its place, or a command's output."""
    usage: Usage = field(factory=Usage)
    """Of the turn so far."""

    @property
    def over(self) -> bool:
        return self.state in {"done", "dead"}


@frozen
class Response:
    """An answer that a program may fetch again, and go on from."""

    id: str
    session_id: str
    turn_id: str
    """Empty while nothing works on it yet."""
    body: str
    """JSON, as the interface tells it."""


class Requests(Protocol):
    """The first two read, the rest writes."""

    async def progress(self, platform: str, account: str, event_id: str) -> Progress | None:
        """What became of an event. None: it never came, or its row was pruned."""
        ...

    async def session_key(self, session_id: str, platform: str) -> str | None:
        """The key under which a session of ``platform`` began; None when there is no such session of that platform."""
        ...

    async def keep_response(self, response: Response, now: float) -> None:
        """Keep an answer, in place of an earlier one of its id; of more than 100 the one that was used least goes.
        One that was forgotten stays so."""
        ...

    async def use_response(self, response_id: str, now: float) -> Response | None:
        """A kept answer, which counts as used now; None when there is none."""
        ...

    async def drop_response(self, response_id: str) -> None:
        """Forget an answer. What was said stays in its session."""
        ...
