"""From the configuration to models. What talks to a network is imported when it is configured, and not before."""

import logging
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from attrs import frozen

from hermes.config.choice import CUSTOM, OFFLINE, default_model
from hermes.config.model_schema import Fallback
from hermes.config.schema import Settings
from hermes.errors import ConfigError
from hermes.models.contract import ChatModel

if TYPE_CHECKING:
    from hermes.models.providers import Provider

# A blank or a letter outside ASCII is a slip of the clipboard, and no header takes it.
_KEY = re.compile(r"[!-~]+")

# A provider that is not named; "main" is a word of the established product for it.
_AS_THE_ANSWER = frozenset({"", "auto", "main"})

log = logging.getLogger(__name__)


@frozen
class _Key:
    value: str = ""
    origin: str = ""
    """The variable, or the key of the file."""


def open_models(settings: Settings, environment: Mapping[str, str]) -> tuple[ChatModel, ...]:
    """The configured model, and those to fall back to, in order. Opens no connection.

    ``environment``: where keys are looked up. Raises ``ConfigError`` when the first cannot work; a fallback that cannot
    is logged and left out.
    """
    model = settings.model
    first = Fallback(
        provider=model.provider,
        model=model.default,
        base_url=model.base_url,
        api_key=model.api_key,
        api_key_env=model.api_key_env,
        api_mode=model.api_mode,
        context_length=model.context_length,
        max_tokens=model.max_tokens,
    )
    models = [_open(first, settings, environment, "model")]
    for number, fallback in enumerate(settings.fallback_providers):
        try:
            models.append(_open(fallback, settings, environment, f"fallback_providers.{number}"))
        except ConfigError as error:
            log.warning("%s: it is left out", error)
    return tuple(models)


def open_summarizer(settings: Settings, environment: Mapping[str, str]) -> ChatModel | None:
    """The model of ``auxiliary.compression``; None: the one that answers sums up as well. Opens no connection.

    Raises ``ConfigError`` when it cannot work: whoever names one wants no other to be paid for it.
    """
    chosen, older = settings.auxiliary.compression, settings.compression
    named = (name for name in (chosen.provider, older.summary_provider) if name not in _AS_THE_ANSWER)
    provider, base_url = next(named, ""), chosen.base_url or older.summary_base_url
    if not provider and not base_url:
        return None
    wanted = Fallback(
        provider=provider,
        model=chosen.model or older.summary_model,
        base_url=base_url,
        api_key=chosen.api_key,
        api_key_env=chosen.api_key_env,
    )
    return _open(wanted, settings, environment, "auxiliary.compression")


def _open(wanted: Fallback, settings: Settings, environment: Mapping[str, str], section: str) -> ChatModel:
    """One model; ``section`` is where it is configured."""
    if wanted.provider == OFFLINE:
        from hermes.models.offline.model import CONTEXT_LENGTH, OfflineModel

        return OfflineModel(context_length=wanted.context_length or CONTEXT_LENGTH)
    return _remote(wanted, settings, environment, section)


def _remote(wanted: Fallback, settings: Settings, environment: Mapping[str, str], section: str) -> ChatModel:
    from hermes.models import providers
    from hermes.models.failures import Speaker
    from hermes.models.http import is_own
    from hermes.models.lengths import context_length
    from hermes.models.wires.build import Setup, anthropic_model, chat_model

    _check_address(wanted.base_url, f"{section}.base_url")
    provider = _provider(wanted, section)
    wire = wanted.api_mode or provider.wire
    elsewhere = environment.get(provider.base_url_variable, "")
    _check_address(elsewhere, provider.base_url_variable)
    base_url = _address(wanted.base_url or elsewhere or provider.base_url, wire)
    key = _key(wanted, provider, environment, section)
    name = _native(wanted.model or default_model(provider.name), provider)
    if not name:
        where = _name_of(section)
        raise ConfigError(f"{where} names no model: set it as {provider.label} spells it", key=where)
    if key.value and base_url.startswith("http://") and not is_own(urlsplit(base_url).hostname or ""):
        log.warning("%s.base_url is not https: everybody on the way can read the key and the conversations", section)
    speaker = Speaker(provider.label, name, key.value, key.origin, f"{section}.api_key_env")
    setup = Setup(
        speaker,
        provider.name,
        base_url,
        wanted.context_length or context_length(name),
        settings.agent.reasoning_effort,
        wanted.max_tokens,
        settings.prompt_caching.cache_ttl,
    )
    if wire == providers.ANTHROPIC:
        return anthropic_model(setup)
    return chat_model(setup, provider.dialect)


def _check_address(address: str, key: str) -> None:
    """Raises ``ConfigError`` for one of which the host cannot be told, such as ``http://[::1``."""
    try:
        urlsplit(address)
    except ValueError as error:
        raise ConfigError(f"{key} is no address: {error}", key=key) from error


def _provider(wanted: Fallback, section: str) -> "Provider":
    from hermes.models.providers import ANTHROPIC, CHAT, Provider, by_address, by_name, names

    if known := by_name(wanted.provider):
        return known
    key = f"{section}.provider"
    if wanted.provider != CUSTOM and not (wanted.base_url and not wanted.provider):
        raise ConfigError(f"{key} is {wanted.provider!r}, and none of: {', '.join(names())}", key=key)
    if not wanted.base_url:
        raise ConfigError(f"{key} is custom: set {section}.base_url to its address", key=f"{section}.base_url")
    if known := by_address(wanted.base_url):
        return known
    where = urlsplit(wanted.base_url)
    host = where.netloc.rpartition("@")[2] or wanted.base_url
    wire = ANTHROPIC if where.path.rstrip("/").endswith("/anthropic") else CHAT
    return Provider(host, host, wanted.base_url, (), wire)


def _address(base_url: str, wire: str) -> str:
    """What the wire's own path is put behind, whether a person copied it with that path or without."""
    from hermes.models.providers import ANTHROPIC

    address = base_url.rstrip("/").removesuffix("/chat/completions").removesuffix("/messages")
    return address.removesuffix("/v1") if wire == ANTHROPIC else address


def _key(wanted: Fallback, provider: "Provider", environment: Mapping[str, str], section: str) -> _Key:
    """Raises ``ConfigError`` when a known provider has none, or it cannot be one."""
    key = _found_key(wanted, provider, environment, section)
    if key.value and not _KEY.fullmatch(key.value):
        text = f"{key.origin} holds what is no key: there is a blank or a special character in it"
        raise ConfigError(text, key=key.origin)
    if not key.value and provider.keys:
        variable = wanted.api_key_env or provider.keys[0]
        raise ConfigError(
            f"{section}.provider is {provider.name} and there is no key for it: put {variable} into .env, or choose"
            f" another: openrouter (OPENROUTER_API_KEY), anthropic (ANTHROPIC_API_KEY), openai (OPENAI_API_KEY),"
            f" custom (a server of your own: {section}.base_url), or offline",
            key=variable,
        )
    return key


def _found_key(wanted: Fallback, provider: "Provider", environment: Mapping[str, str], section: str) -> _Key:
    if wanted.api_key:
        return _Key(wanted.api_key.strip(), f"{section}.api_key")
    variables = (wanted.api_key_env,) if wanted.api_key_env else provider.keys
    found = (_Key(environment[name].strip(), name) for name in variables if environment.get(name, "").strip())
    return next(found, _Key())


def _native(name: str, provider: "Provider") -> str:
    """``anthropic/claude-opus-4.6`` is OpenRouter's name of what Anthropic itself calls ``claude-opus-4-6``."""
    if provider.name == "anthropic" and name.startswith("anthropic/"):
        return name.removeprefix("anthropic/").replace(".", "-")
    return name.removeprefix("openai/") if provider.name == "openai" else name


def _name_of(section: str) -> str:
    return "model.default" if section == "model" else f"{section}.model"
