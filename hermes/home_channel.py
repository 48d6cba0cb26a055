"""The home channel of an account: the chat that is told what has no chat of its own."""

from attrs import frozen

from hermes.events import Source


@frozen
class HomeChannel:
    """One account's; ``source`` names it, and where in it things are said."""

    source: Source
    session_key: str
    """Of the conversation that goes on there."""
    name: str = ""
    """As people call it."""
    chosen: bool = False
    """By a person in the chat itself, which counts more than what is configured."""
