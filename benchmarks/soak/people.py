"""People at the page during a soak: each says the next thing when the last is answered and a while is over."""

import trio
from attrs import define, field, frozen

from benchmarks.fakes.talk import SESSION, TOLD
from benchmarks.page import Page
from benchmarks.soak.clock import Clock
from benchmarks.soak.trace import Tally, Told

# Seconds between an answer and the next thing.
PAUSE = 1.0


@frozen
class _Said:
    mark: str
    """Empty: a command."""
    at: float


@define(eq=False)
class Visitor:
    """One chat, and what became of it."""

    page: Page
    _clock: Clock
    _said: dict[str, _Said] = field(factory=dict[str, _Said])
    """By event."""
    _answered: dict[str, float] = field(factory=dict[str, float])
    quiet: bool = False
    """Nothing new is said."""

    async def run(self) -> None:
        """Speak until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.page.run)
            while True:
                if not self.quiet:
                    await self._speak()
                await trio.sleep(PAUSE)

    async def _speak(self) -> None:
        number = len(self._said)
        event_id = f"{self.page.chat}.{number}"
        mark = "" if number % SESSION == SESSION - 1 else f"[[{event_id}]]"
        self._said[event_id] = _Said(mark, self._clock.now())
        await self.page.send(event_id, f"hello {mark}" if mark else "/new")
        await self.page.until_answered(event_id)
        self._answered[event_id] = self._clock.now()

    @property
    def waits(self) -> bool:
        return len(self._answered) < len(self._said)

    def add_to(self, tally: Tally) -> None:
        """What was seen so far."""
        for event_id, said in self._said.items():
            tally.said += 1
            texts = list(self.page.answers.get(event_id, {}).values())
            answers = [text for text in texts if said.mark in text]
            why = next((why for text in texts for why in TOLD if why in text), "")
            if answers:
                tally.answered += 1
            elif why:
                tally.told.append(Told(said.at, self._answered.get(event_id, self._clock.now()), why))
            else:
                tally.lost.append(event_id)
            if len(answers) > 1:
                tally.doubled.append(event_id)
        order = [event_id for event_id in self.page.answers if event_id in self._said]
        tally.out_of_order += sum(one != other for one, other in zip(order, self._said, strict=False))
