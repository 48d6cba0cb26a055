"""The page while something else is in trouble, beside the page while all is well, in the same run.

1. Fifty people write to the bot at a steady pace all the while. Slices of a few seconds alternate: well, in trouble,
   well, in the next trouble; after each it is waited until the people are answered again.
2. **A turn** is from the sending of a message to its whole answer, with a model that is well and answers at once, while
   the Bot API is in trouble. A session is renewed in between, so that it does not grow; that is not measured.
3. **The page's own first response** is measured while the model is in trouble: a message's acknowledgement (it is on
   the disk), and the answer to ``/status``, which needs no model. A turn of the chat waits for the model meanwhile.
4. A ratio is taken between all latencies of a trouble and all of the slices in which all was well.
"""

from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from math import ceil
from statistics import median
from typing import cast

import trio
from attrs import define, field

from benchmarks.fakes.talk import SESSION
from benchmarks.fakes.trouble import Trouble
from benchmarks.figures import Samples
from benchmarks.gateway import Failed, gateway
from benchmarks.measures import Contestant
from benchmarks.page import Page
from benchmarks.products import API_KEY
from benchmarks.services import Service, Told

ROUNDS = 3

# Seconds of one slice: some hundred turns.
SLICE = 4.0

PEOPLE, EVERY = 50, 5.0
"""Ten things a second, a tenth of what one core answers: the page is to meet trouble, not a queue for the processor."""

FIRST = 6_000
"""The first of the people's chats."""

BOT_API = tuple(kind.value for kind in Trouble if kind and kind is not Trouble.LOST)
MODEL = ("down", "slow")

# People are answered again when so many answers of the model came since, and hardly more is open than ten a second
# leave open on a machine that is busy. What piles up in a trouble is one a person.
_ANSWERS, _OPEN = 5, 15

# Seconds until then: a poll in a black hole is given up after 25.
_ANSWERED_WITHIN = 90.0

# Seconds for one response: far beyond the slowest.
_RESPONSE_WITHIN = 30.0

_LOOK = 0.2

Slice = Callable[[str], Awaitable[None]]


@define(eq=False)
class Latencies:
    """Milliseconds, by what was measured and what was in trouble; "well" is nothing."""

    found: dict[tuple[str, str], list[float]] = field(factory=dict[tuple[str, str], list[float]])

    def add(self, what: str, trouble: str, seconds: float) -> None:
        self.found.setdefault((what, trouble), []).append(seconds * 1000)


def page(contestant: Contestant, samples: Samples) -> None:
    """All of it, once. Raises ``Failed``."""
    contestant.world.reset()
    latencies = Latencies()
    with gateway(contestant.gateway()) as running:
        running.start()
        trio.run(_Visit(contestant, latencies).run)
    for key, value in figures(latencies):
        samples.add(key, contestant.name, value)


WELL = "well"


def figures(latencies: Latencies) -> list[tuple[str, float]]:
    """Median and p99 where all is well, in milliseconds, and the ratio of each trouble's to it."""
    told: list[tuple[str, float]] = []
    for (what, trouble), found in latencies.found.items():
        well = latencies.found[what, WELL]
        for name, of in (("", median), (".p99", p99)):
            if trouble == WELL:
                told.append((f"page.{what}{name}", of(found)))
            else:
                told.append((f"page.{what}.{trouble}{name}", of(found) / of(well)))
    return told


def p99(values: Sequence[float]) -> float:
    """The nearest rank: at least 99 % are no greater."""
    return sorted(values)[ceil(0.99 * len(values)) - 1]


@define(eq=False)
class _Visit:
    _contestant: Contestant
    _latencies: Latencies
    _number: int = 0

    async def run(self) -> None:
        # A further message would interrupt what is being answered.
        await self._ask("talk", {"first": FIRST, "chats": PEOPLE, "every": EVERY, "seed": 1, "most": 1})
        pages = [Page(self._contestant.product.port, API_KEY, chat) for chat in ("turns", "commands")]
        failure: Failed | None = None
        async with trio.open_nursery() as nursery:
            for one in pages:
                nursery.start_soon(one.run)
            try:
                await self._rounds(*pages)
            except Failed as failed:
                # As it is, and not as a group of the nursery's.
                failure = failed
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _rounds(self, turns: Page, commands: Page) -> None:
        world = self._contestant.world
        for _ in range(ROUNDS):
            await self._alternate(world.bot_api, BOT_API, partial(self._turns, turns))
            await self._alternate(world.model, MODEL, partial(self._commands, commands))

    async def _alternate(self, service: Service, troubles: Sequence[str], measure: Slice) -> None:
        for trouble in troubles:
            await measure(WELL)
            await _call(service, "trouble", {"kind": trouble})
            await measure(trouble)
            await _call(service, "trouble", {"kind": ""})
            await self._until_well()

    async def _turns(self, page: Page, trouble: str) -> None:
        ends = trio.current_time() + SLICE
        while trio.current_time() < ends:
            if self._number % SESSION == 0:
                await self._answered(page, "/new")
            begun = trio.current_time()
            await self._answered(page, "hello")
            self._latencies.add("turn", trouble, trio.current_time() - begun)

    async def _commands(self, page: Page, trouble: str) -> None:
        ends = trio.current_time() + SLICE
        await page.send(self._next_id(), "hello")
        while trio.current_time() < ends:
            event_id, begun = self._next_id(), trio.current_time()
            with _patience("/status"):
                await page.send(event_id, "/status")
                await page.until_accepted(event_id)
                self._latencies.add("accepted", trouble, trio.current_time() - begun)
                await page.until_answered(event_id)
            self._latencies.add("status", trouble, trio.current_time() - begun)

    async def _answered(self, page: Page, text: str) -> None:
        event_id = self._next_id()
        with _patience(text):
            await page.send(event_id, text)
            await page.until_answered(event_id)

    async def _until_well(self) -> None:
        with _patience("what people say", _ANSWERED_WITHIN):
            before, _ = await self._people()
            while True:
                answers, still_open = await self._people()
                if answers >= before + _ANSWERS and still_open <= _OPEN:
                    return
                await trio.sleep(_LOOK)

    async def _people(self) -> tuple[int, int]:
        """How much the model answered so far, and how much is open."""
        told = await self._ask("told")
        return len(cast(list[float], told["answers"])), len(cast(list[str], told["open"]))

    async def _ask(self, path: str, given: object = None) -> Told:
        return await _call(self._contestant.world.bot_api, path, given)

    def _next_id(self) -> str:
        self._number += 1
        return f"p.{self._number}"


async def _call(service: Service, path: str, given: object = None) -> Told:
    return await trio.to_thread.run_sync(partial(service.ask, path, given))


@contextmanager
def _patience(what: str, seconds: float = _RESPONSE_WITHIN) -> Generator[None]:
    """Raises ``Failed`` when it takes longer."""
    try:
        with trio.fail_after(seconds):
            yield
    except trio.TooSlowError:
        raise Failed(f"the page: {what} was not answered within {seconds:g} s") from None
