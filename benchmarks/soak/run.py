"""One run: the load, the plan of what goes wrong, and the readings beside it.

1. The fakes are processes of their own and are asked over HTTP; all that waits here is this process's own.
2. At the end nobody says anything new, nothing is in trouble, and what is open has ``SETTLE_WITHIN`` seconds.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import cast

import trio
from attrs import define, evolve, field

from benchmarks.gateway import Gateway
from benchmarks.page import Page
from benchmarks.products import API_KEY
from benchmarks.services import Told
from benchmarks.soak import trace as kept
from benchmarks.soak.clock import Clock
from benchmarks.soak.keeper import Keeper
from benchmarks.soak.people import Visitor
from benchmarks.soak.plan import Fault, Plan
from benchmarks.soak.recovery import recovered
from benchmarks.soak.trace import Span, Tally, Trace

CHATS = 40
EVERY = 1.6
"""Seconds between two things of one person of Telegram: together 25 a second, a quarter of what one core answers."""

VISITORS = 4

READINGS = 12
"""A round."""

# Seconds for what is open at the end: three times what the way back after a fault may take.
SETTLE_WITHIN = 90.0

# Seconds between two looks at what is open.
_LOOK = 0.5

Say = Callable[[str], None]


@define(eq=False)
class Soak:
    """What the tasks of one run share."""

    plan: Plan
    gateway: Gateway
    say: Say
    clock: Clock = field(factory=Clock)
    trace: Trace = field(init=False)
    keeper: Keeper = field(init=False)
    visitors: list[Visitor] = field(init=False)
    trouble: dict[str, str] = field(factory=dict[str, str])
    """By service, for whoever watches."""

    def __attrs_post_init__(self) -> None:
        planned = len(self.plan.faults), len(self.plan.kills)
        self.trace = Trace(self.plan.seed, self.plan.seconds, CHATS / EVERY * self.plan.seconds, planned)
        self.keeper = Keeper.of(self.gateway, self.clock, self.trace)
        pages = [Page(self.gateway.product.port, API_KEY, f"visitor-{number}") for number in range(VISITORS)]
        self.visitors = [Visitor(page, self.clock) for page in pages]

    async def run(self) -> Trace:
        """All of it. Cancelled: the gateway is running, and whoever made it ends it."""
        await self._ask("bot_api", "talk", {"first": 1, "chats": CHATS, "every": EVERY, "seed": self.plan.seed})
        async with trio.open_nursery() as nursery:
            await nursery.start(self.keeper.run)
            for visitor in self.visitors:
                nursery.start_soon(visitor.run)
            async with trio.open_nursery() as until_the_end:
                for fault in self.plan.faults:
                    until_the_end.start_soon(self._fault, fault)
                until_the_end.start_soon(self._kills)
                until_the_end.start_soon(self._read)
                until_the_end.start_soon(self._tell)
            await self._settle()
            nursery.cancel_scope.cancel()
        await self._count()
        return self.trace

    async def _fault(self, fault: Fault) -> None:
        await self._until(fault.begins)
        begins = self.clock.now()
        await self._trouble(fault.service, fault.kind)
        await self._until(fault.ends)
        await self._trouble(fault.service, "")
        self.trace.faults.append(Span(fault.service, fault.kind, begins, self.clock.now()))

    async def _trouble(self, service: str, kind: str) -> None:
        self.trouble[service] = kind
        await self._ask(service, "trouble", {"kind": kind})

    async def _kills(self) -> None:
        for at in self.plan.kills:
            await self._until(at)
            await self.keeper.kill()

    async def _read(self) -> None:
        step = self.plan.round / READINGS
        while self.clock.now() < self.plan.seconds:
            self.keeper.read()
            await trio.sleep(step)

    async def _tell(self) -> None:
        for number in range(1, round(self.plan.seconds / self.plan.round) + 1):
            await self._until(number * self.plan.round)
            told = await self._ask("bot_api", "told")
            self.say(progress(self.clock.now(), told, self.trace, self.trouble))

    async def _settle(self) -> None:
        await self._ask("bot_api", "quiet", {})
        for visitor in self.visitors:
            visitor.quiet = True
        with trio.move_on_after(SETTLE_WITHIN):
            await self._until_nothing_is_open()
        # What comes twice comes soon after.
        await trio.sleep(min(5.0, self.plan.round))

    async def _until_nothing_is_open(self) -> None:
        while True:
            told = await self._ask("bot_api", "told")
            if not told["open"] and not any(visitor.waits for visitor in self.visitors):
                return
            await trio.sleep(_LOOK)

    async def _count(self) -> None:
        told = await self._ask("bot_api", "told")
        answered = [at - self.clock.begun for at in cast(list[float], told["answers"])]
        self.trace.telegram = tally(told, self.clock.begun)
        for visitor in self.visitors:
            visitor.add_to(self.trace.page)
        self.trace.faults.sort(key=lambda span: span.begins)
        self.trace.faults = [
            evolve(span, recovered=recovered(span, self.trace, answered)) for span in self.trace.faults
        ]

    async def _until(self, at: float) -> None:
        await trio.sleep(max(0.0, at - self.clock.now()))

    async def _ask(self, service: str, path: str, given: object = None) -> Told:
        world = self.gateway.world
        services = {"bot_api": world.bot_api, "model": world.model}
        return await trio.to_thread.run_sync(partial(services[service].ask, path, given))


def tally(told: Told, begun: float) -> Tally:
    """What the fake's people tell, in seconds of the run."""
    words = cast(list[tuple[float, float, str]], told["told"])
    return Tally(
        said=cast(int, told["said"]),
        answered=cast(int, told["answered"]),
        told=[kept.Told(said - begun, at - begun, why) for said, at, why in words],
        lost=cast(list[str], told["open"]),
        doubled=cast(list[str], told["doubled"]),
        out_of_order=cast(int, told["out_of_order"]),
        marked=cast(int, told["marked"]),
    )


def progress(now: float, told: Told, trace: Trace, trouble: dict[str, str]) -> str:
    """One line of a run that goes on."""
    found = tally(told, 0.0)
    last = trace.readings[-1] if trace.readings else None
    used = f"{last.memory:.1f} MB, {last.descriptors}+{last.connections} files, {last.threads} threads" if last else "-"
    ill = ", ".join(f"{service} {kind}" for service, kind in trouble.items() if kind)
    counts = f"{found.answered} answered, {len(found.lost)} open, {len(found.told)} told, {len(found.doubled)} doubled"
    clock = time.strftime("%M:%S", time.gmtime(now))
    return f"{clock}  {counts}; {used}; {len(trace.kills)} kills" + (f"; {ill}" if ill else "")
