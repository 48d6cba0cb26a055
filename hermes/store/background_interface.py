"""What the rest may ask of the store about background processes; the rules are those of ``interface``."""

from typing import Protocol

from attrs import frozen

from hermes.events import Inbound, Source


@frozen
class BackgroundRecord:
    """A background process, as long as it runs."""

    id: str
    owner: str
    """The program whose child it is."""
    session_key: str
    source: Source
    """Where the session is told of its end."""
    started_at: float
    command: str
    """Redacted, and short enough to be told."""


class Background(Protocol):
    """Processes that run on when their call has returned, and how a session learns of their end."""

    async def begin_background(self, record: BackgroundRecord) -> None:
        """Record a process before it starts."""
        ...

    async def end_background(self, process_id: str, event: Inbound | None, now: float) -> None:
        """Drop the record and put ``event``, if there is one, into the inbox; without a record a no-op."""
        ...

    async def left_background(self, owner: str) -> tuple[BackgroundRecord, ...]:
        """The records of an owner, oldest first."""
        ...
