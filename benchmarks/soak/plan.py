"""What goes wrong when: a plan that follows from a seed. Pure; seconds count from the beginning.

1. A run has 30 **rounds**, minutes of the whole half hour. Kills come in rounds 1 and 2, and again in 26 to 29. Between
   them one process lives, and its memory tells something: a kill makes a process young, and a young one grows.
2. The **window** in which that process has to be flat is rounds 6 to 25: after the first five minutes.
3. Each service has troubles of its own, one at a time, with pauses. Each kind comes once before any comes again, and
   before the window pauses are half as long, so that it begins with most of them seen: what a fault needs once is no
   growth.
4. The last round has neither, so that all can be answered that can be.
"""

from collections.abc import Iterator, Sequence
from random import Random

from attrs import frozen

from benchmarks.fakes import model
from benchmarks.fakes.trouble import Trouble

ROUNDS = 30
_KILLS = ((0, 2), (25, 29))
_WINDOW = (5, 25)
_QUIET = 29

WHOLE = 1800.0
"""Seconds of the whole run."""

# Seconds of troubles, of the pauses between those of one service, and between two kills.
_SHORTEST, _USUAL, _LONGEST = 4.0, 12.0, 60.0
_PAUSES = (20.0, 60.0)
_BETWEEN_KILLS = (8.0, 20.0)

# Seconds of a run below which they shrink, so that it has some at all, and the least share of them.
_SHORT, _LEAST_SCALE = 300.0, 0.1

KINDS: dict[str, tuple[str, ...]] = {
    "bot_api": tuple(kind.value for kind in Trouble if kind),
    "model": tuple(kind.value for kind in model.Trouble if kind and kind is not model.Trouble.HOLE),
}
"""By service. A model that never answers is left out: its turns wait for minutes, by rule."""


@frozen
class Fault:
    """One service in one trouble."""

    service: str
    kind: str
    begins: float
    ends: float


@frozen
class Plan:
    """One run."""

    seed: int
    seconds: float
    faults: tuple[Fault, ...]
    kills: tuple[float, ...]

    @property
    def round(self) -> float:
        """Seconds."""
        return self.seconds / ROUNDS


def window(seconds: float) -> tuple[float, float]:
    """Where the gateway of a run of that length has to be flat."""
    return _WINDOW[0] * seconds / ROUNDS, _WINDOW[1] * seconds / ROUNDS


def plan(seed: int, seconds: float) -> Plan:
    """The same for the same seed and length."""
    random = Random(seed)
    faults = [fault for service, kinds in KINDS.items() for fault in _faults(random, service, kinds, seconds)]
    faults.sort(key=lambda fault: fault.begins)
    return Plan(seed, seconds, tuple(faults), tuple(_kills(random, seconds)))


def _scale(seconds: float) -> float:
    return min(1.0, max(_LEAST_SCALE, seconds / _SHORT))


def _faults(random: Random, service: str, kinds: Sequence[str], seconds: float) -> Iterator[Fault]:
    scale, end, now = _scale(seconds), _QUIET * seconds / ROUNDS, 0.0
    left: list[str] = []
    while True:
        left = left or random.sample(kinds, len(kinds))
        begins = now + scale * random.uniform(*_PAUSES) * (0.5 if now < _WINDOW[0] * seconds / ROUNDS else 1.0)
        now = begins + scale * min(_LONGEST, _SHORTEST + random.expovariate(1 / _USUAL))
        if now > end:
            return
        yield Fault(service, left.pop(), begins, now)


def _kills(random: Random, seconds: float) -> Iterator[float]:
    for first, last in _KILLS:
        now, end = first * seconds / ROUNDS, last * seconds / ROUNDS
        while (now := now + _scale(seconds) * random.uniform(*_BETWEEN_KILLS)) < end:
            yield now
