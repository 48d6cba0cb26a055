"""The providers that are known by name: data. Any other is ``custom`` with an address.

A key is sent to its provider's own address, or to the address that the configuration gives beside that provider's name,
and nowhere else: ``custom`` takes a key that is named for it and none that happens to be there.

Sources: each provider's public API documentation.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from attrs import field, frozen

from hermes.models.wires.chat_request import Dialect, EffortStyle

CHAT = "chat_completions"
ANTHROPIC = "anthropic_messages"


@frozen
class Provider:
    name: str
    label: str
    """As a person knows it."""
    base_url: str
    keys: tuple[str, ...]
    """Variables that may hold its key, the usual one first."""
    wire: str = CHAT
    dialect: Dialect = field(factory=Dialect)
    base_url_variable: str = ""
    """Of the environment; stands above ``base_url``."""


_PLAIN = Dialect(effort=EffortStyle.NONE)

PROVIDERS = (
    Provider(
        "openrouter",
        "OpenRouter",
        "https://openrouter.ai/api/v1",
        ("OPENROUTER_API_KEY",),
        dialect=Dialect(effort=EffortStyle.OBJECT, cache_marks=True),
    ),
    Provider("anthropic", "Anthropic", "https://api.anthropic.com", ("ANTHROPIC_API_KEY",), ANTHROPIC),
    Provider(
        "openai",
        "OpenAI",
        "https://api.openai.com/v1",
        ("OPENAI_API_KEY",),
        dialect=Dialect(max_tokens="max_completion_tokens"),
    ),
    Provider(
        "deepseek",
        "DeepSeek",
        "https://api.deepseek.com/v1",
        ("DEEPSEEK_API_KEY",),
        dialect=Dialect(always_reasoning=True),
        base_url_variable="DEEPSEEK_BASE_URL",
    ),
    Provider(
        "gemini",
        "Google Gemini",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        base_url_variable="GEMINI_BASE_URL",
    ),
    Provider("xai", "xAI", "https://api.x.ai/v1", ("XAI_API_KEY",), base_url_variable="XAI_BASE_URL"),
    Provider(
        "zai",
        "Z.AI",
        "https://api.z.ai/api/paas/v4",
        ("GLM_API_KEY", "ZAI_API_KEY", "Z_AI_API_KEY"),
        dialect=_PLAIN,
        base_url_variable="GLM_BASE_URL",
    ),
    Provider(
        "kimi-coding",
        "Moonshot",
        "https://api.moonshot.ai/v1",
        ("KIMI_API_KEY", "KIMI_CODING_API_KEY"),
        dialect=_PLAIN,
        base_url_variable="KIMI_BASE_URL",
    ),
    Provider(
        "minimax",
        "MiniMax",
        "https://api.minimax.io/v1",
        ("MINIMAX_API_KEY",),
        dialect=_PLAIN,
        base_url_variable="MINIMAX_BASE_URL",
    ),
    Provider(
        "alibaba",
        "Alibaba Cloud",
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        ("DASHSCOPE_API_KEY",),
        dialect=_PLAIN,
        base_url_variable="DASHSCOPE_BASE_URL",
    ),
    Provider("ai-gateway", "Vercel AI Gateway", "https://ai-gateway.vercel.sh/v1", ("AI_GATEWAY_API_KEY",)),
    Provider(
        "huggingface",
        "Hugging Face",
        "https://router.huggingface.co/v1",
        ("HF_TOKEN",),
        base_url_variable="HF_BASE_URL",
    ),
    Provider(
        "nvidia",
        "NVIDIA",
        "https://integrate.api.nvidia.com/v1",
        ("NVIDIA_API_KEY",),
        dialect=_PLAIN,
        base_url_variable="NVIDIA_BASE_URL",
    ),
)

# Other names under which users of the established product know them.
_ALIASES = {"google": "gemini", "kimi": "kimi-coding", "moonshot": "kimi-coding", "z-ai": "zai", "glm": "zai"}


def by_name(name: str) -> Provider | None:
    """The provider of that name or alias."""
    wanted = _ALIASES.get(name, name)
    return next((provider for provider in PROVIDERS if provider.name == wanted), None)


def by_address(base_url: str) -> Provider | None:
    """The provider whose own host this is."""
    host = urlsplit(base_url).hostname
    return next((provider for provider in PROVIDERS if urlsplit(provider.base_url).hostname == host), None)


def names() -> Iterator[str]:
    """What ``model.provider`` may be."""
    yield from ("offline", "custom")
    yield from (provider.name for provider in PROVIDERS)
