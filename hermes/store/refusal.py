"""That a platform will never take a message, as the store is told of it."""

from attrs import frozen

from hermes.events import Outbound


@frozen
class Refusal:
    """Why a row is refused for good, and what is said because of it."""

    reason: str
    instead: str = ""
    """The text that takes the place of a file; such a row has not failed."""
    elsewhere: tuple[Outbound, ...] = ()
    """What other chats are told of it."""
