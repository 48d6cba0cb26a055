"""How each group of figures is taken from one product, once. What is repeated, and in which order, is the harness's.

A product comes with a home that has been started once before: what it does at its very first start is not measured.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from attrs import frozen

from benchmarks.figures import Samples
from benchmarks.gateway import Failed, Gateway, gateway
from benchmarks.products import Product
from benchmarks.services import ROOT, Told, World

# Seconds of quiet before memory is read: longer than the products take to settle after a start or a turn.
SETTLE = 3.0

# Seconds of a closed loop.
LOOP = 6.0

# Seconds that a whole command may take.
COMMAND_WITHIN = 60.0

# Seconds without a further answer until the rest counts as never answered. A restart is a tenth of it.
STALLED = 20.0

# A person's turns for the figure of one turn alone.
ALONE_SECONDS = 3.0

_LAUNCHER = ROOT / "benchmarks/launcher.py"

_GROWTH_CHATS, _GROWTH_AT_ONCE = 260, 10
_IN_FLIGHT, _WHILE_DOWN = 50, 20

# Chats of the groups, so that none meets another's.
_FIFTY, _TWO_HUNDRED, _GROWTH, _KILL, _DOWN = 1_000, 2_000, 3_000, 4_000, 5_000

# Bytes of a first request besides its tools, and of each tool, that are allowed.
_PROMPT_BYTES, _TOOL_BYTES = 6 * 1024, 900


@frozen
class Contestant:
    """A product with its home and its world."""

    product: Product
    home: Path
    world: World

    @property
    def name(self) -> str:
        return self.product.name

    def gateway(self) -> Gateway:
        return Gateway(self.product, self.home, self.world)


Step = Callable[[Contestant], None]
Measure = Callable[[Contestant, Samples], None]


def prepare(contestant: Contestant) -> None:
    """Configuration, a first start and a first turn. Raises ``Failed``."""
    contestant.product.prepare(contestant.home, contestant.world)
    with gateway(contestant.gateway()) as running:
        running.start()
        if running.loop(1, stalled=STALLED)["unanswered"]:
            raise Failed(f"{contestant.name}: no answer; see {contestant.home / 'output.log'}")


def commands(contestant: Contestant, samples: Samples) -> None:
    """Whole processes: the version, and one question."""
    contestant.world.reset()
    for key, arguments in (("version", contestant.product.version), ("chat", contestant.product.chat)):
        seconds, megabytes = _command(contestant, arguments)
        samples.add(f"{key}.seconds", contestant.name, seconds)
        samples.add(f"{key}.memory", contestant.name, megabytes)


def start(contestant: Contestant, samples: Samples) -> None:
    """From the start to the first poll, memory at rest, and what the first request carries."""
    contestant.world.reset()
    with gateway(contestant.gateway()) as running:
        samples.add("start.seconds", contestant.name, running.start())
        time.sleep(SETTLE)
        samples.add("idle.memory", contestant.name, running.usage().resident)
        _answered(running.loop(1), contestant, samples)
        time.sleep(SETTLE)
        samples.add("used.memory", contestant.name, running.usage().resident)
    first = cast(list[dict[str, int]], contestant.world.model.ask("record")["first"])[0]
    samples.add("request.kilobytes", contestant.name, first["size"] / 1000)
    samples.add("request.tools", contestant.name, first["tools"])
    samples.add("request.share", contestant.name, first["size"] / (first["tools"] * _TOOL_BYTES + _PROMPT_BYTES))


def load(contestant: Contestant, samples: Samples) -> None:
    """One person alone, fifty, two hundred; then two hundred at once with a model that takes a second."""
    contestant.world.reset()
    with gateway(contestant.gateway()) as running:
        running.start()
        _answered(running.loop(1), contestant, samples)
        told = _loop(running, contestant, samples, chats=1, first=1, seconds=ALONE_SECONDS)
        latencies = cast(list[float], told["latencies"])
        for latency in latencies:
            samples.add("alone.milliseconds", contestant.name, latency * 1000)
        for chats, first in ((50, _FIFTY), (200, _TWO_HUNDRED)):
            # The first turn of a conversation is another figure's.
            _answered(running.loop(chats, first=first), contestant, samples)
            told = _loop(running, contestant, samples, chats=chats, first=first, seconds=LOOP)
            samples.add(f"rate.{chats}", contestant.name, rate(told, LOOP))
        contestant.world.model.ask("reset", {"latency": 1.0})
        told = _answered(running.loop(200, first=_TWO_HUNDRED), contestant, samples)
        samples.add("burst.seconds", contestant.name, cast(float, told["last"]))
        samples.add("burst.peak", contestant.name, cast(int, contestant.world.model.ask("record")["peak"]))


def growth(contestant: Contestant, samples: Samples) -> None:
    """Memory of conversations that each had one turn and are left alone."""
    contestant.world.reset()
    with gateway(contestant.gateway()) as running:
        running.start()
        _answered(running.loop(1, first=_GROWTH), contestant, samples)
        time.sleep(SETTLE)
        before = running.usage().resident
        for number in range(1, _GROWTH_CHATS, _GROWTH_AT_ONCE):
            _answered(running.loop(_GROWTH_AT_ONCE, first=_GROWTH + number), contestant, samples)
        time.sleep(SETTLE)
        samples.add("growth", contestant.name, (running.usage().resident - before) / (_GROWTH_CHATS + 1))


def crash(contestant: Contestant, samples: Samples) -> None:
    """kill -9 with fifty in flight, and what is said while nobody polls."""
    contestant.world.reset(latency=2.0)
    with gateway(contestant.gateway()) as running:
        running.start()
        marks = _say(contestant, _KILL, _IN_FLIGHT)
        # Taken in by all of them, and with the model: it answers after two.
        time.sleep(1.0)
        running.kill()
        contestant.world.model.ask("reset", {"latency": 0.0})
        running.start_over()
        copies = _until_answered(contestant, marks)
        samples.add("kill.lost", contestant.name, sum(not copies.get(mark) for mark in marks))
        samples.add("kill.doubled", contestant.name, sum(copies.get(mark, 0) > 1 for mark in marks))
        running.kill()
        marks = _say(contestant, _DOWN, _WHILE_DOWN)
        running.start_over()
        copies = _until_answered(contestant, marks)
        samples.add("down.answered", contestant.name, sum(bool(copies.get(mark)) for mark in marks))


def bare(contestant: Contestant, samples: Samples, at_once: Sequence[int] = (1, 50, 200)) -> None:
    """The yardstick, over the world of a contestant that rests."""
    contestant.world.reset()
    for number in at_once:
        urls = ["--model", contestant.world.model_url, "--bot", contestant.world.bot_url]
        command = [sys.executable, "-m", "benchmarks.bare", *urls, "--at-once", str(number)]
        told = json.loads(subprocess.check_output(command, cwd=ROOT, text=True, timeout=COMMAND_WITHIN))
        samples.add(f"cpu.{number}", BARE, told["cpu"] / told["turns"] * 1000)


UNANSWERED = "unanswered"
"""The key of the numbers of turns that nobody answered."""

BARE = "bare loop"
"""The name of the yardstick among the products."""


def _command(contestant: Contestant, arguments: Sequence[str]) -> tuple[float, float]:
    """Seconds, and megabytes at the peak of any process of it."""
    output = contestant.home / "command.log"
    told = subprocess.check_output(
        [sys.executable, "-I", "-S", _LAUNCHER, output, contestant.product.program, *arguments],
        env=contestant.product.environment(contestant.home),
        cwd=contestant.home,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=COMMAND_WITHIN,
    )
    spent = cast(dict[str, float], json.loads(told))
    if spent["status"]:
        raise Failed(f"{contestant.name} {' '.join(arguments)} ended with {spent['status']}; see {output}")
    return spent["seconds"], spent["kilobytes"] / 1000


def _loop(
    running: Gateway, contestant: Contestant, samples: Samples, *, chats: int, first: int, seconds: float
) -> Told:
    before = running.usage().cpu
    told = _answered(running.loop(chats, first=first, seconds=seconds), contestant, samples)
    spent = running.usage().cpu - before
    samples.add(f"cpu.{chats}", contestant.name, spent / cast(int, told["answered"]) * 1000)
    return told


def rate(told: Told, seconds: float) -> float:
    """Turns a second: within the loop's seconds, or through the last answer where that is more.

    Somebody slow answers few within the seconds, and most of those who spoke at the beginning after them.
    """
    inside, answered, last = (cast(float, told[name]) for name in ("inside", "answered", "last"))
    return max(inside / seconds, answered / last)


def _answered(told: Told, contestant: Contestant, samples: Samples) -> Told:
    """A product that leaves some without an answer is measured by the others, and it is told."""
    if not told["answered"]:
        raise Failed(f"{contestant.name}: nobody was answered; see {contestant.home / 'output.log'}")
    samples.add(UNANSWERED, contestant.name, cast(int, told["unanswered"]))
    return told


def _say(contestant: Contestant, first: int, chats: int) -> list[str]:
    return [str(contestant.world.bot_api.ask("say", {"chat": first + number})["mark"]) for number in range(chats)]


def _until_answered(contestant: Contestant, marks: Sequence[str]) -> dict[str, int]:
    """By mark, in how many messages it stands, once all are there or nothing more comes."""
    answered, since = -1, time.monotonic()
    while True:
        copies = cast(dict[str, int], contestant.world.bot_api.ask("record")["copies"])
        found = sum(mark in copies for mark in marks)
        if found > answered:
            answered, since = found, time.monotonic()
        if found == len(marks):
            # What comes twice comes soon after.
            time.sleep(SETTLE)
            return cast(dict[str, int], contestant.world.bot_api.ask("record")["copies"])
        if time.monotonic() > since + STALLED:
            return copies
        time.sleep(0.2)
