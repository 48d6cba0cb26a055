"""What a tool is: an async function from typed arguments to a result or an ask.

A tool never gets a channel. It returns a result, or an ask for a person; when the ask is answered, the same call is
made again with ``ToolContext.answer`` set. It reaches beyond itself only by the ports in its context.
"""

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from pathlib import Path

from attrs import field, frozen

from hermes.agent.ports import Approvals, Archive, Background, Processes, SessionState
from hermes.asks import AskRequest
from hermes.memory.shelf import Shelf
from hermes.redact import Redactor
from hermes.skills import SkillPlaces
from hermes.tools.web.settings import WebSettings


class Effect(StrEnum):
    """What repeating a call does, which decides what happens to it after a crash."""

    READ_ONLY = "read_only"
    IDEMPOTENT = "idempotent"
    EFFECTFUL = "effectful"
    """Recorded as started before it runs; found started and unfinished, it is told as "interrupted, outcome
    unknown"."""


@frozen
class ToolResult:
    """What the model is told. The text is bounded by the tool that made it."""

    content: str
    is_error: bool = False


@frozen
class Sandbox:
    """terminal.backend: sandbox"""

    network: bool = False
    """terminal.sandbox_network"""


@frozen
class Roots:
    """Folders that the file tools keep to, as a person wrote them."""

    read: tuple[str, ...] = ()
    """file.read_roots; empty: they read everywhere."""
    write: tuple[str, ...] = ()
    """file.write_roots; empty: the usual ones (hermes/tools/files/roots.py)."""


@frozen
class ToolContext:
    """What one call may use."""

    session_id: str
    call_id: str
    cwd: Path
    """The working directory of the session: terminal.cwd, else MESSAGING_CWD in the gateway, else the current one."""
    processes: Processes
    state: SessionState
    approvals: Approvals
    environment: Mapping[str, str]
    """Already filtered, for child processes."""
    answer: str | None = None
    """The answer to the ask that this very call raised before; None on its first run. ``TIMED_OUT`` when nobody
    answered.
    """
    timeout: float = 180.0
    """Seconds, terminal.timeout: the default for a foreground command."""
    clarify_timeout: float = 600.0
    """Seconds, agent.clarify_timeout: how long a question waits for its answer."""
    redactor: Redactor = field(factory=Redactor)
    """Knows the configured secrets; what a tool returns passes it."""
    hermes_home: Path | None = None
    """HERMES_HOME, whose state and settings no tool may write to."""
    background: Background | None = None
    """None: nothing can be left running here."""
    memory: Shelf | None = None
    """The notes of those who read along in this chat."""
    archive: Archive | None = None
    """Their earlier conversations."""
    skills: SkillPlaces | None = None
    sandbox: Sandbox | None = None
    """None: commands run as they are (terminal.backend)."""
    roots: Roots = field(factory=Roots)
    web: WebSettings = field(factory=WebSettings)


TIMED_OUT = "\x00timed out"

ToolOutcome = ToolResult | AskRequest
ToolFunction = Callable[..., Awaitable[ToolOutcome]]


@frozen
class Tool:
    """A registered tool."""

    name: str
    toolset: str
    effect: Effect
    run: ToolFunction
    """``await run(context, **arguments)``"""
    description: str
    parameters: Mapping[str, object] = field(factory=dict[str, object])
    """JSON Schema of the arguments."""
    available: Callable[[], bool] = lambda: True
    lesser_effect: Callable[[Mapping[str, object]], Effect] | None = None
    """The effect of a call with these arguments, for a tool that has several actions; ``effect`` is the greatest."""
