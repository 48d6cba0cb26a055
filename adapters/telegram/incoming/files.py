"""Fetches the files of messages that are in the inbox, and hands each over as a further part of its message.

1. What is wanted outlives the stream that brought it: a network that is gone ends the stream, whose update is confirmed
   by then. So the end of ``run`` only interrupts a file, and the next ``run`` goes on with it.
2. A file is tried until its time is over. Its turn is told what became of it, whatever that is.
"""

import logging
from pathlib import Path

import trio
from attrs import define, evolve, field

from adapters.contract import AdapterHost
from adapters.telegram.calls import Calls
from adapters.telegram.incoming.media import FETCH_WITHIN, MOST_BYTES, Attachment, keep, told
from hermes.errors import ActorCrashed, HermesError, Refused, TransientError, Unavailable
from hermes.events import Inbound

# Files that are fetched at a time: each is held in memory.
AT_A_TIME = 4

# Files that may wait for their turn; an album has ten.
MOST = 100

# Seconds between two tries to fetch a file, and to hand a part over.
AGAIN = 1.0

log = logging.getLogger(__name__)


@define(eq=False)
class _Wanted:
    """A file on its way."""

    event: Inbound
    file: Attachment
    rest_within: float
    """Seconds for further parts once all files of the utterance are there."""
    until: float
    """By trio's clock."""
    text: str = ""
    """What became of it; empty as long as nobody knows."""


@define(eq=False)
class Files:
    """Of one bot. They are fetched while ``run`` runs."""

    _calls: Calls
    _cache: Path
    _running: tuple[trio.Nursery, AdapterHost] | None = None
    _places: trio.CapacityLimiter = field(factory=lambda: trio.CapacityLimiter(AT_A_TIME))
    _turn_to_tell: trio.Lock = field(factory=trio.Lock)
    """Parts are handed over one at a time: the one that comes last says that its turn need not wait for more."""
    _wanted: dict[str, _Wanted] = field(factory=dict[str, _Wanted])
    """By the event that brought it."""

    async def run(self, host: AdapterHost) -> None:
        """Until cancelled."""
        try:
            async with trio.open_nursery() as nursery:
                self._running = nursery, host
                for wanted in self._wanted.values():
                    nursery.start_soon(self._settle, wanted, host)
                await trio.sleep_forever()
        finally:
            self._running = None

    @property
    def has_room(self) -> bool:
        return len(self._wanted) < MOST

    def fetch(self, event: Inbound, file: Attachment, *, rest_within: float) -> None:
        """Begin to, once. ``rest_within``: seconds for further parts once all files are there."""
        if event.event_id in self._wanted:
            return
        wanted = _Wanted(event, file, rest_within, trio.current_time() + FETCH_WITHIN)
        self._wanted[event.event_id] = wanted
        if self._running is not None:
            nursery, host = self._running
            nursery.start_soon(self._settle, wanted, host)

    async def _settle(self, wanted: _Wanted, host: AdapterHost) -> None:
        wanted.text = wanted.text or await self._fetched(wanted)
        async with self._turn_to_tell:
            await self._tell(wanted, host)

    async def _tell(self, wanted: _Wanted, host: AdapterHost) -> None:
        event = wanted.event
        others = any(
            other is not wanted and other.event.utterance == event.utterance for other in self._wanted.values()
        )
        more = FETCH_WITHIN if others else wanted.rest_within
        part = evolve(event, event_id=f"{event.event_id}:file", text=wanted.text, more_within=more)
        await _hand_over(part, host)
        del self._wanted[event.event_id]

    async def _fetched(self, wanted: _Wanted) -> str:
        """What is told of it. Cancelled: it is still wanted."""
        with trio.move_on_at(wanted.until):
            while True:
                try:
                    return await self._once(wanted.file)
                except TransientError as error:
                    log.info("a file of message %s is tried again: %s", wanted.event.message_id, error)
                    await trio.sleep(AGAIN)
                except (HermesError, OSError) as error:
                    log.warning("a file of message %s was not fetched: %s", wanted.event.message_id, error)
                    break
        return f"[The {wanted.file.called} could not be fetched]"

    async def _once(self, file: Attachment) -> str:
        async with self._places:
            content = await self._calls.fetch(file.file_id)
            if len(content) > MOST_BYTES:
                raise Refused(f"it has more than {MOST_BYTES} bytes")
            path = await trio.to_thread.run_sync(keep, self._cache, file, content)
            return told(file, path, content)


async def _hand_over(part: Inbound, host: AdapterHost) -> None:
    """Until the store takes it; what waits for it begins without it when its time is over."""
    while True:
        try:
            await host.accept(part, further=True)
            return
        except (TransientError, Unavailable, ActorCrashed):
            await trio.sleep(AGAIN)
        except HermesError as error:
            log.warning("what became of a file is not told: %s", error)
            return
