"""How much a model takes, as far as its name tells: data. ``model.context_length`` stands above it.

Too small a figure compresses a conversation early, too large a one is refused by the provider and then compressed: so a
name that tells nothing gets what models of today take at least.
"""

import re

UNKNOWN = 128_000

# The first that fits counts. Tokens, by the providers' own pages of models.
_KNOWN = tuple(
    (re.compile(pattern, re.IGNORECASE), length)
    for pattern, length in (
        (r"claude", 200_000),
        (r"gpt-4\.1", 1_047_576),
        (r"gpt-5", 400_000),
        (r"gpt-4o|gpt-4-turbo|o1-mini", 128_000),
        (r"gpt-4(?![.\d])", 8_192),
        (r"gpt-3\.5", 16_385),
        (r"(?:^|/)o[134](?:-|$)", 200_000),
        (r"gemini", 1_048_576),
        (r"grok-4", 256_000),
        (r"kimi-k2", 262_144),
        (r"deepseek", 128_000),
        (r"glm-4|glm-5", 200_000),
        (r"minimax", 204_800),
        (r"llama-?3|qwen|mistral", 131_072),
    )
)


def context_length(model: str) -> int:
    """Tokens of input and output together."""
    return next((length for pattern, length in _KNOWN if pattern.search(model)), UNKNOWN)
