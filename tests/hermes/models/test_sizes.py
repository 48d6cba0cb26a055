"""How long requests and replies are, and how long a reply can be."""

import pytest

from hermes.messages import Message, Role, ToolCall
from hermes.models.lengths import output_length
from hermes.models.sizes import message_size


@pytest.mark.parametrize(
    ("message", "size"),
    [
        (Message(Role.USER, "\u20ac" * 2), 6),
        (Message(Role.ASSISTANT, "ab", reasoning="x" * 10), 12),
        (Message(Role.ASSISTANT, "ab", reasoning="x" * 10, reasoning_details="y" * 30), 32),
        (Message(Role.ASSISTANT, "ab", reasoning="x" * 10, reasoning_details="y" * 3), 12),
        (Message(Role.ASSISTANT, "", (ToolCall("id", "look", "{}"),)), 6),
    ],
)
def test_a_message_is_as_long_as_what_a_model_wrote_and_reads_again(message: Message, size: int) -> None:
    assert message_size(message) == size


@pytest.mark.parametrize(
    ("model", "context_length", "output"),
    [
        ("gpt-5", 400_000, 32_000),
        ("gpt-4o-mini", 128_000, 16_384),
        ("openai/gpt-4.1", 1_000_000, 32_000),
        ("gpt-4", 8192, 4096),
        ("anthropic/claude-3.5-haiku", 200_000, 8192),
        ("anything", 8192, 4096),
        ("anything", 1, 1),
    ],
)
def test_a_reply_is_reckoned_with_as_long_as_its_model_writes(model: str, context_length: int, output: int) -> None:
    assert output_length(model, context_length) == output
