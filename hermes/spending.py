"""What model calls cost, and the caps on it. Tokens, in and out together; prices are a provider's own affair.

1. A call is written down before it is made, with what is reserved for it: its request, and the longest usual answer, or
   what the caps leave where that is less. A cap that leaves no room for a short answer refuses it there. Two
   conversations that ask at once cannot both have the last of a day.
2. An answer that grows beyond what is reserved for it reserves more, and is ended where a cap leaves nothing.
3. What it did cost takes that place when it ends. A call that was cut by a crash stays at what was reserved.
4. A day is the last 24 hours: it needs no time zone, and does not begin anew at midnight.
"""

from collections.abc import Iterator
from typing import Protocol

from attrs import frozen

from hermes.errors import Refused
from hermes.messages import Usage

DAY_SECONDS = 24 * 3600.0

# Tokens that one message may cost where nothing is set: far beyond any day's work, and short of a loop that never ends.
GENEROUS_TURN = 20_000_000

# Tokens of an answer without which a call is not made: the least thought that a provider takes, and as much to say.
LEAST_OUTPUT = 2048

# Bytes of text a token, for what can only be estimated: fewer than of any usual text, so that the most is the most.
BYTES_A_TOKEN = 3


class CapReached(Refused):
    """A call would pass a cap: it is not made, or not gone on with."""


@frozen
class Caps:
    """Tokens; 0: no cap."""

    turn: int = 0
    conversation: int = 0
    day: int = 0

    @property
    def chosen(self) -> bool:
        """A person has set one; the generous one of a turn is there by itself."""
        return bool(self.conversation or self.day or (self.turn and self.turn != GENEROUS_TURN))


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
    """What it costs to ask, and the longest answer that is reckoned with."""


@frozen
class Spent:
    """Tokens so far, calls under way with what is reserved for them."""

    turn: int
    conversation: int
    day: int
    calls_of_day: int


class Spending(Protocol):
    """Behind the store."""

    async def begin_model_call(self, call: ModelCall, caps: Caps, now: float) -> int:
        """Write the call down. Returns the tokens that its answer may have: those of ``call.most``, or fewer.

        Raises ``CapReached``, and then there is nothing written. Repeating it changes nothing.
        """
        ...

    async def extend_model_call(self, key: str, had: int, wanted: int, caps: Caps, now: float) -> int:
        """Reserve more for an answer: ``wanted`` tokens in the place of ``had``, or as many as the caps leave.

        Returns how many there are now; repeating it changes nothing. Raises ``CapReached`` where they leave nothing,
        and ``LocalProtocolError`` for a call that is not under way.
        """
        ...

    async def end_model_call(self, key: str, usage: Usage, now: float) -> None:
        """What it did cost. Repeating it changes nothing."""
        ...

    async def spent(self, session_id: str, turn_id: str, now: float) -> Spent: ...


@frozen
class _Cap:
    tokens: int
    spent: int
    told: str
    """What it is of, and the key to change."""

    @property
    def left(self) -> int:
        return self.tokens - self.spent


def tokens_of(size: int) -> int:
    """Tokens of so many bytes of text, estimated high."""
    return -(-size // BYTES_A_TOKEN)


def granted(caps: Caps, spent: Spent, most: Usage) -> int:
    """Tokens that the answer of a new call may have.

    Raises ``CapReached`` with the key to change when a cap does not leave a short answer.
    """
    least = most.input_tokens + min(most.output_tokens, LEAST_OUTPUT)
    output = most.output_tokens
    for cap in _set(caps, spent):
        if cap.left < least:
            raise CapReached(f"{cap.told}, {cap.spent:,} are spent, and the next call needs {least:,} at least")
        output = min(output, cap.left - most.input_tokens)
    return output


def further(caps: Caps, spent: Spent, wanted: int) -> int:
    """How many of ``wanted`` more tokens an answer may have. Raises ``CapReached`` when there are none."""
    for cap in _set(caps, spent):
        if cap.left <= 0:
            raise CapReached(f"{cap.told}, and this answer has taken what was left of them")
        wanted = min(wanted, cap.left)
    return wanted


def _set(caps: Caps, spent: Spent) -> Iterator[_Cap]:
    for tokens, used, what, key in (
        (caps.turn, spent.turn, "this turn", "caps.tokens_per_turn"),
        (caps.conversation, spent.conversation, "this conversation", "caps.tokens_per_conversation"),
        (caps.day, spent.day, "the last 24 hours", "caps.tokens_per_day"),
    ):
        if tokens:
            yield _Cap(tokens, used, f"{what} may cost {tokens:,} tokens ({key})")
