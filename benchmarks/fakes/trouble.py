"""The ways in which a Bot API server misbehaves for a while, each in the place of an answer.

1. ``5xx``, ``429`` and ``drop`` refuse or cut a call that was not carried out; ``lost`` carries every second one out
   and cuts it then, so that whoever called cannot know.
2. ``409`` ends polls alone: somebody else polls with the same token.
3. ``hole`` takes every call and says nothing for as long as the client stays. What waited before is not answered
   either.
"""

from collections.abc import Callable
from enum import StrEnum

from attrs import define

from benchmarks.fakes.http import Exchange
from benchmarks.fakes.updates import CONFLICT

# Seconds of the pause that a flooded server asks for: Telegram's usual ones are a few.
PAUSE = 2


class Trouble(StrEnum):
    """See the rules."""

    NONE = ""
    ERROR = "5xx"
    CONFLICT = "409"
    FLOOD = "429"
    HOLE = "hole"
    DROP = "drop"
    LOST = "lost"


@define(eq=False)
class Misbehaviour:
    """The trouble of the moment."""

    kind: Trouble = Trouble.NONE
    _sends: int = 0

    def takes(self, exchange: Exchange, method: str, carry_out: Callable[[], object]) -> bool:
        """Whether the call was dealt with here, and is not to be answered any more."""
        match self.kind:
            case Trouble.CONFLICT if method == "getUpdates":
                refuse(exchange, 409, CONFLICT)
            case Trouble.ERROR:
                refuse(exchange, 502, "Bad Gateway")
            case Trouble.FLOOD:
                refuse(exchange, 429, f"Too Many Requests: retry after {PAUSE}", retry_after=PAUSE)
            case Trouble.DROP:
                exchange.cut()
            case Trouble.LOST if method != "getUpdates" and self._is_second():
                carry_out()
                exchange.cut()
            case Trouble.HOLE:
                pass
            case _:
                return False
        return True

    def _is_second(self) -> bool:
        self._sends += 1
        return self._sends % 2 == 0


def refuse(exchange: Exchange, status: int, description: str, *, retry_after: int | None = None) -> None:
    """As core.telegram.org/bots/api has it, "Making requests" and "ResponseParameters"."""
    parameters = {} if retry_after is None else {"parameters": {"retry_after": retry_after}}
    exchange.answer_json({"ok": False, "error_code": status, "description": description, **parameters}, status)
