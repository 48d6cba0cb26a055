"""The sign that the bot is at work in a chat ("typing ..."), as long as a turn runs there and waits for nobody.

Telegram shows it for 5 s at a time, so it is repeated. It is never worth a word about its failing.
"""

from functools import partial

import trio
from attrs import define, field

from adapters.telegram.calls import Calls
from hermes.errors import AuthError, HermesError, RateLimited, Refused
from hermes.events import Draft, DraftState, Source

# Seconds of a turn without a sign: most commands are over by then, and a call each is saved.
AFTER = 0.25

# Seconds between two signs; each is shown for 5 s.
AGAIN = 4.5

# Seconds without news of a turn after which it counts as gone: drafts may be skipped, the one that ends it too.
FORGOTTEN = 1800.0

# Chats that have a sign at a time; beyond it one goes without.
MOST = 1000

# Signs that are given at a time: they share connections with the messages, which come first.
AT_A_TIME = 16

Place = tuple[str, str]


@define(eq=False)
class Presence:
    """Of one bot. Signs are given while ``run`` runs."""

    _calls: Calls
    _nursery: trio.Nursery | None = None
    _at_work: dict[Place, "_Sign"] = field(factory=dict[Place, "_Sign"])
    _places: trio.CapacityLimiter = field(factory=lambda: trio.CapacityLimiter(AT_A_TIME))

    async def run(self) -> None:
        """Until cancelled."""
        try:
            async with trio.open_nursery() as self._nursery:
                await trio.sleep_forever()
        finally:
            self._nursery = None
            self._at_work.clear()

    def show(self, draft: Draft) -> None:
        """What is told of a turn."""
        place = _place(draft.source)
        if draft.state in (DraftState.ENDED, DraftState.WAITING):
            self.stop(draft.source, draft.turn_id)
        elif (sign := self._at_work.get(place)) is not None:
            sign.turns[draft.turn_id] = trio.current_time()
        elif self._nursery is not None and len(self._at_work) < MOST:
            sign = self._at_work[place] = _Sign({draft.turn_id: trio.current_time()})
            self._nursery.start_soon(partial(self._give, place, sign))

    def stop(self, source: Source, turn_id: str) -> None:
        """The turn has said what it had to say there, or waits for an answer."""
        sign = self._at_work.get(_place(source))
        if sign is not None and sign.turns.pop(turn_id, None) is not None and not sign.turns:
            del self._at_work[_place(source)]
            sign.scope.cancel()

    async def _give(self, place: Place, sign: "_Sign") -> None:
        with sign.scope:
            await trio.sleep(AFTER)
            while sign.is_wanted():
                if (pause := await self._once(place)) is None:
                    break
                await trio.sleep(pause)
        if self._at_work.get(place) is sign:
            del self._at_work[place]

    async def _once(self, place: Place) -> float | None:
        """Seconds to the next one; None when there is no use in another."""
        try:
            async with self._places:
                await self._calls.typing(*place)
        except (Refused, AuthError):
            return None
        except RateLimited as limit:
            return max(AGAIN, limit.retry_after)
        except HermesError:
            pass
        return AGAIN


@define(eq=False)
class _Sign:
    turns: dict[str, float]
    """When there was news of each turn that runs there: in a group everybody may have one."""
    scope: trio.CancelScope = field(factory=trio.CancelScope)

    def is_wanted(self) -> bool:
        """Whether a turn runs there; those without news are forgotten."""
        since = trio.current_time() - FORGOTTEN
        self.turns = {turn_id: last for turn_id, last in self.turns.items() if last > since}
        return bool(self.turns)


def _place(source: Source) -> Place:
    return source.chat_id, source.thread_id
