"""The messages that actors tell each other. None carries what must not be lost: that stands in the store first."""

from attrs import frozen


@frozen
class Look:
    """Something changed in the store: look. Many may be folded into one."""


LOOK = Look()
