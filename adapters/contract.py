"""The contract of a chat platform: what an adapter offers, and what it is handed.

Rules that every adapter keeps (tests/contract runs them over each):

1. ``run`` hands each event to ``AdapterHost.accept`` and tells the platform "received" only after that returned.
2. ``run`` calls ``task_status.started()`` when events can flow, not before, and raises an error of hermes/errors.py
   when they no longer can. It is cancelled to stop; it swallows nothing.
3. ``send`` returns once the platform has the message. ``Refused`` means never, ``RateLimited`` and ``TransientError``
   mean later, and ``Ambiguous`` means that the request left and no answer came.
4. An event that cannot be read becomes a typed placeholder or is dropped by a named rule; the stream goes on.
5. An adapter keeps no state that a restart may not lose.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

import trio
from attrs import frozen

from hermes.errors import TransientError
from hermes.events import Draft, Inbound, Outbound, Source
from hermes.status import ChildStatus
from hermes.store.requests import Beginning, Progress, Response
from hermes.store.rows import Accepted, Transcript


class Ambiguous(TransientError):
    """The request left and its outcome is unknown: the message may stand in the chat already."""


class Idempotency(StrEnum):
    """What the platform does with a message that is sent twice under one key."""

    NONE = "none"
    NONCE = "nonce"
    """It recognises a repeated key for a while."""
    TRANSACTION = "transaction"
    """A repeated key is the same message for good."""


class Drafts(StrEnum):
    """How a running turn can be shown."""

    NONE = "none"
    ACTIVITY = "activity"
    """A sign that it is at work, without its text."""
    EPHEMERAL = "ephemeral"
    """A view beside the messages, gone when the answer comes."""
    EDITS = "edits"
    """A message that is edited until it is the answer."""


@frozen
class Limits:
    """What the platform allows."""

    message_length: int
    """Longest text of one message, in characters."""
    idempotency: Idempotency
    drafts: Drafts
    buttons: bool = False
    """Whether the choices of an ask are rendered natively; otherwise they are listed in the text."""
    utf16: bool = False
    """Whether ``message_length`` counts UTF-16 units."""
    deaf_after: float | None = None
    """Seconds without a proven round trip after which ``run`` counts as deaf, where it proves them by itself."""
    files: bool = False
    """Whether ``send`` takes a message with a file. Elsewhere the line that names one is shown as text."""


@frozen
class Receipt:
    """Proof that the platform has the message."""

    message_id: str


class AdapterHost(Protocol):
    """What an adapter is handed; it reaches nothing else of the gateway."""

    async def accept(self, event: Inbound, beginning: Beginning | None = None, *, further: bool = False) -> Accepted:
        """Make an event durable, and have it answered. Returns after the commit.

        ``further``: it is a part of a message that was accepted before, and nobody else keeps it, so that it is taken
        while the gateway drains. ``beginning`` is for platforms whose requests bring their own history; it is written
        with the event.
        Raises ``TransientError`` (``StoreFull`` and a locked store: nothing was kept, so tell the platform or let it
        redeliver), ``Refused`` (too large) and ``Unavailable`` (the store did not answer in time: repeat, the event id
        makes that harmless), of which ``NotTaken`` (the gateway is about to end) says that nothing was kept.
        Cancelled: unknown, repeat.
        """
        ...

    async def await_files(self, platform: str, account: str, within: float) -> tuple[Inbound, ...]:
        """The messages of an account whose ``attachment`` an earlier process was to fetch, and did not.

        Each is owed a part whose event id is its own and ``FILE_PART``. Turns that have not begun wait for these, once
        more ``within`` seconds from now; so this is asked for before ``task_status.started()``, after which they are
        begun. Other messages come back too: their turns began without the file, less than an hour ago if they are over.
        Raises ``TransientError`` and ``Unavailable`` as ``accept`` does; may be repeated.
        """
        ...

    async def transcript(self, session_key: str, *, before: int | None = None, limit: int = 200) -> Transcript:
        """The chat as the store has it, oldest first: see ``Transcript``."""
        ...

    async def progress(self, source: Source, event_id: str) -> Progress | None:
        """What became of an event of this platform; None when it never came, or came days ago."""
        ...

    async def session_key(self, session_id: str, platform: str) -> str | None:
        """The key under which a session of ``platform`` began; None when there is no such session of it."""
        ...

    async def keep_response(self, response: Response) -> None:
        """Keep an answer that a program may fetch again by its id: see ``hermes.store.requests``."""
        ...

    async def use_response(self, response_id: str) -> Response | None: ...

    async def drop_response(self, response_id: str) -> None: ...

    def describe(self) -> ChildStatus:
        """The supervision tree at this moment."""
        ...

    def beat(self) -> None:
        """A round trip with the platform was just proven."""
        ...

    def retrying(self, why: str) -> None:
        """The adapter is reconnecting by itself: unhealthy until the next ``beat``."""
        ...


class Adapter(Protocol):
    """One account on one chat platform."""

    @property
    def name(self) -> str:
        """The platform, as in ``platforms.NAME`` of the configuration."""
        ...

    @property
    def account(self) -> str: ...

    @property
    def limits(self) -> Limits: ...

    @property
    def probe_interval(self) -> float | None:
        """Seconds between two probes, or None where ``run`` itself proves round trips, or nothing can."""
        ...

    async def run(self, host: AdapterHost, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Take events from the platform until cancelled."""
        ...

    async def send(self, message: Outbound, *, marked: bool = False) -> Receipt:
        """Send one message; ``marked``: say visibly that it may be a repetition.

        A file is opened now, so ``Refused`` may also mean that it is gone, or not allowed: its reason is for the chat.
        Cancelled: the outcome is unknown, as with ``Ambiguous``.
        """
        ...

    async def edit(self, message: Outbound, message_id: str) -> Receipt:
        """Make the message ``message_id`` read as ``message``; idempotent. ``Refused`` when it is gone."""
        ...

    async def show_draft(self, draft: Draft) -> None:
        """Show what a running turn has so far. Best effort: errors other than bugs are dropped by the caller."""
        ...

    async def probe(self) -> None:
        """One free round trip; raises when there was none."""
        ...


AdapterFactory = Callable[..., Adapter]
