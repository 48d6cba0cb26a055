"""How much a model takes and writes, as far as its name tells: data, by the providers' own pages of models.

``model.context_length`` and ``model.max_tokens`` stand above it.
"""

import re

_Table = tuple[tuple[re.Pattern[str], int], ...]


def _table(*lengths: tuple[str, int]) -> _Table:
    return tuple((re.compile(pattern, re.IGNORECASE), length) for pattern, length in lengths)


def _first(table: _Table, model: str, otherwise: int) -> int:
    return next((length for pattern, length in table if pattern.search(model)), otherwise)


# Tokens of input and output together. The first that fits counts.
_CONTEXT = _table(
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

# Too small a figure compresses a conversation early, too large a one is refused by the provider and then compressed: so
# a name that tells nothing gets what models of today take at least.
UNKNOWN_CONTEXT = 128_000

# Tokens of one reply, of models that write less than others: a provider refuses a request that asks for more. The first
# that fits counts.
_LESS_OUTPUT = _table(
    (r"gpt-4o|gpt-4\.5", 16_384),
    (r"gpt-4-turbo|gpt-4-\d{4}-preview|gpt-3\.5", 4_096),
    (r"gpt-4(?![.\d])", 8_192),
    (r"gemini-(?:1\.5|2\.0)", 8_192),
    (r"deepseek-(?:chat|v3)", 8_192),
    (r"claude-3-(?:opus|sonnet|haiku)", 4_096),
    (r"claude-3[.-]5", 8_192),
    (r"llama-?3|qwen-?2|mistral|mixtral", 8_192),
)

# Tokens of one reply where nothing bounds it: what the providers' largest models write at most by themselves.
USUAL_OUTPUT = 32_000


def context_length(model: str) -> int:
    """Tokens of input and output together."""
    return _first(_CONTEXT, model, UNKNOWN_CONTEXT)


def output_length(model: str, context_length: int) -> int:
    """Tokens that one reply is reckoned with: half of what the model takes at most, since a request is there too."""
    return min(_first(_LESS_OUTPUT, model, USUAL_OUTPUT), max(context_length // 2, 1))
