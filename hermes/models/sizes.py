"""How long a request is, in bytes of text: what is known of its tokens before a provider has counted them."""

from hermes.messages import Message
from hermes.models.contract import ModelRequest


def text_size(*texts: str) -> int:
    return sum(len(text) if text.isascii() else len(text.encode(errors="replace")) for text in texts)


def message_size(message: Message) -> int:
    return text_size(message.content, message.reasoning, *(call.arguments for call in message.tool_calls))


def prefix_size(request: ModelRequest) -> int:
    """Of what stands before the messages: the system prompt and the tools."""
    return text_size(request.system) + sum(tool.size for tool in request.tools)


def request_size(request: ModelRequest) -> int:
    return prefix_size(request) + sum(map(message_size, request.messages))
