"""What there is to set today, with defaults and meanings; the one place that says so.

1. Every value is frozen, and a default stands here or nowhere.
2. ``about`` is what the documentation prints; a field with ``only_env`` is set by that variable alone and has no key
   in config.yaml.
3. Keys that the file may hold and that nothing reads yet are no fields: they stand in ``hermes.config.known`` and are
   kept.
4. A repr never shows a secret: fields that may hold one are left out, and the repr of ``Settings`` masks its secrets
   wherever they stand.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from attrs import field, frozen

from hermes.config.fields import about, host_entries, not_negative, one_of, only_env, port, positive, share
from hermes.config.model_schema import Auxiliary, Caps, Fallback, Model, PromptCaching
from hermes.config.tool_schema import FileTools, WebsiteBlocklist
from hermes.config.variables import ApiServer, Search
from hermes.errors import ConfigError

# What replaces a secret where a person looks.
MASK = "***"


class ApprovalMode(StrEnum):
    """Who decides on a dangerous command. None of them lifts the hard-blocked set."""

    MANUAL = "manual"
    SMART = "smart"
    OFF = "off"


class TerminalBackend(StrEnum):
    """Where commands run."""

    LOCAL = "local"
    SANDBOX = "sandbox"


class BusyInput(StrEnum):
    """What a message does to a turn that is running."""

    INTERRUPT = "interrupt"
    QUEUE = "queue"
    STEER = "steer"


class ResumeDisplay(StrEnum):
    """What a resumed chat shows of what was said before."""

    FULL = "full"
    MINIMAL = "minimal"


@frozen
class Agent:
    max_turns: int = field(
        default=90,
        validator=positive,
        metadata=about("calls of the model that one message may cause (older name: `max_turns`)"),
    )
    restart_drain_timeout: float = field(
        default=30.0,
        validator=not_negative,
        metadata=about("seconds that a stopping gateway gives to turns that are running"),
    )
    reasoning_effort: str = field(
        default="",
        validator=one_of("", "none", "minimal", "low", "medium", "high", "xhigh", "max"),
        metadata=about("how hard a model thinks, from `none` over `low`, `medium` and `high` to `max`; empty: its own"),
    )
    api_max_retries: int = field(
        default=3,
        validator=not_negative,
        metadata=about("calls of a model that are made again after a failure that may pass"),
    )
    clarify_timeout: float = field(
        default=600.0, validator=positive, metadata=about("seconds to wait for the answer to a question of the agent")
    )
    disabled_toolsets: tuple[str, ...] = field(
        default=(), metadata=about("groups of tools that the agent has not, whatever `toolsets` says")
    )


@frozen
class Compression:
    """A summary in the place of what was said in the middle of a long conversation."""

    enabled: bool = field(
        default=True, metadata=about("sum up the middle of a conversation that grows too long for its model")
    )
    threshold: float = field(
        default=0.5,
        validator=share,
        metadata=about("share of `model.context_length` that a request may take before that"),
    )
    target_ratio: float = field(
        default=0.2,
        validator=share,
        metadata=about("share of the room below the threshold that the newest messages keep as they are"),
    )
    protect_first_n: int = field(
        default=3, validator=not_negative, metadata=about("messages at the beginning that are never summed up")
    )
    protect_last_n: int = field(
        default=20,
        validator=not_negative,
        metadata=about("newest messages that are not summed up, as long as they take no more than half of the room"),
    )
    summary_model: str = field(
        default="", metadata=about("name of the model that sums up, at the same provider; empty: the one that answers")
    )
    summary_provider: str = field(
        default="auto", metadata=about("older name of `auxiliary.compression.provider`, which stands above it")
    )
    summary_base_url: str = field(
        default="", repr=False, metadata=about("older name of `auxiliary.compression.base_url`, which stands above it")
    )
    hygiene_hard_message_limit: int = field(
        default=5000,
        validator=not_negative,
        metadata=about("messages of one request beyond which it is summed up however short it is; 0: no such limit"),
    )


@frozen
class Terminal:
    backend: TerminalBackend = field(
        default=TerminalBackend.LOCAL,
        metadata=about("`local`, or `sandbox`: in bubblewrap, where only the working directory can be written"),
    )
    sandbox_network: bool = field(default=False, metadata=about("whether commands in the sandbox reach the network"))
    cwd: str = field(
        default=".",
        metadata=about("folder that commands run in; `.`: MESSAGING_CWD in the gateway, else that of the program"),
    )
    timeout: float = field(default=180.0, validator=positive, metadata=about("seconds that a command may run"))
    env_passthrough: tuple[str, ...] = field(
        default=(), metadata=about("names of environment variables that commands may see beside the usual ones")
    )


@frozen
class Approvals:
    mode: ApprovalMode = field(
        default=ApprovalMode.MANUAL,
        metadata=about(
            "`manual` asks before a dangerous command, `off` runs it (some never run); `smart` asks as well for now"
        ),
    )
    timeout: float = field(
        default=60.0,
        validator=positive,
        metadata=about("seconds to wait for the answer; after them the command is denied"),
    )


@frozen
class Display:
    resume_display: ResumeDisplay = field(
        default=ResumeDisplay.FULL,
        metadata=about("what a resumed `hermes chat` shows of what was said before: the last exchanges, or `minimal`"),
    )
    busy_input_mode: BusyInput = field(
        default=BusyInput.INTERRUPT,
        metadata=about("what a message does to a running turn: `interrupt` it, `queue` behind it, or `steer` it"),
    )
    streaming: bool = field(default=True, metadata=about("show an answer while it is written"))


@frozen
class Streaming:
    """An answer that grows in a chat of a platform, by edits of one message."""

    enabled: bool = field(default=False, metadata=about("show answers in chat platforms while they are written"))
    edit_interval: float = field(
        default=0.8, validator=positive, metadata=about("seconds between two edits of an answer that grows")
    )
    buffer_threshold: int = field(
        default=24, validator=positive, metadata=about("characters of an answer before its first part is shown")
    )
    cursor: str = field(default=" \u2589", metadata=about("what stands at the end of an answer that still grows"))


@frozen
class Security:
    redact_secrets: bool = field(
        default=True, metadata=about("hide keys and tokens in logs, transcripts and outgoing messages")
    )
    website_blocklist: WebsiteBlocklist = field(factory=WebsiteBlocklist)


@frozen
class Memory:
    """What the agent keeps from one session to the next."""

    memory_enabled: bool = field(default=True, metadata=about("keep notes in MEMORY.md, and begin sessions with them"))
    user_profile_enabled: bool = field(
        default=True, metadata=about("keep notes about the person in USER.md, and begin sessions with them")
    )
    memory_char_limit: int = field(
        default=2200,
        validator=positive,
        metadata=about("characters of MEMORY.md, which every request carries"),
    )
    user_char_limit: int = field(
        default=1375, validator=positive, metadata=about("characters of USER.md, which every request carries")
    )


@frozen
class Skills:
    disabled: tuple[str, ...] = field(default=(), metadata=about("names of skills that are not offered"))
    external_dirs: tuple[str, ...] = field(default=(), metadata=about("further folders with skills"))


@frozen
class Web:
    """The web as the agent's tools reach it."""

    allowed_hosts: tuple[str, ...] = field(
        default=(),
        validator=host_entries,
        metadata=about(
            "names, addresses and networks that the agent may read pages from although they are not public,"
            " such as `nas.local` or `192.168.1.0/24`"
        ),
    )


@frozen
class WebExtra:
    host: str = field(default="127.0.0.1", metadata=about("address that the page listens on"))
    port: int = field(default=8642, validator=port, metadata=about("port of the page; 0: any free one"))


@frozen
class WebPlatform:
    """The local chat page."""

    enabled: bool = field(default=True, metadata=about("serve the local chat page"))
    extra: WebExtra = field(factory=WebExtra)


@frozen
class Platform:
    """Any other chat platform; its adapter reads ``extra``."""

    enabled: bool = field(default=False, metadata=about("connect to this platform"))
    extra: Mapping[str, object] = field(
        factory=dict[str, object], repr=False, metadata=about("what this platform's adapter needs")
    )


@frozen
class Platforms:
    web: WebPlatform = field(factory=WebPlatform)
    others: Mapping[str, Platform] = field(factory=dict[str, Platform])
    """By name, each as the file has it under ``platforms.NAME``."""


@frozen(repr=False)
class Settings:
    """Everything that is set, checked and with defaults filled in."""

    model: Model = field(factory=Model)
    fallback_providers: tuple[Fallback, ...] = field(
        default=(),
        metadata=about(
            "models to ask when `model` cannot answer, in order; each with `provider`, `model`, and `base_url`,"
            " `api_key_env` and the like where needed (older name, for one: `fallback_model`)"
        ),
    )
    prompt_caching: PromptCaching = field(factory=PromptCaching)
    caps: Caps = field(factory=Caps)
    compression: Compression = field(factory=Compression)
    auxiliary: Auxiliary = field(factory=Auxiliary)
    toolsets: tuple[str, ...] = field(
        default=("hermes-cli",), metadata=about("groups of tools that the agent has; `all` for every one")
    )
    agent: Agent = field(factory=Agent)
    terminal: Terminal = field(factory=Terminal)
    file: FileTools = field(factory=FileTools)
    approvals: Approvals = field(factory=Approvals)
    command_allowlist: tuple[str, ...] = field(
        default=(), metadata=about("rules of dangerous commands that run unasked; the answer `always` adds one")
    )
    display: Display = field(factory=Display)
    streaming: Streaming = field(factory=Streaming)
    group_sessions_per_user: bool = field(
        default=True, metadata=about("whether everybody in a group talks in a session of their own")
    )
    thread_sessions_per_user: bool = field(
        default=False, metadata=about("the same for topics and threads, which are shared otherwise")
    )
    security: Security = field(factory=Security)
    memory: Memory = field(factory=Memory)
    skills: Skills = field(factory=Skills)
    web: Web = field(factory=Web)
    platforms: Platforms = field(factory=Platforms)
    timezone: str = field(
        default="", metadata=about("time zone that the agent is told, such as `Europe/Vienna`; empty: the machine's")
    )
    api_server: ApiServer = field(factory=ApiServer)
    search: Search = field(factory=Search)
    messaging_cwd: str = field(
        default="", metadata=only_env("MESSAGING_CWD", "folder of the gateway's commands when `terminal.cwd` is `.`")
    )
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Values that must not be seen, longest first, for the redactor."""

    def __repr__(self) -> str:
        fields = (
            "model",
            "fallback_providers",
            "toolsets",
            "agent",
            "compression",
            "auxiliary",
            "terminal",
            "file",
            "approvals",
            "command_allowlist",
            "display",
            "streaming",
            "security",
        )
        more = ("memory", "skills", "web", "platforms", "timezone", "api_server", "messaging_cwd")
        text = ", ".join(f"{name}={getattr(self, name)!r}" for name in (*fields, *more))
        for secret in self.secrets:
            text = text.replace(repr(secret)[1:-1], MASK).replace(secret, MASK)
        return f"Settings({text})"

    def working_directory(self, *, gateway: bool) -> Path:
        """The folder of commands and of project files, absolute. Raises ``ConfigError`` when it is no folder."""
        chosen, key = self.terminal.cwd, "terminal.cwd"
        if chosen in {"", "."} and gateway and self.messaging_cwd:
            chosen, key = self.messaging_cwd, "MESSAGING_CWD"
        try:
            folder = Path(chosen).expanduser().absolute()
            usable = folder.is_dir()
        except (OSError, RuntimeError, ValueError):
            usable, folder = False, Path(chosen)
        if not usable:
            raise ConfigError(f"{key}: {folder} is no folder: make it, or set {key} to another one", key=key)
        return folder
