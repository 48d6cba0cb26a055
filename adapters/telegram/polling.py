"""The stream of updates: a long poll after the other, each of which confirms what the inbox holds.

Rules:

1. The offset goes past an update only when the inbox has it, or a rule dropped it. It is not kept over a restart: the
   server knows what was confirmed, and the inbox knows the rest by the update's number. Nor is it kept once a poll
   was answered by nothing: all is confirmed then, and after a quiet week Telegram begins to count anew, anywhere.
2. The chats of one answer are taken in together, so that they share a flush of the disk; the updates of one chat in
   their order.
3. What the inbox cannot take just now stays with the server, which is asked for it again after a pause.
4. An update on which our own code fails is tried three times, and passed over with an error in the log once others
   were taken in meanwhile: it must not hold up everybody else. While nothing can be taken in, nothing is passed over.
5. An answer to a poll is a proven round trip. Whatever ends the polling is raised: the supervisor waits and starts
   anew, for ever where that can help.
"""

import logging
import math

import trio
from attrs import define, field

from adapters.contract import AdapterHost
from adapters.telegram.asides import Asides
from adapters.telegram.calls import Calls
from adapters.telegram.events import KINDS, Dropped, Filed, Press, Reader, chat_of, update_id
from adapters.telegram.files import Files
from adapters.telegram.presses import Presses
from hermes.errors import ActorCrashed, Refused, TransientError, Unavailable
from hermes.events import Inbound

# Seconds between two tries at what the inbox did not take.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 5.0

# Tries at an update on which our own code fails.
MOST_TRIES = 3

# Strangers that are named in the log once each; beyond it they are not told any more.
MOST_STRANGERS = 200

# Seconds between two polls whose answers held nothing that can be confirmed: a server that does this is not ours.
NOTHING_PAUSE = 1.0

# Seconds between two words in the log about updates that cannot be read: a server may send nothing else.
UNREADABLE_PAUSE = 60.0

Taken = Inbound | Filed | Press

log = logging.getLogger(__name__)


@define(eq=False)
class Polling:
    """One incarnation of the stream."""

    _calls: Calls
    _reader: Reader
    _host: AdapterHost
    _asides: Asides
    _presses: Presses
    _files: Files
    _offset: int | None = None
    _pause: float = FIRST_PAUSE
    _failed: dict[int, "_Failure"] = field(factory=dict[int, "_Failure"])
    _taken_in: int = 0
    _strangers: set[str] = field(factory=set[str])
    _unreadable: "_Unreadable" = field(factory=lambda: _Unreadable())

    async def run(self, found: list[object]) -> None:
        """Deal with ``found`` and poll on, until a poll fails."""
        while True:
            await self._take(found)
            found = await self._calls.updates(self._offset, KINDS, wait=True)
            self._host.beat()

    async def _take(self, found: list[object]) -> None:
        numbers = [number for number in map(update_id, found) if number is not None]
        if found and not numbers:
            log.warning("Telegram sent %d updates without a number: they cannot be confirmed", len(found))
            await trio.sleep(NOTHING_PAUSE)
        if not numbers:
            self._offset = None
            return
        not_taken = await self._take_in(found)
        if not_taken is None:
            self._offset, self._pause = max(numbers) + 1, FIRST_PAUSE
            return
        self._offset = not_taken
        await trio.sleep(self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    async def _take_in(self, found: list[object]) -> int | None:
        """The lowest number of those that were not taken; None when all were."""
        chats: dict[str, list[tuple[int, Taken]]] = {}
        for raw in found:
            number = update_id(raw)
            if number is None:
                continue
            event = self._reader.read(raw)
            if isinstance(event, Dropped):
                self._tell_dropped(number, event)
            else:
                chats.setdefault(chat_of(event), []).append((number, event))
        stopped: list[int] = []
        async with trio.open_nursery() as nursery:
            for events in chats.values():
                nursery.start_soon(self._take_chat, events, stopped)
        return min(stopped, default=None)

    async def _take_chat(self, events: list[tuple[int, Taken]], stopped: list[int]) -> None:
        for number, event in events:
            if not await self._taken(number, event):
                stopped.append(number)
                return

    async def _hand_over(self, event: Taken) -> None:
        match event:
            case Inbound():
                await self._host.accept(event)
            case Filed():
                await self._host.accept(event.event)
                self._files.fetch(event.event, event.file, rest_within=event.rest_within)
            case Press():
                await self._presses.answer(event)

    async def _taken(self, number: int, event: Taken) -> bool:
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

    def _is_to_blame(self, number: int) -> bool:
        """Whether the fault is the update's own, so that it is passed over."""
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


async def first(calls: Calls, host: AdapterHost) -> list[object]:
    """Ask once without waiting: afterwards updates can flow. Raises what a poll raises."""
    found = await calls.updates(None, KINDS, wait=False)
    host.beat()
    return found


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
