"""The chats of one bot: what stands in each, and the people who write to it in a closed loop.

1. A person says the next thing when the last one is answered: the answer is whatever message of the bot carries the
   mark (``[[word]]``) of what was said, be it sent or edited in. Other messages are counted and nothing more.
2. Time is ``time.monotonic()``, which is one clock for all processes of a machine.
3. A mark that stands in two messages is doubled, unless the later one says openly that it may be a repetition.
"""

import time
from collections.abc import Callable

from attrs import define, field, frozen

from benchmarks.fakes.model import MARK

# How a gateway of ours says that what follows may stand in the chat already.
REPETITION = "Perhaps a repetition"


@frozen
class Loop:
    """One run of many people at once."""

    first: int
    """Number of the first chat; the others follow it."""
    chats: int
    seconds: float
    """Nobody says anything new after so long; 0: everybody speaks once."""


@define(eq=False)
class Running:
    """A loop that goes on, and what it measured."""

    loop: Loop
    begun: float
    finished: Callable[[], None]
    asked: dict[int, tuple[str, float]] = field(factory=dict[int, tuple[str, float]])
    """By chat: the mark that is not answered yet, and when it was said."""
    latencies: list[float] = field(factory=list[float])
    """Seconds, of every answer."""
    inside: int = 0
    """Answers within the loop's seconds."""
    last: float = 0.0
    """Seconds from the beginning to the latest answer."""
    ended: bool = False

    def told(self) -> dict[str, object]:
        return {
            "answered": len(self.latencies),
            "inside": self.inside,
            "unanswered": len(self.asked),
            "last": self.last,
            "latencies": [round(latency, 5) for latency in self.latencies],
        }


@define(eq=False)
class Chats:
    """See the rules. ``say`` puts a person's text where the bot's poll finds it."""

    _say: Callable[[int, str], object]
    _texts: dict[int, dict[int, str]] = field(factory=dict[int, dict[int, str]])
    _numbers: int = 0
    _running: Running | None = None

    def begin(self, loop: Loop, finished: Callable[[], None]) -> Running:
        """Everybody speaks. ``finished`` is called once, when all are answered after the time is up."""
        self._running = Running(loop, time.monotonic(), finished)
        for chat in range(loop.first, loop.first + loop.chats):
            self._speak(self._running, chat)
        return self._running

    def end(self, running: Running) -> None:
        """Nobody listens any more: what is unanswered stays so."""
        running.ended = True
        if self._running is running:
            self._running = None

    def say(self, chat: int) -> str:
        """One person says one thing; returns its mark."""
        self._numbers += 1
        mark = f"[[c{chat}.{self._numbers}]]"
        self._say(chat, f"hello {mark}")
        return mark

    def stands(self, chat: int, message_id: int, text: str) -> None:
        """A message of the bot, sent or edited."""
        self._texts.setdefault(chat, {})[message_id] = text
        running = self._running
        if running is not None and chat in running.asked:
            mark, since = running.asked[chat]
            if mark in MARK.findall(text.replace("\\", "")):
                self._answered(running, chat, since)

    def text(self, chat: int, message_id: int) -> str | None:
        return self._texts.get(chat, {}).get(message_id)

    def delete(self, chat: int, message_id: int) -> None:
        self._texts.get(chat, {}).pop(message_id, None)

    def copies(self) -> dict[str, int]:
        """By mark, in how many messages it stands that do not say that they may be a repetition."""
        found: dict[str, int] = {}
        for texts in self._texts.values():
            for text in texts.values():
                if REPETITION not in text:
                    for mark in set(MARK.findall(text.replace("\\", ""))):
                        found[mark] = found.get(mark, 0) + 1
        return found

    def marked(self) -> int:
        """Messages that say that they may be a repetition."""
        return sum(REPETITION in text for texts in self._texts.values() for text in texts.values())

    def forget(self) -> None:
        self._texts.clear()

    def _speak(self, running: Running, chat: int) -> None:
        running.asked[chat] = (self.say(chat), time.monotonic())

    def _answered(self, running: Running, chat: int, since: float) -> None:
        now = time.monotonic()
        del running.asked[chat]
        running.latencies.append(now - since)
        running.last = now - running.begun
        if running.last < running.loop.seconds:
            running.inside += 1
            self._speak(running, chat)
        elif not running.asked and not running.ended:
            self.end(running)
            running.finished()
