"""What model calls cost, and the caps on it. Tokens, in and out together; prices are a provider's own affair.

1. A call is written down before it is made, with the most that it can cost, and a cap that it would pass refuses it
   there: two conversations that ask at once cannot both have the last of a day.
2. What it did cost takes that place when it ends. A call that was cut by a crash stays at its most.
3. A day is the last 24 hours: it needs no time zone, and does not begin anew at midnight.
"""

from typing import Protocol

from attrs import frozen

from hermes.errors import Refused
from hermes.messages import Usage

DAY_SECONDS = 24 * 3600.0


class CapReached(Refused):
    """A call would pass a cap: it is not made."""


@frozen
class Caps:
    """Tokens; 0: no cap."""

    turn: int = 0
    conversation: int = 0
    day: int = 0


@frozen
class ModelCall:
    """A call that is about to be made."""

    key: str
    """Minted by the caller: a repetition is recognised by it."""
    session_id: str
    turn_id: str
    provider: str
    model: str
    most: Usage
    """What it can cost at most."""


@frozen
class Spent:
    """Tokens so far, calls under way with the most they can cost."""

    turn: int
    conversation: int
    day: int
    calls_of_day: int


class Spending(Protocol):
    """Behind the store."""

    async def begin_model_call(self, call: ModelCall, caps: Caps, now: float) -> None:
        """Write the call down. Raises ``CapReached``, and then there is nothing written."""
        ...

    async def end_model_call(self, key: str, usage: Usage, now: float) -> None:
        """What it did cost. Repeating it changes nothing."""
        ...

    async def spent(self, session_id: str, turn_id: str, now: float) -> Spent: ...


def check(caps: Caps, spent: Spent, most: int) -> None:
    """Raises ``CapReached`` with the key to change when a call of ``most`` tokens passes a cap."""
    for cap, used, what, key in (
        (caps.turn, spent.turn, "this turn", "caps.tokens_per_turn"),
        (caps.conversation, spent.conversation, "this conversation", "caps.tokens_per_conversation"),
        (caps.day, spent.day, "the last 24 hours", "caps.tokens_per_day"),
    ):
        if cap and used + most > cap:
            raise CapReached(
                f"{what} may cost {cap:,} tokens ({key}), {used:,} are spent, and the next call can cost {most:,}"
            )
