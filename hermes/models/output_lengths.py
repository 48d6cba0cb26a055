"""How much a model writes at most in one reply, as far as its name tells: data. ``model.max_tokens`` stands above it.

A provider refuses a request that asks for more than its model writes.
"""

import re

# Tokens of one reply where nothing bounds it: what the providers' largest models write at most by themselves.
USUAL_OUTPUT = 32_000

# Names of models that write less, by the providers' own pages of models. The first that fits counts.
_LESS = tuple(
    (re.compile(pattern, re.IGNORECASE), length)
    for pattern, length in (
        (r"gpt-4o|gpt-4\.5", 16_384),
        (r"gpt-4-turbo|gpt-4-\d{4}-preview|gpt-3\.5", 4_096),
        (r"gpt-4(?![.\d])", 8_192),
        (r"gemini-(?:1\.5|2\.0)", 8_192),
        (r"deepseek-(?:chat|v3)", 8_192),
        (r"claude-3-(?:opus|sonnet|haiku)", 4_096),
        (r"claude-3[.-]5", 8_192),
        (r"llama-?3|qwen-?2|mistral|mixtral", 8_192),
    )
)


def output_length(model: str, context_length: int) -> int:
    """Tokens that one reply is reckoned with: half of what the model takes at most, since a request is there too."""
    known = next((length for pattern, length in _LESS if pattern.search(model)), USUAL_OUTPUT)
    return min(known, max(context_length // 2, 1))
