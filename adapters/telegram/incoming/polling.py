"""The stream of updates: a long poll after the other, each of which confirms what the inbox holds.

Rules:

1. The offset goes past an update only when the inbox has it, or a rule dropped it. It is not kept over a restart: the
   server knows what was confirmed, and the inbox knows the rest by the update's number. Nor is it kept once a poll
   was answered by nothing: all is confirmed then, and after a quiet week Telegram begins to count anew, anywhere.
2. The chats of one answer are taken in together, so that they share a flush of the disk; the updates of one chat in
   their order.
3. What the inbox cannot take just now stays with the server, which is asked for it again after a pause.
4. An answer to a poll is a proven round trip. Whatever ends the polling is raised: the supervisor waits and starts
   anew, for ever where that can help.
"""

import logging

import trio
from attrs import define

from adapters.contract import AdapterHost
from adapters.telegram.calls import Calls
from adapters.telegram.incoming.events import KINDS, chat_of, update_id
from adapters.telegram.incoming.intake import Intake, Taken

# Seconds between two tries at what the inbox did not take.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 5.0

# Seconds between two polls whose answers held nothing that can be confirmed: a server that does this is not ours.
NOTHING_PAUSE = 1.0

log = logging.getLogger(__name__)


@define(eq=False)
class Polling:
    """One incarnation of the stream."""

    _calls: Calls
    _intake: Intake
    _host: AdapterHost
    _offset: int | None = None
    _pause: float = FIRST_PAUSE

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
            event = self._intake.read(number, raw)
            if event is not None:
                chats.setdefault(chat_of(event), []).append((number, event))
        stopped: list[int] = []
        async with trio.open_nursery() as nursery:
            for events in chats.values():
                nursery.start_soon(self._take_chat, events, stopped)
        return min(stopped, default=None)

    async def _take_chat(self, events: list[tuple[int, Taken]], stopped: list[int]) -> None:
        for number, event in events:
            if not await self._intake.take(number, event):
                stopped.append(number)
                return


async def first(calls: Calls, host: AdapterHost) -> list[object]:
    """Ask once without waiting: afterwards updates can flow. Raises what a poll raises."""
    found = await calls.updates(None, KINDS, wait=False)
    host.beat()
    return found
