"""From the configuration to what conversations need: the one place where settings meet actors.

The gateway and ``hermes chat`` both come through here, so that a conversation is the same in both.
"""

import logging
from collections.abc import Mapping
from datetime import date, datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from attrs import evolve, field, frozen

from actors.conversation.services import ConversationSettings, Platform, Services
from actors.store import ActorCommit
from actors.tree import Base
from hermes.agent.prompt import PromptSources, build_prompt
from hermes.audience import Audience
from hermes.config.edit import allow_always
from hermes.config.schema import Compression, Settings, TerminalBackend
from hermes.home import Home, expanded
from hermes.memory.shelf import Shelf, Target, shelf
from hermes.models.registry import open_models, open_summarizer
from hermes.process import filtered_environment
from hermes.redact import Redactor
from hermes.skills import SkillPlaces, skill_roots
from hermes.spending import Caps
from hermes.store.engine.readers import Readers
from hermes.store.interface import Store
from hermes.store.store import SqliteStore
from hermes.tools.contract import Roots, Sandbox
from hermes.tools.registry import Registry
from hermes.tools.web.blocklist import Blocklist, blocklist
from hermes.tools.web.settings import WebSettings

log = logging.getLogger(__name__)


@frozen
class Program:
    """A program that runs turns, before anything runs."""

    home: Home
    settings: Settings
    environment: Mapping[str, str] = field(repr=False)
    """That of the process over .env; child processes get a filtered one."""
    redactor: Redactor
    owner: str
    """The owner id under which it claims turns; its lock is held."""
    gateway: bool
    """True in the gateway, False in a terminal."""

    @property
    def working_directory(self) -> Path:
        """Raises ``ConfigError`` when it is no folder."""
        return self.settings.working_directory(gateway=self.gateway)


def open_store(program: Program, commit: ActorCommit, readers: Readers) -> Store:
    """The store over the home's database, which the store actor opens when it starts."""
    return SqliteStore(commit, readers, run_folder=program.home.run_dir, redact=program.redactor.redact)


def conversation_services(program: Program, base: Base) -> Services:
    """What conversations of this program need. Raises ``ConfigError``."""
    settings = program.settings
    model, *fallbacks = open_models(settings, program.environment)
    summarizer = open_summarizer(settings, program.environment)
    for each in (model, *fallbacks, *([summarizer] if summarizer else ())):
        base.connections.own(each.aclose)
    web = _web(program)
    tools = Registry(settings.toolsets, _absent(program, web), settings.agent.disabled_toolsets)
    for name in tools.unknown_toolsets:
        key = "toolsets" if name in settings.toolsets else "agent.disabled_toolsets"
        log.warning("%s: there is no toolset %r: it is left out", key, name)
    schemas = tools.schemas()
    names = frozenset(schema.name for schema in schemas)
    return Services(
        store=base.store,
        owner=program.owner,
        model=model,
        permits=base.permits,
        tools=tools,
        schemas=schemas,
        processes=base.processes,
        backgrounds=base.backgrounds,
        outlets=base.outlets,
        settings=_conversation_settings(program),
        environment=filtered_environment(program.environment, passthrough=settings.terminal.env_passthrough),
        build_prompt=partial(_build_prompt, program, model.name, names),
        shelf=partial(_shelf, program),
        web=web,
        skills=_skill_places(program),
        allow_always=partial(allow_always, program.home),
        describe=base.describe,
        redactor=program.redactor,
        home=program.home.root,
        fallbacks=tuple(fallbacks),
        summarizer=summarizer,
    )


def _conversation_settings(program: Program) -> ConversationSettings:
    settings = program.settings
    return ConversationSettings(
        max_turns=settings.agent.max_turns,
        model_retries=settings.agent.api_max_retries,
        caps=Caps(settings.caps.tokens_per_turn, settings.caps.tokens_per_conversation, settings.caps.tokens_per_day),
        busy_input_mode=settings.display.busy_input_mode,
        cwd=program.working_directory,
        terminal_timeout=settings.terminal.timeout,
        streaming=settings.streaming,
        sandbox=_sandbox(settings),
        roots=Roots(settings.file.read_roots, settings.file.write_roots),
        approvals_mode=settings.approvals.mode,
        approvals_timeout=settings.approvals.timeout,
        clarify_timeout=settings.agent.clarify_timeout,
        command_allowlist=frozenset(settings.command_allowlist),
        compression=_compression(settings),
        summary_timeout=settings.auxiliary.compression.timeout,
    )


def _compression(settings: Settings) -> Compression:
    name = settings.auxiliary.compression.model or settings.compression.summary_model
    return evolve(settings.compression, summary_model=name)


def _sandbox(settings: Settings) -> Sandbox | None:
    if settings.terminal.backend is TerminalBackend.LOCAL:
        return None
    return Sandbox(network=settings.terminal.sandbox_network)


def _absent(program: Program, web: WebSettings) -> frozenset[str]:
    """Tools that the configuration leaves nothing to do."""
    usable = {"memory": bool(_limits(program.settings)), "web_search": web.searches}
    return frozenset(name for name, can_be_used in usable.items() if not can_be_used)


def _shelf(program: Program, audience: Audience) -> Shelf:
    return shelf(program.home, audience, _limits(program.settings))


def _limits(settings: Settings) -> dict[Target, int]:
    memory = settings.memory
    notes = {Target.MEMORY: memory.memory_char_limit} if memory.memory_enabled else {}
    return notes | ({Target.USER: memory.user_char_limit} if memory.user_profile_enabled else {})


def _build_prompt(program: Program, model: str, tools: frozenset[str], platform: Platform, audience: Audience) -> str:
    settings = program.settings
    sources = PromptSources(
        home=program.home.root,
        cwd=program.working_directory,
        tools=tools,
        model=model,
        platform=platform.hint,
        day=_today(settings.timezone),
        owner=audience.owner,
        files=platform.files,
        memory=_shelf(program, audience),
        skills=_skill_places(program),
    )
    prompt = build_prompt(sources)
    for note in prompt.notes:
        log.warning("left out of the prompt: %s", note)
    return prompt.text


def _web(program: Program) -> WebSettings:
    search = program.settings.search
    return WebSettings(
        allowed_hosts=program.settings.web.allowed_hosts,
        blocked=_blocked(program),
        searxng_url=search.searxng_url,
        brave_key=search.brave_key,
        tavily_key=search.tavily_key,
    )


def _blocked(program: Program) -> Blocklist:
    """Raises ``ConfigError``."""
    listed = program.settings.security.website_blocklist
    if not listed.enabled:
        return Blocklist()
    return blocklist(listed.domains, (program.home.root / expanded(file) for file in listed.shared_files))


def _skill_places(program: Program) -> SkillPlaces:
    """A person's own skills win over those of further folders, and these over the bundled ones."""
    settings = program.settings.skills
    bundled, own = skill_roots(program.home.root, program.environment)
    further = map(expanded, settings.external_dirs)
    return SkillPlaces((bundled, *further, own), frozenset(settings.disabled))


def _today(timezone: str) -> date:
    return datetime.now(ZoneInfo(timezone) if timezone else None).date()
