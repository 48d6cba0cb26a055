"""Fetches the files of messages that are in the inbox, and hands each over as a further part of its message.

1. What is wanted outlives the stream that brought it: a network that is gone ends the stream, whose update is confirmed
   by then. So the end of ``run`` only interrupts a file, and the next ``run`` goes on with it.
2. What is wanted outlives the process, too: it stands in the journal with its message, and is wanted until its part
   stands there. The next process takes it up before it begins any turn, so that the turn waits for it. Where the turn
   has begun already, the part is a message of its own, as it is within one process; where it was given up, or ended
   more than an hour ago, the file is not fetched any more.
3. A file is tried until its time is over. Its turn is told what became of it, whatever that is.
"""

import logging
from pathlib import Path

import trio
from attrs import define, evolve, field

from adapters.contract import AdapterHost
from adapters.telegram.calls import Calls
from adapters.telegram.chats import PLATFORM
from adapters.telegram.incoming.media import FETCH_WITHIN, MOST_BYTES, Attachment, Wanted, keep, read_note, told
from hermes.errors import ActorCrashed, HermesError, Refused, TransientError, Unavailable
from hermes.events import FILE_PART, Inbound

# Files that are fetched at a time: each is held in memory.
AT_A_TIME = 4

# Files that may wait for their turn; an album has ten.
MOST = 100

# Seconds between two tries to fetch a file, and to hand a part over.
AGAIN = 1.0

log = logging.getLogger(__name__)


@define(eq=False)
class _Coming:
    """A file on its way."""

    event: Inbound
    wanted: Wanted
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
    _coming: dict[str, _Coming] = field(factory=dict[str, _Coming])
    """By the event that brought it."""
    _taken_up: bool = False
    """Whether it is known what an earlier process has left."""

    async def run(self, host: AdapterHost) -> None:
        """Until cancelled."""
        try:
            async with trio.open_nursery() as nursery:
                self._running = nursery, host
                for coming in self._coming.values():
                    nursery.start_soon(self._settle, coming, host)
                await trio.sleep_forever()
        finally:
            self._running = None

    async def take_up(self, host: AdapterHost, account: str) -> None:
        """Fetch what an earlier process has left; once, since this one remembers.

        To be called when Telegram answers, since the time of these files begins now, and before any turn is begun.
        Raises ``TransientError`` when the store does not tell. Cancelled: it is asked again.
        """
        if self._taken_up:
            return
        try:
            left = await host.await_files(PLATFORM, account, FETCH_WITHIN)
        except Unavailable as error:
            raise TransientError(f"which files were on their way is not known: {error}") from error
        for event in left:
            log.info("the file of message %s is fetched after a restart", event.message_id)
            self.fetch(event, read_note(event.attachment))
        self._taken_up = True

    @property
    def has_room(self) -> bool:
        return len(self._coming) < MOST

    def fetch(self, event: Inbound, wanted: Wanted) -> None:
        """Begin to, once."""
        if event.event_id in self._coming:
            return
        coming = _Coming(event, wanted, trio.current_time() + FETCH_WITHIN)
        self._coming[event.event_id] = coming
        if self._running is not None:
            nursery, host = self._running
            nursery.start_soon(self._settle, coming, host)

    async def _settle(self, coming: _Coming, host: AdapterHost) -> None:
        coming.text = coming.text or await self._fetched(coming)
        async with self._turn_to_tell:
            await self._tell(coming, host)

    async def _tell(self, coming: _Coming, host: AdapterHost) -> None:
        event = coming.event
        others = any(
            other is not coming and other.event.utterance == event.utterance for other in self._coming.values()
        )
        more = FETCH_WITHIN if others else coming.wanted.rest_within
        event_id = f"{event.event_id}{FILE_PART}"
        part = evolve(event, event_id=event_id, text=coming.text, more_within=more, attachment="")
        await _hand_over(part, host)
        del self._coming[event.event_id]

    async def _fetched(self, coming: _Coming) -> str:
        """What is told of it. Cancelled: it is still wanted."""
        with trio.move_on_at(coming.until):
            while True:
                try:
                    return await self._once(coming.wanted.file)
                except TransientError as error:
                    log.info("a file of message %s is tried again: %s", coming.event.message_id, error)
                    await trio.sleep(AGAIN)
                except (HermesError, OSError) as error:
                    log.warning("a file of message %s was not fetched: %s", coming.event.message_id, error)
                    break
        return f"[The {coming.wanted.file.called} could not be fetched]"

    async def _once(self, file: Attachment) -> str:
        async with self._places:
            if not file.file_id:
                raise Refused("what was noted of it cannot be read")
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
