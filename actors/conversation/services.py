"""What a conversation needs of the rest of the gateway, in one frozen value."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from attrs import field, frozen

from actors.models import UNKNOWN, Outcome
from hermes.agent.ports import Background, Processes
from hermes.audience import Audience, audience
from hermes.config.schema import Compression, Streaming
from hermes.events import Draft, Inbound, Outbound, Source
from hermes.home_channel import HomeChannel
from hermes.memory.shelf import Shelf
from hermes.models.contract import ChatModel, ToolSchema
from hermes.redact import Redactor
from hermes.skills import SkillPlaces
from hermes.spending import Caps
from hermes.status import ChildStatus
from hermes.store.interface import Store
from hermes.tools.contract import Roots, Sandbox
from hermes.tools.registry import Registry
from hermes.tools.web.settings import WebSettings


@frozen
class Platform:
    """What a conversation has to know of the platform that it speaks through."""

    hint: str
    """For the system prompt: "web", "terminal"."""
    owner: bool
    """Whoever writes there is the owner of this installation."""
    message_length: int
    """Characters of one message; a longer answer goes out in parts."""
    every_command: bool
    """Whoever writes there has proven nothing: each command asks first."""
    grows: bool = False
    """An answer is shown while it is written, by edits of one message."""
    utf16: bool = False
    """``message_length`` counts UTF-16 units."""
    files: bool = False
    """A file that an answer names by a line of its own is sent."""
    home: "HomeRules | None" = None
    """What holds for its home channel; None: it has none."""
    attended: bool = True
    """Somebody sits there: who can be asked, and whose next message is about what is running. Where programs write,
    what would be asked is denied at once, and each message waits for its own turn."""


@frozen
class HomeRules:
    """The home channel of one account."""

    may_choose: Callable[[Source], bool]
    """Whether whoever speaks there may make a chat the home channel."""
    configured: HomeChannel | None = None


class Outlets(Protocol):
    """Where answers and drafts leave: the delivery actors, seen from here."""

    def look(self, source: Source) -> None:
        """There is something in the outbox of this account."""
        ...

    def look_everywhere(self) -> None:
        """There may be something in the outbox of any account."""
        ...

    def show(self, draft: Draft) -> None:
        """Show a draft, the latest of its chat only."""
        ...

    async def send(self, message: Outbound) -> str:
        """Send the beginning of an answer past the outbox, in which its row stands; the platform's id of it.

        Raises as ``adapters.contract.Adapter.send``.
        """
        ...

    async def edit(self, message: Outbound, message_id: str) -> None:
        """Make it read otherwise. Raises as ``adapters.contract.Adapter.edit``."""
        ...

    def platform(self, source: Source) -> Platform: ...


class Permits(Protocol):
    """The models actor, seen from here."""

    async def acquire(self, provider: str) -> int:
        """Wait for leave to open one stream; returns the permit's number.

        Raises ``Unavailable`` after its own deadline, and ``RateLimited`` or ``TransientError`` at once while the
        provider is left alone.
        """
        ...

    def release(self, permit: int, outcome: Outcome = UNKNOWN) -> None:
        """Give it back, and tell what the stream has shown of its provider."""
        ...


class Backgrounds(Protocol):
    """The background actor, seen from here."""

    def of(self, session_key: str, source: Source, *, unattended: bool) -> Background:
        """The background processes of one conversation, for one turn; what they have to tell goes to ``source``.

        ``unattended``: no person said anything that the turn answers.
        """
        ...


def readers(outlets: Outlets, event: Inbound) -> Audience:
    """Who reads along where ``event`` came from."""
    platform = outlets.platform(event.source)
    return audience(
        event.source, event.session_key, owner=platform.owner, proven=platform.owner and not platform.every_command
    )


@frozen
class ConversationSettings:
    """The part of the configuration that turns read."""

    max_turns: int
    """Model calls a turn, agent.max_turns."""
    model_retries: int
    """Calls that are made again after a failure that may pass, agent.api_max_retries."""
    caps: Caps
    busy_input_mode: str
    """display.busy_input_mode: interrupt, queue or steer."""
    cwd: Path
    terminal_timeout: float
    """Seconds."""
    approvals_mode: str
    approvals_timeout: float
    """Seconds."""
    clarify_timeout: float
    """Seconds, agent.clarify_timeout."""
    command_allowlist: frozenset[str]
    compression: Compression
    summary_timeout: float = 0.0
    """Seconds, auxiliary.compression.timeout; 0: as long as any answer."""
    streaming: Streaming = field(factory=Streaming)
    sandbox: Sandbox | None = None
    """What terminal.backend says; None: local."""
    roots: Roots = field(factory=Roots)
    """What file.* says."""
    idle: float = 300.0
    """Seconds without a message after which a conversation passivates: its transcript is memory until then."""


@frozen
class Services:
    """Everything that a conversation reaches."""

    store: Store
    owner: str
    model: ChatModel
    permits: Permits
    tools: Registry
    schemas: tuple[ToolSchema, ...]
    """What the model is told of the tools: the same for every call, since a provider bills a stable prefix less."""
    processes: Processes
    backgrounds: Backgrounds
    outlets: Outlets
    settings: ConversationSettings
    environment: dict[str, str]
    """Already filtered, for child processes."""
    build_prompt: Callable[[Platform, Audience], str]
    """The system prompt of a session on a platform; reads files, so it runs in a thread."""
    shelf: Callable[[Audience], Shelf]
    """The notes that these readers may see."""
    skills: SkillPlaces
    web: WebSettings
    allow_always: Callable[[str], object]
    """Put a rule into command_allowlist; blocking. Raises ``ConfigError``."""
    describe: Callable[[], ChildStatus]
    redactor: Redactor
    home: Path
    """HERMES_HOME."""
    fallbacks: tuple[ChatModel, ...] = ()
    """Asked in turn when ``model`` cannot answer."""
    summarizer: ChatModel | None = None
    """Who sums up long conversations; None: who answers."""
