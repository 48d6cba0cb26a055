"""How long requests and replies are, in bytes of text: what is known of their tokens before a provider counts them.

The pieces of a reply come to no less than the message that they make up.
"""

from hermes.messages import Message
from hermes.models.contract import Completed, ModelPiece, ModelRequest, Unshown


def text_size(*texts: str) -> int:
    return sum(map(_size, texts))


def message_size(message: Message) -> int:
    """Thoughts count once: what goes back to a provider is their text, or what it wants to see in the place of it.

    Each request counts all of its messages, several times.
    """
    size = _size(message.content)
    if message.reasoning or message.reasoning_details:
        size += max(_size(message.reasoning), _size(message.reasoning_details))
    for call in message.tool_calls:
        size += _size(call.name) + _size(call.arguments)
    return size


def piece_size(piece: ModelPiece) -> int:
    """What one more piece adds to its reply; nothing for the last, which repeats the others."""
    if isinstance(piece, Completed):
        return 0
    return piece.size if isinstance(piece, Unshown) else text_size(piece.text)


def prefix_size(request: ModelRequest) -> int:
    """Of what stands before the messages: the system prompt and the tools."""
    return text_size(request.system) + sum(tool.size for tool in request.tools)


def request_size(request: ModelRequest) -> int:
    return prefix_size(request) + sum(map(message_size, request.messages))


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="replace"))
