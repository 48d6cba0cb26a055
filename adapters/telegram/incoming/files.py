"""Fetches the files of messages that are in the inbox, and hands each over as a further part of its message."""

import logging
from collections import Counter
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

# Seconds between two tries to hand a part over.
AGAIN = 1.0

log = logging.getLogger(__name__)


@define(eq=False)
class Files:
    """Of one incarnation of the stream, whose end ends what is being fetched."""

    _calls: Calls
    _host: AdapterHost
    _nursery: trio.Nursery
    _cache: Path
    _places: trio.CapacityLimiter = field(factory=lambda: trio.CapacityLimiter(AT_A_TIME))
    _waiting: Counter[str] = field(factory=Counter[str])
    """Files that are on their way, by utterance."""

    def fetch(self, event: Inbound, file: Attachment, *, rest_within: float) -> None:
        """Begin to. ``rest_within``: seconds for further parts once all files are there."""
        if self._waiting.total() >= MOST:
            log.warning("a file of message %s is not fetched: %d others are waiting", event.message_id, MOST)
            return
        self._waiting[event.utterance] += 1
        self._nursery.start_soon(self._fetch, event, file, rest_within)

    async def _fetch(self, event: Inbound, file: Attachment, rest_within: float) -> None:
        text = f"[The {file.called} could not be fetched]"
        try:
            with trio.move_on_after(FETCH_WITHIN):
                text = await self._fetched(file)
        except (HermesError, OSError) as error:
            log.warning("a file of message %s was not fetched: %s", event.message_id, error)
        finally:
            self._waiting[event.utterance] -= 1
        others = self._waiting[event.utterance] > 0
        if not others:
            del self._waiting[event.utterance]
        more = FETCH_WITHIN if others else rest_within
        await self._hand_over(evolve(event, event_id=f"{event.event_id}:file", text=text, more_within=more))

    async def _fetched(self, file: Attachment) -> str:
        async with self._places:
            content = await self._calls.fetch(file.file_id)
            if len(content) > MOST_BYTES:
                raise Refused(f"it has more than {MOST_BYTES} bytes")
            path = await trio.to_thread.run_sync(keep, self._cache, file, content)
            return told(file, path, content)

    async def _hand_over(self, part: Inbound) -> None:
        """Until the store takes it; what waits for it begins without it when its time is over."""
        while True:
            try:
                await self._host.accept(part)
                return
            except (TransientError, Unavailable, ActorCrashed):
                await trio.sleep(AGAIN)
            except HermesError as error:
                log.warning("what became of a file is not told: %s", error)
                return
