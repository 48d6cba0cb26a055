"""What there is to set today, with defaults and meanings; the one place that says so.

1. Every value is frozen, and a default stands here or nowhere.
2. ``_about`` is what the documentation prints; a field with ``_only_env`` is set by that variable alone and has no key
   in config.yaml.
3. Keys that the file may hold and that nothing reads yet are no fields: they stand in ``hermes.config.known`` and are
   kept.
4. A repr never shows a secret: fields that may hold one are left out, and the repr of ``Settings`` masks its secrets
   wherever they stand.
"""

from collections.abc import Mapping
from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import Any

from attrs import Attribute, field, frozen

from hermes.errors import ConfigError

# What replaces a secret where a person looks.
MASK = "***"


class BadValue(ValueError):
    """A value that its key cannot take; it says what it takes instead."""

    def __init__(self, expected: str, found: object) -> None:
        super().__init__(f"expected {expected}")
        self.expected = expected
        self.found = found


class ApprovalMode(StrEnum):
    """Who decides on a dangerous command. None of them lifts the hard-blocked set."""

    MANUAL = "manual"
    SMART = "smart"
    OFF = "off"


class BusyInput(StrEnum):
    """What a message does to a turn that is running."""

    INTERRUPT = "interrupt"
    QUEUE = "queue"
    STEER = "steer"


class ResumeDisplay(StrEnum):
    """What a resumed chat shows of what was said before."""

    FULL = "full"
    MINIMAL = "minimal"


def _positive(_: object, _attribute: "Attribute[Any]", value: float) -> None:
    if not (isfinite(value) and value > 0):
        raise BadValue("a number above 0", value)


def _not_negative(_: object, _attribute: "Attribute[Any]", value: float) -> None:
    if not (isfinite(value) and value >= 0):
        raise BadValue("0 or a number above it", value)


def _tokens(_: object, _attribute: "Attribute[Any]", value: int | None) -> None:
    if value is not None and value < 1:
        raise BadValue("a number of tokens above 0", value)


def _port(_: object, _attribute: "Attribute[Any]", value: int) -> None:
    if not 0 <= value <= 65535:
        raise BadValue("a port from 0 to 65535", value)


def _about(meaning: str) -> dict[str, str]:
    return {"meaning": meaning}


def _only_env(name: str, meaning: str) -> dict[str, str]:
    return {"meaning": meaning, "env": name}


@frozen
class Model:
    """Which model answers. ``model: NAME`` in the file is short for ``model: {default: NAME}``."""

    default: str = field(default="offline", metadata=_about("name of the model, as its provider spells it"))
    provider: str = field(
        default="offline",
        metadata=_about(
            "`offline` is embedded and needs no network and no key; when `model.default` is set and this is not:"
            " `custom` with a `model.base_url`, else `openrouter`"
        ),
    )
    base_url: str = field(
        default="", repr=False, metadata=_about("address of the provider's API; empty: the provider's own")
    )
    context_length: int | None = field(
        default=None, validator=_tokens, metadata=_about("tokens the model takes; empty: what is known of the model")
    )


@frozen
class Agent:
    max_turns: int = field(
        default=90,
        validator=_positive,
        metadata=_about("calls of the model that one message may cause (older name: `max_turns`)"),
    )
    restart_drain_timeout: float = field(
        default=30.0,
        validator=_not_negative,
        metadata=_about("seconds that a stopping gateway gives to turns that are running"),
    )
    clarify_timeout: float = field(
        default=600.0, validator=_positive, metadata=_about("seconds to wait for the answer to a question of the agent")
    )


@frozen
class Terminal:
    cwd: str = field(
        default=".",
        metadata=_about(
            "folder that commands run in; `.`: MESSAGING_CWD in the gateway when set, else the folder of the program"
        ),
    )
    timeout: float = field(default=180.0, validator=_positive, metadata=_about("seconds that a command may run"))
    env_passthrough: tuple[str, ...] = field(
        default=(), metadata=_about("names of environment variables that commands may see beside the usual ones")
    )


@frozen
class Approvals:
    mode: ApprovalMode = field(
        default=ApprovalMode.MANUAL,
        metadata=_about(
            "`manual` asks before a dangerous command, `off` runs it (some never run); `smart` asks as well for now"
        ),
    )
    timeout: float = field(
        default=60.0,
        validator=_positive,
        metadata=_about("seconds to wait for the answer; after them the command is denied"),
    )


@frozen
class Display:
    resume_display: ResumeDisplay = field(
        default=ResumeDisplay.FULL,
        metadata=_about("what a resumed `hermes chat` shows of what was said before: the last exchanges, or `minimal`"),
    )
    busy_input_mode: BusyInput = field(
        default=BusyInput.INTERRUPT,
        metadata=_about("what a message does to a running turn: `interrupt` it, `queue` behind it, or `steer` it"),
    )
    streaming: bool = field(default=True, metadata=_about("show an answer while it is written"))


@frozen
class Security:
    redact_secrets: bool = field(
        default=True, metadata=_about("hide keys and tokens in logs, transcripts and outgoing messages")
    )


@frozen
class Skills:
    disabled: tuple[str, ...] = field(default=(), metadata=_about("names of skills that are not offered"))
    external_dirs: tuple[str, ...] = field(default=(), metadata=_about("further folders with skills"))


@frozen
class WebExtra:
    host: str = field(default="127.0.0.1", metadata=_about("address that the page listens on"))
    port: int = field(default=8642, validator=_port, metadata=_about("port of the page; 0: any free one"))


@frozen
class WebPlatform:
    """The local chat page."""

    enabled: bool = field(default=True, metadata=_about("serve the local chat page"))
    extra: WebExtra = field(factory=WebExtra)


@frozen
class Platform:
    """Any other chat platform; its adapter reads ``extra``."""

    enabled: bool = field(default=False, metadata=_about("connect to this platform"))
    extra: Mapping[str, object] = field(
        factory=dict[str, object], repr=False, metadata=_about("what this platform's adapter needs")
    )


@frozen
class Platforms:
    web: WebPlatform = field(factory=WebPlatform)
    others: Mapping[str, Platform] = field(factory=dict[str, Platform])
    """By name, each as the file has it under ``platforms.NAME``."""


@frozen
class ApiServer:
    """The HTTP interface beside the page, on the page's address."""

    enabled: bool = field(
        default=False, metadata=_only_env("API_SERVER_ENABLED", "serve the HTTP interface; on when a key is set")
    )
    key: str = field(
        default="",
        repr=False,
        metadata=_only_env("API_SERVER_KEY", "key that clients of the page and the interface must show"),
    )
    model_name: str = field(
        default="hermes-agent",
        metadata=_only_env("API_SERVER_MODEL_NAME", "name under which clients of the interface find the agent"),
    )
    cors_origins: str = field(
        default="",
        metadata=_only_env(
            "API_SERVER_CORS_ORIGINS",
            "origins of web pages that may use the interface, separated by commas; `*`: any, where a key is set",
        ),
    )
    max_runs: int = field(
        default=10,
        validator=_positive,
        metadata=_only_env("API_SERVER_MAX_RUNS", "requests to the interface that are worked on at one time"),
    )


@frozen(repr=False)
class Settings:
    """Everything that is set, checked and with defaults filled in."""

    model: Model = field(factory=Model)
    toolsets: tuple[str, ...] = field(
        default=("hermes-cli",), metadata=_about("groups of tools that the agent has; `all` for every one")
    )
    agent: Agent = field(factory=Agent)
    terminal: Terminal = field(factory=Terminal)
    approvals: Approvals = field(factory=Approvals)
    command_allowlist: tuple[str, ...] = field(
        default=(), metadata=_about("rules of dangerous commands that run unasked; the answer `always` adds one")
    )
    display: Display = field(factory=Display)
    security: Security = field(factory=Security)
    skills: Skills = field(factory=Skills)
    platforms: Platforms = field(factory=Platforms)
    timezone: str = field(
        default="", metadata=_about("time zone that the agent is told, such as `Europe/Vienna`; empty: the machine's")
    )
    api_server: ApiServer = field(factory=ApiServer)
    messaging_cwd: str = field(
        default="", metadata=_only_env("MESSAGING_CWD", "folder of the gateway's commands when `terminal.cwd` is `.`")
    )
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Values that must not be seen, longest first, for the redactor."""

    def __repr__(self) -> str:
        fields = ("model", "toolsets", "agent", "terminal", "approvals", "command_allowlist", "display", "security")
        more = ("skills", "platforms", "timezone", "api_server", "messaging_cwd")
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
