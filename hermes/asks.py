"""Questions to a person: what a tool call asks before it goes on. Journaled with an id and a deadline."""

from enum import StrEnum

from attrs import frozen


class AskKind(StrEnum):
    APPROVAL = "approval"
    CLARIFY = "clarify"


APPROVAL_CHOICES = ("once", "session", "always", "deny")

NOBODY_THERE = "(nobody can be asked)"
"""The answer to an approval where no person is: a denial that is not told as theirs."""


@frozen
class AskRequest:
    """A question, as the tool call raises it."""

    kind: AskKind
    question: str
    choices: tuple[str, ...]
    """Empty: free text."""
    timeout: float
    """Seconds; an approval that times out is a denial."""
    subject: str = ""
    """What is asked about, exactly (the command); shown as code."""
    rule: str = ""
    """For an approval: the rule that caught it, which "session" and "always" then allow."""


class AskState(StrEnum):
    OPEN = "open"
    ANSWERED = "answered"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    """Its turn ended without it."""


@frozen
class Ask:
    """A journaled question."""

    id: str
    turn_id: str
    call_id: str
    request: AskRequest
    deadline: float
    """Unix time in seconds."""
    state: AskState = AskState.OPEN
    answer: str = ""
