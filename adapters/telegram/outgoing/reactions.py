"""What becomes of a message, shown by a reaction on it: seen, answered, failed.

Rules:

1. A reaction is worth nothing beside a message: a pause that holds back the messages of a chat holds back its
   reactions too, but one that a reaction is answered by is kept by the reactions alone. Few are under way at a time.
2. One request a message at a time, and the newest wins: a turn that is over at once shows only how it ended.
3. What fails is forgotten. It is tried again only where the server asked for a pause, and says for how long.
"""

import logging
from collections import OrderedDict

import trio
from attrs import define, field

from adapters.telegram.calls import Calls
from hermes.errors import HermesError, RateLimited
from hermes.events import Draft, DraftState, Verdict

SEEN = "\N{EYES}"

SHOWN = {Verdict.ANSWERED: "\N{THUMBS UP SIGN}", Verdict.FAILED: "\N{THUMBS DOWN SIGN}", Verdict.DROPPED: ""}
"""Of those that Telegram allows everywhere (Bot API, ReactionTypeEmoji); empty: none."""

MOST_SEEN = 2000
"""Messages whose turns run, of which it is remembered that they were seen; one that is forgotten is shown again."""

MOST_WANTED = 500
"""Reactions that wait or are on their way; beyond it one is left out."""

AT_A_TIME = 4
"""Requests at a time: they share a hundred connections with the messages."""

LONGEST_PAUSE = 60.0
"""Seconds of a pause after which nobody looks for the reaction any more."""

TRIES = 3
"""A server that asks for a pause again and again wants no reactions."""

Message = tuple[str, str]
"""Chat and message."""

log = logging.getLogger(__name__)


@define(eq=False)
class Reactions:
    """Of one bot. They are given while ``run`` runs."""

    _calls: Calls
    _nursery: trio.Nursery | None = None
    _seen: OrderedDict[Message, None] = field(factory=OrderedDict[Message, None])
    _wanted: dict[Message, str] = field(factory=dict[Message, str])
    """By message, what it is to show; under way too."""
    _places: trio.CapacityLimiter = field(factory=lambda: trio.CapacityLimiter(AT_A_TIME))
    _paused_until: float = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        try:
            async with trio.open_nursery() as self._nursery:
                await trio.sleep_forever()
        finally:
            self._nursery = None
            self._seen.clear()
            self._wanted.clear()

    def show(self, draft: Draft) -> None:
        """What is told of a turn."""
        for message_id in draft.messages if self._nursery is not None else ():
            message = (draft.source.chat_id, message_id)
            if draft.state is not DraftState.ENDED:
                self._see(message)
            elif draft.verdict is not None:
                self._end(message, SHOWN[draft.verdict])

    def _see(self, message: Message) -> None:
        if message not in self._seen:
            self._seen[message] = None
            if len(self._seen) > MOST_SEEN:
                self._seen.popitem(last=False)
            self._want(message, SEEN)

    def _end(self, message: Message, emoji: str) -> None:
        seen = message in self._seen
        self._seen.pop(message, None)
        if seen or emoji:
            self._want(message, emoji)

    def _want(self, message: Message, emoji: str) -> None:
        if message in self._wanted:
            self._wanted[message] = emoji
        elif self._nursery is not None and len(self._wanted) < MOST_WANTED:
            self._wanted[message] = emoji
            self._nursery.start_soon(self._settle, message)

    async def _settle(self, message: Message) -> None:
        """Until it shows what is wanted, or cannot."""
        try:
            for _ in range(TRIES):
                pause = max(self._calls.flood.left(message[0]), self._paused_until - trio.current_time())
                if pause > LONGEST_PAUSE:
                    return
                await trio.sleep(max(0.0, pause))
                if await self._given(message):
                    return
        finally:
            self._wanted.pop(message, None)

    async def _given(self, message: Message) -> bool:
        """False where it may be tried again after a pause."""
        shown: str | None = None
        async with self._places:
            while shown != (emoji := self._wanted[message]):
                try:
                    await self._calls.react(*message, emoji)
                except RateLimited as limit:
                    self._paused_until = trio.current_time() + limit.retry_after
                    return False
                except HermesError as error:
                    log.debug("a reaction is left out: %s", error)
                    return True
                shown = emoji
        return True
