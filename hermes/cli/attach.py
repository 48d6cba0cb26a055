"""The platforms of `hermes gateway run`: which the configuration turns on, and what each is made from.

1. A platform is imported only when it is on.
2. What is wrong with the settings of one keeps the others from nothing: it stands in the tree with its reason, and a
   person mends it.
"""

import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from actors.conversation.services import HomeRules, Platform
from actors.tree import Attached
from adapters.contract import Drafts
from adapters.misconfigured import Misconfigured
from adapters.registry import factory
from hermes.agent.commands import COMMANDS
from hermes.cli.startup import Startup
from hermes.errors import ConfigError
from hermes.sendable import sendable

if TYPE_CHECKING:
    from adapters.api.adapter import ApiAdapter

log = logging.getLogger(__name__)

_TELEGRAM = "telegram"
_TELEGRAM_TOKEN = "TELEGRAM_BOT_TOKEN"


def attach(startup: Startup) -> Sequence[Attached]:
    """The adapters that the configuration turns on. Raises ``ConfigError``."""
    on = [name for name, platform in startup.settings.platforms.others.items() if platform.enabled]
    if startup.environment.get(_TELEGRAM_TOKEN) and _TELEGRAM not in on:
        on.append(_TELEGRAM)
    others: list[Attached] = []
    open_to_others = False
    for name in on:
        if name == _TELEGRAM:
            telegram, open_to_others = _telegram(startup)
            others.append(telegram)
        else:
            log.warning(
                "%s: platforms.%s is on, but this version cannot connect to it yet: it is left out",
                startup.home.config_file,
                name,
            )
    page = startup.settings.platforms.web.enabled
    if not page and not others:
        raise ConfigError("no platform is on: set platforms.web.enabled to true", key="platforms.web.enabled")
    return (*(_page(startup, alone=not on, open_to_others=open_to_others) if page else ()), *others)


def _page(startup: Startup, *, alone: bool, open_to_others: bool) -> Sequence[Attached]:
    try:
        return _web(startup, open_to_others=open_to_others)
    except ConfigError as error:
        if alone:
            raise
        return (_misconfigured("web", error),)


def _web(startup: Startup, *, open_to_others: bool) -> Sequence[Attached]:
    """The page, and the interface for programs on its port."""
    from adapters.web.adapter import create
    from adapters.web.settings import HOST_KEY, PORT_KEY, CommandHelp, WebSettings

    extra = startup.settings.platforms.web.extra
    commands = tuple(CommandHelp(command.name, command.help) for command in COMMANDS)
    settings = WebSettings(
        host=extra.host,
        port=extra.port,
        host_key=startup.variable_above(HOST_KEY) or HOST_KEY,
        port_key=startup.variable_above(PORT_KEY) or PORT_KEY,
        key=startup.settings.api_server.key or None,
        # Who sets a key wants it asked for. The others are reasons to want one: what the agent does for somebody else,
        # it does on this machine, and a page without a key takes whoever reaches it for the owner.
        require_key=bool(startup.settings.api_server.key or startup.home.managed or open_to_others),
        commands=lambda: commands,
    )
    api = _api(startup, keyed=settings.key_required) if startup.settings.api_server.enabled else None
    page = create(settings, api)
    length = page.limits.message_length
    attached = Attached(page, Platform("web", owner=True, message_length=length, every_command=page.keyless))
    if api is None:
        return (attached,)
    length = api.limits.message_length
    platform = Platform(api.name, owner=True, message_length=length, every_command=page.keyless, attended=False)
    return (attached, Attached(api, platform, on=page.name))


def _api(startup: Startup, *, keyed: bool) -> "ApiAdapter":
    from adapters.api.adapter import create
    from adapters.api.settings import ApiSettings, origins

    chosen = startup.settings.api_server
    return create(ApiSettings(chosen.model_name, origins(chosen.cors_origins), chosen.max_runs, keyed))


def _telegram(startup: Startup) -> tuple[Attached, bool]:
    """And whether others than the owner may write there."""
    from adapters.telegram.chats import home_channel
    from adapters.telegram.settings import read

    configured = startup.settings
    section = configured.platforms.others.get(_TELEGRAM)
    extra: Mapping[str, object] = section.extra if section else {}
    try:
        settings = read(
            extra,
            startup.environment,
            group_sessions_per_user=configured.group_sessions_per_user,
            thread_sessions_per_user=configured.thread_sessions_per_user,
            streaming=configured.streaming.enabled,
        )
        make = factory(_TELEGRAM)
    except ConfigError as error:
        return _misconfigured(_TELEGRAM, error), False
    files = sendable(
        configured.working_directory(gateway=True),
        startup.home.cache_dir,
        Path(tempfile.gettempdir()),
        home=startup.home.root,
        redactor=startup.redactor,
    )
    commands = tuple((command.name, command.help) for command in COMMANDS)
    adapter = make(settings, startup.home.cache_dir, commands, files)
    owner = settings.access.owner_alone
    limits = adapter.limits
    platform = Platform(
        _TELEGRAM,
        owner=owner,
        message_length=limits.message_length,
        every_command=False,
        grows=limits.drafts is Drafts.EDITS,
        utf16=limits.utf16,
        files=limits.files,
        home=HomeRules(lambda source: source.user_id in settings.access.users.ids, home_channel(settings)),
    )
    return Attached(adapter, platform), settings.access.open_to_others


def _misconfigured(name: str, error: ConfigError) -> Attached:
    adapter = Misconfigured(name, error)
    length = adapter.limits.message_length
    return Attached(adapter, Platform(name, owner=False, message_length=length, every_command=True))
