"""Takes updates in, whichever way they come: each is read, judged, and in the inbox before its sender is told so.

Rules:

1. An update on which our own code fails is tried three times, and passed over with an error in the log once others
   were taken in meanwhile: it must not hold up everybody else. While nothing can be taken in, nothing is passed over.
2. Who is turned away is named in the log, once.
"""

import logging
import math

import trio
from attrs import define, evolve, field

from adapters.contract import AdapterHost
from adapters.telegram.incoming.events import Dropped, Filed, Press, Reader
from adapters.telegram.incoming.files import Files
from adapters.telegram.incoming.presses import Presses
from adapters.telegram.outgoing.asides import Asides
from hermes.errors import ActorCrashed, Refused, TransientError, Unavailable
from hermes.events import Inbound

# Tries at an update on which our own code fails.
MOST_TRIES = 3

# Updates whose failures are remembered; one that is forgotten begins to count anew.
MOST_FAILED = 1000

# Strangers that are named in the log once each; beyond it they are not told any more.
MOST_STRANGERS = 200

# Seconds between two words in the log about updates that cannot be read: a server may send nothing else.
UNREADABLE_PAUSE = 60.0

Taken = Inbound | Filed | Press

log = logging.getLogger(__name__)


@define(eq=False)
class Intake:
    """Of one incarnation of the stream."""

    _reader: Reader
    _host: AdapterHost
    _asides: Asides
    _presses: Presses
    _files: Files
    _failed: dict[int, "_Failure"] = field(factory=dict[int, "_Failure"], init=False)
    _taken_in: int = field(default=0, init=False)
    _strangers: set[str] = field(factory=set[str], init=False)
    _unreadable: "_Unreadable" = field(factory=lambda: _Unreadable(), init=False)

    def read(self, number: int, raw: object) -> Taken | None:
        """What the update with this number is; None when a rule drops it."""
        event = self._reader.read(raw)
        if isinstance(event, Dropped):
            self._tell_dropped(number, event)
            if event.query_id:
                self._presses.turn_away(event.query_id)
            return None
        return event

    async def take(self, number: int, event: Taken) -> bool:
        """Whether it is dealt with: in the inbox, or never to be taken. False: it may be taken later."""
        try:
            await self._hand_over(event)
        except Refused as refusal:
            log.warning("update %d is not taken: %s", number, refusal)
            if isinstance(event, Inbound):
                self._asides.turn_down(event, str(refusal))
        except (TransientError, Unavailable, ActorCrashed) as error:
            log.info("update %d is left with Telegram for now: %s", number, error)
            return False
        except Exception:
            log.exception("update %d could not be dealt with", number)
            return self._is_to_blame(number)
        self._taken_in += 1
        self._failed.pop(number, None)
        return True

    async def _hand_over(self, event: Taken) -> None:
        match event:
            case Inbound():
                await self._host.accept(event)
            case Filed() if not self._files.has_room:
                await self._host.accept(_without_file(event))
            case Filed():
                await self._host.accept(event.event)
                self._files.fetch(event.event, event.wanted)
            case Press():
                await self._presses.answer(event)

    def _is_to_blame(self, number: int) -> bool:
        """Whether the fault is the update's own, so that it is passed over."""
        if len(self._failed) >= MOST_FAILED and number not in self._failed:
            del self._failed[next(iter(self._failed))]
        failure = self._failed.setdefault(number, _Failure(self._taken_in))
        failure.tries += 1
        to_blame = failure.tries >= MOST_TRIES and self._taken_in > failure.taken_in
        if to_blame:
            del self._failed[number]
            log.error("update %d is passed over: it failed %d times while others did not", number, failure.tries)
        return to_blame

    def _tell_dropped(self, number: int, dropped: Dropped) -> None:
        if dropped.stranger and dropped.stranger not in self._strangers and len(self._strangers) < MOST_STRANGERS:
            self._strangers.add(dropped.stranger)
            log.warning(
                "user %s may not write to this bot: the id goes into TELEGRAM_ALLOWED_USERS if they should",
                dropped.stranger,
            )
        if dropped.unreadable:
            self._unreadable.tell(number, dropped.unreadable)
        log.debug("update %d is dropped: %s", number, dropped.rule)


def _without_file(filed: Filed) -> Inbound:
    text = f"{filed.event.text}\n[The {filed.wanted.file.called} is not fetched: too many others are on their way]"
    return evolve(filed.event, text=text, more_within=filed.wanted.rest_within, attachment="")


@define
class _Unreadable:
    """Updates that cannot be read, told at a bounded pace; those between two words are counted."""

    quiet_until: float = -math.inf
    left_out: int = 0

    def tell(self, number: int, why: str) -> None:
        if trio.current_time() < self.quiet_until:
            self.left_out += 1
            return
        others = f"; {self.left_out} others since the last word of this kind" if self.left_out else ""
        log.warning("update %d cannot be read and is passed over: %s%s", number, why, others)
        self.quiet_until, self.left_out = trio.current_time() + UNREADABLE_PAUSE, 0


@define
class _Failure:
    taken_in: int
    """How many updates had been taken in at the first try."""
    tries: int = 0
