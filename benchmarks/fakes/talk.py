"""People who write at a steady pace for as long as they are let, and what a person would call lost, doubled or out of
order. Pure: times are handed in.

1. Each writes every ``every`` seconds on average, whether the last was answered or not, but has at most ``most``
   things unanswered. Every ``RUN_EVERY``th asks for a tool. After ``SESSION`` things, all answered, comes ``/new``.
2. An **answer** is a message of the bot with the mark of what was said; to a command, any that replies to it. **Told**
   is who got a reply that says openly that there is no answer (``TOLD``). All else is still **open**.
3. **Doubled** is what stands in two messages that do not say that they may be repetitions. **Out of order** is what was
   first answered or told after a later thing of the same chat was.
"""

from collections.abc import Callable
from random import Random

from attrs import define, field, frozen

from benchmarks.fakes.chats import REPETITION
from benchmarks.fakes.model import MARK

# Someone who has three unanswered waits. It bounds what a long fault piles up.
MOST_OPEN = 3

# Things of a session: a request holds all of its session, so that one that grew would take more for good reason.
SESSION = 20

RUN_EVERY = 5

RUN = "please run `true`"
"""What makes the fake model ask for a tool."""

TOLD = (
    "The model cannot be reached just now",
    "The model's answer could not be used",
    "It can be asked again in",
    "Something went wrong twice while I worked",
    "A message for this chat may be missing",
)
"""How a gateway of ours says that something will not be answered."""


@frozen
class Pace:
    """One steady load."""

    first: int
    """Number of the first chat; the others follow it."""
    chats: int
    every: float
    """Seconds between two things of one person, on average."""
    seed: int = 0
    most: int = MOST_OPEN
    """Things of one person that are open at most."""


@define
class Said:
    """One thing that a person said."""

    number: int
    mark: str
    """Empty: a command."""
    at: float
    answered_at: float | None = None
    told_at: float | None = None
    why: str = ""
    """What was told."""
    copies: set[int] = field(factory=set[int])
    """Messages of the bot in which it stands unmarked."""

    @property
    def open(self) -> bool:
        return self.answered_at is None and self.told_at is None


@define
class _Person:
    said: dict[int, Said] = field(factory=dict[int, Said])
    """By message id."""
    marks: dict[str, int] = field(factory=dict[str, int])
    waiting: int = 0
    session: int = 0
    settled: int = -1
    """The latest thing, by number, that was answered or told."""


@define(eq=False)
class Talk:
    """See the rules. ``put`` brings a text of a chat to where the bot's poll finds it, and returns its message id."""

    pace: Pace
    _put: Callable[[int, str], int]
    out_of_order: int = 0
    marked: int = 0
    """Messages that say that they may be repetitions."""
    _random: Random = field(init=False)
    _people: dict[int, _Person] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._random = Random(self.pace.seed)
        self._people = {number: _Person() for number in range(self.pace.first, self.pace.first + self.pace.chats)}

    @property
    def chats(self) -> list[int]:
        return list(self._people)

    def pause(self) -> float:
        """Seconds until a person's next try to speak."""
        return self._random.expovariate(1 / self.pace.every)

    def speak(self, chat: int, now: float) -> None:
        """One person says the next thing, unless it is time to wait."""
        person = self._people[chat]
        if person.session >= SESSION:
            if not person.waiting:
                person.session = 0
                self._say(chat, person, "/new", "", now)
        elif person.waiting < self.pace.most and not self._begins(person):
            number = len(person.said)
            person.session += 1
            mark = f"[[t{chat}.{number}]]"
            self._say(chat, person, f"hello {mark}" + (f" {RUN}" if number % RUN_EVERY == 0 else ""), mark, now)

    def stands(self, chat: int, message_id: int, text: str, replies_to: int, now: float) -> None:
        """A message of the bot, sent or edited."""
        person = self._people.get(chat)
        if person is None:
            return
        marked = REPETITION in text
        self.marked += marked
        found = {person.marks[mark] for mark in MARK.findall(text.replace("\\", "")) if mark in person.marks}
        replied = person.said.get(replies_to)
        if replied is not None and not replied.mark:
            found.add(replies_to)
        for said in (person.said[number] for number in found):
            if not marked:
                said.copies.add(message_id)
            if said.answered_at is None:
                self._settle(person, said)
                said.answered_at = now
        if replied is not None and replied.open and (why := next((each for each in TOLD if each in text), "")):
            self._settle(person, replied)
            replied.told_at, replied.why = now, why

    def told(self) -> dict[str, object]:
        """The counts, the times of answers of the model, and those of what was told in place of an answer."""
        every = [said for person in self._people.values() for said in person.said.values()]
        return {
            "said": len(every),
            "answered": sum(said.answered_at is not None for said in every),
            "answers": sorted(said.answered_at for said in every if said.answered_at is not None and said.mark),
            "told": [[said.at, said.told_at, said.why] for said in every if said.told_at is not None],
            "open": [said.mark or "/new" for said in every if said.open],
            "doubled": [said.mark or "/new" for said in every if len(said.copies) > 1],
            "out_of_order": self.out_of_order,
            "marked": self.marked,
        }

    def _begins(self, person: _Person) -> bool:
        """A session that is being renewed is waited for."""
        return person.session == 0 and person.waiting > 0

    def _say(self, chat: int, person: _Person, text: str, mark: str, now: float) -> None:
        message_id = self._put(chat, text)
        person.said[message_id] = Said(len(person.said), mark, now)
        if mark:
            person.marks[mark] = message_id
        person.waiting += 1

    def _settle(self, person: _Person, said: Said) -> None:
        if not said.open:
            return
        person.waiting -= 1
        self.out_of_order += said.number < person.settled
        person.settled = max(person.settled, said.number)
