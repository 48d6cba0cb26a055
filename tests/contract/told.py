from enum import StrEnum


class Told(StrEnum):
    """What the platform was told about an event."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    LATER = "later"
    """Not taken; the platform keeps it and may hand it over again."""
    NEVER = "never"
    """Not taken, and it never will be."""
