"""What a search of the conversations looks at, and what it finds."""

from attrs import frozen


@frozen
class Found:
    """One hit of a search."""

    session_id: str
    title: str
    role: str
    snippet: str
    """At most 300 characters, the hit marked by ``>>>`` and ``<<<``."""
    at: float


@frozen
class Reach:
    """Which sessions and messages a search looks at: all that is set has to hold."""

    user: tuple[str, str] | None = None
    """Platform and user id whose sessions with nobody else in the chat; None: everybody's, for the terminal."""
    session_key: str = ""
    """Only the sessions that began under this key."""
    without: str = ""
    """The id of a session that is left out, but for messages that a summary stands for."""
    roles: tuple[str, ...] = ()
    """Whose messages; empty: all."""
