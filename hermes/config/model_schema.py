"""What there is to set about models: which one answers, who stands in for it, and what it may cost.

A part of ``hermes.config.schema``, whose rules hold here.
"""

from attrs import field, frozen

from hermes.config.fields import about, not_negative, one_of, tokens
from hermes.spending import GENEROUS_TURN


@frozen
class Model:
    """Which model answers. ``model: NAME`` in the file is short for ``model: {default: NAME}``."""

    default: str = field(default="offline", metadata=about("name of the model, as its provider spells it"))
    provider: str = field(
        default="offline",
        metadata=about(
            "`offline` is embedded and needs no network and no key. When it is not set, or `auto`: `custom` with a"
            " `model.base_url`; else the one whose key is there, of `openrouter`, `anthropic` and `openai`; else"
            " `offline`, or `openrouter` when `model.default` names a model"
        ),
    )
    base_url: str = field(
        default="", repr=False, metadata=about("address of the provider's API; empty: the provider's own")
    )
    api_key: str = field(
        default="",
        repr=False,
        metadata=about("its key; better kept in `.env`, under the name of the provider's variable"),
    )
    api_key_env: str = field(
        default="", metadata=about("name of the variable that holds the key; empty: the provider's own")
    )
    api_mode: str = field(
        default="",
        validator=one_of("", "chat_completions", "anthropic_messages"),
        metadata=about("wire format: `chat_completions` or `anthropic_messages`; empty: the provider's own"),
    )
    context_length: int | None = field(
        default=None, validator=tokens, metadata=about("tokens the model takes; empty: what is known of the model")
    )
    max_tokens: int | None = field(
        default=None, validator=tokens, metadata=about("tokens one answer may have; empty: the provider's own bound")
    )


@frozen
class Fallback:
    """A model that is asked when those before it cannot answer. Keys as those of ``Model``, ``model`` for its name."""

    provider: str = ""
    model: str = ""
    base_url: str = field(default="", repr=False)
    api_key: str = field(default="", repr=False)
    api_key_env: str = ""
    api_mode: str = field(default="", validator=one_of("", "chat_completions", "anthropic_messages"))
    context_length: int | None = field(default=None, validator=tokens)
    max_tokens: int | None = field(default=None, validator=tokens)


@frozen
class SummaryModel:
    """Another model than the one that answers, for summaries."""

    provider: str = field(
        default="auto",
        metadata=about("provider of the model that sums up long conversations; `auto`: the one that answers"),
    )
    model: str = field(
        default="", metadata=about("its name, as its provider spells it; stands above `compression.summary_model`")
    )
    base_url: str = field(default="", repr=False, metadata=about("address of its API; empty: the provider's own"))
    api_key: str = field(default="", repr=False, metadata=about("its key; better kept in `.env`"))
    api_key_env: str = field(
        default="", metadata=about("name of the variable that holds the key; empty: the provider's own")
    )
    timeout: float = field(
        default=0.0,
        validator=not_negative,
        metadata=about("seconds that a summary may take; 0: as long as any answer of its provider"),
    )


@frozen
class Auxiliary:
    compression: SummaryModel = field(factory=SummaryModel)


@frozen
class Caps:
    """Checked before each call of a model, with what is reserved for it, and while its answer comes in."""

    tokens_per_turn: int = field(
        default=GENEROUS_TURN,
        validator=not_negative,
        metadata=about("tokens, in and out, that one message may cost; 0: no cap"),
    )
    tokens_per_conversation: int = field(
        default=0, validator=not_negative, metadata=about("tokens that one session may cost; 0: no cap")
    )
    tokens_per_day: int = field(
        default=0,
        validator=not_negative,
        metadata=about("tokens that 24 hours may cost, all chats together; 0: no cap"),
    )


@frozen
class PromptCaching:
    cache_ttl: str = field(
        default="5m",
        validator=one_of("5m", "1h"),
        metadata=about("how long a provider keeps the beginning of a request that it is told to keep: `5m` or `1h`"),
    )
