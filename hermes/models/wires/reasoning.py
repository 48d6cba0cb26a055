"""Thoughts that a wire wants to see again: how they lie in ``Message.reasoning_details``.

They are told by the provider and the model that made them, and given back to no other: a signature is worth nothing
elsewhere, and some providers refuse a request that holds a foreign one.
"""

from hermes.messages import Message
from hermes.models.wires.parse import Json, dump, parse_object

_OWNER = "of"
_EMPTY: Json = {}


def pack(owner: str, kept: Json) -> str:
    """Text for ``Message.reasoning_details``; empty when there is nothing to keep."""
    return dump({_OWNER: owner, **kept}) if kept else ""


def unpack(message: Message, owner: str) -> Json:
    """What was kept for ``owner``; empty when there is nothing, or it is another's."""
    if not message.reasoning_details:
        return _EMPTY
    kept = parse_object(message.reasoning_details)
    return kept if kept is not None and kept.get(_OWNER) == owner else _EMPTY
