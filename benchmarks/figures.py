"""What is measured, and what each figure has to reach. Pure.

1. A figure is the median of its samples; a ratio is taken between medians of the same run.
2. A goal is absolute, or a share of the better peer: the lower one where less is better, else the higher.
3. A goal that needs a peer, where none was measured, has no verdict.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from statistics import median

from attrs import frozen


class Verdict(StrEnum):
    """How a figure stands."""

    AIM = "aim"
    REACHED = "reached"
    MISSED = "missed"
    NONE = "-"


@frozen
class Goal:
    """A bound: absolute (``bound``), or ``share`` of the better peer."""

    text: str
    bound: float | None = None
    share: float | None = None

    def limit(self, better_peer: float | None) -> float | None:
        """The value that has to be reached; None where it cannot be said."""
        if self.bound is not None:
            return self.bound
        return None if self.share is None or better_peer is None else self.share * better_peer


@frozen
class Figure:
    """One line of the table."""

    key: str
    title: str
    unit: str
    floor: Goal | None = None
    aim: Goal | None = None
    more_is_better: bool = False
    digits: int = 2


def better(figure: Figure, peers: Sequence[float]) -> float | None:
    """The better of the peers' values; None without any."""
    if not peers:
        return None
    return max(peers) if figure.more_is_better else min(peers)


def verdict(figure: Figure, ours: float, peers: Sequence[float]) -> Verdict:
    """How our value stands beside the goals."""
    if figure.floor is None:
        return Verdict.NONE
    rival = better(figure, peers)
    floor = figure.floor.limit(rival)
    if floor is None:
        return Verdict.NONE
    aim = figure.aim.limit(rival) if figure.aim else None
    if aim is not None and _reaches(figure, ours, aim):
        return Verdict.AIM
    return Verdict.REACHED if _reaches(figure, ours, floor) else Verdict.MISSED


def _reaches(figure: Figure, value: float, limit: float) -> bool:
    return value >= limit if figure.more_is_better else value <= limit


class Samples:
    """Every value that was measured, by figure and product."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, list[float]]] = {}

    def add(self, key: str, product: str, value: float) -> None:
        self.values.setdefault(key, {}).setdefault(product, []).append(value)

    def all(self, key: str, product: str) -> Sequence[float]:
        return self.values.get(key, {}).get(product, [])

    def median(self, key: str, product: str) -> float | None:
        """None when nothing was measured."""
        values = self.all(key, product)
        return median(values) if values else None

    def __contains__(self, key: object) -> bool:
        return key in self.values


def _share(text: str, share: float) -> Goal:
    return Goal(text, share=share)


def _bound(text: str, bound: float) -> Goal:
    return Goal(text, bound=bound)


_HALF, _THIRD, _QUARTER = _share("1/2", 1 / 2), _share("1/3", 1 / 3), _share("1/4", 1 / 4)
_SIXTH, _EIGHTH = _share("1/6", 1 / 6), _share("1/8", 1 / 8)
_SIX_TIMES, _TWELVE_TIMES = _share("6x", 6), _share("12x", 12)


def _of_the_page(what: str, title: str, troubles: Sequence[str], whose: str) -> Iterator[Figure]:
    """Where all is well, and the share of that where something else is in trouble."""
    for name, word, bound in (("", "median", 1.2), (".p99", "p99", 2.0)):
        yield Figure(f"page.{what}{name}", f"{title}: {word}", "ms", digits=1)
        for trouble in troubles:
            goal = _bound(f"{bound:g}", bound)
            yield Figure(f"page.{what}.{trouble}{name}", f"the same, {whose} {trouble}", "x", goal)


FIGURES = (
    Figure("version.seconds", "`hermes version`, whole process", "s", _HALF, _THIRD),
    Figure("version.memory", "the same, peak memory", "MB", _HALF, _THIRD, digits=1),
    Figure("chat.seconds", "`hermes chat -q hi`, instant model", "s", _QUARTER, _SIXTH),
    Figure("chat.memory", "the same, peak memory", "MB", _QUARTER, _SIXTH, digits=1),
    Figure("start.seconds", "gateway start to first poll", "s", _HALF, _QUARTER),
    Figure("idle.memory", "idle memory, Telegram and the API on", "MB", _bound("75", 75), _bound("60", 60), digits=1),
    Figure("used.memory", "the same after one turn", "MB", digits=1),
    Figure("alone.milliseconds", "one turn alone, model latency 0", "ms", _EIGHTH, _bound("10 ms", 10), digits=1),
    Figure("rate.50", "turns/s, 50 conversations", "/s", _SIX_TIMES, _TWELVE_TIMES, more_is_better=True, digits=1),
    Figure("rate.200", "turns/s, 200 conversations", "/s", _SIX_TIMES, _TWELVE_TIMES, more_is_better=True, digits=1),
    Figure("cpu.1", "CPU per turn, alone", "ms", digits=1),
    Figure("cpu.50", "CPU per turn, 50 conversations", "ms", _bound("9 ms", 9), _bound("4 ms", 4), digits=1),
    Figure("cpu.200", "CPU per turn, 200 conversations", "ms", digits=1),
    Figure(
        "burst.seconds",
        "200 conversations, model takes 1 s: all answered in",
        "s",
        _bound("3.5 s", 3.5),
        _bound("2 s", 2),
    ),
    Figure(
        "burst.peak",
        "the same, at once",
        "turns",
        _bound("200", 200),
        _bound("200", 200),
        more_is_better=True,
        digits=0,
    ),
    Figure(
        "growth", "memory growth per conversation over 261", "MB", _bound("0.05", 0.05), _bound("0.02", 0.02), digits=3
    ),
    Figure("request.tools", "first model request, tools", "tools", digits=0),
    Figure(
        "request.share",
        "the same, bytes of what is allowed (900 a tool + 6 KB)",
        "x",
        _bound("1", 1.0),
        _bound("1/2", 0.5),
    ),
    Figure("request.kilobytes", "the same, size", "KB", digits=1),
    Figure("kill.lost", "kill -9 with 50 in flight: never answered", "", _bound("0", 0), _bound("0", 0), digits=0),
    Figure("kill.doubled", "the same: doubled without saying so", "", _bound("0", 0), _bound("0", 0), digits=0),
    Figure(
        "down.answered",
        "20 messages sent while it was down: answered",
        "",
        _bound("20", 20),
        _bound("20", 20),
        more_is_better=True,
        digits=0,
    ),
    *_of_the_page("turn", "a turn of the page, 50 people at the bot", ("5xx", "409", "429", "hole", "drop"), "Bot API"),
    *_of_the_page("accepted", "a message of the page accepted", ("down", "slow"), "model"),
    *_of_the_page("status", "`/status` at the page, a turn running", ("down", "slow"), "model"),
)
