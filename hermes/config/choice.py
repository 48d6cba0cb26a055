"""Which provider of models is meant where nobody named one.

1. An address is a provider of its own: ``custom``.
2. A key that is there decides: OpenRouter's, else Anthropic's or OpenAI's. A model that is named goes only to a
   provider that can have it, told by its name (``anthropic/claude-...``, ``gpt-...``).
3. Nothing named and no key: ``offline``, which needs neither. A model named and no key: ``openrouter``, whose missing
   key is told when the model is opened, with the choices.
"""

import re
from collections.abc import Mapping

from attrs import frozen

AUTO = "auto"
"""A provider that is named so is not named; the established product writes it into its files."""

OFFLINE = "offline"
OPENROUTER = "openrouter"
CUSTOM = "custom"


@frozen
class _Candidate:
    provider: str
    variable: str
    """Of the environment, that holds its key."""
    default_model: str
    own_models: re.Pattern[str]


# In the order in which their keys count.
_CANDIDATES = (
    _Candidate(OPENROUTER, "OPENROUTER_API_KEY", "anthropic/claude-opus-4.6", re.compile(r"[^/]+/.+")),
    _Candidate("anthropic", "ANTHROPIC_API_KEY", "claude-opus-4-6", re.compile(r"(anthropic/)?claude-.+")),
    _Candidate("openai", "OPENAI_API_KEY", "gpt-5", re.compile(r"(openai/)?(gpt-|chatgpt-|o\d).*")),
)


@frozen
class Choice:
    """A provider, and the variable that spoke for it; empty: none did."""

    provider: str
    variable: str = ""


def choose(default: str, base_url: str, environment: Mapping[str, str]) -> Choice:
    """The provider for a model and an address, both of which may be empty."""
    if default == OFFLINE:
        return Choice(OFFLINE)
    if base_url:
        return Choice(CUSTOM)
    for candidate in _CANDIDATES:
        if environment.get(candidate.variable) and (not default or candidate.own_models.fullmatch(default)):
            return Choice(candidate.provider, candidate.variable)
    return Choice(OPENROUTER if default else OFFLINE)


def default_model(provider: str) -> str:
    """The model where a provider is known and none is named; empty: it has to be named."""
    if provider == OFFLINE:
        return OFFLINE
    return next((each.default_model for each in _CANDIDATES if each.provider == provider), "")
